/* Events, for metrics. */
#include "guide.hpp"

int main() {
    splitio::Config config;
    ask(config, given("SPLIT_URL"));
    const splitio::Factory split = started("guide-key", config);
    /* doc: track */
    split.track("ann", "user", "page.view");
    split.track("ann", "user", "page.load_time", 83.334);
    split.track("ann", "user", "order.paid", 129.90, {{"currency", "EUR"}, {"items", 3}, {"first", true}});
    /* doc: end */

    /* doc: refused */
    std::error_code error;
    if (!split.track("ann", "user", "not valid", std::nullopt, error)) {
        std::cout << splitio::LastError{}.message() << '\n'; // of this thread
    }
    /* doc: end */
    split.flush(5s);
    std::cout << "sent\n";
}
