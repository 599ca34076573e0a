/*
 * What the programs of docs/guide.md share, so that each shows its subject and nothing else. They run in a copy of
 * examples/data; those that ask Split ask the emulator at SPLIT_URL. `scripts/docs-test` runs them all.
 */
#ifndef GUIDE_H
#define GUIDE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <splitio.h>

/* doc: helpers */
static inline void give_up(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(EXIT_FAILURE);
}

static inline void set(split_config *config, const char *name, const char *value) {
    split_error error;
    if (split_config_set(config, name, value, &error) != SPLIT_OK) give_up(error.message);
}

static inline void merge(split_config *config, const char *json) {
    split_error error;
    if (split_config_merge_json(config, json, &error) != SPLIT_OK) give_up(error.message);
}
/* doc: end */

/* Has a factory made from `config` ask the services at `url`, in place of Split's cloud. */
static inline void ask(split_config *config, const char *url) {
    /* doc: urls */
    static const char *const services[] = {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url",
                                           "telemetry_api_base_url"};
    char base[256];
    snprintf(base, sizeof base, "%s/api", url); /* http://127.0.0.1:8080/api */
    for (int i = 0; i < 4; i++) set(config, services[i], base);
    set(config, "streaming_api_base_url", url);
    /* doc: end */
}

/* A variable that scripts/docs-test sets. */
static inline const char *given(const char *name) {
    const char *value = getenv(name);
    if (value == NULL) fprintf(stderr, "%s is not set\n", name);
    return value != NULL ? value : (exit(EXIT_FAILURE), "");
}

/* Ends `config`. The factory is ready. */
static inline split_factory *started(const char *sdk_key, split_config *config) {
    split_error error;
    split_factory *factory = split_factory_new(sdk_key, config, &error);
    split_config_free(config);
    if (factory == NULL) give_up(error.message);
    split_status status = split_block_until_ready(factory, 5000);
    if (status != SPLIT_OK) give_up(split_status_string(status));
    return factory;
}

/* The flags of a web shop, from a file. */
static inline split_config *shop(void) {
    split_config *config = split_config_new();
    set(config, "splitFile", "environment.json");
    set(config, "segmentDirectory", "segments");
    return config;
}

static inline void end(split_factory *factory) {
    if (split_destroy(factory, 5000) != SPLIT_OK) give_up("not everything was sent");
    split_factory_free(factory);
}

#endif
