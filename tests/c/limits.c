/*
 * Memory has an end, whatever the keys are and whatever the backend sends, and so has the log. Each test goes far beyond
 * a limit of docs/reliability.md, and looks at how much memory the process has and what was said.
 */
#include "backend.h"

#include <malloc.h>
#include <unistd.h>

static backend *server;

/* What malloc keeps for later is not the library's. */
static long resident_kib(void) {
    long pages = 0;
    malloc_trim(0);
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK_SET(file);
    if (file == NULL) return 0;
    CHECK_INT(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

struct growth {
    long before, limit, grown;
};

static bool is_within_its_limit(void *growth) {
    struct growth *seen = (struct growth *)growth;
    seen->grown = resident_kib() - seen->before;
    return seen->grown <= seen->limit;
}

/* What was read last may be on its way out. */
static void grew_at_most(const char *what, long before, long limit_kib) {
    struct growth growth = {before, limit_kib, 0};
    bool is_within = eventually(is_within_its_limit, &growth);
    printf("measured: %s: %.1f MiB\n", what, (double)growth.grown / 1024);
    check_that(is_within, __FILE__, __LINE__, "%s: %ld KiB more, %ld are allowed", what, growth.grown, limit_kib);
}

/* ---- Keys -------------------------------------------------------------------------------------------------------- */

/* What a factory may take for as many distinct keys as there are, in any mode. */
#define ALL_KEYS_KIB (32 * 1024)
/* Between the first million keys and the last, when all tables are full. */
#define PLATEAU_KIB (4 * 1024)

/* The next of the keys that count in decimal. */
static void count_up(char *key, size_t len) {
    while (len-- > 0) {
        if (key[len]++ != '9') return;
        key[len] = '0';
    }
}

static void ask_for_distinct_keys(const split_factory *factory, char *key, size_t len, long count) {
    long wrong = 0;
    for (long i = 0; i < count; i++) {
        count_up(key, len);
        wrong += strcmp(split_get_treatment_n(factory, key, len, "banner", 6, NULL), "red") != 0;
    }
    CHECK_INT(wrong, 0);
}

static void distinct_keys_in_mode(const char *mode, bool posts_fail) {
    char options[128], what[64], key[] = "user-000000000";
    long million = effort(1000000);
    backend_reset(server);
    if (posts_fail) {
        backend_told(server, "POST", "faults", "{\"url\": \"/testImpressions\", \"status\": 503}");
        backend_told(server, "POST", "faults", "{\"url\": \"/keys/ss\", \"status\": 503}");
    }
    snprintf(options, sizeof options, "{\"impressionsMode\": \"%s\"}", mode);
    split_factory *factory = standalone(server, options);
    long start = resident_kib();
    ask_for_distinct_keys(factory, key, sizeof key - 1, million);
    long first = resident_kib();
    ask_for_distinct_keys(factory, key, sizeof key - 1, 4 * million);
    snprintf(what, sizeof what, "%s, posts %s, five million keys", mode, posts_fail ? "failing" : "working");
    grew_at_most(what, start, ALL_KEYS_KIB);
    snprintf(what, sizeof what, "%s, posts %s, after the first million", mode, posts_fail ? "failing" : "working");
    grew_at_most(what, first, PLATEAU_KIB);
    backend_told(server, "DELETE", "faults", NULL);
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
}

static void b23_distinct_keys_reach_a_plateau(void) {
    static const char *const modes[] = {"OPTIMIZED", "DEBUG", "NONE"};
    for (int i = 0; i < 3; i++) {
        distinct_keys_in_mode(modes[i], false);
        distinct_keys_in_mode(modes[i], true);
    }
}

/* ---- Names from the backend -------------------------------------------------------------------------------------- */

enum { FLAGS = 40000, TREATMENTS = 70000 };

static char *flag_text(char *end, const char *name, long number, const char *treatment) {
    return end + sprintf(end,
                         "{\"name\": \"%s%ld\", \"trafficTypeName\": \"type-%ld\", \"status\": \"ACTIVE\", \"sets\": "
                         "[\"set_%ld\"], \"defaultTreatment\": \"off\", \"seed\": 1, \"algo\": 2, \"conditions\": "
                         "[{\"conditionType\": \"ROLLOUT\", \"label\": \"label %ld\", \"matcherGroup\": {\"combiner\": "
                         "\"AND\", \"matchers\": [{\"matcherType\": \"ALL_KEYS\"}]}, \"partitions\": "
                         "[{\"treatment\": \"%s\", \"size\": 100}]}]}",
                         name, number, number, number, number, treatment);
}

/* Flags that nobody saw before in place of those of the round before. */
static void write_round(long round) {
    char *text = (char *)malloc(FLAGS * 512l), *end = text;
    if (text == NULL) abort();
    end += sprintf(end, "{\"ff\": {\"t\": %ld, \"d\": [", round + 1);
    for (long i = 0; i < FLAGS; i++) {
        end = flag_text(end, "flag-", round * FLAGS + i, "on");
        *end++ = ',';
        if (round == 0) continue;
        end += sprintf(end, "{\"name\": \"flag-%ld\", \"status\": \"ARCHIVED\"},", (round - 1) * FLAGS + i);
    }
    end += sprintf(end - 1, "]}, \"rbs\": {\"t\": -1, \"d\": []}}") - 1;
    write_file("rounds.json", text);
    free(text);
}

static split_factory *on_a_file(const char *name, notes *log) {
    split_error error;
    split_config *config = split_config_new();
    CHECK_INT(split_config_set(config, "splitFile", in_scratch(name), &error), SPLIT_OK);
    CHECK_INT(
        split_config_merge_json(config, "{\"localhostRefreshEnabled\": true, \"featuresRefreshRate\": 1}", &error),
        SPLIT_OK);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_ERROR, note_log, log, note_drop), SPLIT_OK);
    split_factory *factory = made("localhost", config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    split_config_free(config);
    return factory;
}

/* Asks for each flag of a round; how many gave `treatment`. */
static long served(const split_factory *factory, const char *name, long from, long count, const char *treatment) {
    char flag[32];
    long found = 0;
    for (long i = from; i < from + count; i++) {
        snprintf(flag, sizeof flag, "%s%ld", name, i);
        found += strcmp(split_get_treatment(factory, "ann", flag, NULL), treatment) == 0;
    }
    return found;
}

static void flags_sets_and_types_that_come_and_go_leave_nothing(void) {
    enum { ROUNDS = 9, FULL = 4 }; /* after that many there were more names than get numbers */
    notes *updates = notes_new(), *log = notes_new();
    long full = 0;
    write_round(0);
    split_factory *factory = on_a_file("rounds.json", log);
    CHECK_INT(split_on(factory, SPLIT_EVENT_UPDATE, note_event, updates, note_drop), SPLIT_OK);
    for (long round = 0; round < ROUNDS; round++) {
        if (round > 0) {
            write_round(round);
            if (!CHECK(notes_wait(updates, (size_t)round))) break;
        }
        CHECK_INT(served(factory, "flag-", round * FLAGS, FLAGS, "on"), FLAGS);
        CHECK_STR(split_get_treatment(factory, "ann", "flag-0", NULL), round == 0 ? "on" : "control");
        if (round == FULL) full = resident_kib();
    }
    grew_at_most("160,000 more flags, sets, traffic types and labels, one after the other", full, 8 * 1024);
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
    CHECK_INT(notes_count(log), 0); /* nothing is amiss */
    notes_free(updates);
    notes_free(log);
}

static void write_treatments(long from) {
    char *text = (char *)malloc(TREATMENTS * 512l), *end = text, treatment[32];
    if (text == NULL) abort();
    end += sprintf(end, "{\"ff\": {\"t\": %ld, \"d\": [", from + 1);
    for (long i = from; i < from + TREATMENTS; i++) {
        snprintf(treatment, sizeof treatment, "treatment-%ld", i);
        end = flag_text(end, "t-", i, treatment);
        *end++ = ',';
    }
    end = flag_text(end, "usual-", from, "on");
    sprintf(end, "]}, \"rbs\": {\"t\": -1, \"d\": []}}");
    write_file("treatments.json", text);
    free(text);
}

/* Last: what it leaves behind stays as long as the process. */
static void treatments_have_a_limit(void) {
    notes *updates = notes_new(), *log = notes_new();
    write_treatments(0);
    split_factory *factory = on_a_file("treatments.json", log);
    CHECK_INT(split_on(factory, SPLIT_EVENT_UPDATE, note_event, updates, note_drop), SPLIT_OK);
    /* The table has 65,536; those that found no place are as if they were not there. */
    long refused = served(factory, "t-", 0, TREATMENTS, "control");
    check_that(refused >= TREATMENTS - 65536 && refused < TREATMENTS - 65000, __FILE__, __LINE__, "%ld refused",
               refused);
    CHECK_STR(split_get_treatment(factory, "ann", "t-17", NULL), "treatment-17");
    long full = 0;
    for (long round = 1; round <= 2; round++) {
        char usual[32];
        full = resident_kib(); /* in the end with the room that reading takes, too */
        write_treatments(round * TREATMENTS);
        CHECK(notes_wait(updates, (size_t)round));
        snprintf(usual, sizeof usual, "usual-%ld", round * TREATMENTS);
        CHECK_STR(split_get_treatment(factory, "ann", usual, NULL), "on"); /* known treatments go on working */
        CHECK_INT(served(factory, "t-", round * TREATMENTS, TREATMENTS, "control"), TREATMENTS);
    }
    grew_at_most("70,000 more treatments", full, 16 * 1024);
    CHECK_INT(split_destroy(factory, PATIENCE_MS), SPLIT_OK);
    split_factory_free(factory);
    /* Of more than 140,000 flags that were skipped: the first, how many more, and as many as are said within an hour. */
    CHECK_INT(notes_having(log, " E definitions: feature flag \"t-"), 9);
    CHECK_INT(notes_having(log, "more lines like these"), 1);
    CHECK_INT(notes_count(log), 10);
    notes_free(updates);
    notes_free(log);
}

int main(void) {
    static const char *const arguments[] = {"--no-record", NULL};
    server = backend_started(arguments);
    RUN(b23_distinct_keys_reach_a_plateau);
    RUN(flags_sets_and_types_that_come_and_go_leave_nothing);
    RUN(treatments_have_a_limit);
    backend_ended(server);
    return check_finish("limits");
}
