/*
 * What a suite is made of: tests that are plain functions, checks that print what they saw, and a count at the end.
 *
 * A test holds when all its checks do. Checks may be made on any thread, callbacks included. Every value is looked at
 * once, so that a check may contain the call it checks.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failures; /* of the running test */
static int check_passed_tests;
static int check_failed_tests;

#define RUN(test) check_run(#test, test)
#define CHECK(condition) check_that((condition) ? 1 : 0, __FILE__, __LINE__, "%s does not hold", #condition)
#define CHECK_INT(actual, expected) check_int((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
#define CHECK_STR(actual, expected) check_str((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_NULL(actual) check_that((actual) == NULL, __FILE__, __LINE__, "%s is not NULL", #actual)
#define CHECK_SET(actual) check_that((actual) != NULL, __FILE__, __LINE__, "%s is NULL", #actual)
/* `text` contains `part`. */
#define CHECK_HAS(text, part) check_contains((text), (part), 1, #text, __FILE__, __LINE__)
#define CHECK_LACKS(text, part) check_contains((text), (part), 0, #text, __FILE__, __LINE__)

static inline int check_that(int holds, const char *file, int line, const char *format, ...) {
    if (holds) return 1;
    va_list values;
    char words[1024];
    va_start(values, format);
    vsnprintf(words, sizeof words, format, values);
    va_end(values);
    fprintf(stderr, "%s:%d: %s\n", file, line, words);
    __atomic_add_fetch(&check_failures, 1, __ATOMIC_SEQ_CST);
    return 0;
}

static inline int check_int(long long actual, long long expected, const char *what, const char *file, int line) {
    return check_that(actual == expected, file, line, "%s is %lld, expected %lld", what, actual, expected);
}

static inline int check_str(const char *actual, const char *expected, const char *what, const char *file, int line) {
    int same = actual == expected || (actual != NULL && expected != NULL && strcmp(actual, expected) == 0);
    return check_that(same, file, line, "%s is \"%s\", expected \"%s\"", what, actual != NULL ? actual : "(NULL)",
                      expected != NULL ? expected : "(NULL)");
}

static inline int check_contains(const char *text, const char *part, int wanted, const char *what, const char *file,
                                 int line) {
    int found = text != NULL && strstr(text, part) != NULL;
    return check_that(found == wanted, file, line, "%s is \"%s\", which %s \"%s\"", what,
                      text != NULL ? text : "(NULL)", found ? "contains" : "lacks", part);
}

static inline void check_run(const char *name, void (*test)(void)) {
    __atomic_store_n(&check_failures, 0, __ATOMIC_SEQ_CST);
    test();
    if (__atomic_load_n(&check_failures, __ATOMIC_SEQ_CST) == 0) {
        check_passed_tests++;
    } else {
        check_failed_tests++;
        fprintf(stderr, "FAILED: %s\n", name);
    }
}

/* Prints the count in the form that the runner adds up; gives main's result. */
static inline int check_finish(const char *suite) {
    printf("%s: %d passed, %d failed\n", suite, check_passed_tests, check_failed_tests);
    return check_failed_tests == 0 && check_passed_tests > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
