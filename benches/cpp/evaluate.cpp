/*
 * The calls of splitio.hpp that benches/c/bench.c measures beside those of C: the same keys, the same loop.
 */
#include "evaluate.h"

#include <splitio.hpp>

/* Calls `treatment` for each key in turn. */
template <class Treatment>
static uintptr_t sum_of(char (*keys)[KEY_SIZE], int count, long calls, Treatment &&treatment) {
    uintptr_t sum = 0;
    int key = 0;
    for (long i = 0; i < calls; i++) {
        const std::string_view answer = treatment(keys[key]);
        sum += reinterpret_cast<uintptr_t>(answer.data()) + answer.size();
        if (++key == count) key = 0;
    }
    return sum;
}

uintptr_t evaluate_in_cpp(split_factory *handle, char (*keys)[KEY_SIZE], int count, const char *flag,
                          enum attributes with, long calls) {
    splitio::Factory factory = splitio::Factory::adopt(handle);
    const splitio::Attributes kept{{"age", 30}, {"country", "us"}};
    uintptr_t sum = 0;
    switch (with) {
    case NO_ATTRIBUTES:
        sum = sum_of(keys, count, calls, [&](const char *key) { return factory.treatment(key, flag); });
        break;
    case KEPT_ATTRIBUTES:
        sum = sum_of(keys, count, calls, [&](const char *key) { return factory.treatment(key, flag, kept); });
        break;
    case FRESH_ATTRIBUTES:
        sum = sum_of(keys, count, calls, [&](const char *key) {
            return factory.treatment(key, flag, {{"age", 30}, {"country", "us"}});
        });
        break;
    }
    return factory.release() == handle ? sum : 0;
}
