/* A set of attributes, of each type, for several evaluations. */
#include "guide.h"

/* As a parser leaves it: parts of a text, without a NUL at their ends. */
static const char text[] = "pro hiking,camping/basic climbing,camping";
static const struct request {
    const char *plan;
    size_t plan_len;
    const char *interests[2];
    size_t interest_lens[2];
    double rating;
} requests[] = {{text, 3, {text + 4, text + 11}, {6, 7}, 4.5}, {text + 19, 5, {text + 25, text + 34}, {8, 7}, 3.0}};

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

    /* doc: again */
    split_attributes *visitor = split_attributes_new(); /* one set for many requests */
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        const struct request *request = &requests[i];
        split_attributes_clear(visitor); /* keeps its memory */
        split_attributes_set_string_n(visitor, "plan", 4, request->plan, request->plan_len);
        split_attributes_set_strings_n(visitor, "interests", 9, request->interests, request->interest_lens, 2);
        split_attributes_set_double(visitor, "rating", request->rating);
        options.attributes = visitor;
        printf("wishlist_sharing: %s\n", split_get_treatment(factory, "lea", "wishlist_sharing", &options));
    }
    split_attributes_free(visitor);
    /* doc: end */
    end(factory);
    return EXIT_SUCCESS;
}
