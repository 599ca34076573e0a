/*
 * The world of one process, as tests of failures want it; preloaded. The clock on the wall can be set, names below
 * "faults.test" can be unknown, and attempts that no server ever sees are noted: connections and look-ups.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum { MOST = 65536, LOOKUP = 0 };

static atomic_llong ahead; /* seconds */
static atomic_int nameless;

/* An attempt at a port, or to look up a name, in nanoseconds of the monotonic clock. */
static struct {
    atomic_llong at; /* written last; 0 until then */
    unsigned short port;
} attempts[MOST];
static atomic_long attempts_made;

/* ---- What the tests say and ask ---------------------------------------------------------------------------------- */

/* By how many seconds the clock on the wall is ahead of the host's. */
void world_set_clock(long long seconds) {
    atomic_store(&ahead, seconds);
}

void world_forget_names(int forgotten) {
    atomic_store(&nameless, forgotten);
}

/* The times of connections to a port that were begun, or of look-ups of names below faults.test, in seconds of the
 * monotonic clock: `times` has room for `most`. How many there are. */
long world_attempts(unsigned short port, double *times, long most) {
    long count = 0;
    for (long i = 0; i < MOST && count < most; i++) {
        long long at = atomic_load(&attempts[i].at);
        if (at != 0 && attempts[i].port == port) times[count++] = (double)at / 1e9;
    }
    return count;
}

/* ---- The C library's functions ----------------------------------------------------------------------------------- */

/* The function of that name which this one hides. Through memory, as C has no conversion to a function. */
static void find(void *function, const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) find(&real, "clock_gettime");
    int failed = real(clock, now);
    if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += (time_t)atomic_load(&ahead);
    }
    return failed;
}

static void note_attempt(unsigned short port) {
    struct timespec now;
    long place = atomic_fetch_add(&attempts_made, 1);
    if (place >= MOST) abort();
    clock_gettime(CLOCK_MONOTONIC, &now);
    attempts[place].port = port;
    atomic_store(&attempts[place].at, now.tv_sec * 1000000000LL + now.tv_nsec);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (real == NULL) find(&real, "gettimeofday");
    int failed = real(now, zone);
    if (failed == 0) now->tv_sec += (time_t)atomic_load(&ahead);
    return failed;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) *out = now.tv_sec;
    return now.tv_sec;
}

int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict found) {
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    static const char ours[] = ".faults.test";
    if (real == NULL) find(&real, "getaddrinfo");
    size_t len = name != NULL ? strlen(name) : 0;
    if (len < sizeof ours || strcmp(name + len - (sizeof ours - 1), ours) != 0)
        return real(name, service, hints, found);
    note_attempt(LOOKUP);
    return atomic_load(&nameless) ? EAI_AGAIN : real("127.0.0.1", service, hints, found);
}

int connect(int descriptor, __CONST_SOCKADDR_ARG address, socklen_t size) {
    static int (*real)(int, __CONST_SOCKADDR_ARG, socklen_t);
    if (real == NULL) find(&real, "connect");
    if (address.__sockaddr__->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in to;
        memcpy(&to, address.__sockaddr__, sizeof to);
        note_attempt(ntohs(to.sin_port));
    }
    return real(descriptor, address, size);
}
