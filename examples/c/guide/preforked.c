/* A server that forks workers: definitions are fetched once, before. */
#include <sys/wait.h>
#include <unistd.h>

#include "guide.h"

/* doc: generation */
/* What belongs to one process, such as a connection, begins anew in a child. To notice a fork costs a load. */
static int served(void) {
    static uint32_t mine;
    static int count;
    uint32_t generation = *split_fork_generation();
    if (mine != generation) count = 0;
    mine = generation;
    return ++count;
}
/* doc: end */

/* doc: worker */
static void work(const split_factory *factory, const char *user) {
    /* The first call gives this process threads, connections and queues of its own. */
    const char *treatment = split_get_treatment(factory, user, "checkout_one_page", NULL);
    printf("%s: %s\n", user, treatment);
    /* doc: end */
    printf("%d served by this process\n", served());
    /* doc: worker */
}
/* doc: end */

int main(void) {
    static const char *const users[] = {"ann", "mia"};
    split_error error;
    split_config *config = split_config_new();
    ask(config, given("SPLIT_URL"));
    /* doc: master */
    set(config, "preforkedInitialization", "true");
    split_factory *factory = split_factory_new("YOUR_SDK_KEY", config, &error);
    if (factory == NULL) give_up(error.message);
    /* doc: end */
    served();
    /* doc: master */
    for (size_t i = 0; i < 2; i++) {
        pid_t worker = fork();
        if (worker == 0) {
            work(factory, users[i]);
            split_destroy(factory, 5000); /* sends this worker's impressions */
            fflush(stdout);
            _exit(EXIT_SUCCESS);
        }
        /* doc: end */
        int status = EXIT_FAILURE;
        if (worker < 0 || waitpid(worker, &status, 0) != worker || status != 0) give_up("a worker failed");
        /* doc: master */
    }
    /* doc: end */
    split_config_free(config);
    split_destroy(factory, 5000);
    split_factory_free(factory);
    return EXIT_SUCCESS;
}
