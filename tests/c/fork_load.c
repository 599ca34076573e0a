/*
 * A thousand forks of a process that is busy: its threads evaluate, definitions change all the time, and children are
 * made in the middle of all that. Half of the children only evaluate, half are resumed by hand; each must see a change
 * that was made after its fork, and each leaves one impression and one event behind. Another thousand end without a
 * call.
 */
#include "backend.h"

#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 1000, AT_ONCE = 24, EVALUATING = 2, CHILD_MS = 2 * PATIENCE_MS };

static backend *server;
static split_factory *factory;
static bool over;
static long long evaluations, changes;

static bool is_over(void) {
    return __atomic_load_n(&over, __ATOMIC_SEQ_CST);
}

static void *evaluates(void *unused) {
    long long done = 0;
    (void)unused;
    while (!is_over()) {
        const char *treatment = split_get_treatment(factory, done % 2 ? "ann" : "bob", "banner", NULL);
        CHECK(strcmp(treatment, "control") != 0);
        done++;
    }
    __atomic_add_fetch(&evaluations, done, __ATOMIC_SEQ_CST);
    return NULL;
}

/* A treatment per change: a child knows by it whether one came after its fork. */
static void *changes_definitions(void *unused) {
    char text[96];
    (void)unused;
    for (int i = 0; !is_over(); i++) {
        snprintf(text, sizeof text, "{\"name\": \"banner\", \"treatment\": \"t%d\"}", i % 1000);
        backend_told(server, "POST", "flags/kill", text);
        __atomic_add_fetch(&changes, 1, __ATOMIC_SEQ_CST);
        usleep(100000);
    }
    return NULL;
}

static bool changed_since(void *treatment) {
    return split_get_treatment(factory, "watcher", "banner", NULL) != treatment;
}

static void live_a_life(int number, bool by_hand) {
    char key[32];
    const char *at_the_fork;
    check_failures = 0;
    snprintf(key, sizeof key, "child-%d", number);
    if (by_hand) CHECK_INT(split_resume(factory, NULL), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, key, "checkout", NULL), "off");
    at_the_fork = split_get_treatment(factory, "watcher", "banner", NULL);
    CHECK(eventually(changed_since, (void *)(uintptr_t)at_the_fork));
    CHECK_INT(split_track(factory, key, "user", "lived", number, NULL), SPLIT_OK);
    ended(factory);
    fflush(NULL);
    end_child(check_failures == 0);
}

struct child {
    pid_t process;
    long long until;
};

static struct child born(pid_t process) {
    struct child child = {process, now_ms() + CHILD_MS};
    return child;
}

/* Waits until fewer than `most` of the children are left, and kills those that hang. */
static int reap(struct child *children, int count, int most) {
    while (count >= most && count > 0) {
        for (int i = 0; i < count; i++) {
            int status = 0;
            pid_t ended = waitpid(children[i].process, &status, WNOHANG);
            if (ended == 0 && now_ms() < children[i].until) continue;
            if (ended == 0) {
                kill(children[i].process, SIGKILL);
                waitpid(children[i].process, &status, 0);
            }
            CHECK_INT(status, 0);
            children[i--] = children[--count];
        }
        usleep(1000);
    }
    return count;
}

/* How often each child's key is among the impressions, or the events, that were received. */
static void each_came_once(const char *endpoint, int children) {
    static unsigned char times[CHILDREN];
    char *requests = backend_requests(server, endpoint);
    int missing = 0, repeated = 0;
    memset(times, 0, sizeof times);
    for (const char *at = requests; (at = strstr(at, "\"child-")) != NULL;) {
        int number = atoi(at += 7);
        if (number >= 0 && number < CHILDREN) times[number]++;
    }
    free(requests);
    for (int i = 0; i < children; i++) {
        missing += times[i] == 0;
        repeated += times[i] > 1;
    }
    CHECK_INT(missing, 0);
    CHECK_INT(repeated, 0);
}

/* The number of the one stream that is open: the parent's, when no child lives. */
static long long the_stream(void) {
    char *streams = backend_asked(server, "GET", "streams", NULL);
    long long number = json_count(streams) == 1 ? json_int(streams, "0.stream") : -1;
    free(streams);
    return number;
}

static bool sees_changes(void *before) {
    return split_get_treatment(factory, "ann", "banner", NULL) != *(const char **)before;
}

static void a_thousand_forks(void) {
    struct child children[AT_ONCE];
    pthread_t threads[EVALUATING], changer;
    int count = 0, many = (int)effort(CHILDREN);
    split_config *config = standalone_config(
        server, "{\"streamingEnabled\": true, \"impressionsMode\": \"OPTIMIZED\", \"eventsPushRate\": 1}");
    backend_told(server, "POST", "options", "{\"streaming\": true}");
    factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK(backend_waited(server, "stream", "requests", 1));
    for (int i = 0; i < EVALUATING; i++) threads[i] = spawned(evaluates, NULL);
    changer = spawned(changes_definitions, NULL);
    usleep(200000);
    int open_before = entries_of("/proc/self/fd");
    long long stream = the_stream();
    CHECK(stream >= 0);

    long long begun = now_ms();
    for (int i = 0; i < many; i++) {
        count = reap(children, count, AT_ONCE);
        pid_t child = fork();
        if (child == 0) live_a_life(i, i % 2 == 1);
        CHECK(child > 0);
        children[count++] = born(child);
        /* And one that makes no call at all: half of them with all that ends a process in order. */
        count = reap(children, count, AT_ONCE);
        fflush(NULL);
        child = fork();
        if (child == 0 && i % 2 == 0) exit(0);
        if (child == 0) _exit(0);
        CHECK(child > 0);
        children[count++] = born(child);
    }
    reap(children, count, 1);
    printf("measured: %d forks in %lld ms, %lld changes, ", 2 * many, now_ms() - begun, changes);

    CHECK_INT(the_stream(), stream);
    const char *before = split_get_treatment(factory, "ann", "banner", NULL);
    CHECK(eventually(sees_changes, &before));
    CHECK_INT(split_track(factory, "parent", "user", "lived", 1, NULL), SPLIT_OK);
    CHECK_INT(split_flush(factory, PATIENCE_MS), SPLIT_OK);
    int open_now = entries_of("/proc/self/fd");
    check_that(open_now <= open_before + 2, __FILE__, __LINE__, "%d descriptors, %d before", open_now, open_before);
    __atomic_store_n(&over, true, __ATOMIC_SEQ_CST);
    for (int i = 0; i < EVALUATING; i++) pthread_join(threads[i], NULL);
    pthread_join(changer, NULL);
    printf("%lld evaluations in the parent\n", evaluations);
    ended(factory);
    each_came_once("testImpressions/bulk", many);
    each_came_once("events/bulk", many);
    CHECK_INT(backend_count(server, "events/bulk", "items"), many + 1);
}

int main(void) {
    static const char *const arguments[] = {NULL};
    server = backend_started(arguments);
    RUN(a_thousand_forks);
    backend_ended(server);
    return check_finish("fork_load");
}
