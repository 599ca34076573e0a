/*
 * What standalone mode posts: what evaluations and events leave behind, whatever becomes of the posts, and what the library
 * tells of itself. Numbers such as B21 are those of the reports that each test answers.
 */
#include "backend.h"

static backend *server;

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
    backend_fails(server, "{\"url\": \"/bulk\", \"hang\": true}");
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
    ended(factory);
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
    backend_fails(server, "{\"url\": \"/bulk\", \"delay_ms\": 400, \"status\": 503, \"every\": 2}");
    backend_fails(server, "{\"url\": \"/bulk\", \"delay_ms\": 400}");
    split_factory *factory = standalone(server, "{\"impressionsMode\": \"DEBUG\"}");
    for (int round = 0; round < ROUNDS; round++) {
        CHECK(backend_waited(server, "events/bulk", "requests", round));
        for (int i = 0; i < EACH; i++) {
            snprintf(key, sizeof key, "key-%d", round * EACH + i);
            split_get_treatment(factory, key, "checkout", NULL);
            CHECK_INT(split_track(factory, key, "user", "paid", i, NULL), SPLIT_OK);
        }
    }
    ended(factory);
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
    backend_fails(server, "{\"endpoint\": \"events/bulk\", \"status\": 500}");
    split_track(factory, "ann", "user", "paid", 4, NULL);
    CHECK_INT(split_flush(factory, 300), SPLIT_E_TIMEOUT);
    backend_told(server, "DELETE", "faults", NULL);
    CHECK_INT(split_flush(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 4);
    ended(factory);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 4);
}

/* A post that is cut off may have arrived, and would be sent again. */
static void a_flush_that_is_left_sends_once(void) {
    int timeouts = 0;
    backend_reset(server);
    split_factory *factory = standalone(server, NULL);
    backend_fails(server, "{\"endpoint\": \"events/bulk\", \"delay_ms\": 600, \"after\": true}");
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
    ended(factory);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
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
    backend_fails(server, "{\"endpoint\": \"splitChanges\", \"delay_ms\": 300}");
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
    ended(factory);
    ended(same);
    ended(other);
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
    backend_fails(server, "{\"endpoint\": \"splitChanges\", \"status\": 500, \"times\": 1}");
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
    backend_fails(server, "{\"endpoint\": \"events/bulk\", \"status\": 503, \"times\": 1}");
    split_track(factory, "ann", "user", "paid", 1, NULL);
    split_track(factory, "ann", "user", "paid", SPLIT_NO_VALUE, NULL);
    CHECK(backend_waited(server, "metrics/config", "processed", 1));
    ended(factory);

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
    RUN(a_full_queue_holds_nobody);
    RUN(what_comes_during_a_post_is_kept);
    RUN(flush_waits_for_the_posts);
    RUN(a_flush_that_is_left_sends_once);
    RUN(the_configuration_is_told);
    RUN(the_use_is_told);
    backend_ended(server);
    return check_finish("posts");
}
