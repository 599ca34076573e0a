/* Localhost mode, and the three kinds of files it reads. */
#include "guide.h"

static void show(split_factory *factory, const char *key, const char *flag) {
    printf("%s for %s: %s\n", flag, key, split_get_treatment(factory, key, flag, NULL));
}

static split_config *json_files(void) {
    split_config *config = split_config_new();
    /* doc: json */
    set(config, "splitFile", "environment.json");
    set(config, "segmentDirectory", "segments");
    set(config, "localhostRefreshEnabled", "true"); /* read again while the program runs */
    /* doc: end */
    return config;
}

static split_config *file(const char *path) {
    split_config *config = split_config_new();
    set(config, "splitFile", path);
    return config;
}

int main(void) {
    split_factory *json = started("localhost", json_files());
    show(json, "ann", "checkout_one_page");
    end(json);

    split_factory *yaml = started("localhost", file("flags.yaml"));
    show(yaml, "ann", "new_checkout");
    show(yaml, "zoe", "new_checkout");
    show(yaml, "zoe", "banner");
    end(yaml);

    split_factory *text = started("localhost", file("flags.split"));
    show(text, "zoe", "reporting_v2");
    show(text, "zoe", "new-navigation");
    end(text);
    return EXIT_SUCCESS;
}
