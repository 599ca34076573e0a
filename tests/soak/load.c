/*
 * A program that uses the library until it is told to end: eight threads evaluate and track on one factory, and every
 * second another factory comes and goes.
 *
 *     load URL OTHER_URL
 *
 * The first is the backend of the lasting factory, the second that of the visitors. Says "running" once it is warm, then
 * answers lines: "sample" with the bytes that are allocated, "stop" with "stopped" when nothing more is done, and "end"
 * with what it has done, as JSON, once all of it is sent.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* usleep, rand_r */
#endif
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <splitio.h>

enum { THREADS = 8, KEYS = 500, ROUND_US = 40000, EVALUATIONS = 20, EVENTS = 2 };
/* As many as the library remembers to tell a new impression from a repeated one: what it remembers grows no more. */
enum { SEEN = 500000 };

static const char *const flags[] = {"steady", "moving", "for_members", "by_rule", "silent"};
enum { FLAGS = sizeof flags / sizeof *flags, MOVING = 1 };

static const char *urls[2];
static atomic_bool stopped;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* One report, in the end. And no post is given up as the machine stood still: nobody could tell whether it was taken. */
static split_factory *started(const char *url, const char *key) {
    static const char format[] =
        "{\"sdk_api_base_url\": \"%s/api\", \"events_api_base_url\": \"%s/api\", \"auth_api_base_url\": \"%s/api\","
        " \"telemetry_api_base_url\": \"%s/api\", \"streaming_api_base_url\": \"%s\", \"eventsPushRate\": 2,"
        " \"featuresRefreshRate\": 2, \"segmentsRefreshRate\": 2, \"metricsRefreshRate\": 1000000,"
        " \"readTimeout\": 600000, \"logLevel\": \"none\"}";
    char options[1024];
    split_error error;
    split_config *config = split_config_new();
    snprintf(options, sizeof options, format, url, url, url, url, url);
    split_factory *factory = NULL;
    if (split_config_merge_json(config, options, &error) == SPLIT_OK) factory = split_factory_new(key, config, &error);
    split_config_free(config);
    if (factory == NULL || split_block_until_ready(factory, 60000) != SPLIT_OK) {
        fprintf(stderr, "no factory on %s: %s\n", url, factory == NULL ? error.message : "not ready");
        exit(EXIT_FAILURE);
    }
    return factory;
}

/* ---- The lasting factory ----------------------------------------------------------------------------------------- */

struct worker {
    const split_factory *factory;
    int number;
    unsigned random;
    long long evaluations, controls, accepted, refused;
    const char *moving; /* what the flag of that name, which everybody gets the same of, gave last */
    long long moves;    /* how often that was something new */
};

static const char *evaluate(struct worker *worker, const char *key, const char *flag) {
    split_options options = SPLIT_OPTIONS_INIT;
    if (worker->evaluations % 3 == 0) options.attributes_json = "{\"country\": \"DE\", \"age\": 42}";
    const char *treatment = split_get_treatment(worker->factory, key, flag, &options);
    worker->controls += strcmp(treatment, "control") == 0;
    worker->evaluations++;
    return treatment;
}

static void warm_up(struct worker *worker) {
    char key[48];
    for (int i = 0; i < SEEN / THREADS; i++) {
        snprintf(key, sizeof key, "warm-%d-%d", worker->number, i);
        evaluate(worker, key, "steady");
    }
    evaluate(worker, key, "silent");
    worker->moving = evaluate(worker, key, "moving");
}

static void *work(void *argument) {
    struct worker *worker = (struct worker *)argument;
    char key[48];
    while (!atomic_load(&stopped)) {
        for (int i = 0; i < EVALUATIONS; i++) {
            snprintf(key, sizeof key, "user-%d", rand_r(&worker->random) % KEYS);
            int flag = rand_r(&worker->random) % FLAGS;
            const char *treatment = evaluate(worker, key, flags[flag]);
            if (flag != MOVING || strcmp(treatment, worker->moving) == 0) continue;
            worker->moving = treatment;
            worker->moves++;
        }
        for (int i = 0; i < EVENTS; i++) {
            snprintf(key, sizeof key, "event-%d-%lld", worker->number, worker->accepted + worker->refused);
            bool accepted = split_track(worker->factory, key, "user", "paid", i, NULL) == SPLIT_OK;
            worker->accepted += accepted;
            worker->refused += !accepted;
        }
        usleep(ROUND_US);
    }
    return NULL;
}

/* ---- Factories that come and go ---------------------------------------------------------------------------------- */

struct visits {
    long long made, accepted, failures;
};

static void *visit(void *argument) {
    struct visits *visits = (struct visits *)argument;
    char key[48];
    for (double next = now(); !atomic_load(&stopped); next += 1) {
        split_factory *factory = started(urls[1], "a-visitor");
        snprintf(key, sizeof key, "visitor-%lld", visits->made++);
        visits->failures += strcmp(split_get_treatment(factory, key, "steady", NULL), "on") != 0;
        visits->accepted += split_track(factory, key, "user", "visited", SPLIT_NO_VALUE, NULL) == SPLIT_OK;
        visits->failures += split_destroy(factory, -1) != SPLIT_OK;
        split_factory_free(factory);
        double pause = next + 1 - now();
        if (pause > 0) usleep((useconds_t)(pause * 1e6));
    }
    return NULL;
}

/* ---- What it is told --------------------------------------------------------------------------------------------- */

/* Answers lines up to this one. */
static void serve_until(const char *last) {
    char line[32];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, last) == 0) return;
        struct mallinfo2 memory = mallinfo2();
        printf("%zu\n", memory.uordblks + memory.hblkhd);
        fflush(stdout);
    }
    exit(EXIT_FAILURE);
}

static void say(const char *word) {
    puts(word);
    fflush(stdout);
}

int main(int count, char **arguments) {
    if (count != 3) return EXIT_FAILURE;
    urls[0] = arguments[1];
    urls[1] = arguments[2];
    struct worker workers[THREADS], sum;
    struct visits visits = {0, 0, 0};
    pthread_t threads[THREADS], visitor;
    memset(workers, 0, sizeof workers);
    memset(&sum, 0, sizeof sum);
    split_factory *factory = started(urls[0], "a-resident");
    for (int i = 0; i < THREADS; i++) {
        workers[i].factory = factory;
        workers[i].number = i;
        workers[i].random = (unsigned)i;
        warm_up(&workers[i]);
    }
    pthread_create(&visitor, NULL, visit, &visits);
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, &workers[i]);
    say("running");
    serve_until("stop");
    atomic_store(&stopped, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum.evaluations += workers[i].evaluations;
        sum.controls += workers[i].controls;
        sum.accepted += workers[i].accepted;
        sum.refused += workers[i].refused;
    }
    pthread_join(visitor, NULL);
    say("stopped");
    serve_until("end");
    bool sent = split_destroy(factory, 60000) == SPLIT_OK;
    split_factory_free(factory);
    printf("{\"evaluations\": %lld, \"controls\": %lld, \"accepted\": %lld, \"refused\": %lld, \"sent\": %s,"
           " \"moves\": %lld, \"visits\": %lld, \"visitors_accepted\": %lld, \"visitors_failed\": %lld}\n",
           sum.evaluations, sum.controls, sum.accepted, sum.refused, sent ? "true" : "false", workers[0].moves,
           visits.made, visits.accepted, visits.failures);
    return EXIT_SUCCESS;
}
