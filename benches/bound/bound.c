/* The least that an evaluation could cost, as a contestant: see src/lib.rs. With BOUND_RECORDS it also does the least that
 * recording could cost. */
#include "../c/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS 1000
#define SEED 1462374925 /* of the flag 5050 in environment.py */

typedef struct bound bound;
bound *bound_new(const char *const *names, size_t count, int32_t seed);
const char *bound_get_treatment(const bound *bound, const char *key, const char *flag);
const char *bound_get_treatment_recorded(const bound *bound, const char *key, const char *flag);

#ifdef BOUND_RECORDS
#define EVALUATE bound_get_treatment_recorded
#else
#define EVALUATE bound_get_treatment
#endif

static bound *flags;

void contestant_start(const char *url, const char *mode) {
    static char names[FLAGS][24];
    static const char *pointers[FLAGS];
    (void)url;
    (void)mode;
    for (int i = 0; i < FLAGS; i++) {
        snprintf(names[i], sizeof names[i], "filler_flag_%d", i);
        pointers[i] = names[i];
    }
    pointers[0] = "5050";
    flags = bound_new(pointers, FLAGS, SEED);
}

/* There are no rules: whatever kind of evaluation of one flag it is measured beside, this is what it does. */
static bool is_of_one_flag(const char *scenario) {
    static const char *const known[] = {"5050", "whitelist", "attr", "segment", "config", "kept"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(scenario, known[i]) == 0) return true;
    }
    return false;
}

long contestant_run(const char *scenario, const struct asked *asked) {
    long on = 0;
    int key = 0;
    if (!is_of_one_flag(scenario)) return -1;
    for (long i = 0; i < asked->calls; i++) {
        on += is_on(EVALUATE(flags, asked->keys[key], "5050"));
        if (++key == asked->count) key = 0;
    }
    return on;
}
