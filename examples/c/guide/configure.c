/* Options: by name, as JSON, what they say when they are wrong, and which there are. */
#include "guide.h"

int main(void) {
    split_error error;
    split_config *config = shop();

    /* doc: set */
    set(config, "impressionsMode", "DEBUG");
    set(config, "labels_enabled", "false"); /* labelsEnabled, in snake case */
    merge(config, "{\"eventsPushRate\": 30, \"flagSetsFilter\": [\"checkout\", \"search\"]}");
    /* doc: end */

    /* doc: wrong */
    if (split_config_set(config, "featureRefreshRate", "60", &error) != SPLIT_OK) {
        printf("%d: %s\n", (int)error.status, error.message);
    }
    if (split_config_set(config, "featuresRefreshRate", "soon", &error) != SPLIT_OK) printf("%s\n", error.message);
    /* doc: end */

    /* doc: fallback */
    merge(config, "{\"fallbackTreatments\": {\"global\": \"off\","
                  " \"byFlag\": {\"banner\": {\"treatment\": \"plain\", \"config\": \"{}\"}}}}");
    /* doc: end */

    /* doc: options */
    for (size_t i = 0; i < split_option_count(); i++) {
        const split_option *option = split_option_at(i);
        if (strncmp(option->name, "mtls", 4) == 0)
            printf("%s (%s): %s\n", option->name, option->kind, option->description);
    }
    /* doc: end */

    split_factory *factory = started("localhost", config);
    split_result result;
    split_get_treatment_with_config(factory, "ann", "banner", NULL, &result);
    printf("banner: %s %s\n", result.treatment, result.config);
    split_result_release(&result);
    printf("no_such_flag: %s\n", split_get_treatment(factory, "ann", "no_such_flag", NULL));
    /* Outside of flagSetsFilter. */
    printf("app_dark_mode: %s\n", split_get_treatment(factory, "ann", "app_dark_mode", NULL));
    end(factory);
    return EXIT_SUCCESS;
}
