/*
 * Standalone mode as a C program sees it, against a backend that hangs, refuses, delays and lies: the starts, and above all
 * the ends. What is posted is in posts.c. Numbers such as B05 are those of the reports that each test answers.
 */
#include "backend.h"

#include <unistd.h>

static backend *server;

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

/* ---- Starting ---------------------------------------------------------------------------------------------------- */

static void readiness_and_changes_are_told(void) {
    notes *events = notes_new();
    backend_reset(server);
    backend_fails(server, "{\"endpoint\": \"splitChanges\", \"delay_ms\": 300, \"times\": 1}");
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
    ended(factory);
    CHECK_INT(notes_drops(events), 2);
    notes_free(events);
}

static void ready_means_with_segments(void) { /* B11 */
    enum { STARTS = 200, SEGMENTS = 8 };
    int wrong = 0, starts = (int)effort(STARTS);
    backend_reset(server);
    for (int i = 0; i < SEGMENTS; i++) flag_for_segment(i);
    backend_fails(server, "{\"endpoint\": \"segmentChanges\", \"delay_max_ms\": 20, \"seed\": 41}");
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
        ended(factory);
    }
    split_config_free(config);
    CHECK_INT(wrong, 0);
}

static void a_time_out_keeps_its_time(void) { /* B11 */
    static const int times[] = {0, 1, 20, 150, 400};
    backend_reset(server);
    backend_fails(server, "{\"endpoint\": \"segmentChanges\", \"hang\": true}");
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
    promptly_ended(factory, SPLIT_OK);
    CHECK(eventually(threads_gone, NULL));
}

/* Whether a line of a file of /proc has a text. */
static bool process_shows(const char *path, const char *part) {
    char line[4096];
    bool found = false;
    FILE *file = fopen(path, "r");
    CHECK_SET(file);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) found |= strstr(line, part) != NULL;
    if (file != NULL) fclose(file);
    return found;
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
    backend_fails(server, "{\"endpoint\": \"events/bulk\", \"drop\": \"reset\", \"times\": 1}");
    split_track(factory, "ann", "user", "paid", 1, NULL);
    CHECK(backend_waited(server, "events/bulk", "items", 1));
    /* What the header of a core dump says of a process. */
    CHECK(process_shows("/proc/self/maps", "libsplitio"));
    CHECK(!process_shows("/proc/self/maps", "s3cr3t"));
    CHECK(!process_shows("/proc/self/cmdline", "s3cr3t"));
    CHECK(!process_shows("/proc/self/comm", "s3cr3t"));
    CHECK(!process_shows("/proc/self/environ", "s3cr3t"));
    ended(factory);

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
    ended(factory);

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
        backend_fails(server, faults[i]);
        split_config *config = standalone_config(server, NULL);
        split_factory *factory = made("test-key", config);
        split_config_free(config);
        CHECK(backend_waited(server, i < 2 ? "splitChanges" : "segmentChanges", "requests", 1));
        promptly_ended(factory, SPLIT_OK);
        CHECK(eventually(threads_gone, NULL));
    }
    /* Here something is lost, which is said. */
    backend_reset(server);
    backend_fails(server, "{\"endpoint\": \"events/bulk\", \"hang\": true}");
    notes *log = notes_new();
    split_config *config = standalone_config(server, NULL);
    split_config_set_logger(config, SPLIT_LOG_ERROR, note_log, log, note_drop);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    for (int i = 0; i < 7; i++) split_track(factory, "ann", "user", "paid", i, NULL);
    promptly_ended(factory, SPLIT_E_TIMEOUT);
    CHECK(eventually(threads_gone, NULL));
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

int main(void) {
    static const char *const arguments[] = {NULL};
    server = backend_started(arguments);
    RUN(readiness_and_changes_are_told);
    RUN(ready_means_with_segments);
    RUN(a_time_out_keeps_its_time);
    RUN(secrets_stay_secret);
    RUN(base_urls_that_are_none);
    RUN(base_urls_in_every_form);
    RUN(a_backend_that_hangs_does_not_hold_destroy);
    RUN(a_key_that_is_refused);
    backend_ended(server);
    return check_finish("standalone");
}
