/*
 * Callbacks that call the library: each public function from a listener and an event handler, and a logger that breaks its
 * rule. Whatever they call works or is refused; none waits for itself.
 */
#include "support.h"

static split_factory *called_back;
static int callbacks_done;

static bool works_or_refuses(split_status status) {
    return status == SPLIT_OK || status == SPLIT_E_REENTRANT;
}

static void on_update(const split_event *event, void *user_data) {
    (void)event;
    (void)user_data;
}

/* Each public function that a callback could call, once. */
static void call_everything(void) {
    split_factory *factory = called_back;
    const char *const names[] = {"checkout", "web"};
    const size_t lens[] = {8, 3};
    split_result result;
    split_json text = {NULL, 0, NULL};
    split_error error;
    size_t count;

    CHECK_SET(split_version());
    CHECK(split_version_number() > 0);
    CHECK_INT(split_version_check(SPLIT_VERSION_NUMBER), SPLIT_OK);
    CHECK_SET(split_status_string(0));
    split_last_error(&error);
    CHECK_SET(split_fork_generation());
    CHECK(split_option_count() > 0 && split_option_at(0) != NULL);

    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_set_impression_listener(config, NULL, NULL, NULL), SPLIT_OK);
    CHECK_INT(split_config_enable_queue(config, SPLIT_QUEUE_LOGS, 0), SPLIT_OK);
    split_factory *other = split_factory_new("localhost", config, &error);
    CHECK_SET(other);
    split_config_free(config);
    CHECK_INT(split_block_until_ready(other, PATIENCE_MS), SPLIT_OK); /* another factory's thread may be waited for */
    CHECK_INT(split_destroy(other, -1), SPLIT_OK);
    split_factory_free(other);

    CHECK(works_or_refuses(split_block_until_ready(factory, -1)));
    CHECK(split_is_ready(factory));
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    CHECK_INT(split_on(factory, SPLIT_EVENT_UPDATE, on_update, NULL, NULL), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK_STR(split_get_treatment_n(factory, "ann", 3, "checkout", 8, NULL), "on");
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "checkout", NULL, &result), SPLIT_OK);
    split_result_release(&result);
    CHECK_INT(split_get_treatment_with_config_n(factory, "ann", 3, "checkout", 8, NULL, &result), SPLIT_OK);
    split_result_release(&result);
    split_results *results = split_get_treatments(factory, "ann", names, 1, NULL);
    CHECK_SET(split_results_data(results, &count));
    CHECK_SET(split_results_find(results, "checkout"));
    split_results_free(results);
    split_results_free(split_get_treatments_with_config(factory, "ann", names, 1, NULL));
    split_results_free(split_get_treatments_by_flag_set(factory, "ann", "web", NULL));
    split_results_free(split_get_treatments_with_config_by_flag_set(factory, "ann", "web", NULL));
    split_results_free(split_get_treatments_by_flag_sets(factory, "ann", names + 1, 1, NULL));
    split_results_free(split_get_treatments_with_config_by_flag_sets(factory, "ann", names + 1, 1, NULL));

    split_attributes *attributes = split_attributes_new();
    CHECK_INT(split_attributes_set_string(attributes, "a", "b"), SPLIT_OK);
    CHECK_INT(split_attributes_set_string_n(attributes, "a", 1, "b", 1), SPLIT_OK);
    CHECK_INT(split_attributes_set_int(attributes, "a", 1), SPLIT_OK);
    CHECK_INT(split_attributes_set_double(attributes, "a", 1), SPLIT_OK);
    CHECK_INT(split_attributes_set_bool(attributes, "a", true), SPLIT_OK);
    CHECK_INT(split_attributes_set_datetime(attributes, "a", 1), SPLIT_OK);
    CHECK_INT(split_attributes_set_strings(attributes, "a", names, 2), SPLIT_OK);
    CHECK_INT(split_attributes_set_strings_n(attributes, "a", 1, names, lens, 2), SPLIT_OK);
    CHECK_INT(split_attributes_merge_json(attributes, "{}", &error), SPLIT_OK);
    split_attributes_clear(attributes);
    split_attributes_free(attributes);

    CHECK_INT(split_track(factory, "ann", "user", "paid", 1, NULL), SPLIT_OK);
    CHECK_INT(split_track_n(factory, "ann", 3, "user", 4, "paid", 4, 1, NULL), SPLIT_OK);
    split_name_list *list = split_manager_names(factory);
    CHECK_SET(split_name_list_data(list, &count));
    split_name_list_free(list);
    split_flag_view_list *views = split_manager_splits(factory);
    CHECK_SET(split_flag_view_list_data(views, &count));
    split_flag_view_list_free(views);
    split_flag_view_list_free(split_manager_split(factory, "checkout"));
    CHECK_INT(split_manager_json(factory, "checkout", &text), SPLIT_OK);
    split_json_release(&text);
    CHECK_INT(split_explain(factory, "ann", "checkout", NULL, &text), SPLIT_OK);
    split_json_release(&text);
    split_status polled = split_poll(factory, 0, 1, &text); /* there is no queue, or nothing in it */
    CHECK(polled != SPLIT_OK && polled != SPLIT_E_PANIC);
    split_poll_fd(factory);
    CHECK_INT(split_flush(factory, -1), SPLIT_E_REENTRANT);
    CHECK(works_or_refuses(split_resume(factory, &error)));
    CHECK_INT(split_destroy(factory, -1), SPLIT_E_REENTRANT);
    split_factory_free(factory); /* logs an error and does nothing */
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    __atomic_add_fetch(&callbacks_done, 1, __ATOMIC_SEQ_CST);
}

static void call_everything_once(const split_impression *impression, void *user_data) {
    static int running;
    (void)impression;
    (void)user_data;
    if (__atomic_exchange_n(&running, 1, __ATOMIC_SEQ_CST) == 0) call_everything(); /* its impressions come here too */
}

static void call_everything_on_event(const split_event *event, void *user_data) {
    (void)event;
    (void)user_data;
    call_everything();
}

static bool both_are_done(void *unused) {
    (void)unused;
    return __atomic_load_n(&callbacks_done, __ATOMIC_SEQ_CST) == 2;
}

static void callbacks_may_call_every_function(void) { /* B35 */
    callbacks_done = 0;
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_set_impression_listener(config, call_everything_once, NULL, NULL), SPLIT_OK);
    called_back = started(config);
    split_config_free(config);
    CHECK_INT(split_on(called_back, SPLIT_EVENT_READY, call_everything_on_event, NULL, NULL), SPLIT_OK);
    split_get_treatment(called_back, "ann", "checkout", NULL);
    CHECK(eventually(both_are_done, NULL));
    ended(called_back);
}

static int log_calls, log_depth, deepest;

/* Against the rules: a logger must not call libsplitio. It must still end. */
static void log_that_calls_back(const split_log_record *record, void *user_data) {
    watch_log(record, user_data);
    int depth = __atomic_add_fetch(&log_depth, 1, __ATOMIC_SEQ_CST);
    if (depth > __atomic_load_n(&deepest, __ATOMIC_SEQ_CST)) __atomic_store_n(&deepest, depth, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&log_calls, 1, __ATOMIC_SEQ_CST);
    split_get_treatment(__atomic_load_n(&called_back, __ATOMIC_SEQ_CST), "", "checkout",
                        NULL); /* would log an error itself */
    split_get_treatment(__atomic_load_n(&called_back, __ATOMIC_SEQ_CST), "ann", "unknown", NULL);
    split_status status =
        split_track(__atomic_load_n(&called_back, __ATOMIC_SEQ_CST), "ann", "user", "not valid", 1, NULL);
    CHECK(status == SPLIT_E_INVALID_ARGUMENT || status == SPLIT_E_DESTROYED); /* it logs while it ends, too */
    __atomic_sub_fetch(&log_depth, 1, __ATOMIC_SEQ_CST);
}

static void a_logger_that_calls_back_does_no_harm(void) { /* B35 */
    split_config *config = config_for(in_data("flags.json"), NULL);
    called_back = localhost(in_data("flags.json"));
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_DEBUG, log_that_calls_back, NULL, NULL), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    split_factory *quiet = called_back;
    /* From here on it calls the factory it logs for. */
    __atomic_store_n(&called_back, factory, __ATOMIC_SEQ_CST);
    __atomic_store_n(&log_calls, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&deepest, 0, __ATOMIC_SEQ_CST);
    CHECK_STR(split_get_treatment(factory, "", "checkout", NULL), "control");
    CHECK_INT(__atomic_load_n(&log_calls, __ATOMIC_SEQ_CST), 1);
    CHECK_INT(__atomic_load_n(&deepest, __ATOMIC_SEQ_CST), 1);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    ended(factory);
    ended(quiet);
}

int main(void) {
    RUN(callbacks_may_call_every_function);
    RUN(a_logger_that_calls_back_does_no_harm);
    return check_finish("reentrant");
}
