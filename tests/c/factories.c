/* Starting and ending factories: the part of support.h that calls the library, so that dlopen.c can do without. */
#include "support.h"

static void must(split_status status, const split_error *error, const char *what) {
    if (status == SPLIT_OK) return;
    fprintf(stderr, "cannot go on: %s: %d %s\n", what, (int)status, error->message);
    exit(EXIT_FAILURE);
}

split_config *config_for(const char *path, const char *json) {
    split_config *config = split_config_new();
    split_error error;
    error.message[0] = '\0';
    if (config == NULL) must(SPLIT_E_PANIC, &error, "split_config_new");
    must(split_config_set(config, "splitFile", path, &error), &error, "splitFile");
    must(split_config_set(config, "segmentDirectory", in_data("segments"), &error), &error, "segmentDirectory");
    error.message[0] = '\0';
    must(split_config_set_logger(config, SPLIT_LOG_DEBUG, watch_log, NULL, NULL), &error, "split_config_set_logger");
    if (json != NULL) must(split_config_merge_json(config, json, &error), &error, json);
    return config;
}

split_factory *started(const split_config *config) {
    split_error error;
    split_factory *factory = split_factory_new("localhost", config, &error);
    if (factory == NULL) must(error.status != SPLIT_OK ? error.status : SPLIT_E_PANIC, &error, "split_factory_new");
    error.message[0] = '\0';
    must(split_block_until_ready(factory, PATIENCE_MS), &error, "split_block_until_ready");
    return factory;
}

split_factory *localhost_with(const char *path, const char *json) {
    split_config *config = config_for(path, json);
    split_factory *factory = started(config);
    split_config_free(config);
    return factory;
}

split_factory *localhost(const char *path) {
    return localhost_with(path, NULL);
}

void ended(split_factory *factory) {
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
}

void promptly_ended(split_factory *factory, split_status expected) {
    long long begun = now_ms();
    CHECK_INT(split_destroy(factory, 500), expected);
    long long took = now_ms() - begun;
    check_that(took < 1000, __FILE__, __LINE__, "destroy took %lld ms", took);
    split_factory_free(factory);
}
