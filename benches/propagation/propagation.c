/*
 * How long a change takes from the backend to an evaluation: by the stream, without a fetch.
 *
 *     propagation HOST PORT CHANGES    prints: median, 99th percentile and most of the microseconds, and the fetches
 *
 * A change begins when its request to the emulator is sent, so the time has the emulator's work on it; it ends when the
 * evaluation, which is asked all the time, answers differently. The emulator is another process and announces each
 * change with the definition in it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_gettime, usleep */
#endif
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <splitio.h>

#define PATIENCE_US 5e6
#define WARM_UP 20

static const char *host, *port;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static double microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* ---- The emulator's control API: one connection, kept --------------------------------------------------------- */

static int connected(void) {
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *found;
    int yes = 1;
    if (getaddrinfo(host, port, &wanted, &found) != 0) fail(host, "no such host");
    int peer = socket(found->ai_family, found->ai_socktype, 0);
    if (peer < 0 || connect(peer, found->ai_addr, found->ai_addrlen) != 0) fail(host, "cannot connect");
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    freeaddrinfo(found);
    return peer;
}

static void ask(int peer, const char *method, const char *path, const char *body) {
    char request[4096];
    int length =
        snprintf(request, sizeof request, "%s /control/%s HTTP/1.1\r\nHost: emulator\r\nContent-Length: %zu\r\n\r\n%s",
                 method, path, strlen(body), body);
    if (length < 0 || (size_t)length >= sizeof request) fail(path, "the request is too long");
    if (write(peer, request, (size_t)length) != length) fail(path, "cannot be sent");
}

/* The answer up to the end of its body; valid until the next. */
static const char *answer(int peer) {
    static char text[65536];
    size_t length = 0;
    for (;;) {
        ssize_t more = read(peer, text + length, sizeof text - 1 - length);
        if (more <= 0) fail("control API", "no answer");
        length += (size_t)more;
        text[length] = '\0';
        char *body = strstr(text, "\r\n\r\n"), *announced = strcasestr(text, "content-length:");
        if (body == NULL || announced == NULL) continue;
        if (length < (size_t)(body + 4 - text) + strtoul(announced + 15, NULL, 10)) continue;
        if (strncmp(text, "HTTP/1.1 200", 12) != 0) fail("control API", text);
        return body + 4;
    }
}

static void change(int peer, const char *treatment) {
    char body[1024];
    snprintf(
        body, sizeof body,
        "{\"flag\": {\"name\": \"probe\", \"trafficTypeName\": \"user\", \"status\": \"ACTIVE\", \"killed\": false, "
        "\"defaultTreatment\": \"off\", \"seed\": 7, \"algo\": 2, \"sets\": [\"web\"], \"conditions\": "
        "[{\"conditionType\": "
        "\"ROLLOUT\", \"label\": \"all\", \"matcherGroup\": {\"combiner\": \"AND\", \"matchers\": [{\"matcherType\": "
        "\"ALL_KEYS\"}]}, \"partitions\": [{\"treatment\": \"%s\", \"size\": 100}]}]}}",
        treatment);
    ask(peer, "POST", "flags", body);
}

/* How often definitions were fetched. */
static long fetches(int peer) {
    ask(peer, "GET", "counters", "");
    const char *definitions = strstr(answer(peer), "\"splitChanges\"");
    const char *count = definitions == NULL ? NULL : strstr(definitions, "\"requests\":");
    return count == NULL ? 0 : atol(count + strlen("\"requests\":"));
}

/* ---- The SDK -------------------------------------------------------------------------------------------------- */

static split_factory *started(void) {
    char options[1024];
    split_error error;
    split_config *config = split_config_new();
    snprintf(options, sizeof options,
             "{\"sdk_api_base_url\": \"http://%s:%s/api\", \"events_api_base_url\": \"http://%s:%s/api\", "
             "\"auth_api_base_url\": \"http://%s:%s/api\", \"telemetry_api_base_url\": \"http://%s:%s/api\", "
             "\"streaming_api_base_url\": \"http://%s:%s\", \"impressionsMode\": \"NONE\"}",
             host, port, host, port, host, port, host, port, host, port);
    if (split_config_merge_json(config, options, &error) != SPLIT_OK) fail("configuration", error.message);
    split_factory *factory = split_factory_new("propagation", config, &error);
    split_config_free(config);
    if (factory == NULL) fail("factory", error.message);
    if (split_block_until_ready(factory, 60000) != SPLIT_OK) fail("factory", "not ready");
    return factory;
}

/* Waits until the flag serves the treatment. */
static void until(split_factory *factory, const char *treatment) {
    double begun = microseconds();
    while (strcmp(split_get_treatment(factory, "key", "probe", NULL), treatment) != 0) {
        if (microseconds() - begun > PATIENCE_US) fail("the change did not arrive", treatment);
    }
}

static int ascending(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    long changes = argc == 4 ? atol(argv[3]) : 0;
    if (changes < 1) {
        fprintf(stderr, "usage: %s HOST PORT CHANGES\n", argv[0]);
        return 2;
    }
    host = argv[1];
    port = argv[2];
    int peer = connected();
    double *times = calloc((size_t)changes, sizeof *times);
    if (times == NULL) fail("memory", "there is none");
    change(peer, "start");
    answer(peer);
    split_factory *factory = started();
    /* The first ones may come before the stream is up; they are not measured. */
    long fetched = 0;
    for (long n = -WARM_UP; n < changes; n++) {
        const char *treatment = n % 2 == 0 ? "even" : "odd";
        if (n < 0) usleep(50000);
        if (n == 0) fetched = fetches(peer);
        double begun = microseconds();
        change(peer, treatment);
        until(factory, treatment);
        if (n >= 0) times[n] = microseconds() - begun;
        answer(peer);
    }
    fetched = fetches(peer) - fetched;
    qsort(times, (size_t)changes, sizeof *times, ascending);
    printf("%.0f %.0f %.0f %ld\n", times[changes / 2], times[changes * 99 / 100], times[changes - 1], fetched);
    split_destroy(factory, -1);
    split_factory_free(factory);
    free(times);
    close(peer);
    return fetched == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
