/*
 * A contestant of the bench that is written in C or C++: what worker.c asks of it.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdbool.h>

#define KEY_SIZE 24
/* As environment.py makes them. */
#define TEAM 20

#ifdef __cplusplus
extern "C" {
#endif

/* The keys to ask for, in turn. */
struct asked {
    const char (*keys)[KEY_SIZE];
    int count;
    long calls;
};

/* Gets ready to evaluate the environment at this URL. `mode` is "optimized", "none", "listener" or "streaming". Ends the process when
 * it cannot. */
void contestant_start(const char *url, const char *mode);

/* Makes the calls: of a flag that is named as the scenario, unless that is another kind of call. How many of the answers are "on", or -1 when this contestant has no such scenario. Any number of threads
 * at once. */
long contestant_run(const char *scenario, const struct asked *asked);

#ifdef __cplusplus
}
#endif

/* Whether an answer is "on": it is that, "off", or "control". Reads the answer, as all contestants do. */
static inline long is_on(const char *treatment) {
    return treatment[0] == 'o' && treatment[1] == 'n';
}

#endif
