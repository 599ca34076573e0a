/*
 * Standalone mode as a C program sees it, against a backend that hangs, refuses, delays and lies: the starts, what is
 * posted, and above all the ends. Numbers such as B05 are those of the reports that each test answers.
 */
#include "backend.h"

#include <unistd.h>

static backend *server;

static void fault(const char *json) {
    backend_told(server, "POST", "faults", json);
}

static void flag_for_segment(int number) {
    char text[1024];
    snprintf(text, sizeof text,
             "{\"flag\": {\"name\": \"members_%d\", \"trafficTypeName\": \"user\", \"status\": \"ACTIVE\", "
             "\"killed\": false, \"defaultTreatment\": \"off\", \"seed\": 7, \"algo\": 2, \"conditions\": ["
             "{\"conditionType\": \"ROLLOUT\", \"label\": \"in segment\", \"matcherGroup\": {\"combiner\": \"AND\", "
             "\"matchers\": [{\"matcherType\": \"IN_SEGMENT\", \"negate\": false, "
             "\"userDefinedSegmentMatcherData\": {\"segmentName\": \"segment_%d\"}}]}, "
             "\"partitions\": [{\"treatment\": \"on\", \"size\": 100}]}]}}",
             number, number);
    backend_told(server, "POST", "flags", text);
    snprintf(text, sizeof text, "{\"name\": \"segment_%d\", \"keys\": [\"ann\", \"key_%d\"]}", number, number);
    backend_told(server, "POST", "segments", text);
}

static void ended_in_order(split_factory *factory) {
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
}

/* Ends a factory and checks that it takes no longer than `within`, and leaves no thread. */
static void promptly_ended(split_factory *factory, int64_t timeout, long long within, split_status expected) {
    long long begun = now_ms();
    CHECK_INT(split_destroy(factory, timeout), expected);
    long long took = now_ms() - begun;
    check_that(took <= within, __FILE__, __LINE__, "destroy took %lld ms, expected at most %lld", took, within);
    split_factory_free(factory);
    CHECK(eventually(threads_gone, NULL));
}

/* ---- Starting ---------------------------------------------------------------------------------------------------- */

static void readiness_and_changes_are_told(void) {
    notes *events = notes_new();
    backend_reset(server);
    fault("{\"endpoint\": \"splitChanges\", \"delay_ms\": 300, \"times\": 1}");
    split_config *config = standalone_config(server, NULL);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, events, note_drop), SPLIT_OK);
    CHECK_INT(split_on(factory, SPLIT_EVENT_UPDATE, note_event, events, note_drop), SPLIT_OK);
    CHECK(!split_is_ready(factory));
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "control");
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK(notes_wait(events, 1));
    CHECK_STR(notes_line(events, 0), "splitio-deliver ready");
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "on");
    CHECK_STR(split_get_treatment(factory, "zoe", "staff_tools", NULL), "off");

    backend_told(server, "POST", "flags/kill", "{\"name\": \"staff_tools\", \"treatment\": \"stopped\"}");
    CHECK(notes_wait_for(events, "splitio-deliver update flags staff_tools"));
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "stopped");
    backend_told(server, "POST", "segments/update", "{\"name\": \"staff\", \"added\": [\"zoe\"]}");
    CHECK(notes_wait_for(events, "splitio-deliver update segments"));
    CHECK_INT(notes_having(events, "ready"), 1);
    ended_in_order(factory);
    CHECK_INT(notes_drops(events), 2);
    notes_free(events);
}

static void ready_means_with_segments(void) { /* B11 */
    enum { STARTS = 200, SEGMENTS = 8 };
    int wrong = 0, starts = (int)effort(STARTS);
    backend_reset(server);
    for (int i = 0; i < SEGMENTS; i++) flag_for_segment(i);
    fault("{\"endpoint\": \"segmentChanges\", \"delay_max_ms\": 20, \"seed\": 41}");
    split_config *config = standalone_config(server, NULL);
    for (int start = 0; start < starts; start++) {
        split_factory *factory = made("test-key", config);
        CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
        CHECK(split_is_ready(factory));
        for (int i = 0; i < SEGMENTS; i++) {
            char flag[32];
            snprintf(flag, sizeof flag, "members_%d", i);
            wrong += strcmp(split_get_treatment(factory, "ann", flag, NULL), "on") != 0;
            wrong += strcmp(split_get_treatment(factory, "zoe", flag, NULL), "off") != 0;
        }
        ended_in_order(factory);
    }
    split_config_free(config);
    CHECK_INT(wrong, 0);
}

static void a_time_out_keeps_its_time(void) { /* B11 */
    static const int times[] = {0, 1, 20, 150, 400};
    backend_reset(server);
    fault("{\"endpoint\": \"segmentChanges\", \"hang\": true}");
    split_config *config = standalone_config(server, NULL);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        long long begun = now_ms();
        CHECK_INT(split_block_until_ready(factory, times[i]), SPLIT_E_TIMEOUT);
        long long took = now_ms() - begun;
        check_that(took + 1 >= times[i] && took < times[i] + 1000, __FILE__, __LINE__, "%d ms took %lld", times[i],
                   took);
    }
    CHECK(!split_is_ready(factory));
    promptly_ended(factory, 500, 1000, SPLIT_OK);
}

/* The SDK key and header values, wherever they might be told. */
static void secrets_stay_secret(void) { /* B09 */
    notes *log = notes_new();
    split_error error;
    backend_reset(server);
    split_config *config = standalone_config(
        server, "{\"customHeaders\": {\"X-Company\": \"s3cr3t-header\\n\", \"Authorization\": \"s3cr3t-other\"}}");
    split_config_set_logger(config, SPLIT_LOG_DEBUG, note_log, log, note_drop);
    split_factory *factory = made("s3cr3t-key\n", config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK(notes_having(log, " W factory: the SDK key has white space") == 1);
    fault("{\"endpoint\": \"events/bulk\", \"drop\": \"reset\", \"times\": 1}");
    split_track(factory, "ann", "user", "paid", 1, NULL);
    CHECK(backend_waited(server, "events/bulk", "items", 1));
    ended_in_order(factory);

    char *requests = backend_requests(server, NULL);
    CHECK(json_count(requests) >= 4);
    for (const char *request = json_first(requests); request != NULL; request = json_next(request)) {
        int keys = 0, headers = 0;
        for (const char *pair = json_first(json_at(request, "headers")); pair != NULL; pair = json_next(pair)) {
            keys += strcmp(json_text(pair, ""), "[\"authorization\",\"Bearer s3cr3t-key\"]") == 0;
            headers += strcmp(json_text(pair, ""), "[\"x-company\",\"s3cr3t-header\"]") == 0;
        }
        CHECK_INT(keys, 1);
        CHECK_INT(headers, 1);
    }
    free(requests);

    static const char *const unusable[] = {"s3cr3t\001key", "s3cr3t\nkey", "s3cr3t-\xc3\xa9", "s3cr3t\x7f"};
    for (size_t i = 0; i < sizeof unusable / sizeof *unusable; i++) {
        error.message[0] = '\0';
        CHECK_NULL(split_factory_new(unusable[i], config, &error));
        CHECK_HAS(error.message, "SDK key");
        CHECK_LACKS(error.message, "s3cr3t");
    }
    CHECK_INT(split_config_merge_json(config, "{\"customHeaders\": {\"X-A\": \"s3cr3t\\u0001\"}}", &error), SPLIT_OK);
    CHECK_NULL(split_factory_new("test-key", config, &error));
    CHECK_HAS(error.message, "X-A");
    CHECK_LACKS(error.message, "s3cr3t");
    split_config_free(config);
    CHECK(notes_count(log) > 0);
    CHECK_INT(notes_having(log, "s3cr3t"), 0);
    notes_free(log);
}

static const char *const base_options[] = {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url",
                                           "telemetry_api_base_url", "streaming_api_base_url"};
enum { BASE_OPTIONS = sizeof base_options / sizeof *base_options };

static void base_urls_that_are_none(void) { /* B10 */
    static const char *const given[] = {"",          " ",           "rubbish",    "http://",      "https:///api",
                                        "proxy",     "proxy:3000",  "ftp://host", "http:host",    "http://:80",
                                        "http://[1", "http://h:no", "http://a b", "http://h?x=1", "http://me:pw@h"};
    for (int option = 0; option < BASE_OPTIONS; option++) {
        for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
            split_error error;
            split_config *config = split_config_new();
            split_status status = split_config_set(config, base_options[option], given[i], &error);
            if (status == SPLIT_OK) { /* then the factory says so */
                split_factory *factory = split_factory_new("test-key", config, &error);
                CHECK_NULL(factory);
                split_factory_free(factory);
            }
            CHECK_HAS(error.message, base_options[option]);
            split_config_free(config);
        }
    }
}

/* All requests of a short life arrive below `prefix`, with one slash between that and the endpoint. */
static void lives_at(const backend *where, const char *base, const char *prefix) {
    split_config *config = standalone_config(where, "{\"streamingEnabled\": true}");
    split_error error;
    char start[128];
    backend_told(where, "DELETE", "requests", NULL);
    for (int option = 0; option < BASE_OPTIONS; option++) {
        CHECK_INT(split_config_set(config, base_options[option], base, &error), SPLIT_OK);
    }
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    check_that(split_block_until_ready(factory, PATIENCE_MS) == SPLIT_OK, __FILE__, __LINE__, "%s: not ready", base);
    split_get_treatment(factory, "ann", "checkout", NULL);
    split_track(factory, "ann", "user", "paid", 1, NULL);
    CHECK(backend_waited(where, "stream", "requests", 1));
    ended_in_order(factory);

    static const char *const expected[] = {"/splitChanges", "/segmentChanges/staff", "/testImpressions/bulk",
                                           "/events/bulk",  "/v1/metrics/config",    "/v1/metrics/usage",
                                           "/v2/auth",      "/event-stream"};
    size_t seen[sizeof expected / sizeof *expected] = {0};
    char *requests = backend_requests(where, NULL);
    for (const char *request = json_first(requests); request != NULL; request = json_next(request)) {
        const char *path = json_text(request, "path");
        int known = 0;
        for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
            snprintf(start, sizeof start, "\"%s%s\"", prefix, expected[i]);
            if (strcmp(path, start) == 0) seen[i]++, known = 1;
        }
        check_that(known, __FILE__, __LINE__, "%s: a request for %s", base, path);
    }
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        check_that(seen[i] > 0, __FILE__, __LINE__, "%s: no request for %s", base, expected[i]);
    }
    free(requests);
}

static void base_urls_in_every_form(void) { /* B10 */
    static const struct {
        const char *before, *after, *prefix;
    } forms[] = {
        {"http://127.0.0.1:", "", ""},          {"http://127.0.0.1:", "/", ""},
        {"http://127.0.0.1:", "///", ""},       {"HTTP://127.0.0.1:", "/api", "/api"},
        {"http://localhost:", "/api/", "/api"}, {" http://127.0.0.1:", "/split/api// ", "/split/api"},
    };
    static const char *const version_6[] = {"--address", "::1", "--streaming", NULL};
    const char *port = strrchr(backend_url(server), ':') + 1;
    char base[128];
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        backend_reset(server);
        backend_told(server, "POST", "options", "{\"streaming\": true}");
        if (strncmp(forms[i].prefix, "/split", 6) == 0) {
            backend_told(server, "POST", "options", "{\"prefix\": \"/split\"}");
        }
        snprintf(base, sizeof base, "%s%s%s", forms[i].before, port, forms[i].after);
        lives_at(server, base, forms[i].prefix);
    }
    backend *other = backend_started(version_6);
    CHECK_HAS(backend_url(other), "http://[::1]:");
    snprintf(base, sizeof base, "%s/api/", backend_url(other));
    lives_at(other, base, "/api");
    backend_ended(other);
}

/* A post that is cut off may have arrived, and would be sent again. */
static void a_flush_that_is_left_sends_once(void) {
    int timeouts = 0;
    backend_reset(server);
    split_factory *factory = standalone(server, NULL);
    fault("{\"endpoint\": \"events/bulk\", \"delay_ms\": 600, \"after\": true}");
    CHECK_INT(split_track(factory, "ann", "user", "paid", 1, NULL), SPLIT_OK);
    for (int i = 0; i < 100; i++) {
        long long begun = now_ms();
        split_status status = split_flush(factory, 100);
        CHECK(now_ms() - begun < 1000);
        if (status == SPLIT_OK) break;
        CHECK_INT(status, SPLIT_E_TIMEOUT);
        timeouts++;
    }
    CHECK(timeouts > 0 && timeouts < 100);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
    CHECK_INT(backend_count(server, "events/bulk", "requests"), 1);
    backend_told(server, "DELETE", "faults", NULL);
    ended_in_order(factory);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

/* ---- Ending ------------------------------------------------------------------------------------------------------ */

static void a_backend_that_hangs_does_not_hold_destroy(void) { /* B05 */
    static const char *const faults[] = {
        "{\"endpoint\": \"splitChanges\", \"hang\": true}",
        "{\"endpoint\": \"splitChanges\", \"stall\": true}",
        "{\"endpoint\": \"segmentChanges\", \"hang\": true}",
        "{\"endpoint\": \"segmentChanges\", \"status\": 503}",
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        backend_reset(server);
        fault(faults[i]);
        split_config *config = standalone_config(server, NULL);
        split_factory *factory = made("test-key", config);
        split_config_free(config);
        CHECK(backend_waited(server, i < 2 ? "splitChanges" : "segmentChanges", "requests", 1));
        promptly_ended(factory, 500, 1000, SPLIT_OK);
    }
    /* Here something is lost, which is said. */
    backend_reset(server);
    fault("{\"endpoint\": \"events/bulk\", \"hang\": true}");
    notes *log = notes_new();
    split_config *config = standalone_config(server, NULL);
    split_config_set_logger(config, SPLIT_LOG_ERROR, note_log, log, note_drop);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    for (int i = 0; i < 7; i++) split_track(factory, "ann", "user", "paid", i, NULL);
    promptly_ended(factory, 500, 1000, SPLIT_E_TIMEOUT);
    CHECK_INT(notes_having(log, "0 impressions and 7 events could not be sent in time and are lost"), 1);
    notes_free(log);
}

static void *wait_for_ready(void *factory) {
    return (void *)(intptr_t)split_block_until_ready((const split_factory *)factory, PATIENCE_MS);
}

static void a_key_that_is_refused(void) { /* B06 */
    void *waited;
    notes *log = notes_new();
    backend_reset(server);
    backend_told(server, "POST", "options", "{\"keys\": [\"another\"], \"streaming\": true}");
    split_config *config = standalone_config(server, "{\"streamingEnabled\": true}");
    split_config_set_logger(config, SPLIT_LOG_WARNING, note_log, log, note_drop);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(factory, -1), SPLIT_E_UNAUTHORIZED);
    CHECK_INT(split_block_until_ready(factory, 100), SPLIT_E_UNAUTHORIZED);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_NOT_READY);
    pthread_t waiting = spawned(wait_for_ready, factory);
    usleep(1000000);
    long long begun = now_ms();
    CHECK_INT(split_destroy(factory, 5000), SPLIT_OK);
    CHECK(now_ms() - begun < 1000);
    pthread_join(waiting, &waited);
    CHECK_INT((intptr_t)waited, SPLIT_E_DESTROYED);
    split_factory_free(factory);
    CHECK(eventually(threads_gone, NULL));
    CHECK_INT(notes_having(log, " E "), 1);
    notes_free(log);

    backend_told(server, "DELETE", "requests", NULL);
    usleep(5000000);
    char *requests = backend_requests(server, NULL);
    CHECK_STR(requests, "[]");
    free(requests);
}

/* ---- Recording --------------------------------------------------------------------------------------------------- */

enum { CALLERS = 8 };

struct caller {
    const split_factory *factory;
    long calls, accepted, refused;
    long long longest_ms;
};

static void *call(void *argument) {
    struct caller *caller = (struct caller *)argument;
    char key[32];
    for (long i = 0; i < caller->calls; i++) {
        snprintf(key, sizeof key, "%p-%ld", argument, i);
        long long begun = now_ms();
        split_get_treatment(caller->factory, key, "checkout", NULL);
        split_status status = split_track(caller->factory, key, "user", "paid", 1, NULL);
        long long took = now_ms() - begun;
        caller->accepted += status == SPLIT_OK;
        caller->refused += status == SPLIT_E_QUEUE_FULL;
        if (took > caller->longest_ms) caller->longest_ms = took;
    }
    return NULL;
}

static void a_full_queue_holds_nobody(void) { /* B21 */
    struct caller callers[CALLERS];
    pthread_t threads[CALLERS];
    /* A million calls of each kind; fewer for those who watch them. */
    long each = effort(100) == 100 ? 125000 : effort(20000), accepted = 0, refused = 0;
    backend_reset(server);
    fault("{\"url\": \"/bulk\", \"hang\": true}");
    split_factory *factory =
        standalone(server, "{\"impressionsMode\": \"DEBUG\", \"impressionsQueueSize\": 100, \"eventsQueueSize\": 100,"
                           " \"readTimeout\": 1500}");
    for (int i = 0; i < CALLERS; i++) {
        memset(&callers[i], 0, sizeof callers[i]);
        callers[i].factory = factory;
        callers[i].calls = each;
        threads[i] = spawned(call, &callers[i]);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        accepted += callers[i].accepted;
        refused += callers[i].refused;
        /* A post hangs for longer. */
        check_that(callers[i].longest_ms < 1000, __FILE__, __LINE__, "a call took %lld ms", callers[i].longest_ms);
    }
    CHECK_INT(accepted + refused, CALLERS * each);
    CHECK(accepted >= 100);
    backend_told(server, "DELETE", "faults", NULL);
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
    CHECK_INT(backend_count(server, "events/bulk", "items"), accepted);
    char *usages = backend_requests(server, "metrics/usage");
    const char *usage = json_at(usages, "0.body");
    CHECK_INT(json_int(usage, "eQ"), accepted);
    CHECK_INT(json_int(usage, "eD"), refused);
    CHECK_INT(json_int(usage, "iQ") + json_int(usage, "iDr"), CALLERS * each);
    CHECK_INT(backend_count(server, "testImpressions/bulk", "items"), json_int(usage, "iQ"));
    free(usages);
}

/* The numbers in the posts that arrived, in the order of their arrival, are 0, 1, 2, ... without a gap or a repetition;
 * how many. */
static int in_order(const char *endpoint, const char *member, const char *list) {
    int next = 0;
    char *requests = backend_requests(server, endpoint);
    for (const char *post = json_first(requests); post != NULL; post = json_next(post)) {
        if (json_int(post, "status") != 200) continue;
        const char *items = json_at(post, "body");
        if (list != NULL) items = json_at(items, list);
        for (const char *item = json_first(items); item != NULL; item = json_next(item)) {
            int number = atoi(json_text(item, member) + strlen("\"key-"));
            check_that(number == next, __FILE__, __LINE__, "%s: %d comes where %d should", endpoint, number, next);
            next = number + 1;
        }
    }
    free(requests);
    return next;
}

static void what_comes_during_a_post_is_kept(void) { /* B22 */
    enum { ROUNDS = 6, EACH = 10 };
    char key[16];
    backend_reset(server);
    fault("{\"url\": \"/bulk\", \"delay_ms\": 400, \"status\": 503, \"every\": 2}");
    fault("{\"url\": \"/bulk\", \"delay_ms\": 400}");
    split_factory *factory = standalone(server, "{\"impressionsMode\": \"DEBUG\"}");
    for (int round = 0; round < ROUNDS; round++) {
        CHECK(backend_waited(server, "events/bulk", "requests", round));
        for (int i = 0; i < EACH; i++) {
            snprintf(key, sizeof key, "key-%d", round * EACH + i);
            split_get_treatment(factory, key, "checkout", NULL);
            CHECK_INT(split_track(factory, key, "user", "paid", i, NULL), SPLIT_OK);
        }
    }
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
    CHECK_INT(in_order("events/bulk", "key", NULL), ROUNDS * EACH);
    CHECK_INT(in_order("testImpressions/bulk", "k", "0.i"), ROUNDS * EACH);
    /* Which of the two the failures hit is a matter of chance. */
    CHECK(backend_count(server, "events/bulk", "statuses.503") +
              backend_count(server, "testImpressions/bulk", "statuses.503") >=
          4);
}

static void flush_waits_for_the_posts(void) {
    backend_reset(server);
    split_factory *factory =
        standalone(server, "{\"impressionsRefreshRate\": 600, \"eventsPushRate\": 600, \"impressionsMode\": \"NONE\"}");
    CHECK_INT(split_flush(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(backend_count(server, "events/bulk", "requests"), 0);
    for (int i = 0; i < 3; i++) {
        split_track(factory, "ann", "user", "paid", i, NULL);
        split_get_treatment(factory, "ann", "checkout", NULL);
    }
    CHECK_INT(split_flush(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 3);
    CHECK_INT(backend_count(server, "testImpressions/count", "items"), 3);
    CHECK_INT(backend_count(server, "keys/ss", "items"), 1);
    CHECK_INT(backend_count(server, "testImpressions/bulk", "requests"), 0);
    fault("{\"endpoint\": \"events/bulk\", \"status\": 500}");
    split_track(factory, "ann", "user", "paid", 4, NULL);
    CHECK_INT(split_flush(factory, 300), SPLIT_E_TIMEOUT);
    backend_told(server, "DELETE", "faults", NULL);
    CHECK_INT(split_flush(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 4);
    ended_in_order(factory);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 4);
}

/* ---- What the library tells of itself ---------------------------------------------------------------------------- */

static void ignore_impression(const split_impression *impression, void *unused) {
    (void)impression;
    (void)unused;
}

/* The sum of a histogram. */
static long long measured(const char *usage, const char *path) {
    long long sum = 0;
    const char *buckets = json_at(usage, path);
    if (buckets == NULL) return -1;
    CHECK_INT(json_count(buckets), 23);
    for (const char *bucket = json_first(buckets); bucket != NULL; bucket = json_next(bucket)) {
        sum += strtoll(bucket, NULL, 10);
    }
    return sum;
}

struct field {
    const char *path, *value;
};

static void check_fields(const char *body, const struct field *fields, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *value = json_text(body, fields[i].path);
        check_that(strcmp(value, fields[i].value) == 0, __FILE__, __LINE__, "%s is %s, expected %s", fields[i].path,
                   value, fields[i].value);
    }
}

static void the_configuration_is_told(void) {
    static const struct field fields[] = {
        {"oM", "0"},      {"st", "\"memory\""}, {"sE", "false"},  {"rR.sp", "2"},   {"rR.se", "3"},   {"rR.im", "70"},
        {"rR.ev", "5"},   {"rR.te", "100"},     {"uO.s", "true"}, {"uO.e", "true"}, {"uO.a", "true"}, {"uO.st", "true"},
        {"uO.t", "true"}, {"iQ", "1234"},       {"eQ", "2345"},   {"iM", "0"},      {"iL", "true"},   {"hP", "false"},
        {"aF", "2"},      {"rF", "1"},          {"bT", "1"},      {"nR", "3"},      {"fsT", "3"},     {"fsI", "1"},
        {"t", "[]"},      {"i", "[]"},
    };
    backend_reset(server);
    split_factory *same = standalone(server, NULL);
    split_config *config = standalone_config(server, NULL);
    split_factory *other = made("other-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(other, PATIENCE_MS), SPLIT_OK);
    CHECK(backend_waited(server, "metrics/config", "processed", 2));
    backend_reset(server);

    config = standalone_config(
        server, "{\"featuresRefreshRate\": 2, \"segmentsRefreshRate\": 3, \"impressionsRefreshRate\": 70,"
                " \"eventsPushRate\": 5, \"metricsRefreshRate\": 100, \"impressionsQueueSize\": 1234,"
                " \"eventsQueueSize\": 2345, \"flagSetsFilter\": [\"shop\", \"web\", \"not valid\"]}");
    split_config_set_impression_listener(config, ignore_impression, NULL, NULL);
    fault("{\"endpoint\": \"splitChanges\", \"delay_ms\": 300}");
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(factory, 10), SPLIT_E_TIMEOUT);
    split_get_treatment(factory, "ann", "checkout", NULL);
    split_get_treatment(factory, "ann", "checkout", NULL);
    split_track(factory, "ann", "user", "paid", 1, NULL);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK(backend_waited(server, "metrics/config", "processed", 1));
    char *requests = backend_requests(server, "metrics/config");
    CHECK_INT(json_count(requests), 1);
    const char *body = json_at(requests, "0.body");
    check_fields(body, fields, sizeof fields / sizeof *fields);
    /* And nothing else. */
    CHECK_INT(json_count(body), 19);
    CHECK(json_int(body, "tR") >= 300 && json_int(body, "tR") < PATIENCE_MS);
    free(requests);
    ended_in_order(factory);
    ended_in_order(same);
    ended_in_order(other);
}

static void the_use_is_told(void) {
    static const struct field fields[] = {
        {"hE.sp", "{\"500\":1}"},
        {"hE.ev", "{\"503\":1}"},
        {"hE.im", "{}"},
        {"mE.t", "0"},
        {"mE.tr", "0"},
        {"iQ", "5"},
        {"iDe", "46"},
        {"iDr", "0"},
        {"eQ", "2"},
        {"eD", "0"},
        {"tR", "0"},
        {"aR", "0"},
        {"ufs.sp", "0"},
        {"ufs.rbs", "0"},
        {"sE", "[]"},
        {"t", "[]"},
        {"seC", "1"},
        {"skC", "2"},
        {"lS.to", "0"},

    };
    static const struct {
        const char *method;
        long long timed;
    } methods[] = {{"t", 2},   {"ts", 1},  {"tc", 1},   {"tcs", 1}, {"tf", 0},
                   {"tfs", 0}, {"tcf", 0}, {"tcfs", 0}, {"tr", 2}};
    static const char *const two[] = {"checkout", "banner"};
    split_result result;
    backend_reset(server);
    fault("{\"endpoint\": \"splitChanges\", \"status\": 500, \"times\": 1}");
    split_factory *factory = standalone(server, "{\"metricsRefreshRate\": 3600, \"eventsPushRate\": 600}");
    split_name_list *names = split_manager_names(factory);
    size_t flags;
    split_name_list_data(names, &flags);
    split_name_list_free(names);
    /* Of the calls for one flag a thread times one in sixteen, of the others each. */
    for (int i = 0; i < 32; i++) split_get_treatment(factory, "ann", "checkout", NULL);
    split_results_free(split_get_treatments(factory, "bob", two, 2, NULL));
    for (int i = 0; i < 16; i++) {
        split_get_treatment_with_config(factory, "cid", "checkout", NULL, &result);
        split_result_release(&result);
    }
    split_results_free(split_get_treatments_with_config(factory, "dan", two, 1, NULL));
    fault("{\"endpoint\": \"events/bulk\", \"status\": 503, \"times\": 1}");
    split_track(factory, "ann", "user", "paid", 1, NULL);
    split_track(factory, "ann", "user", "paid", SPLIT_NO_VALUE, NULL);
    CHECK(backend_waited(server, "metrics/config", "processed", 1));
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);

    char *requests = backend_requests(server, "metrics/usage");
    CHECK_INT(json_count(requests), 1);
    const char *body = json_at(requests, "0.body");
    check_fields(body, fields, sizeof fields / sizeof *fields);
    CHECK_INT(json_count(body), 19);
    CHECK_INT(json_int(body, "spC"), flags);
    CHECK(json_int(body, "sL") > 0 && json_int(body, "sL") < 2 * PATIENCE_MS);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char path[16];
        snprintf(path, sizeof path, "mL.%s", methods[i].method);
        long long sum = measured(body, path);
        check_that(sum == methods[i].timed, __FILE__, __LINE__, "%s is %lld", path, sum);
    }
    static const char *const used[] = {"sp", "se", "im", "ev", "te"};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
        char path[16];
        snprintf(path, sizeof path, "lS.%s", used[i]);
        check_that(json_int(body, path) > 1700000000000LL, __FILE__, __LINE__, "%s: %lld", path, json_int(body, path));
        snprintf(path, sizeof path, "hL.%s", used[i]);
        check_that(measured(body, path) > 0, __FILE__, __LINE__, "%s is empty", path);
    }
    /* It is the very last thing. */
    char *all = backend_requests(server, NULL);
    char last[16];
    snprintf(last, sizeof last, "%zu", json_count(all) - 1);
    CHECK_STR(json_text(json_at(all, last), "endpoint"), "\"metrics/usage\"");
    free(all);
    free(requests);
}

int main(void) {
    static const char *const arguments[] = {NULL};
    server = backend_started(arguments);
    RUN(a_flush_that_is_left_sends_once);
    RUN(readiness_and_changes_are_told);
    RUN(ready_means_with_segments);
    RUN(a_time_out_keeps_its_time);
    RUN(secrets_stay_secret);
    RUN(base_urls_that_are_none);
    RUN(base_urls_in_every_form);
    RUN(a_backend_that_hangs_does_not_hold_destroy);
    RUN(a_key_that_is_refused);
    RUN(a_full_queue_holds_nobody);
    RUN(what_comes_during_a_post_is_kept);
    RUN(flush_waits_for_the_posts);
    RUN(the_configuration_is_told);
    RUN(the_use_is_told);
    backend_ended(server);
    return check_finish("standalone");
}
