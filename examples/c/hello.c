#include <stdio.h>
#include <splitio.h>

int main(void) {
    split_error error;
    split_config *config = split_config_new();
    if (split_config_set(config, "splitFile", "flags.yaml", &error) != SPLIT_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    split_factory *factory = split_factory_new("localhost", config, &error);
    split_config_free(config);
    if (factory == NULL) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    if (split_block_until_ready(factory, 5000) == SPLIT_OK) {
        split_options options = SPLIT_OPTIONS_INIT;
        options.attributes_json = "{\"age\": 30, \"plan\": \"pro\"}";
        split_result result;
        split_get_treatment_with_config(factory, "ann", "new_checkout", &options, &result);
        printf("%s %s\n", result.treatment, result.config != NULL ? result.config : "");
        split_result_release(&result);
    }
    split_destroy(factory, 5000);
    split_factory_free(factory);
    return 0;
}
