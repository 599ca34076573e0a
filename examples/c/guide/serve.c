/* Threads that share one factory, and an end in order. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "guide.h"

static atomic_bool over;

/* doc: threads */
/* One factory for the process; each thread asks it, without locks. */
static void *serve(void *argument) {
    const split_factory *factory = (const split_factory *)argument;
    while (!over) {
        const char *treatment = split_get_treatment(factory, "ann", "checkout_one_page", NULL);
        /* doc: end */
        if (strcmp(treatment, "on") != 0) give_up(treatment);
        usleep(1000);
        /* doc: threads */
    }
    return NULL;
}
/* doc: end */

int main(void) {
    pthread_t threads[4];
    split_config *config = split_config_new();
    ask(config, given("SPLIT_URL"));

    /* doc: signals */
    sigset_t ends;
    int which;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* before threads are made: they inherit it */
    /* doc: end */
    split_factory *factory = started("guide-key", config);
    for (int i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, serve, factory) != 0) give_up("no thread");
    }
    /* doc: shutdown */
    sigwait(&ends, &which);
    over = true; /* first those who evaluate end */
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    if (split_destroy(factory, 5000) == SPLIT_E_TIMEOUT) fprintf(stderr, "something was not sent\n");
    split_factory_free(factory);
    /* doc: end */
    printf("ended in order\n");
    return EXIT_SUCCESS;
}
