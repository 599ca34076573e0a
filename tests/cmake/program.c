/* What the consumers of this directory build: one evaluation, from the flags of a file, and the versions it sees. */
#include <stdio.h>

#include <splitio.h>

int main(int argc, char **argv) {
    split_error error = {SPLIT_OK, ""};
    split_config *config = split_config_new();
    if (argc != 2 || split_config_set(config, "splitFile", argv[1], &error) != SPLIT_OK) {
        fprintf(stderr, "usage: %s file-of-flags: %s\n", argv[0], error.message);
        return 2;
    }
    split_factory *factory = split_factory_new("localhost", config, &error);
    split_config_free(config);
    if (factory == NULL || split_block_until_ready(factory, 10000) != SPLIT_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    split_result result;
    split_get_treatment_with_config(factory, "ann", "new_checkout", NULL, &result);
    printf("%s %s\n", result.treatment, result.config != NULL ? result.config : "");
    split_result_release(&result);
    printf("header %s, library %s, number %u\n", SPLIT_VERSION, split_version(), (unsigned)split_version_number());
    split_status ended = split_destroy(factory, -1);
    split_factory_free(factory);
    return SPLIT_CHECK_VERSION() == SPLIT_OK && ended == SPLIT_OK ? 0 : 1;
}
