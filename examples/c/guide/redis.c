/* Redis mode. Its server is at the port REDIS_PORT. */
#include "guide.h"

int main(void) {
    split_error error;
    split_config *config = split_config_new();
    /* doc: redis */
    merge(config, "{\"redisHost\": \"redis.internal\", \"redisPort\": 6379, \"redisPrefix\": \"shop\"}");
    /* doc: end */
    set(config, "redisHost", "127.0.0.1");
    set(config, "redisPort", given("REDIS_PORT"));
    /* doc: redis */
    split_factory *factory = split_factory_new("YOUR_SDK_KEY", config, &error);
    if (factory == NULL) give_up(error.message); /* SPLIT_E_STORAGE: Redis does not answer */
    /* doc: end */
    split_config_free(config);
    printf("%s\n", split_get_treatment(factory, "ann", "checkout_one_page", NULL));
    if (split_track(factory, "ann", "user", "page.view", SPLIT_NO_VALUE, NULL) != SPLIT_OK) give_up("not tracked");
    end(factory);
    return EXIT_SUCCESS;
}
