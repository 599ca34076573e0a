/*
 * What an evaluation costs, in nanoseconds and in multiples of the least it could cost (benches/bound), measured in
 * turns in the same run: this machine's speed and its neighbours' noise are then in both.
 *
 * 1,000 flags, of which 996 are fillers of about 2.5 KB; 1,000 rotating keys; medians of 7 repeats. One thread is
 * measured by its CPU time, two pinned threads by the clock on the wall. A second table has the same calls made through
 * splitio.hpp (benches/cpp), again in turns with those of C. Calls of malloc and its kin are counted: an
 * evaluation that is warm makes none, and the program fails if one does.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setaffinity_np */
#endif
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <splitio.h>

#include "../cpp/evaluate.h"

#define FLAGS 1000
#define KEYS 1000
#define SEGMENT_KEYS 100000
#define REPEATS 7
#define SEED 1462374925
#define CALLS (calls_per_repeat)

typedef struct bound bound;
bound *bound_new(const char *const *names, size_t count, int32_t seed);
const char *bound_get_treatment(const bound *bound, const char *key, const char *flag);
void bound_free(bound *bound);

static long calls_per_repeat = 1000000;
static char keys[KEYS][KEY_SIZE];
static split_factory *factory;
static bound *least;

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

/* ---- Definitions ------------------------------------------------------------------------------------------------- */

static FILE *open_new(const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    return file;
}

static void close_new(FILE *file, const char *path) {
    if (ferror(file) || fclose(file) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
}

static void write_segment(const char *path) {
    FILE *file = open_new(path);
    fputs("{\"name\": \"half\", \"since\": -1, \"till\": 1, \"removed\": [], \"added\": [", file);
    for (int i = 0; i < SEGMENT_KEYS; i++) fprintf(file, "%s\"user-%015d\"", i > 0 ? ", " : "", i * 2);
    fputs("]}\n", file);
    close_new(file, path);
}

#define HEAD                                                                                                           \
    "{\"name\": \"%s\", \"trafficTypeName\": \"user\", \"status\": \"ACTIVE\", \"killed\": false, \"changeNumber\": "  \
    "1, "                                                                                                              \
    "\"defaultTreatment\": \"off\", \"algo\": 2, \"seed\": %d, \"trafficAllocation\": 100, "                           \
    "\"trafficAllocationSeed\": 1, "                                                                                   \
    "\"conditions\": ["
#define CONDITION                                                                                                      \
    "{\"conditionType\": \"%s\", \"label\": \"%s\", \"matcherGroup\": {\"combiner\": \"AND\", \"matchers\": [%s]}, "   \
    "\"partitions\": [{\"treatment\": \"on\", \"size\": %d}, {\"treatment\": \"off\", \"size\": %d}]}"
#define ALL "{\"matcherType\": \"ALL_KEYS\", \"negate\": false}"

static const char attributes_matchers[] =
    "{\"matcherType\": \"GREATER_THAN_OR_EQUAL_TO\", \"negate\": false, \"keySelector\": {\"attribute\": \"age\"}, "
    "\"unaryNumericMatcherData\": {\"dataType\": \"NUMBER\", \"value\": 18}}, "
    "{\"matcherType\": \"WHITELIST\", \"negate\": false, \"keySelector\": {\"attribute\": \"country\"}, "
    "\"whitelistMatcherData\": {\"whitelist\": [\"us\", \"de\", \"fr\", \"es\", \"it\", \"br\", \"ar\", \"jp\"]}}";
static const char segment_matcher[] = "{\"matcherType\": \"IN_SEGMENT\", \"negate\": false, "
                                      "\"userDefinedSegmentMatcherData\": {\"segmentName\": \"half\"}}";

/* A whitelist of `count` keys: every `step`th that is asked for, and then keys that never are. */
static char *whitelist_matcher(int count, int step, const char *strangers) {
    size_t room = (size_t)count * 40 + 200;
    char *text = (char *)malloc(room), *end = text;
    if (text == NULL) abort();
    end +=
        sprintf(end, "{\"matcherType\": \"WHITELIST\", \"negate\": false, \"whitelistMatcherData\": {\"whitelist\": [");
    for (int i = 0; i < count; i++) {
        bool known = step > 0 && i * step < KEYS;
        end += known ? sprintf(end, "%s\"user-%015d\"", i > 0 ? ", " : "", i * step)
                     : sprintf(end, "%s\"%s-%015d\"", i > 0 ? ", " : "", strangers, i);
    }
    sprintf(end, "]}}");
    return text;
}

static void write_definitions(const char *path) {
    FILE *file = open_new(path);
    char name[32];
    char *ten_percent = whitelist_matcher(500, 10, "stranger");
    char *few = whitelist_matcher(32, 0, "tester");
    fputs("{\"ff\": {\"s\": -1, \"t\": 1, \"d\": [\n", file);
    fprintf(file, HEAD CONDITION "]},\n", "5050", SEED, "ROLLOUT", "default rule", ALL, 50, 50);
    fprintf(file, HEAD CONDITION ", " CONDITION "]},\n", "whitelist", SEED, "WHITELIST", "whitelisted", ten_percent,
            100, 0, "ROLLOUT", "default rule", ALL, 50, 50);
    fprintf(file, HEAD CONDITION ", " CONDITION "]},\n", "attr", SEED, "ROLLOUT", "adults of eight countries",
            attributes_matchers, 50, 50, "ROLLOUT", "default rule", ALL, 0, 100);
    fprintf(file, HEAD CONDITION ", " CONDITION "]}", "segment", SEED, "ROLLOUT", "in segment half", segment_matcher,
            50, 50, "ROLLOUT", "default rule", ALL, 0, 100);
    for (int i = 4; i < FLAGS; i++) {
        snprintf(name, sizeof name, "filler_flag_%d", i);
        fprintf(file, ",\n" HEAD CONDITION ", " CONDITION ", " CONDITION "]}", name, i, "WHITELIST", "whitelisted", few,
                100, 0, "ROLLOUT", "adults of eight countries", attributes_matchers, 20, 80, "ROLLOUT", "default rule",
                ALL, 10, 90);
    }
    fputs("\n]}, \"rbs\": {\"s\": -1, \"t\": -1, \"d\": []}}\n", file);
    close_new(file, path);
    free(ten_percent);
    free(few);
}

static void start(void) {
    char directory[] = "/tmp/splitio-bench-XXXXXX", definitions[64], segment[64];
    split_error error;
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        exit(EXIT_FAILURE);
    }
    snprintf(definitions, sizeof definitions, "%s/environment.json", directory);
    snprintf(segment, sizeof segment, "%s/half.json", directory);
    write_definitions(definitions);
    write_segment(segment);
    split_config *config = split_config_new();
    if (split_config_set(config, "splitFile", definitions, &error) != SPLIT_OK ||
        split_config_set(config, "segmentDirectory", directory, &error) != SPLIT_OK ||
        (factory = split_factory_new("localhost", config, &error)) == NULL) {
        fprintf(stderr, "%s\n", error.message);
        exit(EXIT_FAILURE);
    }
    if (split_block_until_ready(factory, 60000) != SPLIT_OK) {
        fprintf(stderr, "not ready\n");
        exit(EXIT_FAILURE);
    }
    split_config_free(config);
    unlink(definitions);
    unlink(segment);
    rmdir(directory);

    static char names[FLAGS][32];
    static const char *pointers[FLAGS];
    static const char *const measured[] = {"5050", "whitelist", "attr", "segment"};
    for (int i = 0; i < FLAGS; i++) {
        if (i < 4) {
            strcpy(names[i], measured[i]);
        } else {
            snprintf(names[i], sizeof names[i], "filler_flag_%d", i);
        }
        pointers[i] = names[i];
    }
    least = bound_new(pointers, FLAGS, SEED);
    for (int i = 0; i < KEYS; i++) snprintf(keys[i], sizeof keys[i], "user-%015d", i);
}

/* ---- Measuring --------------------------------------------------------------------------------------------------- */

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One thing to do `CALLS` times; the result is used, so that none of it can be left out. */
struct work {
    const char *flag;             /* NULL: arithmetic only, to see whether two cores are free */
    const split_options *options; /* of the library */
    bool bound;
};

static volatile uintptr_t sink;

static void run(const struct work *work) {
    uintptr_t sum = 0;
    int key = 0;
    if (work->flag == NULL) {
        for (long i = 0; i < CALLS * 16; i++) sum = sum * 6364136223846793005u + 1442695040888963407u;
    } else if (work->bound) {
        for (long i = 0; i < CALLS; i++) {
            sum += (uintptr_t)bound_get_treatment(least, keys[key], work->flag);
            if (++key == KEYS) key = 0;
        }
    } else {
        for (long i = 0; i < CALLS; i++) {
            sum += (uintptr_t)split_get_treatment(factory, keys[key], work->flag, work->options);
            if (++key == KEYS) key = 0;
        }
    }
    sink = sum;
}

static double alone(const struct work *work) {
    double before = seconds(CLOCK_THREAD_CPUTIME_ID);
    run(work);
    return (seconds(CLOCK_THREAD_CPUTIME_ID) - before) / (double)CALLS * 1e9;
}

static pthread_barrier_t together;
static int cpus[2];

static void pin(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

struct pinned {
    const struct work *work;
    int cpu;
};

static void *run_pinned(void *argument) {
    const struct pinned *pinned = (const struct pinned *)argument;
    pin(pinned->cpu);
    run(pinned->work); /* warm: first calls of a thread set it up */
    pthread_barrier_wait(&together);
    run(pinned->work);
    pthread_barrier_wait(&together);
    return NULL;
}

/* Nanoseconds of the wall clock per call, of two threads' calls. */
static double in_pairs(const struct work *work) {
    struct pinned pinned[2] = {{work, cpus[0]}, {work, cpus[1]}};
    pthread_t threads[2];
    pthread_barrier_init(&together, NULL, 3);
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, run_pinned, &pinned[i]);
    pthread_barrier_wait(&together);
    double before = seconds(CLOCK_MONOTONIC);
    pthread_barrier_wait(&together);
    double took = seconds(CLOCK_MONOTONIC) - before;
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
    return took / (double)(2 * CALLS) * 1e9;
}

static int by_value(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return difference < 0 ? -1 : difference > 0;
}

static double median(double *values) {
    qsort(values, REPEATS, sizeof *values, by_value);
    return values[REPEATS / 2];
}

static long allocations_of(const struct work *work) {
    run(work);
    long before = allocations;
    run(work);
    return allocations - before;
}

static bool two_cpus(void) {
    cpu_set_t set;
    int found = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return false;
    for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
        if (CPU_ISSET(cpu, &set)) cpus[found++] = cpu;
    }
    return found == 2;
}

/* The bound and the library decide alike; the shares of "on" are those that the definitions ask for. */
static bool answers_are_right(const split_options *adult) {
    static const struct {
        const char *flag;
        int least, most;
    } shares[] = {{"5050", 440, 560}, {"whitelist", 490, 610}, {"attr", 440, 560}, {"segment", 200, 300}};
    bool right = true;
    for (size_t s = 0; s < sizeof shares / sizeof *shares; s++) {
        int on = 0;
        for (int i = 0; i < KEYS; i++) {
            const char *treatment = split_get_treatment(factory, keys[i], shares[s].flag, adult);
            on += strcmp(treatment, "on") == 0;
            if (s == 0 && strcmp(treatment, bound_get_treatment(least, keys[i], "5050")) != 0) right = false;
        }
        if (on < shares[s].least || on > shares[s].most) {
            printf("%s: %d of %d keys are on\n", shares[s].flag, on, KEYS);
            right = false;
        }
    }
    return right;
}

/* ---- The same in C and in C++ ------------------------------------------------------------------------------------ */

static void run_in_c(const char *flag, const split_options *adult, enum attributes with) {
    const struct work plain = {flag, with == NO_ATTRIBUTES ? NULL : adult, false};
    if (with != FRESH_ATTRIBUTES) {
        run(&plain);
        return;
    }
    split_attributes *fresh = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    uintptr_t sum = 0;
    int key = 0;
    options.attributes = fresh;
    for (long i = 0; i < CALLS; i++) {
        split_attributes_clear(fresh);
        split_attributes_set_int(fresh, "age", 30);
        split_attributes_set_string(fresh, "country", "us");
        sum += (uintptr_t)split_get_treatment(factory, keys[key], flag, &options);
        if (++key == KEYS) key = 0;
    }
    sink = sum;
    split_attributes_free(fresh);
}

static void run_in_cpp(const char *flag, const split_options *adult, enum attributes with) {
    (void)adult;
    sink = evaluate_in_cpp(factory, keys, KEYS, flag, with, CALLS);
}

static double alone_by(void (*by)(const char *, const split_options *, enum attributes), const char *flag,
                       const split_options *adult, enum attributes with) {
    double before = seconds(CLOCK_THREAD_CPUTIME_ID);
    by(flag, adult, with);
    return (seconds(CLOCK_THREAD_CPUTIME_ID) - before) / (double)CALLS * 1e9;
}

/* Measures C++ beside C; how many calls of malloc an evaluation in C++ has made, which must be none. */
static long compare_with_cpp(const split_options *adult) {
    static const struct {
        const char *what, *flag;
        enum attributes with;
    } rows[] = {{"5050", "5050", NO_ATTRIBUTES},
                {"whitelist", "whitelist", NO_ATTRIBUTES},
                {"segment", "segment", NO_ATTRIBUTES},
                {"attr, kept", "attr", KEPT_ATTRIBUTES},
                {"attr, fresh", "attr", FRESH_ATTRIBUTES}};
    long made = 0;
    printf("\nThrough splitio.hpp, beside the C call: ns per call\n\n%-12s %8s %8s %10s   %s\n", "flag", "C", "C++",
           "difference", "allocations");
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        double c[REPEATS], cpp[REPEATS], differences[REPEATS];
        run_in_c(rows[r].flag, adult, rows[r].with);
        run_in_cpp(rows[r].flag, adult, rows[r].with);
        long before = allocations;
        for (int i = 0; i < REPEATS; i++) {
            c[i] = alone_by(run_in_c, rows[r].flag, adult, rows[r].with);
            cpp[i] = alone_by(run_in_cpp, rows[r].flag, adult, rows[r].with);
            differences[i] = cpp[i] - c[i];
        }
        /* Each run makes its attributes: a handful of calls of malloc, whatever else it does. */
        long calls = REPEATS * CALLS, per_run = (allocations - before) / REPEATS;
        long counted = per_run > 16 ? allocations - before : 0;
        printf("%-12s %8.1f %8.1f %+10.1f   %.6f per call\n", rows[r].what, median(c), median(cpp), median(differences),
               (double)counted / (double)calls);
        made += counted;
    }
    printf("\nattr, kept: attributes that were filled once. attr, fresh: two filled for each call; in C by setters, in "
           "C++ in\n"
           "braces.\n");
    return made;
}

int main(int argc, char **argv) {
    if (argc > 1) calls_per_repeat = atol(argv[1]);
    if (CALLS < KEYS) {
        fprintf(stderr, "usage: %s [calls per repeat, at least %d]\n", argv[0], KEYS);
        return 2;
    }
    start();
    bool pairs = two_cpus();
    if (pairs) pin(cpus[0]);

    split_attributes *attributes = split_attributes_new();
    split_options adult = SPLIT_OPTIONS_INIT;
    split_attributes_set_int(attributes, "age", 30);
    split_attributes_set_string(attributes, "country", "us");
    adult.attributes = attributes;
    if (!answers_are_right(&adult)) {
        printf("the answers are wrong: nothing to measure\n");
        return EXIT_FAILURE;
    }

    const struct {
        struct work work;
        double aim;
    } shapes[] = {{{"5050", NULL, false}, 3.0},
                  {{"whitelist", NULL, false}, 3.5},
                  {{"attr", &adult, false}, 3.5},
                  {{"segment", NULL, false}, 3.5}};
    long total_allocations = 0;
    printf("split_get_treatment of libsplitio %s: ns per call, medians of %d repeats of %ld calls\n\n", split_version(),
           REPEATS, CALLS);
    printf("%-10s %8s %8s %7s %5s   %10s %10s %7s %8s   %s\n", "flag", "1 thread", "bound", "ratio", "aim", "2 threads",
           "scaling", "bound's", "idle cpu", "allocations");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const struct work *library = &shapes[s].work, bare = {library->flag, NULL, true},
                          arithmetic = {NULL, NULL, false};
        double one[REPEATS], bounds[REPEATS], ratios[REPEATS], two[REPEATS], scaling[REPEATS], bounds_scaling[REPEATS],
            idle[REPEATS];
        run(library);
        run(&bare);
        for (int i = 0; i < REPEATS; i++) {
            bounds[i] = alone(&bare);
            one[i] = alone(library);
            ratios[i] = one[i] / bounds[i];
            if (!pairs) continue;
            two[i] = in_pairs(library);
            scaling[i] = one[i] / two[i];
            bounds_scaling[i] = bounds[i] / in_pairs(&bare);
            idle[i] = alone(&arithmetic) / in_pairs(&arithmetic);
        }
        long made = allocations_of(library);
        total_allocations += made;
        printf("%-10s %8.1f %8.1f %6.2fx %4.1fx   ", library->flag, median(one), median(bounds), median(ratios),
               shapes[s].aim);
        if (pairs) {
            printf("%10.1f %9.2fx %6.2fx %7.2fx   ", median(two), median(scaling), median(bounds_scaling),
                   median(idle));
        } else {
            printf("%10s %10s %7s %8s   ", "-", "-", "-", "-");
        }
        printf("%.6f per call\n", (double)made / (double)CALLS);
    }
    printf(
        "\nratio: to the bound, a lookup and a hash behind the same C call. scaling: one thread's time over that of "
        "two\n"
        "pinned threads together; 2 is linear. idle cpu: the same of plain arithmetic; below 1.9, others were using\n"
        "the machine and the scaling says little.\n");

    total_allocations += compare_with_cpp(&adult);
    split_attributes_free(attributes);
    split_destroy(factory, -1);
    split_factory_free(factory);
    bound_free(least);
    if (total_allocations > 0) {
        printf("FAILED: %ld allocations where there must be none\n", total_allocations);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
