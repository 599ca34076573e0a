/* Every way to ask for a treatment. */
#include "guide.h"

static void with_attributes(const split_factory *factory) {
    /* doc: attributes */
    split_options options = SPLIT_OPTIONS_INIT;
    options.attributes_json = "{\"orders\": 12, \"plan\": \"pro\"}";
    const char *treatment = split_get_treatment(factory, "zoe", "loyalty_tier", &options);
    /* doc: end */
    printf("loyalty_tier: %s\n", treatment);
}

static void with_a_bucketing_key(const split_factory *factory) {
    /* doc: bucketing */
    split_options options = SPLIT_OPTIONS_INIT;
    options.bucketing_key = "company-7"; /* all users of a company get the same treatment */
    const char *treatment = split_get_treatment(factory, "ann", "catalog_layout", &options);
    /* doc: end */
    options.bucketing_key = "company-7";
    bool alike = strcmp(treatment, split_get_treatment(factory, "mia", "catalog_layout", &options)) == 0;
    printf("catalog_layout: %s\n", alike ? "the same for ann and mia" : "one each");
}

static void with_properties(const split_factory *factory) {
    /* doc: properties */
    split_options options = SPLIT_OPTIONS_INIT;
    options.properties_json = "{\"page\": \"cart\", \"items\": 3}";
    const char *treatment = split_get_treatment(factory, "ann", "free_shipping", &options);
    /* doc: end */
    printf("free_shipping: %s\n", treatment);
}

static void with_configuration(const split_factory *factory) {
    /* doc: config */
    split_result result;
    split_get_treatment_with_config(factory, "mia", "homepage_hero", NULL, &result);
    printf("%s, %s\n", result.treatment, result.config != NULL ? result.config : "without configuration");
    split_result_release(&result); /* result.config was valid until here, result.treatment stays valid */
    /* doc: end */
}

static void with_lengths(const split_factory *factory) {
    /* doc: lengths */
    static const char line[] = "ann page.view checkout_one_page"; /* from a socket, say: no text of it ends in a NUL */
    const char *user = line, *event = line + 4, *flag = line + 14;
    const char *treatment = split_get_treatment_n(factory, user, 3, flag, 17, NULL);
    split_result result;
    split_get_treatment_with_config_n(factory, user, 3, flag, 17, NULL, &result);
    split_track_n(factory, user, 3, "user", 4, event, 9, SPLIT_NO_VALUE, NULL);
    /* doc: end */
    printf("%s, %s\n", treatment, result.config);
    split_result_release(&result);
}

static void why(const split_factory *factory) {
    /* doc: why */
    split_result result;
    if (split_get_treatment_with_config(factory, "mia", "no_such_flag", NULL, &result) != SPLIT_OK) {
        printf("%s: %s\n", result.treatment, split_status_string(result.status));
    }
    split_result_release(&result);
    split_get_treatment_with_config(factory, "ann", "checkout_one_page", NULL, &result);
    printf("%s: %s\n", result.treatment, result.label != NULL ? result.label : "");
    split_result_release(&result);
    /* doc: end */
}

static void account(const split_factory *factory) {
    /* doc: explain */
    split_json text;
    if (split_explain(factory, "ann", "checkout_one_page", NULL, &text) == SPLIT_OK) puts(text.ptr);
    split_json_release(&text);
    /* doc: end */
}

static void many(const split_factory *factory) {
    /* doc: many */
    static const char *const flags[] = {"checkout_one_page", "payment_provider"};
    split_results *results = split_get_treatments(factory, "ann", flags, 2, NULL);
    size_t count;
    const split_result *each = split_results_data(results, &count);
    for (size_t i = 0; i < count; i++) printf("%s = %s\n", each[i].flag, each[i].treatment);
    split_results_free(results);
    /* doc: end */
}

static void of_sets(const split_factory *factory) {
    /* doc: sets */
    split_results *payments = split_get_treatments_with_config_by_flag_set(factory, "ann", "payments", NULL);
    const split_result *provider = split_results_find(payments, "payment_provider");
    if (provider != NULL) printf("%s %s\n", provider->treatment, provider->config != NULL ? provider->config : "");
    split_results_free(payments);

    static const char *const sets[] = {"search", "wholesale"};
    split_results *both = split_get_treatments_by_flag_sets(factory, "ann", sets, 2, NULL);
    size_t count;
    split_results_data(both, &count);
    printf("%zu flags are in search or wholesale\n", count);
    split_results_free(both);
    /* doc: end */
}

int main(void) {
    split_factory *factory = started("localhost", shop());
    with_attributes(factory);
    with_a_bucketing_key(factory);
    with_properties(factory);
    with_configuration(factory);
    with_lengths(factory);
    why(factory);
    account(factory);
    many(factory);
    of_sets(factory);
    end(factory);
    return EXIT_SUCCESS;
}
