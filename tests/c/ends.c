/*
 * Stop and start: processes that end in the middle of something, and processes that have many factories. What dlclose
 * does is in dlopen.c, what callbacks may end in callbacks.c, and who waits during destroy in destroyed.c.
 */
#include "backend.h"
#include "children.h"

#include <sys/resource.h>

static backend *server;

static void fault(const char *json) {
    backend_told(server, "POST", "faults", json);
}

/* ---- Processes that end ------------------------------------------------------------------------------------------ */

/* A program of its own, which says by `ready` that it is where it is to be ended. */
static int ready[2];

static pid_t program(void (*body)(void)) {
    CHECK_INT(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ready[0]);
        body();
        _exit(86); /* a body ends by itself */
    }
    close(ready[1]);
    return child;
}

static void say_ready(void) {
    if (write(ready[1], "r", 1) != 1) _exit(87);
}

static void wait_until_ready(void) {
    char letter;
    CHECK_INT(read(ready[0], &letter, 1), 1);
    close(ready[0]);
}

/* Milliseconds that a program may take, more where every step is slow. */
static long long allowed(long long limit) {
    return effort(100) == 100 ? limit : limit * 10;
}

static split_factory *with_an_event(const char *json) {
    split_factory *factory = standalone(server, json);
    if (split_track(factory, "ann", "user", "paid", 1, NULL) != SPLIT_OK) _exit(88);
    return factory;
}

/* Nothing is posted by itself before the program ends. */
static const char slow[] = "{\"eventsPushRate\": 3600, \"impressionsRefreshRate\": 3600, \"readTimeout\": 60000}";

static void *flush(void *factory) {
    say_ready();
    split_flush((const split_factory *)factory, -1);
    return NULL;
}

static void flushes_for_ever(void) {
    flush(with_an_event(slow));
}

static void sigterm_ends_a_program_that_flushes(void) {
    backend_reset(server);
    fault("{\"endpoint\": \"events/bulk\", \"hang\": true}");
    pid_t child = program(flushes_for_ever);
    wait_until_ready();
    CHECK(backend_waited(server, "events/bulk", "requests", 1)); /* the post is under way */
    CHECK_INT(kill(child, SIGTERM), 0);
    int status = ended_within(child, allowed(1000));
    check_that(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, __FILE__, __LINE__, "status %#x", status);
}

static volatile sig_atomic_t asked_to_end;
static volatile sig_atomic_t on_which; /* 1: on a thread of the program */

static void note_signal(int signal) {
    char name[16] = "";
    (void)signal;
    asked_to_end = 1;
    pthread_getname_np(pthread_self(), name, sizeof name);
    on_which = strncmp(name, "splitio-", 8) != 0;
}

/* As servers do: the handler notes it, and the main thread ends in good order. */
static void ends_in_order_when_told(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_signal; /* without SA_RESTART: waits are interrupted */
    sigaction(SIGTERM, &action, NULL);
    split_factory *factory = with_an_event(slow);
    say_ready();
    split_status flushed = split_flush(factory, -1); /* goes on, and says how it went */
    bool well = flushed == SPLIT_OK && asked_to_end && on_which;
    well = split_destroy(factory, 5000) == SPLIT_OK && well;
    split_factory_free(factory);
    end_child(well);
}

static void a_handled_sigterm_does_not_end_a_flush_early(void) {
    backend_reset(server);
    fault("{\"endpoint\": \"events/bulk\", \"delay_ms\": 600}");
    pid_t child = program(ends_in_order_when_told);
    wait_until_ready();
    CHECK(backend_waited(server, "events/bulk", "requests", 1));
    CHECK_INT(kill(child, SIGTERM), 0);
    CHECK_INT(ended_within(child, allowed(5000)), 0);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1);
}

static void *evaluate_until_the_end(void *factory) {
    while (!asked_to_end) split_get_treatment((const split_factory *)factory, "ann", "checkout", NULL);
    return NULL;
}

static void exits_while_everything_runs(void) {
    notes *heard = notes_new();
    split_config *config = standalone_config(server, slow);
    split_config_set_impression_listener(config, note_impression, heard, note_drop);
    split_factory *factory = made("test-key", config);
    if (split_block_until_ready(factory, PATIENCE_MS) != SPLIT_OK) _exit(88);
    split_track(factory, "ann", "user", "paid", 1, NULL);
    for (int i = 0; i < 4; i++) spawned(evaluate_until_the_end, factory);
    spawned(flush, factory);
    usleep(100000);
    exit(0);
}

static void *exit_here(void *unused) {
    (void)unused;
    exit(0);
}

static void exits_on_another_thread(void) {
    split_factory *factory = with_an_event(slow);
    say_ready();
    spawned(exit_here, NULL);
    split_flush(factory, -1);
    pause();
}

static split_factory *left_to_exit;

static void destroy_at_exit(void) {
    split_destroy(left_to_exit, 300);
    split_factory_free(left_to_exit);
}

static void destroys_at_exit(void) {
    left_to_exit = with_an_event(slow);
    atexit(destroy_at_exit);
    say_ready();
    exit(0);
}

static void exit_without_destroy_ends_at_once(void) {
    void (*const bodies[])(void) = {exits_while_everything_runs, exits_on_another_thread, destroys_at_exit};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        backend_reset(server);
        fault("{\"endpoint\": \"events/bulk\", \"hang\": true}");
        pid_t child = program(bodies[i]);
        wait_until_ready();
        int status = ended_within(child, allowed(2000));
        check_that(status == 0, __FILE__, __LINE__, "program %zu ended with status %#x", i, status);
    }
}

/* ---- Many factories ---------------------------------------------------------------------------------------------- */

static void *wait_for_readiness(void *factory) {
    CHECK_INT(split_block_until_ready((const split_factory *)factory, INT64_MAX), SPLIT_E_DESTROYED);
    return NULL;
}

static void destroy_ends_all_who_wait_for_readiness(void) {
    enum { WAITING = 8 };
    pthread_t waiting[WAITING];
    backend_reset(server);
    fault("{\"endpoint\": \"splitChanges\", \"hang\": true}");
    split_config *config = standalone_config(server, NULL);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    for (int i = 0; i < WAITING; i++) waiting[i] = spawned(wait_for_readiness, factory);
    CHECK(backend_waited(server, "splitChanges", "requests", 1));
    long long begun = now_ms();
    CHECK_INT(split_destroy(factory, 500), SPLIT_OK);
    for (int i = 0; i < WAITING; i++) pthread_join(waiting[i], NULL);
    CHECK(now_ms() - begun < 1000 || effort(100) < 100);
    split_factory_free(factory);
    CHECK(eventually(threads_gone, NULL));
}

static void two_factories_with_one_key_are_two(void) {
    backend_reset(server);
    split_config *config = standalone_config(server, slow);
    split_factory *one = made("test-key", config), *other = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(one, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(split_block_until_ready(other, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(split_track(one, "ann", "user", "paid", 1, NULL), SPLIT_OK);
    CHECK_INT(split_track(other, "bob", "user", "paid", 2, NULL), SPLIT_OK);
    CHECK_INT(split_destroy(one, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 1); /* its own and nothing of the other's */
    CHECK_STR(split_get_treatment(one, "ann", "checkout", NULL), "control");
    CHECK_STR(split_get_treatment(other, "ann", "checkout", NULL), "on");
    backend_told(server, "POST", "flags/kill", "{\"name\": \"checkout\", \"treatment\": \"stopped\"}");
    long long deadline = now_ms() + PATIENCE_MS;
    while (strcmp(split_get_treatment(other, "ann", "checkout", NULL), "stopped") != 0 && now_ms() < deadline) {
        usleep(20000); /* the other one goes on following the backend */
    }
    CHECK_STR(split_get_treatment(other, "ann", "checkout", NULL), "stopped");
    CHECK_INT(split_destroy(other, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 2);
    split_factory_free(one);
    split_factory_free(other);
}

/* Two hundred take more than the 1024 that a shell gives. */
static void allow_many_descriptors(void) {
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 4096) limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int descriptors_before;

static bool descriptors_are_back(void *unused) {
    (void)unused;
    return entries_of("/proc/self/fd") <= descriptors_before;
}

static void two_hundred_factories_in_one_process(void) {
    enum { MANY = 200 };
    split_factory *factories[MANY];
    long many = effort(MANY);
    char key[32];
    backend_reset(server);
    allow_many_descriptors();
    split_config *config = standalone_config(server, slow);
    descriptors_before = entries_of("/proc/self/fd");
    for (long i = 0; i < many; i++) {
        snprintf(key, sizeof key, "key-%ld", i % 50);
        factories[i] = made(key, config);
    }
    split_config_free(config);
    for (long i = 0; i < many; i++) {
        CHECK_INT(split_block_until_ready(factories[i], PATIENCE_MS), SPLIT_OK);
        CHECK_STR(split_get_treatment(factories[i], "ann", "checkout", NULL), "on");
        CHECK_INT(split_track(factories[i], "ann", "user", "paid", (double)i, NULL), SPLIT_OK);
    }
    /* One thread each, as nobody listens, beside the program's own. */
    int threads = entries_of("/proc/self/task"), descriptors = entries_of("/proc/self/fd") - descriptors_before;
    check_that(threads <= many + 1, __FILE__, __LINE__, "%d threads for %ld factories", threads, many);
    check_that(descriptors <= 8 * many, __FILE__, __LINE__, "%d descriptors for %ld factories", descriptors, many);
    printf("measured: %ld factories: %d threads, %d descriptors\n", many, threads, descriptors);
    for (long i = 0; i < many; i++) {
        CHECK_INT(split_destroy(factories[i], PATIENCE_MS), SPLIT_OK);
        split_factory_free(factories[i]);
    }
    CHECK(eventually(threads_gone, NULL));
    CHECK(eventually(descriptors_are_back, NULL));
    CHECK_INT(backend_count(server, "events/bulk", "items"), many);
}

int main(void) {
    static const char *const arguments[] = {NULL};
    server = backend_started(arguments);
    RUN(sigterm_ends_a_program_that_flushes);
    RUN(a_handled_sigterm_does_not_end_a_flush_early);
    RUN(exit_without_destroy_ends_at_once);
    RUN(destroy_ends_all_who_wait_for_readiness);
    RUN(two_factories_with_one_key_are_two);
    RUN(two_hundred_factories_in_one_process);
    backend_ended(server);
    return check_finish("ends");
}
