/*
 * Each function on a factory that is destroyed, on one that is being destroyed, and on what outlives it.
 */
#include "support.h"

#include <poll.h>

static size_t count_of(split_results *results, const char *treatment, split_status status) {
    size_t count = 99, alike = 0;
    const split_result *each = split_results_data(results, &count);
    for (size_t i = 0; i < count; i++) alike += strcmp(each[i].treatment, treatment) == 0 && each[i].status == status;
    split_results_free(results);
    return alike == count ? count : 999;
}

static void every_call_has_its_answer(void) { /* B08 */
    const char *const names[] = {"checkout", " checkout ", "banner", NULL};
    const char *const sets[] = {"web", "shop"};
    split_factory *factory = localhost(in_data("flags.json"));
    split_result result;
    split_json text = {NULL, 0, NULL};
    split_error error;
    size_t count = 99;
    notes *heard = notes_new();
    CHECK_INT(split_destroy(factory, -1), SPLIT_OK);

    CHECK(!split_is_ready(factory));
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_DESTROYED);
    CHECK_INT(split_block_until_ready(factory, -1), SPLIT_E_DESTROYED);
    CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, note_drop), SPLIT_E_DESTROYED);
    CHECK_INT(notes_drops(heard), 0);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "control");
    CHECK_STR(split_get_treatment_n(factory, "ann", 3, "checkout", 8, NULL), "control");
    CHECK_STR(split_get_treatment(factory, NULL, "checkout", NULL), "control");
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "checkout", NULL, &result), SPLIT_E_DESTROYED);
    CHECK_STR(result.treatment, "control");
    CHECK_NULL(result.config);
    CHECK_NULL(result.hold);
    CHECK_INT(result.change_number, -1);
    CHECK_INT(split_get_treatment_with_config_n(factory, "ann", 3, "checkout", 8, NULL, &result), SPLIT_E_DESTROYED);
    CHECK_INT(count_of(split_get_treatments(factory, "ann", names, 4, NULL), "control", SPLIT_E_DESTROYED), 2);
    CHECK_INT(count_of(split_get_treatments_with_config(factory, "ann", names, 4, NULL), "control", SPLIT_E_DESTROYED),
              2);
    /* The sets that are still in memory say which flags are meant. */
    CHECK_INT(count_of(split_get_treatments_by_flag_set(factory, "ann", "web", NULL), "control", SPLIT_E_DESTROYED), 2);
    CHECK_INT(count_of(split_get_treatments_with_config_by_flag_set(factory, "ann", "web", NULL), "control",
                       SPLIT_E_DESTROYED),
              2);
    CHECK_INT(count_of(split_get_treatments_by_flag_sets(factory, "ann", sets, 2, NULL), "control", SPLIT_E_DESTROYED),
              3);
    CHECK_INT(count_of(split_get_treatments_with_config_by_flag_sets(factory, "ann", sets, 2, NULL), "control",
                       SPLIT_E_DESTROYED),
              3);
    CHECK_INT(split_track(factory, "ann", "user", "paid", 1, NULL), SPLIT_E_DESTROYED);
    CHECK_INT(split_track(factory, NULL, NULL, NULL, 1, NULL), SPLIT_E_DESTROYED); /* looked at first */
    CHECK_INT(split_last_error(&error), SPLIT_E_DESTROYED);
    CHECK_INT(split_track_n(factory, "ann", 3, "user", 4, "paid", 4, 1, NULL), SPLIT_E_DESTROYED);
    split_name_list *list = split_manager_names(factory);
    CHECK_SET(list);
    split_name_list_data(list, &count);
    CHECK_INT(count, 0);
    split_name_list_free(list);
    split_flag_view_list *views = split_manager_splits(factory);
    split_flag_view_list_data(views, &count);
    CHECK_INT(count, 0);
    split_flag_view_list_free(views);
    views = split_manager_split(factory, "checkout");
    split_flag_view_list_data(views, &count);
    CHECK_INT(count, 0);
    split_flag_view_list_free(views);
    split_status status = split_manager_json(factory, "checkout", &text);
    CHECK(status == SPLIT_E_DESTROYED || (status == SPLIT_OK && strcmp(text.ptr, "null") == 0));
    split_json_release(&text);
    CHECK_INT(split_poll(factory, -1, 1, &text), SPLIT_E_DESTROYED);
    CHECK_INT(split_flush(factory, -1), SPLIT_E_DESTROYED);
    CHECK_INT(split_destroy(factory, -1), SPLIT_OK);
    CHECK_INT(split_resume(factory, &error), SPLIT_E_DESTROYED);
    CHECK_INT(split_destroy(factory, 0), SPLIT_OK);
    split_factory_free(factory);
    notes_free(heard);
}

static void fallbacks_still_hold(void) {
    split_factory *factory = localhost_with(in_data("flags.json"),
                                            "{\"fallbackTreatments\": {\"global\": \"off\", \"byFlag\": {\"checkout\": "
                                            "{\"treatment\": \"safe\", \"config\": \"plain\"}}}}");
    split_result result;
    CHECK_STR(split_get_treatment(factory, "ann", "unknown", NULL), "off");
    CHECK_INT(split_destroy(factory, -1), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "banner", NULL), "off");
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "checkout", NULL, &result), SPLIT_E_DESTROYED);
    CHECK_STR(result.treatment, "safe");
    CHECK_STR(result.config, "plain");
    split_result_release(&result);
    split_factory_free(factory);
}

static void what_was_given_out_outlives_the_factory(void) {
    const char *const names[] = {"checkout", "banner"};
    split_factory *factory = localhost(in_data("flags.json"));
    split_results *results = split_get_treatments_with_config(factory, "ann", names, 2, NULL);
    split_name_list *list = split_manager_names(factory);
    split_flag_view_list *views = split_manager_split(factory, "checkout");
    split_json text = {NULL, 0, NULL};
    const char *treatment = split_get_treatment(factory, "ann", "checkout", NULL);
    CHECK_INT(split_manager_json(factory, "checkout", &text), SPLIT_OK);
    ended(factory);

    size_t count = 0;
    CHECK_STR(treatment, "on");
    CHECK_STR(split_results_find(results, "checkout")->config, "{\"color\":\"red\"}");
    CHECK_SET(split_name_list_data(list, &count));
    CHECK_INT(count, 15);
    CHECK_STR(split_flag_view_list_data(views, &count)[0]->name, "checkout");
    CHECK_HAS(text.ptr, "\"checkout\"");
    split_results_free(results);
    split_name_list_free(list);
    split_flag_view_list_free(views);
    split_json_release(&text);
}

static void a_factory_that_was_never_ready_can_be_destroyed(void) {
    split_config *config = config_for(in_scratch("never.json"), NULL);
    split_factory *factory = split_factory_new("localhost", config, NULL);
    long long start = now_ms();
    CHECK_SET(factory);
    CHECK_INT(split_destroy(factory, -1), SPLIT_OK);
    CHECK(now_ms() - start < 5000);
    CHECK_INT(split_block_until_ready(factory, -1), SPLIT_E_DESTROYED);
    split_config_free(config);
    split_factory_free(factory);
}

static void *wait_for_ready(void *factory) {
    CHECK_INT(split_block_until_ready((const split_factory *)factory, -1), SPLIT_E_DESTROYED);
    return NULL;
}

static void *wait_for_records(void *factory) {
    split_json text = {NULL, 0, NULL};
    CHECK_INT(split_poll((const split_factory *)factory, -1, 1, &text), SPLIT_E_DESTROYED);
    return NULL;
}

static void waiting_calls_return_when_another_thread_destroys(void) {
    split_config *config = config_for(in_scratch("never.json"), NULL);
    CHECK_INT(split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS, 0), SPLIT_OK);
    split_factory *factory = split_factory_new("localhost", config, NULL);
    pthread_t ready = spawned(wait_for_ready, factory), records = spawned(wait_for_records, factory);
    struct pollfd descriptor = {split_poll_fd(factory), POLLIN, 0};
    CHECK_INT(poll(&descriptor, 1, 50), 0); /* time for both to be waiting */
    CHECK_INT(split_destroy(factory, -1), SPLIT_OK);
    CHECK_INT(poll(&descriptor, 1, 0), 1); /* readable from now on */
    pthread_join(ready, NULL);
    pthread_join(records, NULL);
    split_config_free(config);
    split_factory_free(factory);
}

/* SPLIT_EVENT_READY of a factory that another thread destroys at once: dropped exactly once, called or not. */
static void handlers_are_dropped_once_by_whatever_ends_the_factory(void) {
    long rounds = effort(50);
    notes *heard = notes_new();
    for (long i = 0; i < rounds; i++) {
        split_factory *factory = localhost(in_data("flags.json"));
        CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, note_drop), SPLIT_OK);
        if (i % 2 == 0) CHECK_INT(split_destroy(factory, i % 4 == 0 ? -1 : 1000), SPLIT_OK);
        split_factory_free(factory);
        CHECK(notes_wait_drops(heard, (int)i + 1));
    }
    CHECK_INT(notes_drops(heard), rounds);
    notes_free(heard);
}

int main(void) {
    RUN(every_call_has_its_answer);
    RUN(fallbacks_still_hold);
    RUN(what_was_given_out_outlives_the_factory);
    RUN(a_factory_that_was_never_ready_can_be_destroyed);
    RUN(waiting_calls_return_when_another_thread_destroys);
    RUN(handlers_are_dropped_once_by_whatever_ends_the_factory);
    return check_finish("destroyed");
}
