/*
 * Signals while a call waits (known pain B07): handlers that are not restarted come by the thousand, and no wait ends
 * early, late or with another status.
 */
#include "backend.h"

#include <signal.h>
#include <unistd.h>

static backend *server;

/* ---- A rain of signals ------------------------------------------------------------------------------------------- */

static pthread_t waiting;
static bool over;
static int handled;

static void handle(int number) {
    (void)number;
    __atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static void *rain(void *unused) {
    (void)unused;
    while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
        pthread_kill(waiting, SIGUSR1);
        usleep(2000);
    }
    return NULL;
}

static split_factory *factory; /* of the running test */

static split_status until_ready(int64_t timeout) {
    return split_block_until_ready(factory, timeout);
}

static split_status flush(int64_t timeout) {
    return split_flush(factory, timeout);
}

static split_status poll_queue(int64_t timeout) {
    split_json text = {NULL, 0, NULL};
    split_status status = split_poll(factory, timeout, 100, &text);
    split_json_release(&text);
    return status;
}

static split_status destroy(int64_t timeout) {
    return split_destroy(factory, timeout);
}

/* Waits in the rain: it ends with `expected`, and not before `least` milliseconds nor a second after `most`. */
static void waits(const char *what, split_status (*wait)(int64_t), int64_t timeout, split_status expected,
                  long long least, long long most) {
    int before = __atomic_load_n(&handled, __ATOMIC_SEQ_CST);
    __atomic_store_n(&over, false, __ATOMIC_SEQ_CST);
    waiting = pthread_self();
    pthread_t cloud = spawned(rain, NULL);
    long long begun = now_ms();
    split_status status = wait(timeout);
    long long took = now_ms() - begun;
    __atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
    pthread_join(cloud, NULL);
    check_that(status == expected, __FILE__, __LINE__, "%s: %s, expected %s", what, split_status_string(status),
               split_status_string(expected));
    check_that(took + 1 >= least && took < most + 1000, __FILE__, __LINE__, "%s took %lld ms", what, took);
    check_that(__atomic_load_n(&handled, __ATOMIC_SEQ_CST) - before > 10, __FILE__, __LINE__, "%s: no rain", what);
}

/* ---- Waits that time out, and waits that get what they wait for -------------------------------------------------- */

/* A factory with a queue that is empty, and an event that nobody takes. */
static void start(const char *fault) {
    backend_reset(server);
    backend_told(server, "POST", "faults", fault);
    split_config *config = standalone_config(server, NULL);
    CHECK_INT(split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS, 100), SPLIT_OK);
    factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_track(factory, "ann", "user", "paid", 1, NULL), SPLIT_OK);
}

static void b07_signals_end_no_wait_before_its_time(void) {
    start("{\"hang\": true}");
    waits("ready", until_ready, 400, SPLIT_E_TIMEOUT, 400, 400);
    waits("poll", poll_queue, 400, SPLIT_E_TIMEOUT, 400, 400);
    waits("flush", flush, 400, SPLIT_E_TIMEOUT, 400, 400);
    waits("destroy", destroy, 400, SPLIT_E_TIMEOUT, 0, 400);
    split_factory_free(factory);
}

static void *evaluates_later(void *unused) {
    (void)unused;
    usleep(400000);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    return NULL;
}

static void b07_signals_hide_nothing_that_comes(void) {
    start("{\"delay_ms\": 400}");
    waits("ready", until_ready, -1, SPLIT_OK, 0, PATIENCE_MS);
    pthread_t other = spawned(evaluates_later, NULL);
    waits("poll", poll_queue, -1, SPLIT_OK, 0, PATIENCE_MS);
    pthread_join(other, NULL);
    waits("flush", flush, -1, SPLIT_OK, 0, PATIENCE_MS);
    CHECK_INT(split_track(factory, "ann", "user", "paid", 2, NULL), SPLIT_OK);
    waits("destroy", destroy, PATIENCE_MS, SPLIT_OK, 0, PATIENCE_MS);
    split_factory_free(factory);
    CHECK_INT(backend_count(server, "events/bulk", "items"), 2);
}

int main(void) {
    static const char *const arguments[] = {NULL};
    struct sigaction action;
    memset(&action, 0, sizeof action); /* and so without SA_RESTART */
    action.sa_handler = handle;
    sigaction(SIGUSR1, &action, NULL);
    server = backend_started(arguments);
    RUN(b07_signals_end_no_wait_before_its_time);
    RUN(b07_signals_hide_nothing_that_comes);
    backend_ended(server);
    return check_finish("signals");
}
