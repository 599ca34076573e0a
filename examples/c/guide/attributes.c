/* A set of attributes, of each type, for several evaluations. */
#include "guide.h"

int main(void) {
    split_factory *factory = started("localhost", shop());
    /* doc: types */
    static const char *const interests[] = {"hiking", "camping", "tea"};
    split_attributes *kim = split_attributes_new();
    split_attributes_set_string(kim, "app_version", "3.4.1");        /* text, versions too */
    split_attributes_set_int(kim, "orders", 12);                     /* a number */
    split_attributes_set_datetime(kim, "registered", 1796083200000); /* a date, in milliseconds since 1970 */
    split_attributes_set_bool(kim, "consent", true);                 /* a boolean */
    split_attributes_set_strings(kim, "interests", interests, 3);    /* a set */
    split_attributes_merge_json(kim, "{\"city\": \"Bern\"}", NULL);  /* or as JSON, several at a time */

    split_options options = SPLIT_OPTIONS_INIT;
    options.attributes = kim;
    static const char *const flags[] = {"app_ar_preview", "loyalty_tier", "welcome_tour", "marketing_emails",
                                        "wishlist_sharing"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        printf("%s: %s\n", flags[i], split_get_treatment(factory, "kim", flags[i], &options));
    }
    split_attributes_free(kim);
    /* doc: end */
    end(factory);
    return EXIT_SUCCESS;
}
