/* A server that forks workers: definitions are fetched once, before. */
#include <sys/wait.h>
#include <unistd.h>

#include "guide.hpp"

/* doc: generation */
// What belongs to one process, such as a connection, begins anew in a child. To notice a fork costs a load.
static int served() {
    static std::uint32_t mine = 0;
    static int count = 0;
    if (mine != splitio::fork_generation()) count = 0;
    mine = splitio::fork_generation();
    return ++count;
}
/* doc: end */

/* doc: worker */
static void work(const splitio::Factory &split, const char *user) {
    // The first call gives this process threads, connections and queues of its own.
    const std::string_view treatment = split.treatment(user, "checkout_one_page");
    std::cout << user << ": " << treatment << std::endl;
    /* doc: end */
    std::cout << served() << " served by this process" << std::endl;
    /* doc: worker */
}
/* doc: end */

int main() {
    splitio::Config config;
    ask(config, given("SPLIT_URL"));
    /* doc: master */
    splitio::Factory split{"YOUR_SDK_KEY", config.set("preforkedInitialization", true)};
    /* doc: end */
    served();
    /* doc: master */
    for (const char *user : {"ann", "mia"}) {
        const pid_t worker = fork();
        if (worker == 0) {
            work(split, user);
            split.destroy(5s); // sends this worker's impressions
            _exit(EXIT_SUCCESS);
        }
        /* doc: end */
        int status = EXIT_FAILURE;
        if (worker < 0 || waitpid(worker, &status, 0) != worker || status != 0) return EXIT_FAILURE;
        /* doc: master */
    }
    /* doc: end */
}
