/*
 * Nothing that was accepted is lost: 200,000 events and as many impressions from eight threads, while the backend fails
 * a third of the posts in every way that a network has, and then recovers. What it received is compared, key by key,
 * with what was accepted.
 *
 * A record may arrive twice only if the backend took it and its answer was lost on the way: nobody can tell that from
 * a post that never arrived. Each duplicate is shown to be of that kind.
 *
 * And whatever becomes of posts, listeners and split_poll get every impression, in every mode.
 */
#include "backend.h"

#include <unistd.h>

enum { THREADS = 8, EACH = 25000, ALL = THREADS * EACH, BURST = 500, PAUSE_US = 40000 };

static backend *server;

/* ---- The backend's side ------------------------------------------------------------------------------------------ */

/* How a third of the posts fail; the chances add up to that, as the first that wants a post gets it. "after": the
 * backend takes the post, and only its answer is lost. */
static const char *const failures[] = {
    "\"status\": 500, \"probability\": 0.08, \"seed\": 1",
    "\"status\": 503, \"probability\": 0.08, \"seed\": 2, \"after\": true",
    "\"drop\": \"reset\", \"probability\": 0.06, \"seed\": 3",
    "\"drop\": \"reset\", \"probability\": 0.06, \"seed\": 4, \"after\": true",
    "\"drop\": \"close\", \"probability\": 0.05, \"seed\": 5, \"after\": true",
    "\"hang\": true, \"probability\": 0.03, \"seed\": 6",
    "\"hang\": true, \"probability\": 0.03, \"seed\": 7, \"after\": true",
};

static void fail_a_third(void) {
    char fault[160];
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        snprintf(fault, sizeof fault, "{\"url\": \"/bulk\", %s}", failures[i]);
        backend_told(server, "POST", "faults", fault);
    }
}

enum { ENOUGH = 60 };

/* Whether so many posts have failed, and in so many ways. */
static bool enough_failed(void *kinds) {
    char *faults = backend_asked(server, "GET", "faults", NULL);
    long long hits = 0;
    int seen = 0;
    for (const char *fault = json_first(faults); fault != NULL; fault = json_next(fault)) {
        hits += json_int(fault, "hits");
        seen += json_int(fault, "hits") > 0;
    }
    free(faults);
    if (hits >= ENOUGH && seen == *(int *)kinds)
        printf("measured: %lld posts failed; now the backend recovers\n", hits);
    return hits >= ENOUGH && seen == *(int *)kinds;
}

/* What was received of one kind of record. */
struct received {
    unsigned char known[ALL];    /* whether this record arrived */
    unsigned char answered[ALL]; /* and the SDK was told so */
    long long different, unavoidable, avoidable, posts, lost_answers, foreign;
};

/* A key is a letter, the number of its thread, and its own: "e3-24999". */
static void note_record(struct received *received, char letter, const char *key, bool answered) {
    int thread, number;
    if (key == NULL || key[1] != letter || sscanf(key + 2, "%d-%d\"", &thread, &number) != 2 || thread < 0 ||
        thread >= THREADS || number < 0 || number >= EACH) {
        received->foreign++;
        return;
    }
    int place = thread * EACH + number;
    if (!received->known[place]) {
        received->different++;
    } else if (received->answered[place]) {
        received->avoidable++;
    } else {
        received->unavoidable++;
    }
    received->known[place] = 1;
    received->answered[place] = answered;
}

static struct received *what_arrived(const char *endpoint, char letter) {
    struct received *received = (struct received *)calloc(1, sizeof *received);
    char *requests = backend_requests(server, endpoint);
    for (const char *post = json_first(requests); post != NULL; post = json_next(post)) {
        bool answered = json_int(post, "status") == 200;
        received->posts++;
        if (strncmp(json_at(post, "processed"), "true", 4) != 0) continue;
        received->lost_answers += !answered;
        for (const char *item = json_first(json_at(post, "body")); item != NULL; item = json_next(item)) {
            const char *of_flag = json_at(item, "i");
            if (of_flag == NULL) {
                note_record(received, letter, json_at(item, "key"), answered);
                continue;
            }
            for (const char *each = json_first(of_flag); each != NULL; each = json_next(each)) {
                note_record(received, letter, json_at(each, "k"), answered);
            }
        }
    }
    free(requests);
    return received;
}

static void report(const char *what, long long accepted, const struct received *received) {
    printf("measured: %s: %d offered, %lld accepted, %lld received; %lld twice or more, of these %lld although the "
           "answer had "
           "come; %lld posts, %lld taken without an answer\n",
           what, ALL, accepted, received->different, received->unavoidable + received->avoidable, received->avoidable,
           received->posts, received->lost_answers);
    CHECK_INT(received->different, accepted);
    CHECK(accepted >= 100000);
    CHECK_INT(received->avoidable, 0);
    CHECK_INT(received->foreign, 0);
    /* Else nothing was tested. */
    CHECK(received->lost_answers > 0 && received->unavoidable > 0);
}

/* ---- The program's side ------------------------------------------------------------------------------------------ */

struct worker {
    const split_factory *factory;
    int number, evaluations;
    bool tracks;
    long long accepted, refused, unknown;
};

static void *work(void *argument) {
    struct worker *worker = (struct worker *)argument;
    char key[32];
    for (int i = 0; i < worker->evaluations; i++) {
        if (i % BURST == BURST - 1) usleep(PAUSE_US);
        snprintf(key, sizeof key, "i%d-%d", worker->number, i);
        if (strcmp(split_get_treatment(worker->factory, key, "checkout", NULL), "control") == 0) worker->unknown++;
        if (!worker->tracks) continue;
        key[0] = 'e';
        split_status status = split_track(worker->factory, key, "user", "paid", i, NULL);
        worker->accepted += status == SPLIT_OK;
        worker->refused += status == SPLIT_E_QUEUE_FULL;
    }
    return NULL;
}

/* The sums of all threads. */
static struct worker worked(const split_factory *factory, int evaluations, bool tracks) {
    struct worker workers[THREADS], sum;
    pthread_t threads[THREADS];
    memset(&sum, 0, sizeof sum);
    memset(workers, 0, sizeof workers);
    for (int i = 0; i < THREADS; i++) {
        workers[i].factory = factory;
        workers[i].number = i;
        workers[i].evaluations = evaluations;
        workers[i].tracks = tracks;
        threads[i] = spawned(work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum.accepted += workers[i].accepted;
        sum.refused += workers[i].refused;
        sum.unknown += workers[i].unknown;
    }
    return sum;
}

static void count_impression(const split_impression *impression, void *count) {
    if (impression->key[0] == 'i') __atomic_add_fetch((long *)count, 1, __ATOMIC_SEQ_CST);
}

static void *destroy(void *factory) {
    CHECK_INT(split_destroy((split_factory *)factory, 240000), SPLIT_OK);
    return NULL;
}

static void what_was_accepted_arrives(void) {
    long heard = 0;
    backend_reset(server);
    split_config *config = standalone_config(
        server, "{\"impressionsMode\": \"DEBUG\", \"impressionsQueueSize\": 150000, \"eventsQueueSize\": 150000,"
                " \"impressionsBulkSize\": 1000, \"eventsBulkSize\": 1000, \"readTimeout\": 3000}");
    split_config_set_impression_listener(config, count_impression, &heard, NULL);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);

    fail_a_third();
    struct worker sum = worked(factory, EACH, true);
    CHECK_INT(sum.accepted + sum.refused, ALL);
    CHECK_INT(sum.unknown, 0);
    /* The end begins while the backend still fails. */
    pthread_t end = spawned(destroy, factory);
    int kinds = (int)(sizeof failures / sizeof *failures);
    CHECK(eventually(enough_failed, &kinds));
    backend_told(server, "DELETE", "faults", NULL);
    pthread_join(end, NULL);
    split_factory_free(factory);
    CHECK_INT(heard, ALL);

    char *usages = backend_requests(server, "metrics/usage");
    const char *usage = json_at(usages, "0.body");
    CHECK_INT(json_count(usages), 1);
    CHECK_INT(json_int(usage, "eD"), sum.refused);
    CHECK_INT(json_int(usage, "eQ"), sum.accepted);
    long long dropped = json_int(usage, "iDr");
    CHECK_INT(json_int(usage, "iQ"), ALL - dropped);
    struct received *events = what_arrived("events/bulk", 'e');
    struct received *impressions = what_arrived("testImpressions/bulk", 'i');
    report("events", sum.accepted, events);
    report("impressions", ALL - dropped, impressions);
    free(events);
    free(impressions);
    free(usages);
}

/* ---- Those who listen -------------------------------------------------------------------------------------------- */

enum { HEARD_EACH = 5000, HEARD = THREADS * HEARD_EACH };

static split_config *mode_config(const char *mode) {
    char json[128];
    snprintf(json, sizeof json, "{\"impressionsMode\": \"%s\", \"impressionsQueueSize\": %d}", mode, HEARD);
    return standalone_config(server, json);
}

static void listener_in(const char *mode) {
    long heard = 0;
    split_config *config = mode_config(mode);
    split_config_set_impression_listener(config, count_impression, &heard, NULL);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    worked(factory, HEARD_EACH, false);
    ended(factory);
    CHECK_INT(heard, HEARD);
}

static void queue_in(const char *mode) {
    static const char record[] = "\"type\":\"impression\"";
    long taken = 0;
    split_json text = {NULL, 0, NULL};
    split_config *config = mode_config(mode);
    CHECK_INT(split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS, HEARD), SPLIT_OK);
    split_factory *factory = made("test-key", config);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    worked(factory, HEARD_EACH, false);
    while (split_poll(factory, 0, 1000, &text) == SPLIT_OK) {
        for (const char *at = text.ptr; (at = strstr(at, record)) != NULL; at++) taken++;
        split_json_release(&text);
    }
    ended(factory);
    CHECK_INT(taken, HEARD);
}

static void everyone_hears_everything(void) {
    static const char *const modes[] = {"OPTIMIZED", "DEBUG", "NONE"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        backend_reset(server);
        /* That the posts fail is nothing to them. */
        backend_told(server, "POST", "faults", "{\"url\": \"/bulk\", \"status\": 500, \"every\": 3}");
        listener_in(modes[i]);
        queue_in(modes[i]);
    }
}

int main(void) {
    static const char *const arguments[] = {NULL};
    server = backend_started(arguments);
    RUN(what_was_accepted_arrives);
    RUN(everyone_hears_everything);
    backend_ended(server);
    return check_finish("loss");
}
