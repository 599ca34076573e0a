/*
 * Sixteen threads evaluate while the definitions are rewritten under them, and while another thread destroys the
 * factory. Every answer must be one that some state of the file gives. And eight threads ask for what nests.
 */
#include "support.h"

#define THREADS 16

static split_factory *factory;
static long rounds;
static int stop;      /* set by the test, read by its threads */
static long answered; /* calls that gave a treatment of the file */

static bool is_one_of(const char *text, const char *a, const char *b) {
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

/* Two flags that always change together: a reader of both in one call must never see them apart. */
static void write_pair(const char *treatment, long long change_number) {
    char text[4096], *end = text;
    end += sprintf(end, "{\"ff\": {\"s\": -1, \"t\": %lld, \"d\": [", change_number);
    for (int i = 0; i < 2; i++) {
        end += sprintf(end,
                       "%s{\"name\": \"twin_%d\", \"changeNumber\": %lld, \"seed\": 1, \"trafficAllocationSeed\": 1, "
                       "\"defaultTreatment\": \"off\", \"sets\": [\"twins\"], \"configurations\": {\"%s\": \"%s!\"}, "
                       "\"conditions\": [{\"conditionType\": \"ROLLOUT\", \"label\": \"%s\", \"matcherGroup\": "
                       "{\"combiner\": \"AND\", \"matchers\": [{\"matcherType\": \"ALL_KEYS\", \"negate\": false}]}, "
                       "\"partitions\": [{\"treatment\": \"%s\", \"size\": 100}]}]}",
                       i == 0 ? "" : ", ", i, change_number, treatment, treatment, treatment, treatment);
    }
    sprintf(end, "]}, \"rbs\": {\"s\": -1, \"t\": -1, \"d\": []}}");
    write_file("twins.json", text);
}

static void *evaluate(void *number) {
    const char *const names[] = {"twin_0", "twin_1"};
    char key[32];
    split_attributes *attributes = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    options.attributes = attributes;
    CHECK_INT(split_attributes_set_int(attributes, "age", 30), SPLIT_OK);
    for (long i = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); i++) {
        split_result result;
        size_t count = 0;
        snprintf(key, sizeof key, "key-%ld-%ld", (long)(intptr_t)number, i % 100);
        if (!CHECK(is_one_of(split_get_treatment(factory, key, "twin_0", &options), "red", "blue"))) break;

        CHECK_INT(split_get_treatment_with_config(factory, key, "twin_1", &options, &result), SPLIT_OK);
        /* Treatment, label and configuration are of one state. */
        if (!CHECK(strncmp(result.config, result.treatment, strlen(result.treatment)) == 0)) break;
        if (!CHECK_STR(result.label, result.treatment)) break;
        split_result_release(&result);

        split_results *results = split_get_treatments(factory, key, names, 2, NULL);
        const split_result *each = split_results_data(results, &count);
        if (!CHECK_INT(count, 2) || !CHECK(each[0].treatment == each[1].treatment)) break;
        split_results_free(results);
        results = split_get_treatments_by_flag_set(factory, key, "twins", &options);
        each = split_results_data(results, &count);
        if (!CHECK_INT(count, 2) || !CHECK(each[0].treatment == each[1].treatment)) break;
        split_results_free(results);

        if (i % 16 == 0) {
            split_json text;
            CHECK_INT(split_explain(factory, key, "twin_0", &options, &text), SPLIT_OK);
            /* What the flag serves and what the condition in it serves are of one state. */
            CHECK(!(strstr(text.ptr, "\"red\"") != NULL && strstr(text.ptr, "\"blue\"") != NULL));
            split_json_release(&text);
            split_flag_view_list *views = split_manager_splits(factory);
            const split_flag_view *const *view = split_flag_view_list_data(views, &count);
            if (!CHECK_INT(count, 2) || !CHECK_STR(view[0]->treatments[0], view[1]->treatments[0])) break;
            split_flag_view_list_free(views);
            CHECK_INT(split_track(factory, key, "user", "paid", 1, NULL), SPLIT_OK);
        }
        __atomic_add_fetch(&answered, 1, __ATOMIC_RELAXED);
    }
    split_attributes_free(attributes);
    return NULL;
}

static void definitions_refresh_while_threads_evaluate(void) {
    pthread_t threads[THREADS];
    notes *updates = notes_new();
    write_pair("red", 1);
    factory =
        localhost_with(in_scratch("twins.json"), "{\"localhostRefreshEnabled\": true, \"featuresRefreshRate\": 1}");
    CHECK_INT(split_on(factory, SPLIT_EVENT_UPDATE, note_event, updates, note_drop), SPLIT_OK);
    stop = 0;
    answered = 0;
    for (intptr_t i = 0; i < THREADS; i++) threads[i] = spawned(evaluate, (void *)i);
    for (long i = 0; i < rounds; i++) {
        write_pair(i % 2 == 0 ? "blue" : "red", 2 + i);
        if (!CHECK(notes_wait(updates, (size_t)i + 1))) break;
        CHECK_HAS(notes_line(updates, (size_t)i), "splitio-deliver update flags");
        CHECK_HAS(notes_line(updates, (size_t)i), " twin_0");
        CHECK_HAS(notes_line(updates, (size_t)i), " twin_1");
        CHECK_STR(split_get_treatment(factory, "ann", "twin_0", NULL), i % 2 == 0 ? "blue" : "red");
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK(answered > 0);
    ended(factory);
    CHECK_INT(notes_drops(updates), 1);
    notes_free(updates);
}

static void *evaluate_until_destroyed(void *unused) {
    const char *const names[] = {"twin_0", "twin_1"};
    for (;;) {
        split_result result;
        size_t count = 0;
        const char *treatment = split_get_treatment(factory, "ann", "twin_0", NULL);
        if (!CHECK(is_one_of(treatment, "red", "control"))) break;
        split_status status = split_get_treatment_with_config(factory, "ann", "twin_1", NULL, &result);
        CHECK(status == SPLIT_OK ? strcmp(result.config, "red!") == 0 : result.config == NULL);
        split_result_release(&result);
        split_results *results = split_get_treatments(factory, "ann", names, 2, NULL);
        const split_result *each = split_results_data(results, &count);
        CHECK(count == 2 && is_one_of(each[0].treatment, "red", "control"));
        split_results_free(results);
        split_name_list *list = split_manager_names(factory);
        split_name_list_free(list);
        split_status tracked = split_track(factory, "ann", "user", "paid", 1, NULL);
        CHECK(tracked == SPLIT_OK || tracked == SPLIT_E_DESTROYED);
        split_status flushed = split_flush(factory, 100);
        CHECK(flushed == SPLIT_OK || flushed == SPLIT_E_DESTROYED || flushed == SPLIT_E_TIMEOUT);
        if (status == SPLIT_E_DESTROYED) {
            CHECK_STR(split_get_treatment(factory, "ann", "twin_0", NULL), "control"); /* and it stays so */
            break;
        }
        __atomic_add_fetch(&answered, 1, __ATOMIC_RELAXED);
    }
    return unused;
}

static bool all_have_answered(void *unused) {
    (void)unused;
    return __atomic_load_n(&answered, __ATOMIC_RELAXED) >= THREADS;
}

static void *destroy(void *unused) {
    CHECK_INT(split_destroy(factory, 10000), SPLIT_OK);
    return unused;
}

static void another_thread_destroys_while_threads_evaluate(void) {
    write_pair("red", 1);
    for (long round = 0; round < effort(10); round++) {
        pthread_t threads[THREADS], destroyers[3];
        notes *heard = notes_new();
        split_config *config = config_for(in_scratch("twins.json"), NULL);
        CHECK_INT(split_config_set_impression_listener(config, note_impression, heard, note_drop), SPLIT_OK);
        factory = started(config);
        split_config_free(config);
        answered = 0;
        for (int i = 0; i < THREADS; i++) threads[i] = spawned(evaluate_until_destroyed, NULL);
        CHECK(eventually(all_have_answered, NULL));
        for (int i = 0; i < 3; i++) destroyers[i] = spawned(destroy, NULL);
        for (int i = 0; i < 3; i++) pthread_join(destroyers[i], NULL);
        for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
        split_factory_free(factory);
        CHECK_INT(notes_drops(heard), 1);
        CHECK(notes_count(heard) > 0);
        notes_free(heard);
    }
}

/* The name of a treatment is interned by many threads at once: all must get one pointer. */
static const char *seen_pointer[THREADS];
static pthread_barrier_t together;

static void *first_to_ask(void *number) {
    split_factory *own = localhost(in_scratch("fresh.json"));
    pthread_barrier_wait(&together);
    seen_pointer[(intptr_t)number] = split_get_treatment(own, "ann", "fresh", NULL);
    ended(own);
    return NULL;
}

static void threads_that_start_factories_share_treatments(void) {
    pthread_t threads[THREADS];
    write_file("fresh.json", one_flag("fresh", "never_seen_before", 1));
    pthread_barrier_init(&together, NULL, THREADS);
    for (intptr_t i = 0; i < THREADS; i++) threads[i] = spawned(first_to_ask, (void *)i);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&together);
    CHECK_STR(seen_pointer[0], "never_seen_before");
    for (int i = 1; i < THREADS; i++) CHECK(seen_pointer[i] == seen_pointer[0]);
}

/* ---- Nested definitions ------------------------------------------------------------------------------------------ */

enum { ASKING = 8, ASKED = 50 };

static long questions;
static char asked[ASKED][24];
static const char *expected[ASKED]; /* what one thread is answered */

static void *ask(void *number) {
    for (long i = 0; i < questions; i++) {
        size_t which = (size_t)(i + (long)(intptr_t)number) % ASKED;
        if (!CHECK_STR(split_get_treatment(factory, asked[which], "top", NULL), expected[which])) break;
        if (i % 250 == 0) {
            split_result result;
            split_status status = split_get_treatment_with_config(factory, "ann", "circle", NULL, &result);
            bool holds = CHECK_INT(status, SPLIT_E_EVALUATION) && CHECK_STR(result.label, "exception");
            split_result_release(&result);
            if (!holds) break;
        }
    }
    return NULL;
}

/* A guard against circles was once shared between concurrent calls of another SDK: wrong answers under load. */
static void b26_threads_agree_with_one_about_nested_definitions(void) {
    pthread_t threads[ASKING];
    int on = 0;
    /* A million, but for tools that make each a hundred times as long. */
    questions = (effort(100) == 100 ? 1000000 : 10000) / ASKING;
    factory = localhost_with(in_data("nested.json"), "{\"impressionsMode\": \"NONE\"}");
    for (int i = 0; i < ASKED; i++) {
        snprintf(asked[i], sizeof asked[i], "user-%d", i);
        expected[i] = split_get_treatment(factory, asked[i], "top", NULL);
        on += strcmp(expected[i], "on") == 0;
    }
    check_that(on > 5 && on < ASKED - 5, __FILE__, __LINE__, "%d of %d are on", on, ASKED);
    for (intptr_t i = 0; i < ASKING; i++) threads[i] = spawned(ask, (void *)i);
    for (int i = 0; i < ASKING; i++) pthread_join(threads[i], NULL);
    ended(factory);
}

int main(void) {
    rounds = effort(4);
    RUN(definitions_refresh_while_threads_evaluate);
    RUN(another_thread_destroys_while_threads_evaluate);
    RUN(threads_that_start_factories_share_treatments);
    RUN(b26_threads_agree_with_one_about_nested_definitions);
    return check_finish("threads");
}
