/*
 * The world of one process, as tests of failures want it; preloaded. The clock on the wall can be set, names below
 * "faults.test" can be unknown, and attempts that no server ever sees are counted: connections and look-ups.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

enum { PORTS = 65536 };

static atomic_llong ahead; /* seconds */
static atomic_int nameless;
static atomic_long lookups;
static atomic_long connections[PORTS];

/* ---- What the tests say and ask ---------------------------------------------------------------------------------- */

/* By how many seconds the clock on the wall is ahead of the host's. */
void world_set_clock(long long seconds) {
    atomic_store(&ahead, seconds);
}

void world_forget_names(int forgotten) {
    atomic_store(&nameless, forgotten);
}

/* How often a name below faults.test was asked for. */
long world_lookups(void) {
    return atomic_load(&lookups);
}

/* How often a connection to a port was begun. */
long world_connections(unsigned short port) {
    return atomic_load(&connections[port]);
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
    atomic_fetch_add(&lookups, 1);
    return atomic_load(&nameless) ? EAI_AGAIN : real("127.0.0.1", service, hints, found);
}

int connect(int descriptor, __CONST_SOCKADDR_ARG address, socklen_t size) {
    static int (*real)(int, __CONST_SOCKADDR_ARG, socklen_t);
    if (real == NULL) find(&real, "connect");
    if (address.__sockaddr__->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in to;
        memcpy(&to, address.__sockaddr__, sizeof to);
        atomic_fetch_add(&connections[ntohs(to.sin_port)], 1);
    }
    return real(descriptor, address, size);
}
