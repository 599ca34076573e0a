/*
 * A local backend for the suites of standalone mode: the emulator as a child process, what it is told over its control
 * API, and what it was sent.
 *
 * Its program is named by the environment variable SPLITIO_EMULATOR. What cannot be done ends the program: nothing else
 * could be tested.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include "support.h"

/* ---- The emulator ------------------------------------------------------------------------------------------------ */

typedef struct backend backend;

/* Starts one on a free port, with the definitions of tests/c/data and what else `arguments` (ends in NULL) says. */
backend *backend_started(const char *const *arguments);
void backend_ended(backend *server);
/* "http://127.0.0.1:4711". */
const char *backend_url(const backend *server);

/* One request of the control API, such as ("POST", "faults", "{...}"); the JSON that is answered, for the caller to
 * free. `body` may be NULL. */
char *backend_asked(const backend *server, const char *method, const char *what, const char *body);
/* The same for those who don't want the answer. */
void backend_told(const backend *server, const char *method, const char *what, const char *body);
/* Orders failures, as the emulator's README describes them. */
void backend_fails(const backend *server, const char *fault);
/* Begins anew: no faults, no record, the definitions of the start. */
void backend_reset(const backend *server);
/* A member of the counters of an endpoint, such as ("events/bulk", "items"); 0 when it was never asked. */
long long backend_count(const backend *server, const char *endpoint, const char *member);
/* Waits until that is `least` or more. */
bool backend_waited(const backend *server, const char *endpoint, const char *member, long long least);
/* The recorded requests of an endpoint (NULL: of all), an array for the caller to free. */
char *backend_requests(const backend *server, const char *endpoint);

/* ---- Factories on it --------------------------------------------------------------------------------------------- */

/* Options for a factory on `server`: polling every second, no streaming, the logger watch_log. `json` (may be
 * NULL) is merged last. */
split_config *standalone_config(const backend *server, const char *json);
/* A factory that need not become ready. */
split_factory *made(const char *key, const split_config *config);
/* A ready factory. */
split_factory *standalone(const backend *server, const char *json);
/* Whether no thread of the library runs in this process. */
bool threads_gone(void *unused);

/* ---- JSON, as the emulator answers it ---------------------------------------------------------------------------- */

/* The value at a path of members and indexes, such as "0.body.rR.sp"; NULL if there is none. */
const char *json_at(const char *json, const char *path);
/* The first item of an array or value of an object, and the one after a value; NULL at the end. */
const char *json_first(const char *container);
const char *json_next(const char *value);
size_t json_count(const char *array);
/* The integer at a path; -1000000 if there is none. */
long long json_int(const char *json, const char *path);
/* The value at a path as it is written, strings with their quotes; "(none)" if there is none. In memory of the thread,
 * good for 16 calls. */
const char *json_text(const char *json, const char *path);

#endif
