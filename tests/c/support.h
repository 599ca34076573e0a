/*
 * What the suites share: a directory of their own, factories on files in it, and a notebook that callbacks write in.
 *
 * Include it first: it asks the C library for the extensions that the suites use.
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_getname_np */
#endif

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <splitio.h>

#include "check.h"

/* How long a test waits for what must come. Generous: valgrind is slow, and nothing waits this long when all is well.
 */
#define PATIENCE_MS 30000

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/* This process's own directory; removed at exit. */
const char *scratch(void);
/* A path below it, in memory that is kept until exit. */
const char *in_scratch(const char *name);
/* A path below tests/c/data, where the shared definitions are. */
const char *in_data(const char *name);
/* Puts text at `name` of the scratch directory, at once for whoever reads it: written beside, then renamed. */
void write_file(const char *name, const char *text);
/* The same for bytes that may contain NULs. */
void write_bytes(const char *name, const void *bytes, size_t len);
/* The text of a file, for the caller to free. */
char *read_file(const char *path);
/* How many entries a directory has; of /proc/self/fd one is the descriptor that it takes to look. */
int entries_of(const char *path);

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

/* Whether it is valid UTF-8 up to its NUL. */
bool is_utf8(const char *text);

/* ---- Definitions ------------------------------------------------------------------------------------------------- */

/*
 * A document in the new format with one flag that gives `treatment` to every key. For tests that change a file: the
 * change number says which state it is.
 */
const char *one_flag(const char *name, const char *treatment, long long change_number);

/* ---- Factories --------------------------------------------------------------------------------------------------- */

/* Options for a factory on `path`, with the logger watch_log. `json` (may be NULL) is merged last. */
split_config *config_for(const char *path, const char *json);
/* A ready factory. Ends the program when it does not come up: nothing else could be tested. */
split_factory *started(const split_config *config);
split_factory *localhost(const char *path);
split_factory *localhost_with(const char *path, const char *json);
/* Destroys, with time to send what waits, and frees. */
void ended(split_factory *factory);
/* The same with half a second for it, which takes less than a second, whatever comes of it. */
void promptly_ended(split_factory *factory, split_status expected);

/* ---- What callbacks saw ------------------------------------------------------------------------------------------ */

/* Lines in the order they were noted, and how often the notebook was dropped. Any thread may write. */
typedef struct notes notes;
notes *notes_new(void);
void notes_free(notes *book);
void notes_add(notes *book, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t notes_count(notes *book);
/* Waits until there are `count` lines; false when they do not come. */
bool notes_wait(notes *book, size_t count);
/* Waits for a line that contains `part`. */
bool notes_wait_for(notes *book, const char *part);
/* The line at an index, valid until the notebook is freed or cleared; "" past the end. */
const char *notes_line(notes *book, size_t index);
/* How many lines contain `part`. */
size_t notes_having(notes *book, const char *part);
void notes_clear(notes *book);
int notes_drops(notes *book);
/* Waits until it was dropped `count` times. */
bool notes_wait_drops(notes *book, int count);

/* Callbacks whose user_data is a notebook. Each line begins with the name of the thread that made it. */
void note_log(const split_log_record *record, void *book);            /* "thread W target: message" */
void note_impression(const split_impression *impression, void *book); /* "thread key flag treatment label" */
void note_event(const split_event *event, void *book);                /* "thread ready", "thread update flags a b" */
void note_drop(void *book);
/* A logger that keeps nothing. It, and note_log, end the program when a line has a secret of tests/secrets.txt. */
void watch_log(const split_log_record *record, void *unused);

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

/* Starts a thread; ends the program when it cannot. */
pthread_t spawned(void *(*run)(void *), void *argument);
/* Ends a forked child, with status 0 if all was well. */
void end_child(bool well) __attribute__((noreturn));
/* Milliseconds of the monotonic clock. */
long long now_ms(void);
/* Waits until `holds(argument)`; false when it never does. */
bool eventually(bool (*holds)(void *), void *argument);
/* Work to do under valgrind and sanitizers is less: `many`, or a part of it (environment variable CHECK_EFFORT, in
 * percent). */
long effort(long many);

#endif
