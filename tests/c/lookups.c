/*
 * Names that nobody resolves, for half a minute, and look-ups that hang: this program is its own resolver. Numbers such
 * as B05 are those of the reports that each test answers.
 */
#include "backend.h"

#include <netdb.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- The resolver ------------------------------------------------------------------------------------------------ */

enum { MOST_LOOKUPS = 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lookup {
    char name[32];
    long long at_ms;
} lookups[MOST_LOOKUPS];
static int lookups_len;
static bool hangs;

/* In place of the C library's, whose answers are a matter of the machine. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    (void)service;
    (void)hints;
    *found = NULL;
    pthread_mutex_lock(&lock);
    if (lookups_len < MOST_LOOKUPS) {
        struct lookup *lookup = &lookups[lookups_len++];
        snprintf(lookup->name, sizeof lookup->name, "%s", name);
        lookup->at_ms = now_ms();
    }
    pthread_mutex_unlock(&lock);
    while (__atomic_load_n(&hangs, __ATOMIC_SEQ_CST)) usleep(10000);
    return EAI_AGAIN;
}

static void hang(bool whether) {
    __atomic_store_n(&hangs, whether, __ATOMIC_SEQ_CST);
}

/* When a name was looked up, in milliseconds of the monotonic clock; how often. */
static int times_of(const char *name, long long *times) {
    int found = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < lookups_len; i++)
        if (strcmp(lookups[i].name, name) == 0) times[found++] = lookups[i].at_ms;
    pthread_mutex_unlock(&lock);
    return found;
}

static void forget_lookups(void) {
    pthread_mutex_lock(&lock);
    lookups_len = 0;
    pthread_mutex_unlock(&lock);
}

static bool is_looked_up(void *name) {
    static long long times[MOST_LOOKUPS];
    return times_of((const char *)name, times) > 0;
}

/* ---- Factories without an address -------------------------------------------------------------------------------- */

static const char *const services[][2] = {{"sdk_api_base_url", "http://sdk.test/api"},
                                          {"events_api_base_url", "http://events.test/api"},
                                          {"auth_api_base_url", "http://auth.test/api"},
                                          {"telemetry_api_base_url", "http://telemetry.test/api"},
                                          {"streaming_api_base_url", "http://streaming.test"}};

/* So many services, from the first one on, have names instead of addresses. */
static void name_services(split_config *config, size_t first, size_t count) {
    split_error error;
    for (size_t i = first; i < first + count; i++)
        CHECK_INT(split_config_set(config, services[i][0], services[i][1], &error), SPLIT_OK);
}

/* A look-up itself cannot be taken back: its thread ends with it. */
static void check_nothing_is_left(void) {
    hang(false);
    CHECK(eventually(threads_gone, NULL));
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* The attempts at a name are `least` to `most`, with pauses that double from a second to `longest` milliseconds, each
 * `low` to `high` percent of that. */
static void check_attempts(const char *name, int least, int most, int low, int high, long long longest) {
    static long long times[MOST_LOOKUPS];
    int attempts = times_of(name, times);
    check_that(attempts >= least && attempts <= most, __FILE__, __LINE__, "%s: %d attempts in 30 s", name, attempts);
    for (int i = 1; i < attempts; i++) {
        long long pause = times[i] - times[i - 1], middle = 1000LL << (i - 1);
        if (middle > longest) middle = longest;
        /* The machine may be late, but never early. */
        check_that(pause >= middle * low / 100 - 10 && pause <= middle * high / 100 + 1000, __FILE__, __LINE__,
                   "%s: %lld ms before attempt %d", name, pause, i);
    }
}

static void b19_half_a_minute_without_names(void) {
    static const char *const arguments[] = {NULL};
    backend *server = backend_started(arguments);
    notes *log = notes_new();
    split_config *config =
        standalone_config(server, "{\"streamingEnabled\": true, \"featuresRefreshRate\": 60, \"eventsPushRate\": 10}");
    split_config_set_logger(config, SPLIT_LOG_WARNING, note_log, log, note_drop);
    forget_lookups();
    double before = cpu_seconds();
    /* One knows definitions, and nothing else; the other knows nothing. */
    name_services(config, 1, 4);
    split_factory *ready = made("test-key", config);
    CHECK_INT(split_block_until_ready(ready, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(split_track(ready, "ann", "user", "paid", 1, NULL), SPLIT_OK);
    name_services(config, 0, 1);
    split_factory *lost = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(lost, 30000), SPLIT_E_TIMEOUT);
    double used = cpu_seconds() - before;
    check_that(used < 0.3, __FILE__, __LINE__, "%.3f s of CPU time in 30 s", used);
    check_attempts("sdk.test", 5, 6, 80, 120, 30000);
    check_attempts("auth.test", 5, 7, 50, 100, 30000);
    check_attempts("events.test", 4, 5, 90, 110, 10000);
    check_that(notes_count(log) <= 12, __FILE__, __LINE__, "%zu lines in 30 s", notes_count(log));
    CHECK_INT(notes_having(log, "splitChanges of sdk.test: "), 1);
    CHECK_INT(notes_having(log, "events/bulk of events.test: "), 1);
    CHECK_INT(notes_having(log, "auth of auth.test: "), 1);

    CHECK_INT(split_track(lost, "ann", "user", "paid", 1, NULL), SPLIT_OK);
    forget_lookups();
    hang(true);
    promptly_ended(ready, SPLIT_E_TIMEOUT);
    promptly_ended(lost, SPLIT_E_TIMEOUT);
    check_nothing_is_left();
    CHECK(is_looked_up((void *)(uintptr_t) "events.test"));
    notes_free(log);
    backend_ended(server);
}

static void b05_a_start_whose_lookup_hangs(void) {
    split_config *config = split_config_new();
    split_config_set_logger(config, SPLIT_LOG_NONE, NULL, NULL, NULL);
    name_services(config, 0, 5);
    forget_lookups();
    hang(true);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK(eventually(is_looked_up, (void *)(uintptr_t) "sdk.test"));
    promptly_ended(factory, SPLIT_OK);
    check_nothing_is_left();
}

/* Definitions never come, and what is queued cannot be sent either. */
static void b05_a_backend_that_hangs_and_a_lookup_that_hangs(void) {
    static const char *const arguments[] = {NULL};
    backend *server = backend_started(arguments);
    backend_told(server, "POST", "faults", "{\"endpoint\": \"splitChanges\", \"hang\": true}");
    split_config *config = standalone_config(server, NULL);
    name_services(config, 1, 4);
    forget_lookups();
    hang(true);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_track(factory, "ann", "user", "paid", 1, NULL), SPLIT_OK);
    CHECK(backend_waited(server, "splitChanges", "requests", 1));
    promptly_ended(factory, SPLIT_E_TIMEOUT);
    check_nothing_is_left();
    CHECK(is_looked_up((void *)(uintptr_t) "events.test"));
    backend_ended(server);
}

int main(void) {
    RUN(b05_a_start_whose_lookup_hangs);
    RUN(b05_a_backend_that_hangs_and_a_lookup_that_hangs);
    RUN(b19_half_a_minute_without_names);
    return check_finish("lookups");
}
