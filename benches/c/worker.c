/*
 * A contestant of the bench that is written in C or C++, as a process that is told what to do: see run.py for the lines.
 *
 *     worker URL MODE
 *
 * Says "ready" and the milliseconds that took; then answers each line "SCENARIO THREADS CALLS" with: ns of the threads'
 * CPU time per call, ns of the clock on the wall per call of all threads, how many answers were "on", and how often malloc
 * and its kin were called. "-" for a scenario that it does not have. "await" evaluates the flag `probe` until its treatment is another one, and answers
 * with the time of the clock on the wall in ns. "idle" is plain arithmetic, to see whether the CPUs are free.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setaffinity_np */
#endif
#include "worker.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEYS 1000
#define MOST_THREADS 2

/* ---- Allocations: counted per thread, whoever makes them -------------------------------------------------------- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static __thread long allocations;

void *malloc(size_t size) {
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    allocations++;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    allocations++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    allocations++;
    *memory = __libc_memalign(alignment, size);
    return *memory != NULL ? 0 : 12; /* ENOMEM */
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

static char keys[KEYS][KEY_SIZE];
static long unique_so_far;

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct part {
    const char *scenario;
    struct asked asked;
    int cpu; /* to be pinned to; -1: none */
    double used;
    long on, allocations;
};

static volatile uintptr_t sink;

static long arithmetic(long calls) {
    uintptr_t sum = sink;
    for (long i = 0; i < calls * 16; i++) sum = sum * 6364136223846793005u + 1442695040888963407u;
    sink = sum;
    return 0;
}

static void run(struct part *part) {
    bool idle = strcmp(part->scenario, "idle") == 0;
    long before = allocations;
    double begun = seconds(CLOCK_THREAD_CPUTIME_ID);
    part->on = idle ? arithmetic(part->asked.calls) : contestant_run(part->scenario, &part->asked);
    part->used = seconds(CLOCK_THREAD_CPUTIME_ID) - begun;
    part->allocations = allocations - before;
}

static pthread_barrier_t together;

static void *run_pinned(void *argument) {
    struct part *part = (struct part *)argument;
    struct asked warm_up = {(const char(*)[KEY_SIZE])keys, KEYS, KEYS};
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(part->cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    /* The first calls of a thread set it up. */
    contestant_run("5050", &warm_up);
    pthread_barrier_wait(&together);
    run(part);
    pthread_barrier_wait(&together);
    return NULL;
}

/* Seconds on the wall. */
static double run_together(struct part *parts, int count) {
    pthread_t threads[MOST_THREADS];
    cpu_set_t usable;
    int cpu = 0;
    sched_getaffinity(0, sizeof usable, &usable);
    pthread_barrier_init(&together, NULL, (unsigned)count + 1);
    for (int i = 0; i < count; i++, cpu++) {
        while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &usable)) cpu++;
        parts[i].cpu = cpu;
        pthread_create(&threads[i], NULL, run_pinned, &parts[i]);
    }
    pthread_barrier_wait(&together);
    double begun = seconds(CLOCK_MONOTONIC);
    pthread_barrier_wait(&together);
    double took = seconds(CLOCK_MONOTONIC) - begun;
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
    return took;
}

/* Keys that nobody has asked for. */
static char (*new_keys(long count))[KEY_SIZE] {
    char(*made)[KEY_SIZE] = malloc((size_t)count * KEY_SIZE);
    if (made == NULL) abort();
    for (long i = 0; i < count; i++) snprintf(made[i], KEY_SIZE, "new-%016ld", unique_so_far++);
    return made;
}

static void await(void) {
    const struct asked once = {(const char(*)[KEY_SIZE])keys, 1, 1};
    struct timespec now;
    long before = contestant_run("probe", &once);
    puts("waiting");
    while (contestant_run("probe", &once) == before) {
    }
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%lld%09ld\n", (long long)now.tv_sec, now.tv_nsec);
}

static void answer(const char *scenario, int threads, long calls) {
    struct part parts[MOST_THREADS];
    bool unique = strcmp(scenario, "unique") == 0, hundred = strcmp(scenario, "hundred") == 0;
    for (int i = 0; i < threads; i++) {
        char(*asked)[KEY_SIZE] = unique ? new_keys(calls) : keys;
        parts[i] = (struct part){.scenario = unique || hundred ? "5050" : scenario, .cpu = -1};
        parts[i].asked.keys = (const char(*)[KEY_SIZE])asked;
        parts[i].asked.count = unique ? (int)calls : hundred ? 100 : KEYS;
        parts[i].asked.calls = calls;
    }
    double begun = seconds(CLOCK_MONOTONIC), took;
    if (threads == 1) {
        run(&parts[0]);
        took = seconds(CLOCK_MONOTONIC) - begun;
    } else {
        took = run_together(parts, threads);
    }
    double used = 0;
    long on = 0, made = 0;
    for (int i = 0; i < threads; i++) {
        used += parts[i].used;
        on = parts[i].on < 0 ? parts[i].on : on + parts[i].on;
        made += parts[i].allocations;
        if (unique) free((void *)parts[i].asked.keys);
    }
    if (on < 0) {
        puts("-");
        return;
    }
    double all = (double)calls * threads;
    printf("%.3f %.3f %ld %ld\n", used / all * 1e9, took / all * 1e9, on, made);
}

int main(int argc, char **argv) {
    char line[128], scenario[32];
    int threads;
    long calls;
    if (argc != 3) {
        fprintf(stderr, "usage: %s URL MODE\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < KEYS; i++) snprintf(keys[i], KEY_SIZE, "user-%015d", i);
    double begun = seconds(CLOCK_MONOTONIC);
    contestant_start(argv[1], argv[2]);
    printf("ready %.3f\n", (seconds(CLOCK_MONOTONIC) - begun) * 1e3);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "%31s %d %ld", scenario, &threads, &calls) != 3 || threads < 1 || threads > MOST_THREADS) {
            fprintf(stderr, "not understood: %s", line);
            return 2;
        }
        if (strcmp(scenario, "await") == 0) {
            await();
        } else {
            answer(scenario, threads, calls);
        }
    }
    return EXIT_SUCCESS;
}
