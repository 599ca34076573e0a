/*
 * Redis from C: evaluates and tracks on the Redis at a port of this machine, and prints what it is told.
 *
 *     use PORT PREFIX            some calls
 *     use PORT PREFIX full PID   stops that server, fills the buffer of ten events, and starts no server again
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <splitio.h>

static split_factory *factory_at(const char *port, const char *prefix) {
    split_error error = {0};
    split_config *config = split_config_new();
    split_factory *factory;
    split_config_set(config, "redisHost", "127.0.0.1", NULL);
    split_config_set(config, "redisPort", port, NULL);
    split_config_set(config, "redisPrefix", prefix, NULL);
    split_config_set(config, "eventsQueueSize", "10", NULL);
    split_config_set(config, "logLevel", "none", NULL);
    factory = split_factory_new("an-sdk-key", config, &error);
    split_config_free(config);
    if (factory == NULL) printf("no factory: %d %s\n", error.status, error.message);
    return factory;
}

static void some_calls(const split_factory *factory) {
    split_result result = {0};
    printf("%s\n", split_get_treatment(factory, "alice", "checkout_v2", NULL));
    split_get_treatment_with_config(factory, "alice", "checkout_v2", NULL, &result);
    printf("%s %s %s\n", result.treatment, result.config, result.label);
    split_result_release(&result);
    printf("%d\n", split_track(factory, "alice", "user", "from C", 42.5, NULL));
    printf("%d\n", split_track(factory, "alice", "user", "from.C", 42.5, NULL));
}

static void fill(const split_factory *factory, int server) {
    int number;
    kill(server, SIGKILL);
    for (number = 0; number < 12; number++) {
        printf("%d\n", split_track(factory, "alice", "user", "from.C", SPLIT_NO_VALUE, NULL));
    }
}

int main(int count, char **arguments) {
    split_factory *factory = count >= 3 ? factory_at(arguments[1], arguments[2]) : NULL;
    if (factory == NULL) return 1;
    if (count == 5) {
        fill(factory, atoi(arguments[4]));
    } else {
        some_calls(factory);
    }
    split_destroy(factory, count == 5 ? 100 : -1);
    split_factory_free(factory);
    return 0;
}
