#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef TEST_DATA
#define TEST_DATA "tests/c/data"
#endif

static void give_up(const char *what) {
    fprintf(stderr, "cannot go on: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static char scratch_path[PATH_MAX];
static pid_t scratch_owner;

static void remove_tree(const char *path) {
    DIR *directory = opendir(path);
    if (directory != NULL) {
        struct dirent *entry;
        while ((entry = readdir(directory)) != NULL) {
            char below[PATH_MAX + 512];
            struct stat found;
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
            snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
            if (lstat(below, &found) == 0 && S_ISDIR(found.st_mode)) {
                remove_tree(below);
            } else if (unlink(below) != 0) {
                perror(below);
            }
        }
        closedir(directory);
    }
    if (rmdir(path) != 0) perror(path);
}

/* Paths handed out by in_scratch, so that a leak checker sees them reachable until they are freed here. */
static struct path {
    struct path *next;
    char text[PATH_MAX];
} * paths;

static void clean_up(void) {
    while (paths != NULL) {
        struct path *next = paths->next;
        free(paths);
        paths = next;
    }
    /* A forked child that ends by exit() must leave its parent's files alone. */
    if (getpid() == scratch_owner) remove_tree(scratch_path);
}

const char *scratch(void) {
    if (scratch_path[0] == '\0') {
        const char *base = getenv("TMPDIR");
        snprintf(scratch_path, sizeof scratch_path, "%s/splitio-test-XXXXXX", base != NULL && *base ? base : "/tmp");
        if (mkdtemp(scratch_path) == NULL) give_up(scratch_path);
        scratch_owner = getpid();
        atexit(clean_up);
    }
    return scratch_path;
}

static const char *kept_path(const char *directory, const char *name) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct path *path = (struct path *)malloc(sizeof *path);
    if (path == NULL) give_up("malloc");
    if (snprintf(path->text, sizeof path->text, "%s/%s", directory, name) >= (int)sizeof path->text) give_up(name);
    pthread_mutex_lock(&lock);
    path->next = paths;
    paths = path;
    pthread_mutex_unlock(&lock);
    return path->text;
}

const char *in_scratch(const char *name) {
    return kept_path(scratch(), name);
}

const char *in_data(const char *name) {
    scratch(); /* its exit handler frees the path */
    return kept_path(TEST_DATA, name);
}

void write_bytes(const char *name, const void *bytes, size_t len) {
    const char *path = in_scratch(name);
    char beside[PATH_MAX + 8];
    FILE *file;
    snprintf(beside, sizeof beside, "%s.new", path);
    file = fopen(beside, "wb");
    if (file == NULL) give_up(beside);
    if (fwrite(bytes, 1, len, file) != len) give_up(beside);
    if (fclose(file) != 0) give_up(beside);
    if (rename(beside, path) != 0) give_up(path);
}

void write_file(const char *name, const char *text) {
    write_bytes(name, text, strlen(text));
}

char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text;
    long len;
    if (file == NULL) give_up(path);
    if (fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0) give_up(path);
    text = (char *)malloc((size_t)len + 1);
    if (text == NULL || fread(text, 1, (size_t)len, file) != (size_t)len) give_up(path);
    text[len] = '\0';
    fclose(file);
    return text;
}

int entries_of(const char *path) {
    DIR *directory = opendir(path);
    int count = -2; /* "." and ".." */
    if (directory == NULL) give_up(path);
    while (readdir(directory) != NULL) count++;
    closedir(directory);
    return count;
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

bool is_utf8(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        int more = *at < 0x80                  ? 0
                   : *at >= 0xc2 && *at < 0xe0 ? 1
                   : *at >= 0xe0 && *at < 0xf0 ? 2
                   : *at >= 0xf0 && *at < 0xf5 ? 3
                                               : -1;
        if (more < 0) return false;
        for (at++; more > 0; more--, at++) {
            if ((*at & 0xc0) != 0x80) return false;
        }
    }
    return true;
}

/* ---- Definitions ------------------------------------------------------------------------------------------------- */

const char *one_flag(const char *name, const char *treatment, long long change_number) {
    static __thread char text[2048];
    snprintf(text, sizeof text,
             "{\"ff\": {\"s\": -1, \"t\": %lld, \"d\": [{\"name\": \"%s\", \"trafficTypeName\": \"user\", "
             "\"status\": \"ACTIVE\", \"killed\": false, \"defaultTreatment\": \"off\", \"changeNumber\": %lld, "
             "\"seed\": 7, \"trafficAllocation\": 100, \"trafficAllocationSeed\": 7, \"algo\": 2, \"conditions\": ["
             "{\"conditionType\": \"ROLLOUT\", \"label\": \"default rule\", \"matcherGroup\": {\"combiner\": \"AND\", "
             "\"matchers\": [{\"matcherType\": \"ALL_KEYS\", \"negate\": false}]}, "
             "\"partitions\": [{\"treatment\": \"%s\", \"size\": 100}]}]}]}, "
             "\"rbs\": {\"s\": -1, \"t\": -1, \"d\": []}}",
             change_number, name, change_number, treatment);
    return text;
}

/* ---- What callbacks saw ------------------------------------------------------------------------------------------ */

struct notes {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char **lines;
    size_t count, capacity;
    int drops;
};

notes *notes_new(void) {
    notes *book = (notes *)calloc(1, sizeof *book);
    pthread_condattr_t clock;
    if (book == NULL) give_up("calloc");
    pthread_mutex_init(&book->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&book->changed, &clock);
    pthread_condattr_destroy(&clock);
    return book;
}

void notes_clear(notes *book) {
    pthread_mutex_lock(&book->lock);
    while (book->count > 0) free(book->lines[--book->count]);
    pthread_mutex_unlock(&book->lock);
}

void notes_free(notes *book) {
    notes_clear(book);
    free(book->lines);
    pthread_cond_destroy(&book->changed);
    pthread_mutex_destroy(&book->lock);
    free(book);
}

void notes_add(notes *book, const char *format, ...) {
    char line[4096];
    va_list values;
    va_start(values, format);
    vsnprintf(line, sizeof line, format, values);
    va_end(values);
    pthread_mutex_lock(&book->lock);
    if (book->count == book->capacity) {
        book->capacity = book->capacity * 2 + 16;
        book->lines = (char **)realloc(book->lines, book->capacity * sizeof *book->lines);
        if (book->lines == NULL) give_up("realloc");
    }
    book->lines[book->count++] = strdup(line);
    pthread_cond_broadcast(&book->changed);
    pthread_mutex_unlock(&book->lock);
}

static size_t having(notes *book, const char *part) {
    size_t found = 0;
    for (size_t i = 0; i < book->count; i++) found += strstr(book->lines[i], part) != NULL;
    return found;
}

/* Waits, with the lock held, until `drops` or `count` (of lines with `part`, if given) is reached. */
static bool reached(notes *book, size_t count, const char *part, int drops) {
    struct timespec deadline;
    bool held = true;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&book->lock);
    while ((part != NULL ? having(book, part) : book->count) < count || book->drops < drops) {
        if (pthread_cond_timedwait(&book->changed, &book->lock, &deadline) == ETIMEDOUT) {
            held = false;
            break;
        }
    }
    pthread_mutex_unlock(&book->lock);
    return held;
}

bool notes_wait(notes *book, size_t count) {
    return reached(book, count, NULL, 0);
}

bool notes_wait_for(notes *book, const char *part) {
    return reached(book, 1, part, 0);
}

bool notes_wait_drops(notes *book, int count) {
    return reached(book, 0, NULL, count);
}

size_t notes_count(notes *book) {
    pthread_mutex_lock(&book->lock);
    size_t count = book->count;
    pthread_mutex_unlock(&book->lock);
    return count;
}

const char *notes_line(notes *book, size_t index) {
    pthread_mutex_lock(&book->lock);
    const char *line = index < book->count ? book->lines[index] : "";
    pthread_mutex_unlock(&book->lock);
    return line;
}

size_t notes_having(notes *book, const char *part) {
    pthread_mutex_lock(&book->lock);
    size_t found = having(book, part);
    pthread_mutex_unlock(&book->lock);
    return found;
}

int notes_drops(notes *book) {
    pthread_mutex_lock(&book->lock);
    int drops = book->drops;
    pthread_mutex_unlock(&book->lock);
    return drops;
}

static const char *thread_name(char name[16]) {
    if (pthread_getname_np(pthread_self(), name, 16) != 0) strcpy(name, "?");
    return name;
}

static const char *or_none(const char *text) {
    return text != NULL ? text : "(none)";
}

/* What no line of a log may have: a list of texts, each up to its NUL, and an empty one. */
static char secrets[1024];

/* Before the program takes away what reading a file needs. */
__attribute__((constructor)) static void read_secrets(void) {
    FILE *list = fopen(TEST_DATA "/../../secrets.txt", "r");
    size_t len = 0;
    if (list == NULL) give_up("tests/secrets.txt");
    while (fgets(secrets + len, (int)(sizeof secrets - 1 - len), list) != NULL) {
        char *secret = secrets + len;
        secret[strcspn(secret, "\n")] = '\0';
        len += strlen(secret) + 1;
    }
    if (!feof(list) || len == 0) give_up("tests/secrets.txt");
    fclose(list);
}

static void has_no_secret(const char *message) {
    for (const char *secret = secrets; *secret != '\0'; secret += strlen(secret) + 1) {
        if (strstr(message, secret) != NULL) {
            fprintf(stderr, "a secret is in the log: %s\n", message);
            abort();
        }
    }
}

void watch_log(const split_log_record *record, void *unused) {
    (void)unused;
    has_no_secret(record->message);
}

void note_log(const split_log_record *record, void *book) {
    char name[16];
    has_no_secret(record->message);
    static const char letters[] = "-EWID";
    char level = record->level >= SPLIT_LOG_ERROR && record->level <= SPLIT_LOG_DEBUG ? letters[record->level] : '?';
    notes_add((notes *)book, "%s %c %s: %s", thread_name(name), level, record->target, record->message);
}

void note_impression(const split_impression *impression, void *book) {
    char name[16];
    notes_add((notes *)book, "%s %s %s %s %s", thread_name(name), impression->key, impression->flag,
              impression->treatment, or_none(impression->label));
}

void note_event(const split_event *event, void *book) {
    char name[16], names[2048] = "";
    if (event->kind == SPLIT_EVENT_READY) {
        notes_add((notes *)book, "%s ready", thread_name(name));
        return;
    }
    for (size_t i = 0, len = 0; i < event->names_len && len < sizeof names; i++) {
        len += (size_t)snprintf(names + len, sizeof names - len, " %s", event->names[i]);
    }
    notes_add((notes *)book, "%s update %s%s", thread_name(name), event->flags_changed ? "flags" : "segments", names);
}

void note_drop(void *user_data) {
    notes *book = (notes *)user_data;
    pthread_mutex_lock(&book->lock);
    book->drops++;
    pthread_cond_broadcast(&book->changed);
    pthread_mutex_unlock(&book->lock);
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

pthread_t spawned(void *(*run)(void *), void *argument) {
    pthread_t thread;
    errno = pthread_create(&thread, NULL, run, argument);
    if (errno != 0) give_up("pthread_create");
    return thread;
}

void end_child(bool well) {
    /* Not by _exit: a leak checker would find all that belonged to the threads that did not come along. */
    execl("/bin/sh", "sh", "-c", well ? "exit 0" : "exit 1", (char *)NULL);
    _exit(2);
}

long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool eventually(bool (*holds)(void *), void *argument) {
    long long deadline = now_ms() + PATIENCE_MS;
    struct timespec pause = {0, 5000000};
    while (!holds(argument)) {
        if (now_ms() > deadline) return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

long effort(long many) {
    const char *percent = getenv("CHECK_EFFORT");
    long part = percent != NULL ? many * atol(percent) / 100 : many;
    return part > 0 ? part : 1;
}
