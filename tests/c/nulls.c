/*
 * NULL in the place of each pointer that a function takes: the documented answer, and never a crash.
 */
#include "lists.h"

static split_factory *factory; /* of flags.json, for all tests */

static void a_null_factory_has_harmless_answers(void) {
    const char *const flags[] = {"checkout", "banner"};
    split_result result;
    split_json text = {NULL, 7, NULL};
    split_error error;
    size_t count = 99;
    CHECK_INT(split_block_until_ready(NULL, 0), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_block_until_ready(NULL, -1), SPLIT_E_INVALID_ARGUMENT);
    CHECK(!split_is_ready(NULL));
    CHECK_INT(split_factory_status(NULL), SPLIT_STATUS_DESTROYED);
    CHECK_INT(split_on(NULL, SPLIT_EVENT_READY, note_event, NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_STR(split_get_treatment(NULL, "ann", "checkout", NULL), "control");
    CHECK_STR(split_get_treatment_n(NULL, "ann", 3, "checkout", 8, NULL), "control");
    CHECK_INT(split_get_treatment_with_config(NULL, "ann", "checkout", NULL, &result), SPLIT_E_INVALID_ARGUMENT);
    CHECK_STR(result.treatment, "control");
    CHECK_STR(result.flag, "");
    CHECK_NULL(result.config);
    CHECK_NULL(result.hold);
    CHECK_INT(result.change_number, -1);
    CHECK_INT(split_get_treatment_with_config_n(NULL, "ann", 3, "checkout", 8, NULL, &result),
              SPLIT_E_INVALID_ARGUMENT);
    CHECK_STR(result.treatment, "control");
    CHECK_INT(counted_and_freed(split_get_treatments(NULL, "ann", flags, 2, NULL)), 2);
    CHECK_STR(only_treatment(split_get_treatments(NULL, "ann", flags, 1, NULL)), "control");
    CHECK_STR(only_treatment(split_get_treatments_with_config(NULL, "ann", flags, 1, NULL)), "control");
    CHECK_INT(counted_and_freed(split_get_treatments_by_flag_set(NULL, "ann", "web", NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments_with_config_by_flag_set(NULL, "ann", "web", NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments_by_flag_sets(NULL, "ann", flags, 2, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments_with_config_by_flag_sets(NULL, "ann", flags, 2, NULL)), 0);
    CHECK_INT(split_track(NULL, "ann", "user", "paid", 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track_n(NULL, "ann", 3, "user", 4, "paid", 4, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    split_name_list *names = split_manager_names(NULL);
    CHECK_SET(names);
    split_name_list_data(names, &count);
    CHECK_INT(count, 0);
    split_name_list_free(names);
    split_flag_view_list *views = split_manager_splits(NULL);
    CHECK_SET(views);
    split_flag_view_list_data(views, &count);
    CHECK_INT(count, 0);
    split_flag_view_list_free(views);
    views = split_manager_split(NULL, "checkout");
    CHECK_SET(views);
    split_flag_view_list_free(views);
    CHECK_INT(split_manager_json(NULL, "checkout", &text), SPLIT_OK);
    CHECK_STR(text.ptr, "null");
    split_json_release(&text);
    CHECK_INT(split_explain(NULL, "ann", "checkout", NULL, &text), SPLIT_E_INVALID_ARGUMENT);
    CHECK_STR(text.ptr, "null");
    split_json_release(&text);
    CHECK_INT(split_poll(NULL, -1, 1, &text), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_poll_fd(NULL), -1);
    CHECK_INT(split_flush(NULL, -1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_resume(NULL, &error), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(error.status, SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_resume(NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_destroy(NULL, -1), SPLIT_OK);
    split_factory_free(NULL);
}

static void null_texts_are_invalid_input(void) {
    const char *const flags[] = {NULL, "checkout", NULL};
    const char *const nulls[] = {NULL, NULL};
    split_result result;
    CHECK_STR(split_get_treatment(factory, NULL, "checkout", NULL), "control");
    CHECK_STR(split_get_treatment(factory, "ann", NULL, NULL), "control");
    CHECK_STR(split_get_treatment_n(factory, NULL, 0, "checkout", 8, NULL), "control");
    CHECK_STR(split_get_treatment_n(factory, NULL, 3, "checkout", 8, NULL), "control");
    CHECK_STR(split_get_treatment_n(factory, "ann", 3, NULL, 8, NULL), "control");
    CHECK_INT(split_get_treatment_with_config(factory, NULL, "checkout", NULL, &result), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_get_treatment_with_config(factory, "ann", NULL, NULL, &result), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "checkout", NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_get_treatment_with_config_n(factory, "ann", 3, "checkout", 8, NULL, NULL),
              SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(counted_and_freed(split_get_treatments(factory, "ann", NULL, 0, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments(factory, "ann", NULL, 5, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments(factory, "ann", nulls, 2, NULL)), 0);
    CHECK_STR(only_treatment(split_get_treatments(factory, "ann", flags, 3, NULL)), "on");
    CHECK_STR(only_treatment(split_get_treatments(factory, NULL, flags, 3, NULL)), "control");
    CHECK_STR(only_treatment(split_get_treatments_with_config(factory, NULL, flags, 3, NULL)), "control");
    CHECK_INT(counted_and_freed(split_get_treatments_by_flag_set(factory, "ann", NULL, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments_by_flag_set(factory, NULL, "web", NULL)), 2);
    CHECK_INT(counted_and_freed(split_get_treatments_with_config_by_flag_set(factory, "ann", NULL, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments_by_flag_sets(factory, "ann", NULL, 3, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments_by_flag_sets(factory, "ann", nulls, 2, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments_with_config_by_flag_sets(factory, "ann", NULL, 0, NULL)), 0);
    CHECK_INT(split_track(factory, NULL, "user", "paid", 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track(factory, "ann", NULL, "paid", 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track(factory, "ann", "user", NULL, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track_n(factory, "ann", 3, NULL, 4, "paid", 4, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    split_flag_view_list *views = split_manager_split(factory, NULL);
    size_t count = 99;
    split_flag_view_list_data(views, &count);
    CHECK_INT(count, 0);
    split_flag_view_list_free(views);
    CHECK_INT(split_manager_json(factory, "checkout", NULL), SPLIT_E_INVALID_ARGUMENT);
    split_json text = {NULL, 0, NULL};
    CHECK_INT(split_explain(factory, NULL, "checkout", NULL, &text), SPLIT_E_INVALID_ARGUMENT);
    CHECK_HAS(text.ptr, "{\"flag\":\"checkout\",\"key\":null,");
    CHECK_HAS(text.ptr, "\"status\":\"invalid\",\"treatment\":\"control\"");
    split_json_release(&text);
    CHECK_INT(split_explain(factory, "ann", NULL, NULL, &text), SPLIT_E_INVALID_ARGUMENT);
    CHECK_HAS(text.ptr, "{\"flag\":null,\"key\":\"ann\",");
    split_json_release(&text);
    CHECK_INT(split_explain(factory, "ann", "checkout", NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_poll(factory, 0, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
}

static void null_lists_texts_and_outputs_do_nothing(void) {
    size_t count = 99;
    CHECK_NULL(split_results_data(NULL, &count));
    CHECK_INT(count, 0);
    CHECK_NULL(split_results_data(NULL, NULL));
    CHECK_NULL(split_results_find(NULL, "checkout"));
    count = 99;
    CHECK_NULL(split_name_list_data(NULL, &count));
    CHECK_INT(count, 0);
    count = 99;
    CHECK_NULL(split_flag_view_list_data(NULL, &count));
    CHECK_INT(count, 0);
    split_results_free(NULL);
    split_name_list_free(NULL);
    split_flag_view_list_free(NULL);
    split_result_release(NULL);
    split_json_release(NULL);

    split_results *results = split_get_treatments_by_flag_set(factory, "ann", "web", NULL);
    CHECK_SET(split_results_data(results, NULL));
    CHECK_NULL(split_results_find(results, NULL));
    split_results_free(results);
    split_name_list *names = split_manager_names(factory);
    CHECK_SET(split_name_list_data(names, NULL));
    split_name_list_free(names);
    split_flag_view_list *views = split_manager_splits(factory);
    CHECK_SET(split_flag_view_list_data(views, NULL));
    split_flag_view_list_free(views);

    split_result result;
    memset(&result, 0, sizeof result);
    split_result_release(&result);
    split_get_treatment_with_config(factory, "ann", "checkout", NULL, &result);
    split_result_release(&result);
    split_result_release(&result);
    split_json text = {NULL, 0, NULL};
    split_json_release(&text);
    CHECK_INT(split_manager_json(factory, "checkout", &text), SPLIT_OK);
    split_json_release(&text);
    split_json_release(&text);
}

static void null_configurations_and_attributes(void) {
    split_config *config = split_config_new();
    split_attributes *attributes = split_attributes_new();
    split_error error;
    const char *const one[] = {"a"};
    const char *const hole[] = {"a", NULL};
    const size_t len[] = {1};
    CHECK_INT(split_config_set(NULL, "logLevel", "none", &error), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(error.status, SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_config_set(config, NULL, "none", &error), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_config_set(config, "logLevel", NULL, &error), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_config_set(config, NULL, NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_config_merge_json(NULL, "{}", &error), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_config_merge_json(config, NULL, &error), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_config_set_logger(NULL, SPLIT_LOG_DEBUG, note_log, NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_DEBUG, NULL, NULL, NULL), SPLIT_OK);
    CHECK_INT(split_config_set_impression_listener(NULL, note_impression, NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_config_set_impression_listener(config, NULL, NULL, NULL), SPLIT_OK);
    CHECK_INT(split_config_enable_queue(NULL, SPLIT_QUEUE_LOGS, 1), SPLIT_E_INVALID_ARGUMENT);
    split_config_free(NULL);
    split_config_free(config);

    CHECK_INT(split_attributes_set_string(NULL, "a", "b"), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_string(attributes, NULL, "b"), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_string(attributes, "a", NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_string_n(NULL, "a", 1, "b", 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_string_n(attributes, NULL, 1, "b", 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_string_n(attributes, "a", 1, NULL, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_int(NULL, "a", 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_int(attributes, NULL, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_double(NULL, "a", 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_double(attributes, NULL, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_bool(NULL, "a", true), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_bool(attributes, NULL, true), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_datetime(NULL, "a", 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_datetime(attributes, NULL, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings(NULL, "a", one, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings(attributes, NULL, one, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings(attributes, "a", NULL, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings(attributes, "a", hole, 2), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings_n(NULL, "a", 1, one, len, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings_n(attributes, "a", 1, one, NULL, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings_n(attributes, "a", 1, NULL, len, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_merge_json(NULL, "{}", &error), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_merge_json(attributes, NULL, &error), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_merge_json(attributes, NULL, NULL), SPLIT_E_INVALID_ARGUMENT);
    split_attributes_clear(NULL);
    split_attributes_free(NULL);
    split_attributes_free(attributes);
}

int main(void) {
    factory = localhost(in_data("flags.json"));
    RUN(a_null_factory_has_harmless_answers);
    RUN(null_texts_are_invalid_input);
    RUN(null_lists_texts_and_outputs_do_nothing);
    RUN(null_configurations_and_attributes);
    ended(factory);
    return check_finish("nulls");
}
