/*
 * An impression listener: each decision that was made goes to the program's own analytics, here a file of lines.
 *
 *     c++ -std=c++17 listener.cpp -lsplitio -lpthread && ./a.out path/to/examples/data
 *
 * The listener runs on a thread of libsplitio, one impression at a time, and never inside an evaluation. What it is given
 * is gone when it returns; so it copies what it wants and leaves the slow work to a thread of its own.
 */
#include <chrono>
#include <condition_variable>
#include <deque>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

#include <splitio.hpp>

using namespace std::chrono_literals;

/* Takes lines from any thread, and writes them on one. */
class Analytics {
public:
    ~Analytics() {
        {
            const std::lock_guard guard{lock_};
            over_ = true;
        }
        changed_.notify_one();
        writer_.join();
    }
    void record(std::string line) {
        {
            const std::lock_guard guard{lock_};
            lines_.push_back(std::move(line));
        }
        changed_.notify_one();
    }

private:
    void write() {
        std::unique_lock guard{lock_};
        while (!over_ || !lines_.empty()) {
            changed_.wait(guard, [this] { return over_ || !lines_.empty(); });
            std::deque<std::string> batch = std::exchange(lines_, {});
            guard.unlock();
            for (const std::string &line : batch) std::cout << line << '\n';
            guard.lock();
        }
    }
    std::mutex lock_;
    std::condition_variable changed_;
    std::deque<std::string> lines_;
    bool over_ = false;
    std::thread writer_{[this] { write(); }};
};

static std::string line_of(const splitio::Impression &impression) {
    std::string line;
    for (const std::string_view part : {impression.key, impression.flag, impression.treatment, impression.label}) {
        line.append(part).append(" | ");
    }
    return line.append(impression.attributes_json);
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " DIRECTORY, such as examples/data\n";
        return 2;
    }
    const std::string directory = argv[1];
    Analytics analytics; // outlives the factory, whose listener uses it
    splitio::Factory split{"localhost", splitio::Config{}
                                            .set("splitFile", directory + "/environment.json")
                                            .set("segmentDirectory", directory + "/segments")
                                            .listener([&analytics](const splitio::Impression &impression) {
                                                /* What it throws is logged; the program goes on. */
                                                if (impression.treatment == splitio::control)
                                                    throw std::runtime_error("no decision");
                                                analytics.record(line_of(impression));
                                            })};
    split.on_ready([] { std::cout << "ready\n"; });
    split.block_until_ready(5s);
    for (const char *user : {"ann", "mia", "otto"}) {
        split.treatment(user, "checkout_one_page");
        split.treatment(user, "free_shipping", {{"cart_total", 75}});
    }
    split.flush(5s); // the listener has been called for all of them
    return 0;
} catch (const splitio::Error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
