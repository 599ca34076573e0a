/*
 * Faults on purpose, one per argument: a sanitizer that does not end this program is not there. Those of the library are
 * misuse that its header forbids, and show that what the library does is seen as well.
 */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <splitio.h>

static volatile int sink;

static void overflow(void) {
    char *volatile text = (char *)calloc(100, 1);
    sink = text[200];
    free(text);
}

static void uninitialised(void) {
    int *volatile number = (int *)malloc(sizeof(int));
    if (*number != 7) sink = 1;
    free(number);
}

static void leak(void) {
    char *volatile text = (char *)malloc(100);
    text[0] = 'x';
    text = NULL;
}

static void undefined(void) {
    volatile int most = INT_MAX;
    sink = most + 1;
}

static int shared;

static void *add(void *unused) {
    shared++;
    return unused;
}

static void on_two_threads(void *(*work)(void *), void *argument) {
    pthread_t other;
    if (pthread_create(&other, NULL, work, argument) != 0) abort();
    work(argument);
    pthread_join(other, NULL);
}

static void race(void) {
    on_two_threads(add, NULL);
}

/* A length that is longer than what it is the length of. */
static void library_overread(void) {
    char *key = (char *)malloc(16);
    memset(key, 'k', 16);
    split_attributes *attributes = split_attributes_new();
    split_attributes_set_string_n(attributes, key, 24, key, 24);
    split_attributes_free(attributes);
    free(key);
}

/* What the library gave is not given back. */
static void library_leak(void) {
    split_attributes *volatile attributes = split_attributes_new();
    split_attributes_set_string(attributes, "plan", "pro");
    attributes = NULL;
}

static void *fill(void *attributes) {
    for (int i = 0; i < 100; i++) split_attributes_set_int((split_attributes *)attributes, "age", i);
    return NULL;
}

/* Two threads that fill one set. */
static void library_race(void) {
    split_attributes *attributes = split_attributes_new();
    on_two_threads(fill, attributes);
    split_attributes_free(attributes);
}

int main(int argc, char **argv) {
    const struct {
        const char *name;
        void (*commit)(void);
    } faults[] = {{"overflow", overflow},
                  {"uninitialised", uninitialised},
                  {"leak", leak},
                  {"undefined", undefined},
                  {"race", race},
                  {"library_overread", library_overread},
                  {"library_leak", library_leak},
                  {"library_race", library_race}};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (argc == 2 && strcmp(argv[1], faults[i].name) == 0) {
            faults[i].commit();
            return EXIT_SUCCESS;
        }
    }
    return 2;
}
