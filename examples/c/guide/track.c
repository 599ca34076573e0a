/* Events, for metrics. */
#include "guide.h"

int main(void) {
    split_config *config = split_config_new();
    ask(config, given("SPLIT_URL"));
    split_factory *factory = started("guide-key", config);
    /* doc: track */
    split_track(factory, "ann", "user", "page.view", SPLIT_NO_VALUE, NULL);
    split_track(factory, "ann", "user", "page.load_time", 83.334, NULL);

    split_options options = SPLIT_OPTIONS_INIT;
    options.properties_json = "{\"currency\": \"EUR\", \"items\": 3, \"first\": true}";
    split_track(factory, "ann", "user", "order.paid", 129.90, &options);
    /* doc: end */

    /* doc: refused */
    if (split_track(factory, "ann", "user", "not valid", SPLIT_NO_VALUE, NULL) != SPLIT_OK) {
        split_error why;
        split_last_error(&why); /* of this thread */
        printf("%s\n", why.message);
    }
    /* doc: end */
    if (split_flush(factory, 5000) != SPLIT_OK) give_up("the events were not sent");
    printf("sent\n");
    end(factory);
    return EXIT_SUCCESS;
}
