/* Localhost mode, and the three kinds of files it reads. */
#include "guide.hpp"

static void show(const splitio::Factory &split, const char *key, const char *flag) {
    std::cout << flag << " for " << key << ": " << split.treatment(key, flag) << '\n';
}

int main() {
    {
        /* doc: json */
        auto config = splitio::Config{}
                          .set("splitFile", "environment.json")
                          .set("segmentDirectory", "segments")
                          .set("localhostRefreshEnabled", true); // read again while the program runs
        splitio::Factory split{"localhost", config};
        /* doc: end */
        split.block_until_ready(5s);
        show(split, "ann", "checkout_one_page");
    }
    const splitio::Factory yaml = started("localhost", splitio::Config{}.set("splitFile", "flags.yaml"));
    show(yaml, "ann", "new_checkout");
    show(yaml, "zoe", "new_checkout");
    show(yaml, "zoe", "banner");

    const splitio::Factory text = started("localhost", splitio::Config{}.set("splitFile", "flags.split"));
    show(text, "zoe", "reporting_v2");
    show(text, "zoe", "new-navigation");
}
