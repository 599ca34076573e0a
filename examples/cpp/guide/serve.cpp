/* Threads that share one factory, and an end in order. */
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "guide.hpp"

static std::atomic<bool> over;

/* doc: threads */
// One factory for the process; each thread asks it, without locks.
static void serve(const splitio::Factory &split) {
    while (!over) {
        const std::string_view treatment = split.treatment("ann", "checkout_one_page");
        /* doc: end */
        if (treatment != "on") std::terminate();
        std::this_thread::sleep_for(1ms);
        /* doc: threads */
    }
}
/* doc: end */

int main() {
    splitio::Config config;
    ask(config, given("SPLIT_URL"));
    /* doc: signals */
    sigset_t ends;
    int which;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr); // before threads are made: they inherit it
    /* doc: end */
    splitio::Factory split = started("guide-key", config);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) threads.emplace_back([&split] { serve(split); });
    /* doc: shutdown */
    sigwait(&ends, &which);
    over = true; // first those who evaluate end
    for (std::thread &thread : threads) thread.join();
    std::error_code error;
    split.destroy(5s, error);
    if (error) std::cerr << "something was not sent\n";
    /* doc: end */
    std::cout << "ended in order\n";
}
