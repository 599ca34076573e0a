/*
 * What became of lists of results, which are freed.
 */
#ifndef LISTS_H
#define LISTS_H

#include "support.h"

/* How many results there were. */
static inline size_t counted_and_freed(split_results *results) {
    size_t count = 99;
    split_results_data(results, &count);
    split_results_free(results);
    return count;
}

/* The treatment of a list that must have one result. */
static inline const char *only_treatment(split_results *results) {
    size_t count = 99;
    const split_result *each = split_results_data(results, &count);
    const char *treatment = count == 1 ? each[0].treatment : "not one result"; /* lives as long as the process */
    split_results_free(results);
    return treatment;
}

#endif
