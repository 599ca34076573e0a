/*
 * Nanoseconds of one evaluation from C, on the flags that bench.rb evaluates: what Ruby's figures are compared with.
 *
 *   call FLAGS SEGMENTS CALLS
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "splitio.h"

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    long calls = atol(argv[3]);
    split_error error;
    split_config *config = split_config_new();
    if (split_config_set(config, "splitFile", argv[1], &error) != SPLIT_OK ||
        split_config_set(config, "segmentDirectory", argv[2], &error) != SPLIT_OK)
        return 1;
    split_factory *factory = split_factory_new("localhost", config, &error);
    split_config_free(config);
    if (factory == NULL || split_block_until_ready(factory, 10000) != SPLIT_OK) return 1;

    double best = 0;
    for (int repeat = 0; repeat < 7; repeat++) {
        double began = now();
        for (long call = 0; call < calls; call++) split_get_treatment(factory, "eve", "checkout", NULL);
        double each = (now() - began) / (double)calls;
        if (repeat == 0 || each < best) best = each;
    }
    printf("%.1f\n", best);
    split_destroy(factory, -1);
    split_factory_free(factory);
    return 0;
}
