/* A program that asks Split: start, wait, evaluate, end. */
#include "guide.h"

static void checkout(const split_factory *factory, const char *user) {
    /* doc: evaluate */
    const char *treatment = split_get_treatment(factory, user, "checkout_one_page", NULL);
    if (strcmp(treatment, "on") == 0) {
        printf("%s: one page\n", user);
    } else if (strcmp(treatment, "off") == 0) {
        printf("%s: four pages\n", user);
    } else {
        printf("%s: four pages, as nobody decided\n", user); /* "control" */
    }
    /* doc: end */
}

int main(void) {
    /* doc: create */
    split_error error;
    split_config *config = split_config_new();
    set(config, "featuresRefreshRate", "60");
    /* doc: end */
    ask(config, given("SPLIT_URL"));
    /* doc: create */
    split_factory *factory = split_factory_new(getenv("SPLIT_SDK_KEY"), config, &error);
    split_config_free(config); /* the factory has its own copy */
    if (factory == NULL) give_up(error.message);
    /* doc: end */

    /* doc: wait */
    split_status status = split_block_until_ready(factory, 5000); /* milliseconds */
    if (status == SPLIT_E_UNAUTHORIZED) give_up("Split does not know this SDK key");
    if (status != SPLIT_OK) fprintf(stderr, "every flag is \"control\" for now: %s\n", split_status_string(status));
    /* doc: end */

    checkout(factory, "ann");
    checkout(factory, "mia");

    /* doc: destroy */
    if (split_destroy(factory, 5000) != SPLIT_OK) fprintf(stderr, "not everything was sent\n");
    split_factory_free(factory);
    /* doc: end */
    return EXIT_SUCCESS;
}
