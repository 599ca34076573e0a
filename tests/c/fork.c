/*
 * Forks as a C program sees them: a child evaluates at once, is whole again at its first call or when it is told to be,
 * sends what is its own and nothing of its parent's, and leaves its parent alone. Numbers such as B02 are those of the
 * reports that each test answers.
 */
#include "backend.h"
#include "children.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

extern char **environ;

static backend *server;
static split_factory *factory; /* of the running test */

static void destroyed_in_order(void) {
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
}

static void make(const char *options) {
    backend_reset(server);
    factory = standalone(server, options);
}

/* A factory of a configuration that nobody needs any more. */
static void make_ready(split_config *config) {
    factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
}

static bool gives(void *treatment) {
    return strcmp(split_get_treatment(factory, "ann", "banner", NULL), (const char *)treatment) == 0;
}

static bool gave_way(const char *treatment) {
    return eventually(gives, (void *)(uintptr_t)treatment);
}

static void kill_banner(const char *treatment) {
    char text[96];
    snprintf(text, sizeof text, "{\"name\": \"banner\", \"treatment\": \"%s\"}", treatment);
    backend_told(server, "POST", "flags/kill", text);
}

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
    destroyed_in_order();
}

static void a_child_is_whole_at_its_first_call(void) { /* B01 */
    make(debug);
    split_get_treatment(factory, "parent", "checkout", NULL);
    CHECK_INT(split_track(factory, "parent", "user", "bought", 1, NULL), SPLIT_OK);
    in_child(is_whole_at_the_first_call);
    CHECK(gave_way("later"));
    destroyed_in_order();
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
    destroyed_in_order();
}

static void asks_whether_it_is_ready(void) {
    CHECK(split_is_ready(factory));
    CHECK_INT(split_flush(factory, PATIENCE_MS), SPLIT_OK);
    destroyed_in_order();
}

static void tracks_first(void) {
    CHECK_INT(split_track(factory, "child", "user", "bought", 2, NULL), SPLIT_OK);
    destroyed_in_order();
}

static void waits_first(void) {
    CHECK_INT(split_block_until_ready(factory, 0), SPLIT_OK);
    destroyed_in_order();
}

static void resumes_and_resumes(void) {
    CHECK_INT(split_resume(factory, NULL), SPLIT_OK);
    CHECK_INT(split_resume(factory, NULL), SPLIT_OK);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    destroyed_in_order();
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
    destroyed_in_order();
    CHECK_INT(split_resume(NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

static void becomes_ready_soon(void) {
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "on");
    destroyed_in_order();
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
    destroyed_in_order();
}

static void a_child_of_its_own(void) {
    CHECK_STR(split_get_treatment(factory, "ann", "banner", NULL), "plain");
    in_child(is_whole_at_the_first_call);
    CHECK(gave_way("later"));
    destroyed_in_order();
}

static void children_of_children(void) {
    make(debug);
    kill_banner("plain");
    CHECK(gave_way("plain"));
    in_child(a_child_of_its_own);
    CHECK(gave_way("later"));
    destroyed_in_order();
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
    destroyed_in_order();
}

static void many_threads_resume_once(void) {
    make(debug);
    in_child(resumes_on_many_threads);
    destroyed_in_order();
    CHECK_INT(impressions_of("child"), 1600);
}

static split_factory *second;

static void both_are_whole(void) {
    CHECK_STR(split_get_treatment(second, "child", "checkout", NULL), "off");
    CHECK_INT(split_destroy(second, PATIENCE_MS), SPLIT_OK);
    split_factory_free(second);
    CHECK_STR(split_get_treatment(factory, "child", "checkout", NULL), "off");
    destroyed_in_order();
}

static void every_factory_resumes(void) {
    make(debug);
    second = standalone(server, debug);
    in_child(both_are_whole);
    CHECK_INT(split_destroy(second, PATIENCE_MS), SPLIT_OK);
    split_factory_free(second);
    destroyed_in_order();
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
    destroyed_in_order();
}

static void without_resume_a_child_only_evaluates(void) {
    make(by_hand);
    in_child(waits_for_resume);
    destroyed_in_order();
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
    destroyed_in_order();
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

static int sockets(void) {
    char path[300], target[64];
    int found = 0;
    DIR *open = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(open)) != NULL;) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length > 0) target[length] = '\0';
        found += length > 0 && strncmp(target, "socket:", 7) == 0;
    }
    closedir(open);
    return found;
}

static void a_master_fetches_and_starts_nothing(void) {
    split_options who = SPLIT_OPTIONS_INIT;
    backend_reset(server);
    int before = sockets();
    split_config *config = standalone_config(server, preforked);
    factory = made("test-key", config);
    split_config_free(config);
    CHECK(threads_gone(NULL));
    CHECK_INT(sockets(), before);
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
    destroyed_in_order();
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

/* ---- Callbacks --------------------------------------------------------------------------------------------------- */

static notes *heard;

static void hears_of_its_own(void) {
    notes_clear(heard);
    CHECK_STR(split_get_treatment(factory, "child", "checkout", NULL), "off");
    CHECK(notes_wait_for(heard, "splitio-deliver child checkout off"));
    CHECK(notes_wait_for(heard, "splitio-deliver ready"));
    kill_banner("later");
    CHECK(notes_wait_for(heard, "splitio-deliver update flags banner"));
    CHECK_INT(notes_having(heard, "ready"), 1);
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(notes_having(heard, "parent"), 0);
    CHECK_INT(notes_drops(heard), 2);
    split_factory_free(factory);
}

static void listeners_and_handlers_go_on_in_a_child(void) {
    backend_reset(server);
    heard = notes_new();
    split_config *config = standalone_config(server, debug);
    split_config_set_impression_listener(config, note_impression, heard, NULL);
    make_ready(config);
    CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, note_drop), SPLIT_OK);
    CHECK_INT(split_on(factory, SPLIT_EVENT_UPDATE, note_event, heard, note_drop), SPLIT_OK);
    split_get_treatment(factory, "parent", "checkout", NULL);
    CHECK(notes_wait_for(heard, "parent"));
    in_child(hears_of_its_own);
    CHECK(notes_wait_for(heard, "update flags banner"));
    CHECK_INT(notes_having(heard, "child"), 0);
    destroyed_in_order();
    CHECK_INT(notes_drops(heard), 2);
    notes_free(heard);
}

static void notes_handlers_until_resumed(void) {
    notes_clear(heard);
    CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, NULL), SPLIT_OK);
    CHECK(threads_gone(NULL));
    CHECK_INT(split_resume(factory, NULL), SPLIT_OK);
    CHECK(notes_wait_for(heard, "splitio-deliver ready"));
    destroyed_in_order();
}

static void handlers_are_noted_by_who_waits(void) {
    backend_reset(server);
    heard = notes_new();
    factory = standalone(server, by_hand);
    in_child(notes_handlers_until_resumed);
    destroyed_in_order();
    notes_free(heard);
}

static void polls_a_queue_of_its_own(void) {
    split_json text = {NULL, 0, NULL};
    CHECK_INT(split_poll_fd(factory), -1);
    CHECK_STR(split_get_treatment(factory, "child", "checkout", NULL), "off");
    CHECK(split_poll_fd(factory) >= 0);
    CHECK_INT(split_poll(factory, PATIENCE_MS, 100, &text), SPLIT_OK);
    CHECK_LACKS(text.ptr, "\"parent\"");
    split_json_release(&text);
    destroyed_in_order();
}

static void a_child_has_a_queue_of_its_own(void) {
    backend_reset(server);
    split_config *config = standalone_config(server, debug);
    split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS | SPLIT_QUEUE_EVENTS | SPLIT_QUEUE_LOGS, 100);
    make_ready(config);
    split_get_treatment(factory, "parent", "checkout", NULL);
    in_child(polls_a_queue_of_its_own);
    destroyed_in_order();
}

/* A logger that breaks its rule, also while the factory is made whole. */
static void log_and_call(const split_log_record *record, void *unused) {
    watch_log(record, unused);
    if (factory == NULL) return;
    CHECK_SET(split_get_treatment(factory, "ann", "checkout", NULL));
    split_factory_status(factory);
    split_resume(factory, NULL);
    split_track(factory, "ann", "user", "logged", 1, NULL);
}

static void resumes_under_a_bad_logger(void) {
    CHECK_STR(split_get_treatment(factory, "child", "checkout", NULL), "off");
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    destroyed_in_order();
}

static void a_logger_that_calls_back_does_no_harm(void) {
    backend_reset(server);
    factory = NULL;
    split_config *config = standalone_config(server, debug);
    split_config_set_logger(config, SPLIT_LOG_DEBUG, log_and_call, NULL, NULL);
    make_ready(config);
    in_child(resumes_under_a_bad_logger);
    destroyed_in_order();
}

static int status_from_callback;

static bool callback_ended(void *unused) {
    (void)unused;
    return __atomic_load_n(&status_from_callback, __ATOMIC_SEQ_CST) != -1;
}

static void fork_and_end(const split_impression *impression, void *unused) {
    (void)unused;
    if (strcmp(impression->key, "parent") != 0) return;
    int status = status_of(forked(resumes_under_a_bad_logger));
    __atomic_store_n(&status_from_callback, status, __ATOMIC_SEQ_CST);
}

/* The child's only thread is one that calls callbacks. */
static void a_fork_in_a_callback(void) {
    backend_reset(server);
    split_config *config = standalone_config(server, debug);
    split_config_set_impression_listener(config, fork_and_end, NULL, NULL);
    make_ready(config);
    status_from_callback = -1;
    split_get_treatment(factory, "parent", "checkout", NULL);
    CHECK(eventually(callback_ended, NULL));
    CHECK_INT(status_from_callback, 0);
    destroyed_in_order();
}

/* ---- Descriptors ------------------------------------------------------------------------------------------------- */

enum { MOST_SOCKETS = 256 };
static char parents[MOST_SOCKETS][64];
static int parents_len;

/* The names of this process's sockets. */
static int named_sockets(char names[][64]) {
    char path[300];
    int found = 0;
    DIR *open = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(open)) != NULL && found < MOST_SOCKETS;) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, names[found], 63);
        if (length < 0) continue;
        names[found][length] = '\0';
        found += strncmp(names[found], "socket:", 7) == 0;
    }
    closedir(open);
    return found;
}

static int count_of(const char *kind) {
    char path[300], target[64];
    int found = 0;
    DIR *open = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(open)) != NULL;) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length < 0) continue;
        target[length] = '\0';
        found += strstr(target, kind) != NULL;
    }
    closedir(open);
    return found;
}

static int still_open_of_the_parent(void) {
    static char names[MOST_SOCKETS][64];
    int len = named_sockets(names), shared = 0;
    for (int i = 0; i < len; i++)
        for (int j = 0; j < parents_len; j++) shared += strcmp(names[i], parents[j]) == 0;
    return shared;
}

static int epolls_before, events_before;

static void closes_what_it_inherited(void) {
    CHECK_STR(split_get_treatment(factory, "child", "checkout", NULL), "off");
    CHECK_INT(still_open_of_the_parent(), 0);
    destroyed_in_order();
    CHECK_INT(count_of("[eventpoll]"), epolls_before);
    CHECK_INT(count_of("[eventfd]"), events_before);
}

static void closes_it_at_its_end_too(void) {
    CHECK_INT(split_destroy(factory, 0), SPLIT_OK);
    CHECK_INT(still_open_of_the_parent(), 0);
    CHECK_INT(count_of("[eventpoll]"), epolls_before);
    split_factory_free(factory);
}

static void inherited_descriptors_are_closed(void) {
    static char before[MOST_SOCKETS][64];
    backend_reset(server);
    epolls_before = count_of("[eventpoll]");
    events_before = count_of("[eventfd]");
    int others = named_sockets(before);
    CHECK_INT(others, 0);
    split_config *config = standalone_config(server, "{\"streamingEnabled\": true, \"impressionsMode\": \"DEBUG\"}");
    backend_told(server, "POST", "options", "{\"streaming\": true}");
    split_config_enable_queue(config, SPLIT_QUEUE_EVENTS, 10);
    make_ready(config);
    CHECK(backend_waited(server, "stream", "requests", 1));
    kill_banner("streamed");
    CHECK(gave_way("streamed"));
    parents_len = named_sockets(parents);
    CHECK(parents_len >= 4);
    in_child(closes_what_it_inherited);
    in_child(closes_it_at_its_end_too);
    /* Its own stream goes on. */
    kill_banner("later");
    CHECK(gave_way("later"));
    CHECK_INT(backend_count(server, "stream", "requests"), 1);
    destroyed_in_order();
}

static void subprocesses_are_nothing_to_the_parent(void) { /* B03 */
    char program[] = "true";
    char *arguments[] = {program, NULL};
    bool others[256];
    for (int fd = 0; fd < 256; fd++) others[fd] = fcntl(fd, F_GETFD) >= 0;
    backend_reset(server);
    backend_told(server, "POST", "options", "{\"streaming\": true}");
    factory = standalone(server, "{\"streamingEnabled\": true, \"eventsPushRate\": 3600}");
    CHECK_INT(split_track(factory, "parent", "user", "bought", 1, NULL), SPLIT_OK);
    CHECK(backend_waited(server, "stream", "requests", 1));
    for (int fd = 0; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (others[fd] || flags < 0) continue;
        check_that((flags & FD_CLOEXEC) != 0, __FILE__, __LINE__, "descriptor %d is not close-on-exec", fd);
    }
    for (int i = 0; i < 100; i++) {
        pid_t child;
        CHECK_INT(posix_spawnp(&child, "true", NULL, NULL, arguments, environ), 0);
        CHECK_INT(status_of(child), 0);
        child = vfork();
        if (child == 0) {
            execvp("true", arguments);
            _exit(1);
        }
        CHECK_INT(status_of(child), 0);
        if (i == 50) kill_banner("during");
    }
    CHECK(gave_way("during"));
    kill_banner("later");
    CHECK(gave_way("later"));
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    CHECK_INT(backend_count(server, "stream", "requests"), 1);
    CHECK_INT(backend_count(server, "events/bulk", "requests"), 0);
    destroyed_in_order();
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

/* ---- Localhost mode ---------------------------------------------------------------------------------------------- */

static void follows_a_file(void) {
    CHECK_STR(split_get_treatment(factory, "ann", "shop", NULL), "open");
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    write_file("shop.json", one_flag("shop", "closed", 2));
    for (int i = 0; i < 500 && strcmp(split_get_treatment(factory, "ann", "shop", NULL), "closed") != 0; i++)
        usleep(20000);
    CHECK_STR(split_get_treatment(factory, "ann", "shop", NULL), "closed");
    destroyed_in_order();
}

static void reads_a_plain_file_no_more(void) {
    CHECK_STR(split_get_treatment(factory, "ann", "shop", NULL), "open");
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    CHECK(threads_gone(NULL));
    destroyed_in_order();
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
    RUN(listeners_and_handlers_go_on_in_a_child);
    RUN(handlers_are_noted_by_who_waits);
    RUN(a_child_has_a_queue_of_its_own);
    RUN(a_logger_that_calls_back_does_no_harm);
    RUN(a_fork_in_a_callback);
    RUN(inherited_descriptors_are_closed);
    RUN(subprocesses_are_nothing_to_the_parent);
    RUN(localhost_mode_forks_too);
    backend_ended(server);
    return check_finish("fork");
}
