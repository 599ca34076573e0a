/* A program that asks Split: start, wait, evaluate, end. */
#include "guide.hpp"

static void checkout(const splitio::Factory &split, const char *user) {
    /* doc: evaluate */
    const std::string_view treatment = split.treatment(user, "checkout_one_page");
    if (treatment == "on") {
        std::cout << user << ": one page\n";
    } else if (treatment == "off") {
        std::cout << user << ": four pages\n";
    } else {
        std::cout << user << ": four pages, as nobody decided\n"; // splitio::control
    }
    /* doc: end */
}

/* doc: status */
static std::string_view health(const splitio::Factory &split) {
    switch (split.status()) {
    case splitio::Status::ready:
        return "ready";
    case splitio::Status::not_ready:
        return "waiting for the first definitions";
    case splitio::Status::waiting_fork:
        return "waiting for a worker to call";
    default:
        return "destroyed";
    }
}
/* doc: end */

int main() {
    /* doc: version */
    std::cerr << "libsplitio " << splitio::version() << '\n'; // one that is too old is an exception of Factory
    /* doc: end */

    /* doc: create */
    auto config = splitio::Config{}.set("featuresRefreshRate", 60s);
    /* doc: end */
    ask(config, given("SPLIT_URL"));
    /* doc: create */
    splitio::Factory split{std::getenv("SPLIT_SDK_KEY"), config}; // throws splitio::Error
    /* doc: end */

    /* doc: wait */
    try {
        split.block_until_ready(5s);
    } catch (const splitio::Error &error) {
        if (error.code() == splitio::Errc::unauthorized) throw;
        std::cerr << "every flag is \"control\" for now: " << error.what() << '\n';
    }
    /* doc: end */

    std::cout << health(split) << '\n';
    checkout(split, "ann");
    checkout(split, "mia");

    /* doc: destroy */
    std::error_code error;
    split.destroy(5s, error); // the destructor does it too, for up to 10 s, and tells nobody
    if (error) std::cerr << "not everything was sent\n";
    /* doc: end */
}
