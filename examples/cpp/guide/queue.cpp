/* An event loop that nobody calls back: it waits for a descriptor and takes what is there. */
#include <poll.h>

#include "guide.hpp"

static bool over;

static void take(std::string_view records) {
    over = records.find(R"("type":"impression")") != records.npos;
}

int main() {
    /* doc: enable */
    auto config = shop().queue(splitio::Queue::impressions | splitio::Queue::events);
    /* doc: end */
    const splitio::Factory split = started("localhost", config);
    split.treatment("ann", "checkout_one_page");

    /* doc: loop */
    pollfd waiting{split.poll_fd(), POLLIN, 0}; // beside the loop's other descriptors
    while (!over) {
        if (poll(&waiting, 1, 1000) <= 0) continue;
        const auto records = split.poll(0s);
        if (!records) break;                          // the factory is destroyed, and the queue empty
        if (!records->empty()) take(records->view()); // objects whose "type" is "impression", "log" or "event"
    }
    /* doc: end */
    std::cout << "an impression came\n";
}
