/*
 * Faults on purpose, one per argument: a sanitizer that does not end this program is not there. Those of the library are
 * misuse that its header forbids, and show that the library is instrumented as well.
 */
#include <climits>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include <splitio.hpp>

#include "support.h"

static volatile int sink;

static void overflow() {
    std::string text(100, 'x');
    const char *volatile data = text.data();
    sink = data[200];
}

static void undefined() {
    volatile int most = INT_MAX;
    sink = most + 1;
}

static int shared;

static void race() {
    std::thread other{[] { shared++; }};
    shared++;
    other.join();
}

/* A length that is longer than what it is the length of. */
static void library_overread() {
    char *key = static_cast<char *>(malloc(16));
    memset(key, 'k', 16);
    split_attributes *attributes = split_attributes_new();
    split_attributes_set_string_n(attributes, key, 24, key, 24);
    split_attributes_free(attributes);
    free(key);
}

/* Two threads that fill one set. */
static void library_race() {
    splitio::Attributes attributes;
    const auto fill = [&attributes] {
        std::error_code error;
        for (int i = 0; i < 100; i++) attributes.set("age", i, error);
    };
    std::thread other{fill};
    fill();
    other.join();
}

int main(int argc, char **argv) {
    const struct {
        const char *name;
        void (*commit)();
    } faults[] = {{"overflow", overflow},
                  {"undefined", undefined},
                  {"race", race},
                  {"library_overread", library_overread},
                  {"library_race", library_race}};
    for (const auto &fault : faults) {
        if (argc == 2 && std::strcmp(argv[1], fault.name) == 0) {
            fault.commit();
            return EXIT_SUCCESS;
        }
    }
    return 2;
}
