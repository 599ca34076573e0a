/*
 * A parent beside its children: whose connections they use, how they end when they never use what they inherit, and that
 * they do not all do the same at once. Numbers such as B01 are those of the reports that each test answers.
 */
#include "forks.h"

/* Makes a change and waits until it is seen, which takes no longer than `within` milliseconds and what a busy machine
 * needs. */
static void follows(const char *treatment, long long within) {
    long long begun = now_ms();
    kill_banner(treatment);
    CHECK(gave_way(treatment));
    long long took = now_ms() - begun;
    if (effort(100) == 100) check_that(took < within + 1500, __FILE__, __LINE__, "%s took %lld ms", treatment, took);
}

/* ---- Connections ------------------------------------------------------------------------------------------------- */

/* The greatest number of a connection over which anything came. */
static long long newest_connection(void) {
    char *requests = backend_requests(server, NULL);
    long long newest = -1;
    for (const char *request = json_first(requests); request != NULL; request = json_next(request)) {
        long long connection = json_int(request, "connection");
        if (connection > newest) newest = connection;
    }
    free(requests);
    return newest;
}

/* So many streams are open. */
static bool has_streams(void *expected) {
    char *streams = backend_asked(server, "GET", "streams", NULL);
    bool has = json_count(streams) == *(size_t *)expected;
    free(streams);
    return has;
}

/* The number of the one stream that there is. */
static long long the_stream(void) {
    size_t one = 1;
    CHECK(eventually(has_streams, &one));
    char *streams = backend_asked(server, "GET", "streams", NULL);
    long long number = json_int(streams, "0.stream");
    free(streams);
    return number;
}

static long long parents_newest;

/* The posts with records of a child came over connections that its parent never had. */
static void check_posts_of_the_child(void) {
    char *posts = backend_requests(server, "events/bulk");
    int found = 0;
    for (const char *post = json_first(posts); post != NULL; post = json_next(post)) {
        if (strcmp(json_text(post, "body.0.key"), "\"child\"") != 0) continue;
        found++;
        CHECK(json_int(post, "connection") > parents_newest);
    }
    free(posts);
    CHECK_INT(found, 1);
}

static void streams_beside_its_parent(void) {
    size_t two = 2;
    CHECK_STR(split_get_treatment(factory, "child", "banner", NULL), "parents");
    CHECK_INT(split_track(factory, "child", "user", "paid", 1, NULL), SPLIT_OK);
    CHECK(eventually(has_streams, &two));
    char *streams = backend_asked(server, "GET", "streams", NULL);
    CHECK(json_int(streams, "1.connection") > parents_newest);
    free(streams);
    follows("streamed", 1000);
    ended(factory);
}

static void b01_a_child_has_a_stream_of_its_own(void) {
    backend_reset(server);
    backend_told(server, "POST", "options", "{\"streaming\": true}");
    factory = standalone(server, "{\"streamingEnabled\": true, \"featuresRefreshRate\": 3600}");
    long long stream = the_stream();
    follows("parents", 1000);
    parents_newest = newest_connection();
    in_child(streams_beside_its_parent);
    CHECK(gave_way("streamed"));
    CHECK_INT(the_stream(), stream);
    follows("later", 1000);
    CHECK_INT(backend_count(server, "stream", "requests"), 2);
    ended(factory);
    check_posts_of_the_child();
}

static void polls_beside_its_parent(void) {
    CHECK_STR(split_get_treatment(factory, "child", "banner", NULL), "parents");
    CHECK_INT(split_track(factory, "child", "user", "paid", 1, NULL), SPLIT_OK);
    follows("polled", 1000);
    follows("again", 1000);
    ended(factory);
}

static void is_resumed_beside_its_parent(void) {
    CHECK_INT(split_resume(factory, NULL), SPLIT_OK);
    polls_beside_its_parent();
}

static void b01_a_child_polls_by_itself(void) {
    static void (*const children[])(void) = {polls_beside_its_parent, is_resumed_beside_its_parent};
    static const char *const options[] = {NULL, "{\"resumeOnFork\": false}"};
    for (int i = 0; i < 2; i++) {
        make(options[i]);
        follows("parents", 1000);
        parents_newest = newest_connection();
        in_child(children[i]);
        CHECK(gave_way("again"));
        follows("later", 1000);
        ended(factory);
        check_posts_of_the_child();
    }
}

/* ---- Ends -------------------------------------------------------------------------------------------------------- */

static bool ends_at_exit;

/* As programs do that have learned to clean up. */
static void destroy_at_exit(void) {
    if (!ends_at_exit) return;
    if (split_destroy(factory, -1) != SPLIT_OK) _exit(3);
    split_factory_free(factory);
}

static void exits(void) {
    exit(0);
}

static void exits_with_a_handler(void) {
    ends_at_exit = true;
    exit(0);
}

static void exits_quickly(void) {
    _exit(0);
}

static void b02_however_a_child_ends_it_is_quick_and_sends_nothing(void) {
    static void (*const ends[])(void) = {exits, exits_with_a_handler, exits_quickly};
    make("{\"eventsPushRate\": 3600, \"impressionsMode\": \"DEBUG\"}");
    CHECK_INT(split_track(factory, "parent", "user", "paid", 1, NULL), SPLIT_OK);
    split_get_treatment(factory, "parent", "checkout", NULL);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        long long begun = now_ms();
        CHECK_INT(status_of(forked(ends[i])), 0);
        CHECK(now_ms() - begun < 2000);
    }
    CHECK_INT(backend_count(server, "events/bulk", "requests"), 0);
    ended(factory);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
    CHECK_INT(backend_count(server, "testImpressions/bulk", "items"), 1);
}

/* ---- Chance ------------------------------------------------------------------------------------------------------ */

enum { CHILDREN = 12 };

static int start_line[2];

static void waits_for_the_start(void) {
    char byte;
    close(start_line[1]);
    CHECK_INT(read(start_line[0], &byte, 1), 0);
    split_get_treatment(factory, "child", "checkout", NULL);
    CHECK(backend_waited(server, "splitChanges", "requests", CHILDREN));
    ended(factory);
}

/* Resumed in the same moment they would all ask at once, were their generators copies of their parent's. */
static void b14_children_do_not_draw_the_same_numbers(void) {
    pid_t children[CHILDREN];
    make("{\"featuresRefreshRate\": 3600, \"segmentsRefreshRate\": 3600}");
    CHECK_INT(pipe(start_line), 0);
    for (int i = 0; i < CHILDREN; i++) children[i] = forked(waits_for_the_start);
    backend_told(server, "DELETE", "requests", NULL);
    close(start_line[0]);
    close(start_line[1]);
    for (int i = 0; i < CHILDREN; i++) CHECK_INT(status_of(children[i]), 0);
    char *requests = backend_requests(server, "splitChanges");
    CHECK_INT(json_count(requests), CHILDREN);
    long long first = json_int(requests, "0.time_ms"), last = first;
    for (const char *request = json_first(requests); request != NULL; request = json_next(request))
        last = json_int(request, "time_ms");
    /* Twelve numbers of a second lie that close together once in four million times. */
    check_that(last - first >= 200, __FILE__, __LINE__, "%d children asked within %lld ms", CHILDREN, last - first);
    free(requests);
    ended(factory);
}

int main(void) {
    static const char *const arguments[] = {NULL};
    atexit(destroy_at_exit);
    server = backend_started(arguments);
    RUN(b01_a_child_has_a_stream_of_its_own);
    RUN(b01_a_child_polls_by_itself);
    /* Not under checkers, who would find all that belonged to the threads that did not come along. */
    if (effort(100) == 100) RUN(b02_however_a_child_ends_it_is_quick_and_sends_nothing);
    RUN(b14_children_do_not_draw_the_same_numbers);
    backend_ended(server);
    return check_finish("family");
}
