/* What benches/c/bench.c has done in C++. */
#ifndef EVALUATE_H
#define EVALUATE_H

#include <splitio.h>

#define KEY_SIZE 24

enum attributes {
    NO_ATTRIBUTES,
    KEPT_ATTRIBUTES, /* filled once */
    FRESH_ATTRIBUTES /* filled for each call */
};

#ifdef __cplusplus
extern "C" {
#endif

/* Evaluates `flag` through splitio.hpp, `calls` times, for `count` keys in turn. The sum of the treatments' addresses and
 * lengths. */
uintptr_t evaluate_in_cpp(split_factory *factory, char (*keys)[KEY_SIZE], int count, const char *flag,
                          enum attributes with, long calls);

#ifdef __cplusplus
}
#endif

#endif
