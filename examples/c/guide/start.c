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

/* doc: status */
static const char *health(const split_factory *factory) {
    switch (split_factory_status(factory)) {
    case SPLIT_STATUS_READY:
        return "ready";
    case SPLIT_STATUS_NOT_READY:
        return "waiting for the first definitions";
    case SPLIT_STATUS_WAITING_FORK:
        return "waiting for a worker to call";
    default:
        return "destroyed";
    }
}
/* doc: end */

int main(void) {
    /* doc: version */
    if (SPLIT_CHECK_VERSION() != SPLIT_OK) give_up("the program needs a newer libsplitio than the one it found");
    fprintf(stderr, "libsplitio %s (%u)\n", split_version(), (unsigned)split_version_number()); /* 1.2.3 (1002003) */
    /* doc: end */

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

    printf("%s\n", health(factory));
    checkout(factory, "ann");
    checkout(factory, "mia");

    /* doc: destroy */
    if (split_destroy(factory, 5000) != SPLIT_OK) fprintf(stderr, "not everything was sent\n");
    split_factory_free(factory);
    /* doc: end */
    return EXIT_SUCCESS;
}
