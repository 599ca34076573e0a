/*
 * What a forked child inherits besides its factory: listeners, handlers, queues and loggers, which go on in it with what is
 * its own, and descriptors, which it closes. Numbers such as B03 are those of the reports that each test answers.
 */
#include "forks.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>

extern char **environ;

static const char *const debug = "{\"impressionsMode\": \"DEBUG\"}";

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
    ended(factory);
    CHECK_INT(notes_drops(heard), 2);
    notes_free(heard);
}

static void notes_handlers_until_resumed(void) {
    notes_clear(heard);
    CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, NULL), SPLIT_OK);
    CHECK(threads_gone(NULL));
    CHECK_INT(split_resume(factory, NULL), SPLIT_OK);
    CHECK(notes_wait_for(heard, "splitio-deliver ready"));
    ended(factory);
}

static void handlers_are_noted_by_who_waits(void) {
    heard = notes_new();
    make("{\"resumeOnFork\": false}");
    in_child(notes_handlers_until_resumed);
    ended(factory);
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
    ended(factory);
}

static void a_child_has_a_queue_of_its_own(void) {
    backend_reset(server);
    split_config *config = standalone_config(server, debug);
    split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS | SPLIT_QUEUE_EVENTS | SPLIT_QUEUE_LOGS, 100);
    make_ready(config);
    split_get_treatment(factory, "parent", "checkout", NULL);
    in_child(polls_a_queue_of_its_own);
    ended(factory);
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
    ended(factory);
}

static void a_logger_that_calls_back_does_no_harm(void) {
    backend_reset(server);
    factory = NULL;
    split_config *config = standalone_config(server, debug);
    split_config_set_logger(config, SPLIT_LOG_DEBUG, log_and_call, NULL, NULL);
    make_ready(config);
    in_child(resumes_under_a_bad_logger);
    ended(factory);
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
    ended(factory);
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
    ended(factory);
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
    ended(factory);
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
    ended(factory);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

int main(void) {
    static const char *const arguments[] = {NULL};
    server = backend_started(arguments);
    RUN(listeners_and_handlers_go_on_in_a_child);
    RUN(handlers_are_noted_by_who_waits);
    RUN(a_child_has_a_queue_of_its_own);
    RUN(a_logger_that_calls_back_does_no_harm);
    RUN(a_fork_in_a_callback);
    RUN(inherited_descriptors_are_closed);
    RUN(subprocesses_are_nothing_to_the_parent);
    backend_ended(server);
    return check_finish("inherited");
}
