/*
 * Forks as a C program sees them: a child evaluates at once, is whole again at its first call or when it is told to be,
 * sends what is its own and nothing of its parent's, and leaves its parent alone. What else it inherits is in inherited.c.
 * Numbers such as B02 are those of the reports that each test answers.
 */
#include "forks.h"

/* How many impressions of `key` the backend got. */
static long long impressions_of(const char *key) {
    char *requests = backend_requests(server, "testImpressions/bulk");
    char wanted[64];
    long long found = 0;
    snprintf(wanted, sizeof wanted, "\"%s\"", key);
    for (const char *request = json_first(requests); request != NULL; request = json_next(request)) {
        const char *flags = json_at(request, "body");
        for (const char *flag = json_first(flags); flag != NULL; flag = json_next(flag)) {
            const char *all = json_at(flag, "i");
            for (const char *one = json_first(all); one != NULL; one = json_next(one))
                found += strcmp(json_text(one, "k"), wanted) == 0;
        }
    }
    free(requests);
    return found;
}

static const char *const debug = "{\"impressionsMode\": \"DEBUG\"}";
static const char *const by_hand = "{\"impressionsMode\": \"DEBUG\", \"resumeOnFork\": false}";
static const char *const preforked = "{\"impressionsMode\": \"DEBUG\", \"preforkedInitialization\": true}";

static bool threads_run(void *unused) {
    return !threads_gone(unused);
}

/* ---- A child that resumes by itself ------------------------------------------------------------------------------ */

static void is_whole_at_the_first_call(void) {
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_WAITING_FORK);
    CHECK(threads_gone(NULL));
    CHECK_STR(split_get_treatment(factory, "child", "checkout", NULL), "off");
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    CHECK(eventually(threads_run, NULL));
    CHECK_INT(split_block_until_ready(factory, 0), SPLIT_OK);
    CHECK_INT(split_track(factory, "child", "user", "bought", 2, NULL), SPLIT_OK);
    kill_banner("later");
    CHECK(gave_way("later"));
    ended(factory);
}

static void a_child_is_whole_at_its_first_call(void) { /* B01 */
    make(debug);
    split_get_treatment(factory, "parent", "checkout", NULL);
    CHECK_INT(split_track(factory, "parent", "user", "bought", 1, NULL), SPLIT_OK);
    in_child(is_whole_at_the_first_call);
    CHECK(gave_way("later"));
    ended(factory);
    /* Each once: the child did not send what it found queued. */
    CHECK_INT(impressions_of("parent"), 1);
    CHECK_INT(impressions_of("child"), 1);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 2);
}

static void other_first_calls(void) {
    size_t count = 0;
    split_name_list *names = split_manager_names(factory);
    split_name_list_data(names, &count);
    CHECK(count > 3);
    split_name_list_free(names);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    ended(factory);
}

static void asks_whether_it_is_ready(void) {
    CHECK(split_is_ready(factory));
    CHECK_INT(split_flush(factory, PATIENCE_MS), SPLIT_OK);
    ended(factory);
}

static void tracks_first(void) {
    CHECK_INT(split_track(factory, "child", "user", "bought", 2, NULL), SPLIT_OK);
    ended(factory);
}

static void waits_first(void) {
    CHECK_INT(split_block_until_ready(factory, 0), SPLIT_OK);
    ended(factory);
}

static void resumes_and_resumes(void) {
    CHECK_INT(split_resume(factory, NULL), SPLIT_OK);
    CHECK_INT(split_resume(factory, NULL), SPLIT_OK);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    ended(factory);
    CHECK_INT(split_resume(NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
}

static void every_call_can_be_the_first(void) {
    make(debug);
    in_child(other_first_calls);
    in_child(asks_whether_it_is_ready);
    in_child(tracks_first);
    in_child(waits_first);
    in_child(resumes_and_resumes);
    CHECK_INT(split_resume(factory, NULL), SPLIT_OK);
    ended(factory);
    CHECK_INT(split_resume(NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

static void becomes_ready_soon(void) {
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "on");
    ended(factory);
}

static void becomes_ready(void) {
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "control");
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_NOT_READY);
    becomes_ready_soon();
}

static void a_child_of_a_parent_that_is_not_ready(void) {
    backend_reset(server);
    backend_told(server, "POST", "faults", "{\"endpoint\": \"splitChanges\", \"delay_ms\": 1000, \"times\": 2}");
    split_config *config = standalone_config(server, debug);
    factory = made("test-key", config);
    split_config_free(config);
    in_child(becomes_ready);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    ended(factory);
}

static void a_child_of_its_own(void) {
    CHECK_STR(split_get_treatment(factory, "ann", "banner", NULL), "plain");
    in_child(is_whole_at_the_first_call);
    CHECK(gave_way("later"));
    ended(factory);
}

static void children_of_children(void) {
    make(debug);
    kill_banner("plain");
    CHECK(gave_way("plain"));
    in_child(a_child_of_its_own);
    CHECK(gave_way("later"));
    ended(factory);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

static void *evaluates(void *treatments) {
    for (int i = 0; i < 200; i++)
        *(int *)treatments += strcmp(split_get_treatment(factory, "child", "checkout", NULL), "off") == 0;
    split_json text;
    CHECK_INT(split_explain(factory, "child", "checkout", NULL, &text), SPLIT_OK);
    CHECK_HAS(text.ptr, "\"treatment\":\"off\"");
    split_json_release(&text);
    return NULL;
}

static void resumes_on_many_threads(void) {
    pthread_t threads[8];
    int right[8] = {0};
    for (int i = 0; i < 8; i++) threads[i] = spawned(evaluates, &right[i]);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(right[i], 200);
    }
    ended(factory);
}

static void many_threads_resume_once(void) {
    make(debug);
    in_child(resumes_on_many_threads);
    ended(factory);
    CHECK_INT(impressions_of("child"), 1600);
}

static split_factory *second;

static void both_are_whole(void) {
    CHECK_STR(split_get_treatment(second, "child", "checkout", NULL), "off");
    ended(second);
    CHECK_STR(split_get_treatment(factory, "child", "checkout", NULL), "off");
    ended(factory);
}

static void every_factory_resumes(void) {
    make(debug);
    second = standalone(server, debug);
    in_child(both_are_whole);
    ended(second);
    ended(factory);
    CHECK_INT(impressions_of("child"), 2);
}

/* ---- A child that is resumed by hand ----------------------------------------------------------------------------- */

static void waits_for_resume(void) {
    split_error error;
    split_result result;
    split_json text = {NULL, 0, NULL};
    CHECK_STR(split_get_treatment(factory, "unseen", "checkout", NULL), "off");
    CHECK_INT(split_get_treatment_with_config(factory, "unseen", "checkout", NULL, &result), SPLIT_OK);
    split_result_release(&result);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_WAITING_FORK);
    CHECK(!split_is_ready(factory));
    CHECK_INT(split_block_until_ready(factory, -1), SPLIT_E_FORKED);
    CHECK_INT(split_flush(factory, -1), SPLIT_E_FORKED);
    CHECK_INT(split_track(factory, "child", "user", "bought", 2, NULL), SPLIT_E_FORKED);
    CHECK_INT(split_poll(factory, 0, 1, &text), SPLIT_E_FORKED);
    CHECK_INT(split_poll_fd(factory), -1);
    CHECK_INT(split_manager_json(factory, "checkout", &text), SPLIT_OK);
    CHECK_HAS(text.ptr, "\"checkout\"");
    split_json_release(&text);
    CHECK_INT(split_explain(factory, "unseen", "checkout", NULL, &text), SPLIT_OK);
    CHECK_HAS(text.ptr, "\"treatment\":\"off\"");
    split_json_release(&text);
    CHECK(threads_gone(NULL));

    CHECK_INT(split_resume(factory, &error), SPLIT_OK);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    CHECK_STR(split_get_treatment(factory, "child", "checkout", NULL), "off");
    CHECK_INT(split_track(factory, "child", "user", "bought", 2, NULL), SPLIT_OK);
    kill_banner("later");
    CHECK(gave_way("later"));
    ended(factory);
}

static void without_resume_a_child_only_evaluates(void) {
    make(by_hand);
    in_child(waits_for_resume);
    ended(factory);
    CHECK_INT(impressions_of("unseen"), 0);
    CHECK_INT(impressions_of("child"), 1);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

/* ---- Ends -------------------------------------------------------------------------------------------------------- */

static void ends_unresumed(void) {
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_DESTROYED);
    CHECK_STR(split_get_treatment(factory, "unseen", "checkout", NULL), "control");
    CHECK_INT(split_track(factory, "unseen", "user", "bought", 2, NULL), SPLIT_E_DESTROYED);
    CHECK_INT(split_resume(factory, NULL), SPLIT_E_DESTROYED);
    CHECK_INT(split_destroy(factory, 0), SPLIT_OK);
    split_factory_free(factory);
    CHECK(threads_gone(NULL));
}

static void is_freed_unresumed(void) {
    split_factory_free(factory);
    CHECK(threads_gone(NULL));
}

static void exits(void) { /* with what C and libsplitio do at the end of a process */
    check_failures = 0;
    exit(0);
}

static void a_child_ends_without_a_call(void) { /* B02 */
    make(debug);
    split_get_treatment(factory, "parent", "checkout", NULL);
    CHECK_INT(split_track(factory, "parent", "user", "bought", 1, NULL), SPLIT_OK);
    in_child(ends_unresumed);
    in_child(is_freed_unresumed);
    /* Not under checkers, who would find all that belonged to the threads that did not come along. */
    if (effort(100) == 100) {
        long long begun = now_ms();
        CHECK_INT(status_of(forked(exits)), 0);
        CHECK(now_ms() - begun < 2000);
    }
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    kill_banner("later");
    CHECK(gave_way("later"));
    ended(factory);
    CHECK_INT(impressions_of("parent"), 1);
    CHECK_INT(impressions_of("unseen"), 0);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

static void is_destroyed(void) {
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_DESTROYED);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "control");
    CHECK_INT(split_resume(factory, NULL), SPLIT_E_DESTROYED);
    CHECK_INT(split_destroy(factory, 0), SPLIT_OK);
    split_factory_free(factory);
}

static void what_was_destroyed_stays_so(void) {
    make(debug);
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    in_child(is_destroyed);
    split_factory_free(factory);
}

/* ---- preforkedInitialization ------------------------------------------------------------------------------------- */

static void a_master_fetches_and_starts_nothing(void) {
    split_options who = SPLIT_OPTIONS_INIT;
    backend_reset(server);
    int before = count_of("socket:");
    split_config *config = standalone_config(server, preforked);
    factory = made("test-key", config);
    split_config_free(config);
    CHECK(threads_gone(NULL));
    CHECK_INT(count_of("socket:"), before);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_WAITING_FORK);
    CHECK_INT(split_block_until_ready(factory, -1), SPLIT_E_FORKED);
    CHECK_STR(split_get_treatment(factory, "master", "checkout", &who), "off");
    CHECK_INT(split_track(factory, "master", "user", "bought", 1, NULL), SPLIT_E_FORKED);
    in_child(is_whole_at_the_first_call);
    in_child(resumes_and_resumes);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_WAITING_FORK);
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "control");
    split_factory_free(factory);
    CHECK_INT(impressions_of("master"), 0);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

static void a_master_can_be_started(void) {
    backend_reset(server);
    split_config *config = standalone_config(server, preforked);
    factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_resume(factory, NULL), SPLIT_OK);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    kill_banner("later");
    CHECK(gave_way("later"));
    ended(factory);
}

static void a_master_without_a_backend_gives_up_soon(void) {
    backend_reset(server);
    backend_told(server, "POST", "faults", "{\"endpoint\": \"splitChanges\", \"status\": 503, \"times\": 4}");
    split_config *config = standalone_config(server, preforked);
    long long begun = now_ms();
    factory = made("test-key", config);
    split_config_free(config);
    CHECK(now_ms() - begun < 12000);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_WAITING_FORK);
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "control");
    in_child(becomes_ready_soon);
    CHECK_INT(split_destroy(factory, 0), SPLIT_OK);
    split_factory_free(factory);
}

/* ---- Localhost mode ---------------------------------------------------------------------------------------------- */

static void follows_a_file(void) {
    CHECK_STR(split_get_treatment(factory, "ann", "shop", NULL), "open");
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    write_file("shop.json", one_flag("shop", "closed", 2));
    for (int i = 0; i < 500 && strcmp(split_get_treatment(factory, "ann", "shop", NULL), "closed") != 0; i++)
        usleep(20000);
    CHECK_STR(split_get_treatment(factory, "ann", "shop", NULL), "closed");
    ended(factory);
}

static void reads_a_plain_file_no_more(void) {
    CHECK_STR(split_get_treatment(factory, "ann", "shop", NULL), "open");
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    CHECK(threads_gone(NULL));
    ended(factory);
}

static void localhost_mode_forks_too(void) {
    write_file("shop.json", one_flag("shop", "open", 1));
    factory =
        localhost_with(in_scratch("shop.json"), "{\"localhostRefreshEnabled\": true, \"featuresRefreshRate\": 1}");
    in_child(follows_a_file);
    ended(factory);
    write_file("shop.yaml", "- shop: {treatment: \"open\"}\n");
    factory = localhost(in_scratch("shop.yaml"));
    in_child(reads_a_plain_file_no_more);
    ended(factory);
}

int main(void) {
    static const char *const arguments[] = {NULL};
    server = backend_started(arguments);
    RUN(a_child_is_whole_at_its_first_call);
    RUN(every_call_can_be_the_first);
    RUN(a_child_of_a_parent_that_is_not_ready);
    RUN(children_of_children);
    RUN(many_threads_resume_once);
    RUN(every_factory_resumes);
    RUN(without_resume_a_child_only_evaluates);
    RUN(a_child_ends_without_a_call);
    RUN(what_was_destroyed_stays_so);
    RUN(a_master_fetches_and_starts_nothing);
    RUN(a_master_can_be_started);
    RUN(a_master_without_a_backend_gives_up_soon);
    RUN(localhost_mode_forks_too);
    backend_ended(server);
    return check_finish("fork");
}
