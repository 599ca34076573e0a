/*
 * Evaluations for valgrind's callgrind, which counts their instructions: scripts/callgrind starts this, and compares.
 *
 * A factory on the emulator (its URL is the argument), impressions OPTIMIZED, telemetry on. Each row is made warm, and
 * then dumped under its name. Every sixteenth call is timed by the library, so each row has sixteen rounds of the keys.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <splitio.h>
#include <valgrind/callgrind.h>

#define KEYS 100
#define ROUNDS 16
#define BATCH 20
/* Names a dump that nobody reads: only a dump begins the counts of calls anew. */
#define WARM_UP "warm-up"

static char keys[KEYS][24];
static split_factory *factory;
static volatile uintptr_t sink;

static void give_up(const char *what) {
    fprintf(stderr, "cannot go on: %s\n", what);
    exit(EXIT_FAILURE);
}

static void start(const char *url) {
    static const char *const bases[] = {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url",
                                        "telemetry_api_base_url"};
    split_config *config = split_config_new();
    split_error error;
    char base[96];
    snprintf(base, sizeof base, "%s/api", url);
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        if (split_config_set(config, bases[i], base, &error) != SPLIT_OK) give_up(error.message);
    }
    if (split_config_set(config, "streamingEnabled", "false", &error) != SPLIT_OK ||
        split_config_set(config, "impressionsMode", "OPTIMIZED", &error) != SPLIT_OK ||
        split_config_set_logger(config, SPLIT_LOG_NONE, NULL, NULL, NULL) != SPLIT_OK ||
        (factory = split_factory_new("a-key", config, &error)) == NULL) {
        give_up(error.message);
    }
    split_config_free(config);
    if (split_block_until_ready(factory, 60000) != SPLIT_OK) give_up("the factory is not ready");
}

/* ---- Rows: each evaluates once for a key ------------------------------------------------------------------------- */

struct question {
    const char *flag;
    const split_options *options;
};

static uintptr_t treatment(const struct question *question, const char *key) {
    return (uintptr_t)split_get_treatment(factory, key, question->flag, question->options);
}

static uintptr_t with_config(const struct question *question, const char *key) {
    split_result result;
    split_get_treatment_with_config(factory, key, question->flag, question->options, &result);
    uintptr_t treatment = (uintptr_t)result.treatment;
    split_result_release(&result);
    return treatment;
}

static uintptr_t fresh_attributes(const struct question *question, const char *key) {
    split_options options = *question->options;
    split_attributes *attributes = split_attributes_new();
    split_attributes_set_string(attributes, "plan", "enterprise");
    split_attributes_set_string(attributes, "country", "us");
    split_attributes_set_bool(attributes, "beta", true);
    split_attributes_set_int(attributes, "age", 30);
    options.attributes = attributes;
    uintptr_t treatment = (uintptr_t)split_get_treatment(factory, key, question->flag, &options);
    split_attributes_free(attributes);
    return treatment;
}

static uintptr_t twenty(const struct question *question, const char *key) {
    static char names[BATCH][16];
    static const char *flags[BATCH];
    for (int i = 0; flags[BATCH - 1] == NULL; i++) {
        snprintf(names[i], sizeof names[i], "batch_%d", i);
        flags[i] = names[i];
    }
    split_results *results = split_get_treatments(factory, key, flags, BATCH, question->options);
    size_t count;
    uintptr_t treatment = (uintptr_t)split_results_data(results, &count)[BATCH - 1].treatment;
    if (count != BATCH) give_up("not twenty results");
    split_results_free(results);
    return treatment;
}

typedef uintptr_t ask(const struct question *question, const char *key);

/* All keys, `rounds` times; the result is used, so that none of it can be left out. */
static void run(ask *ask, const struct question *question, int rounds) {
    uintptr_t sum = 0;
    for (int round = 0; round < rounds; round++) {
        for (int key = 0; key < KEYS; key++) sum += ask(question, keys[key]);
    }
    sink = sum;
}

static void measure(const char *row, ask *ask, const struct question *question) {
    CALLGRIND_TOGGLE_COLLECT;
    run(ask, question, 2);
    CALLGRIND_DUMP_STATS_AT(WARM_UP);
    run(ask, question, ROUNDS);
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(row);
}

/* Keys that nobody has asked for: every impression is new, and queued or dropped. */
static void measure_unseen(const struct question *question) {
    static char unseen[KEYS * ROUNDS][24];
    uintptr_t sum = 0;
    for (int i = 0; i < KEYS * ROUNDS; i++) snprintf(unseen[i], sizeof unseen[i], "new-user-%011d", i);
    CALLGRIND_DUMP_STATS_AT(WARM_UP);
    CALLGRIND_TOGGLE_COLLECT;
    for (int i = 0; i < KEYS * ROUNDS; i++) sum += treatment(question, unseen[i]);
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT("unseen");
    sink = sum;
}

/* Shares of "on" of the hundred keys: what is counted is what it says. */
static void check(const struct question *question, int expected) {
    int on = 0;
    for (int key = 0; key < KEYS; key++) {
        on += strcmp(split_get_treatment(factory, keys[key], question->flag, question->options), "on") == 0;
    }
    if (abs(on - expected) > 12) give_up(question->flag);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s URL\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < KEYS; i++) snprintf(keys[i], sizeof keys[i], "user-%015d", i);
    start(argv[1]);

    split_attributes *attributes = split_attributes_new();
    split_attributes_set_string(attributes, "plan", "enterprise");
    split_attributes_set_string(attributes, "country", "us");
    split_attributes_set_bool(attributes, "beta", true);
    split_attributes_set_int(attributes, "age", 30);
    split_options adult = SPLIT_OPTIONS_INIT, json = SPLIT_OPTIONS_INIT, bare = SPLIT_OPTIONS_INIT;
    adult.attributes = attributes;
    json.attributes_json = "{\"plan\": \"enterprise\", \"country\": \"us\", \"beta\": true, \"age\": 30}";
    json.attributes_json_len = strlen(json.attributes_json);

    const struct question half = {"5050", NULL}, whitelist = {"whitelist", NULL}, segment = {"segment", NULL},
                          kept = {"attr", &adult}, text = {"attr", &json}, fresh = {"attr", &bare};
    check(&half, 50);
    check(&whitelist, 55);
    check(&segment, 25);
    check(&kept, 50);
    check(&text, 50);
    measure("5050", treatment, &half);
    measure("whitelist", treatment, &whitelist);
    measure("attr", treatment, &kept);
    measure("segment", treatment, &segment);
    measure("attr-json", treatment, &text);
    measure("attr-fresh", fresh_attributes, &fresh);
    measure("with-config", with_config, &half);
    measure("twenty", twenty, &half);
    measure_unseen(&half);

    split_attributes_free(attributes);
    split_destroy(factory, 0);
    split_factory_free(factory);
    return EXIT_SUCCESS;
}
