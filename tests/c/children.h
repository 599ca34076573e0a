/*
 * Forked children whose failed checks are those of the test that made them.
 */
#ifndef CHILDREN_H
#define CHILDREN_H

#include "support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Milliseconds after which a child is taken to hang. */
enum { CHILD_MS = 2 * PATIENCE_MS };

/* How a child ended within so many milliseconds; -1 for one that did not, and was killed. */
static inline int ended_within(pid_t child, long long limit) {
    long long until = now_ms() + limit;
    int status = -1;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (now_ms() > until) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            return -1;
        }
        usleep(2000);
    }
    return status;
}

/* How a child ended; -1 for one that hung and was killed. */
static inline int status_of(pid_t child) {
    return ended_within(child, CHILD_MS);
}

static inline pid_t forked(void (*body)(void)) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        check_failures = 0;
        body();
        fflush(NULL);
        end_child(check_failures == 0);
    }
    CHECK(child > 0);
    return child;
}

/* Runs `body` in a child to its end. */
static inline void in_child(void (*body)(void)) {
    CHECK_INT(status_of(forked(body)), 0);
}

#endif
