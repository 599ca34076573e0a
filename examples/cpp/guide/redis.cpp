/* Redis mode. Its server is at the port REDIS_PORT. */
#include "guide.hpp"

int main() {
    /* doc: redis */
    auto config =
        splitio::Config{}.set("redisHost", "redis.internal").set("redisPort", 6379).set("redisPrefix", "shop");
    /* doc: end */
    config.set("redisHost", "127.0.0.1").set("redisPort", given("REDIS_PORT"));
    /* doc: redis */
    splitio::Factory split{"YOUR_SDK_KEY", config}; // throws Errc::storage where Redis does not answer
    /* doc: end */
    std::cout << split.treatment("ann", "checkout_one_page") << '\n';
    if (!split.track("ann", "user", "page.view")) return EXIT_FAILURE;
}
