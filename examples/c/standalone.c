/*
 * libsplitio with Split's services, or with a stand-in for them: waits until it is ready, evaluates every flag for a
 * key, tracks an event, prints the impressions, and ends only when all of it was sent.
 *
 *     cc standalone.c -lsplitio && SPLIT_SDK_KEY=... ./a.out
 *     ./a.out SDK-KEY http://localhost:8080 proxyUrl=http://ann:secret@proxy:3128 caBundlePath=company.pem
 *
 * The arguments are the SDK key, the URL of all services, and options by their names; all may be left out, and the
 * first two may be given by the environment: SPLIT_SDK_KEY, SPLIT_URL. Without a URL it is Split's cloud. With
 * SPLIT_FOLLOW in the environment it stays until its input ends (Ctrl-D), and prints what changes.
 * `scripts/network` runs it against the emulator: directly, through a proxy, and over TLS with a private certificate
 * authority.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <splitio.h>

/* A quarter of a minute, in which a wrong URL or an unknown authority is certain to have shown itself. */
enum { READY_MS = 15000, DESTROY_MS = 10000 };

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void set(split_config *config, const char *name, const char *value) {
    split_error error;
    if (split_config_set(config, name, value, &error) != SPLIT_OK) fail("configuration", error.message);
}

static void set_urls(split_config *config, const char *url) {
    static const char *const services[] = {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url",
                                           "telemetry_api_base_url"};
    char base[2048];
    if (snprintf(base, sizeof base, "%s/api", url) >= (int)sizeof base) fail("configuration", "the URL is too long");
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) set(config, services[i], base);
    set(config, "streaming_api_base_url", url);
}

static void on_impression(const split_impression *impression, void *user_data) {
    (void)user_data; /* called on a thread of the library */
    printf("impression  %s  %s  %s  %s\n", impression->key, impression->flag, impression->treatment,
           impression->label != NULL ? impression->label : "");
}

static void on_update(const split_event *event, void *user_data) {
    (void)user_data; /* likewise */
    printf("change      %s", event->flags_changed ? "flags" : "segments");
    for (size_t i = 0; i < event->names_len; i++) printf("  %s", event->names[i]);
    printf("\n");
    fflush(stdout);
}

static void follow(split_factory *factory) {
    split_status status = split_on(factory, SPLIT_EVENT_UPDATE, on_update, NULL, NULL);
    if (status != SPLIT_OK) fail("split_on", split_status_string(status));
    while (getchar() != EOF) continue;
}

static split_factory *start(int argc, char **argv) {
    const char *key = argc > 1 ? argv[1] : getenv("SPLIT_SDK_KEY");
    const char *url = argc > 2 ? argv[2] : getenv("SPLIT_URL");
    split_error error;
    split_config *config = split_config_new();
    if (key == NULL)
        fail("usage", "standalone [SDK-KEY [URL [OPTION=VALUE ...]]], or SPLIT_SDK_KEY in the environment");
    if (url != NULL) set_urls(config, url);
    for (int i = 3; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL) fail("usage", "options are given as NAME=VALUE");
        *value = '\0';
        set(config, argv[i], value + 1);
    }
    split_config_set_impression_listener(config, on_impression, NULL, NULL);

    split_factory *factory = split_factory_new(key, config, &error);
    split_config_free(config); /* the factory has its own copy */
    if (factory == NULL) fail("factory", error.message);
    return factory;
}

static void evaluate(const split_factory *factory, const char *key) {
    size_t flags, count;
    split_name_list *names = split_manager_names(factory);
    const char *const *list = split_name_list_data(names, &flags);
    split_results *results = split_get_treatments_with_config(factory, key, list, flags, NULL);
    const split_result *each = split_results_data(results, &count);
    for (size_t i = 0; i < count; i++) {
        printf("flag        %s  %s  %s\n", each[i].flag, each[i].treatment,
               each[i].config != NULL ? each[i].config : "");
    }
    split_results_free(results);
    split_name_list_free(names);
}

int main(int argc, char **argv) {
    split_factory *factory = start(argc, argv);
    split_status status = split_block_until_ready(factory, READY_MS);
    if (status == SPLIT_OK) {
        evaluate(factory, "ann");
        status = split_track(factory, "ann", "user", "example.run", 1.0, NULL);
        if (status != SPLIT_OK) fprintf(stderr, "track: %s\n", split_status_string(status));
        if (getenv("SPLIT_FOLLOW") != NULL) follow(factory);
    } else {
        fprintf(stderr, "not ready: %s\n", split_status_string(status));
    }

    /* Sends what is queued. The listener has been called for the last time when it comes back. */
    split_status ended = split_destroy(factory, DESTROY_MS);
    if (ended != SPLIT_OK) fprintf(stderr, "destroy: %s\n", split_status_string(ended));
    split_factory_free(factory);
    return status == SPLIT_OK && ended == SPLIT_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
