/* This library, called from C. */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <splitio.h>

#define FOUR_JSON "{\"age\": 30, \"country\": \"us\", \"plan\": \"pro\", \"beta\": true}"

static split_factory *factory;
static split_attributes *two, *four;
static char team[TEAM][16];
static const char *names[TEAM];

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void fill_two(split_attributes *attributes) {
    split_attributes_set_int(attributes, "age", 30);
    split_attributes_set_string(attributes, "country", "us");
}

static void fill_four(split_attributes *attributes) {
    fill_two(attributes);
    split_attributes_set_string(attributes, "plan", "pro");
    split_attributes_set_bool(attributes, "beta", true);
}

static void heard(const split_impression *impression, void *user_data) {
    (void)impression;
    ++*(long *)user_data; /* one thread calls listeners */
}

void contestant_start(const char *url, const char *mode) {
    static const char *const services[] = {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url",
                                           "telemetry_api_base_url"};
    static long count;
    split_error error;
    split_config *config = split_config_new();
    char base[256];
    snprintf(base, sizeof base, "%s/api", url);
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        if (split_config_set(config, services[i], base, &error) != SPLIT_OK) fail("configuration", error.message);
    }
    bool streaming = strcmp(mode, "streaming") == 0;
    if (split_config_set(config, "streaming_api_base_url", url, &error) != SPLIT_OK ||
        split_config_set(config, "streamingEnabled", streaming ? "true" : "false", &error) != SPLIT_OK ||
        split_config_set(config, "impressionsMode", strcmp(mode, "none") == 0 ? "NONE" : "OPTIMIZED", &error) !=
            SPLIT_OK ||
        split_config_merge_json(config, "{\"readTimeout\": 120000}", &error) != SPLIT_OK) {
        fail("configuration", error.message);
    }
    if (strcmp(mode, "listener") == 0) split_config_set_impression_listener(config, heard, &count, NULL);
    split_config_set_logger(config, SPLIT_LOG_NONE, NULL, NULL, NULL);
    factory = split_factory_new("bench-key", config, &error);
    split_config_free(config);
    if (factory == NULL) fail("factory", error.message);
    split_status status = split_block_until_ready(factory, 300000);
    if (status != SPLIT_OK) fail("not ready", split_status_string(status));
    two = split_attributes_new();
    four = split_attributes_new();
    fill_two(two);
    fill_four(four);
    for (int i = 0; i < TEAM; i++) {
        snprintf(team[i], sizeof team[i], "team_%d", i);
        names[i] = team[i];
    }
}

static long one_by_one(const char *flag, const split_options *options, const struct asked *asked) {
    long on = 0;
    int key = 0;
    for (long i = 0; i < asked->calls; i++) {
        on += is_on(split_get_treatment(factory, asked->keys[key], flag, options));
        if (++key == asked->count) key = 0;
    }
    return on;
}

static long fresh_attributes(const struct asked *asked) {
    split_options options = SPLIT_OPTIONS_INIT;
    long on = 0;
    int key = 0;
    for (long i = 0; i < asked->calls; i++) {
        split_attributes *attributes = split_attributes_new();
        fill_four(attributes);
        options.attributes = attributes;
        on += is_on(split_get_treatment(factory, asked->keys[key], "four", &options));
        split_attributes_free(attributes);
        if (++key == asked->count) key = 0;
    }
    return on;
}

static long with_config(const struct asked *asked) {
    long on = 0;
    int key = 0;
    for (long i = 0; i < asked->calls; i++) {
        split_result result;
        split_get_treatment_with_config(factory, asked->keys[key], "configured", NULL, &result);
        on += is_on(result.treatment) && result.config != NULL;
        split_result_release(&result);
        if (++key == asked->count) key = 0;
    }
    return on;
}

static long many(bool by_set, const struct asked *asked) {
    long on = 0;
    int key = 0;
    for (long i = 0; i < asked->calls; i++) {
        const char *name = asked->keys[key];
        split_results *results = by_set ? split_get_treatments_by_flag_set(factory, name, "team", NULL)
                                        : split_get_treatments(factory, name, names, TEAM, NULL);
        size_t count;
        const split_result *data = split_results_data(results, &count);
        for (size_t r = 0; r < count; r++) on += is_on(data[r].treatment);
        split_results_free(results);
        if (++key == asked->count) key = 0;
    }
    return on;
}

long contestant_run(const char *scenario, const struct asked *asked) {
    split_options options = SPLIT_OPTIONS_INIT;
    options.attributes = two;
    if (strcmp(scenario, "attr") == 0) return one_by_one("attr", &options, asked);
    options.attributes = four;
    if (strcmp(scenario, "kept") == 0) return one_by_one("four", &options, asked);
    if (strcmp(scenario, "fresh") == 0) return fresh_attributes(asked);
    if (strcmp(scenario, "json") == 0) {
        options.attributes = NULL;
        options.attributes_json = FOUR_JSON;
        return one_by_one("four", &options, asked);
    }
    if (strcmp(scenario, "config") == 0) return with_config(asked);
    if (strcmp(scenario, "twenty") == 0) return many(false, asked);
    if (strcmp(scenario, "set") == 0) return many(true, asked);
    return one_by_one(scenario, NULL, asked);
}
