/* What the library tells a program: that it is ready, that flags changed, impressions, and its log. */
#include "guide.hpp"

int main() {
    splitio::Config config = shop();
    /* doc: attach */
    config.listener([](const splitio::Impression &impression) { // on the thread splitio-deliver
        std::cout << impression.key << " got " << impression.treatment << " of " << impression.flag << ": "
                  << impression.label << '\n';
    });
    config.logger(splitio::LogLevel::warning, [](const splitio::LogRecord &record) { // on any thread
        std::clog << record.target << ": " << record.message << '\n';
    });
    /* doc: end */
    splitio::Factory split{"localhost", config};
    /* doc: on */
    split.on_ready([] { std::cout << "ready\n"; });
    split.on_update([](const splitio::Update &update) {
        if (!update.flags_changed) std::cout << "segments changed\n";
        for (const std::string_view name : update.names) std::cout << name << " changed\n";
    });
    /* doc: end */
    split.block_until_ready(5s);
    split.flush(5s); // "ready" has been told
    split.treatment("ann", "checkout_one_page");
    split.treatment("mia", "no_such_flag"); // no impression, but a line in the log
}
