/*
 * How long a factory takes to become ready, and how much memory; and what a small change of a large segment costs then.
 *
 *     start URL KEY FLAG           prints: ms to ready, CPU ms of that, peak memory in KiB
 *     start URL KEY FLAG CHANGES   goes on for so many changes of the segment: it prints "change N" and waits for one
 * that adds the key change-N; at last the CPU ms per change, those of a poll that brings nothing, and by how many KiB
 * memory has grown
 *
 * KEY is a member of the segment that FLAG looks at, so that its treatment is "on".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_gettime */
#endif
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <splitio.h>

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static double ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* A line of /proc/self/status in KiB: VmHWM is the most that was ever resident, VmRSS what is now. */
static long memory(const char *name) {
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    if (status == NULL) fail("/proc/self/status", "cannot be read");
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) kib = atol(line + strlen(name) + 1);
    }
    fclose(status);
    return kib;
}

static split_factory *started(const char *url) {
    static const char *const services[] = {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url",
                                           "telemetry_api_base_url", "streaming_api_base_url"};
    split_error error;
    split_config *config = split_config_new();
    char base[256];
    snprintf(base, sizeof base, "%s/api", url);
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        if (split_config_set(config, services[i], base, &error) != SPLIT_OK) fail("configuration", error.message);
    }
    if (split_config_merge_json(config,
                                "{\"streamingEnabled\": false, \"impressionsMode\": \"NONE\","
                                " \"segmentsRefreshRate\": 1, \"readTimeout\": 120000}",
                                &error) != SPLIT_OK) {
        fail("configuration", error.message);
    }
    split_config_set_logger(config, SPLIT_LOG_NONE, NULL, NULL, NULL);
    split_factory *factory = split_factory_new("bench-key", config, &error);
    split_config_free(config);
    if (factory == NULL) fail("factory", error.message);
    return factory;
}

static sem_t updated;

static void on_update(const split_event *event, void *user_data) {
    (void)event;
    (void)user_data;
    sem_post(&updated);
}

/* CPU ms of `count` changes. */
static double changed(const split_factory *factory, const char *flag, int count) {
    double before = ms(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < count; i++) {
        char key[32];
        struct timespec deadline;
        snprintf(key, sizeof key, "change-%d", i);
        printf("change %d\n", i);
        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_sec += 30;
        if (sem_timedwait(&updated, &deadline) != 0) fail(key, "no update came");
        if (strcmp(split_get_treatment(factory, key, flag, NULL), "on") != 0) fail(key, "is not in the segment");
    }
    return ms(CLOCK_PROCESS_CPUTIME_ID) - before;
}

/* CPU ms of so many seconds, in each of which the segment is asked for once. */
static double idle(int seconds) {
    struct timespec all = {seconds, 0};
    double before = ms(CLOCK_PROCESS_CPUTIME_ID);
    nanosleep(&all, NULL);
    return ms(CLOCK_PROCESS_CPUTIME_ID) - before;
}

int main(int argc, char **argv) {
    if (argc != 4 && argc != 5) fail("usage", "start URL KEY FLAG [CHANGES]");
    setvbuf(stdout, NULL, _IOLBF, 0);
    double begun = ms(CLOCK_MONOTONIC), used = ms(CLOCK_PROCESS_CPUTIME_ID);
    split_factory *factory = started(argv[1]);
    split_status status = split_block_until_ready(factory, 300000);
    double took = ms(CLOCK_MONOTONIC) - begun;
    used = ms(CLOCK_PROCESS_CPUTIME_ID) - used;
    if (status != SPLIT_OK) fail("not ready", split_status_string(status));
    if (strcmp(split_get_treatment(factory, argv[2], argv[3], NULL), "on") != 0) fail(argv[3], "is not on");
    printf("%.0f %.0f %ld\n", took, used, memory("VmHWM"));

    if (argc == 5) {
        int changes = atoi(argv[4]);
        sem_init(&updated, 0, 0);
        split_on(factory, SPLIT_EVENT_UPDATE, on_update, NULL, NULL);
        idle(1); /* what is left of the start */
        double nothing = idle(changes);
        long resident = memory("VmRSS");
        double something = changed(factory, argv[3], changes);
        printf("%.3f %.3f %ld\n", something / changes, nothing / changes, memory("VmRSS") - resident);
    }
    split_destroy(factory, 5000);
    split_factory_free(factory);
    return EXIT_SUCCESS;
}
