/*
 * Listeners, event handlers and loggers: on which thread, in which order, with what in their hands, and that whoever owns
 * their user_data is told exactly once. What they may call back is in reentrant.c.
 */
#include "support.h"

#include <semaphore.h>

/* A factory on flags.json whose impressions go to `listener`. */
static split_factory *listened(split_impression_fn listener, void *user_data, split_drop_fn drop, const char *json) {
    split_config *config = config_for(in_data("flags.json"), json);
    CHECK_INT(split_config_set_impression_listener(config, listener, user_data, drop), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    return factory;
}

/* ---- Threads and order ------------------------------------------------------------------------------------------- */

static void impressions_arrive_in_order_on_the_delivery_thread(void) {
    notes *heard = notes_new();
    split_factory *factory = listened(note_impression, heard, note_drop, NULL);
    char key[32], line[96];
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        CHECK_STR(split_get_treatment(factory, key, "banner", NULL), "red");
    }
    CHECK_INT(split_flush(factory, -1), SPLIT_OK);
    CHECK_INT(notes_count(heard), 500);
    for (int i = 0; i < 500; i++) {
        snprintf(line, sizeof line, "splitio-deliver key-%d banner red default rule", i);
        CHECK_STR(notes_line(heard, (size_t)i), line);
    }
    ended(factory);
    notes_free(heard);
}

static int inside, most_inside, total;

static void count_company(const split_impression *impression, void *user_data) {
    (void)impression;
    (void)user_data;
    int now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    if (now > most_inside) most_inside = now;
    total++;
    __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
}

static void *ask_often(void *factory) {
    for (int i = 0; i < 500; i++) split_get_treatment((const split_factory *)factory, "ann", "checkout", NULL);
    return NULL;
}

static void a_listener_is_called_one_impression_at_a_time(void) {
    pthread_t threads[8];
    split_factory *factory = listened(count_company, NULL, NULL, NULL);
    total = most_inside = 0;
    for (int i = 0; i < 8; i++) threads[i] = spawned(ask_often, factory);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    CHECK_INT(split_flush(factory, -1), SPLIT_OK);
    CHECK_INT(most_inside, 1);
    CHECK_INT(total, 8 * 500);
    ended(factory);
}

static void the_log_is_written_on_the_thread_that_has_something_to_say(void) {
    notes *log = notes_new();
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_DEBUG, note_log, log, note_drop), SPLIT_OK);
    split_factory *factory = started(config);
    notes_clear(log);
    pthread_setname_np(pthread_self(), "asking");
    split_get_treatment(factory, "", "checkout", NULL);
    CHECK_INT(notes_having(log, "asking E"), 1);
    CHECK(notes_having(log, "get_treatment") >= 1);
    split_config_free(config);
    ended(factory);
    CHECK_INT(notes_drops(log), 1);
    notes_free(log);
}

static void lines_above_the_level_are_not_made(void) {
    notes *log = notes_new();
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_ERROR, note_log, log, note_drop), SPLIT_OK);
    split_factory *factory = started(config);
    notes_clear(log);
    split_get_treatment(factory, "ann", "unknown", NULL); /* a warning */
    CHECK_INT(notes_count(log), 0);
    split_get_treatment(factory, "", "checkout", NULL); /* an error */
    CHECK_INT(notes_count(log), 1);
    split_config_free(config);
    ended(factory);
    notes_free(log);
}

/* Who waits for readiness may be faster than the thread that is about to tell of it. */
static void flush_waits_for_the_news_of_readiness(void) {
    split_config *config = config_for(in_data("flags.json"), NULL);
    for (long i = 0; i < effort(300); i++) {
        notes *heard = notes_new();
        split_error error;
        split_factory *factory = split_factory_new("localhost", config, &error);
        CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, NULL), SPLIT_OK);
        CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
        CHECK_INT(split_flush(factory, PATIENCE_MS), SPLIT_OK);
        CHECK_INT(notes_count(heard), 1);
        ended(factory);
        notes_free(heard);
    }
    split_config_free(config);
}

/* ---- What they get ----------------------------------------------------------------------------------------------- */

static void look_at_everything(const split_impression *impression, void *book) {
    CHECK_INT(impression->size, sizeof *impression);
    notes_add((notes *)book, "%s|%s|%s|%s|%s|%lld|%s|%s|%s|%s|%s", impression->key,
              impression->bucketing_key != NULL ? impression->bucketing_key : "-", impression->flag,
              impression->treatment, impression->label != NULL ? impression->label : "-",
              (long long)impression->change_number, impression->previous_time == 0 ? "first" : "again",
              impression->attributes_json != NULL ? impression->attributes_json : "-",
              impression->properties_json != NULL ? impression->properties_json : "-",
              impression->time > 1700000000000 ? "now" : "some time",
              impression->sdk_version != NULL && impression->instance != NULL ? "named" : "nameless");
}

static void an_impression_says_everything(void) {
    notes *heard = notes_new();
    split_factory *factory = listened(look_at_everything, heard, note_drop, NULL);
    split_options options = SPLIT_OPTIONS_INIT;
    split_attributes *attributes = split_attributes_new();
    split_get_treatment(factory, "ann", "checkout", NULL);
    CHECK_INT(split_attributes_set_int(attributes, "age", 30), SPLIT_OK);
    options.bucketing_key = "bucket";
    options.attributes = attributes;
    options.properties_json = "{\"page\":\"cart\"}";
    split_get_treatment(factory, "ann", "adults", &options);
    split_get_treatment(factory, "ann", "unknown", NULL); /* makes none */
    split_get_treatment(factory, "ann", "silent", NULL);
    split_get_treatment(factory, "ann", "loop", NULL);
    split_get_treatment(factory, "ann", "dead", NULL);
    CHECK_INT(split_flush(factory, -1), SPLIT_OK);
    CHECK_INT(notes_count(heard), 5);
    CHECK_STR(notes_line(heard, 0), "ann|-|checkout|on|whitelisted|11|first|-|-|now|named");
    CHECK_STR(notes_line(heard, 1),
              "ann|bucket|adults|yes|age >= 18|13|first|{\"age\":30}|{\"page\":\"cart\"}|now|named");
    CHECK_STR(notes_line(heard, 2), "ann|-|silent|on|default rule|24|first|-|-|now|named");
    CHECK_STR(notes_line(heard, 3), "ann|-|loop|control|exception|-1|first|-|-|now|named");
    CHECK_STR(notes_line(heard, 4), "ann|-|dead|stopped|killed|15|first|-|-|now|named");
    split_attributes_free(attributes);
    ended(factory);
    notes_free(heard);
}

static void labels_can_be_switched_off(void) {
    notes *heard = notes_new();
    split_factory *factory = listened(look_at_everything, heard, note_drop, "{\"labelsEnabled\": false}");
    split_result result;
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "dead", NULL, &result), SPLIT_OK);
    CHECK_NULL(result.label);
    split_result_release(&result);
    CHECK_INT(split_flush(factory, -1), SPLIT_OK);
    CHECK_HAS(notes_line(heard, 0), "ann|-|dead|stopped|-|15|");
    ended(factory);
    notes_free(heard);
}

static void a_batch_makes_one_impression_per_known_flag(void) {
    notes *heard = notes_new();
    const char *const flags[] = {"banner", "unknown", "checkout", "banner"};
    split_factory *factory = listened(note_impression, heard, note_drop, NULL);
    split_results_free(split_get_treatments(factory, "ann", flags, 4, NULL));
    CHECK_INT(split_flush(factory, -1), SPLIT_OK);
    CHECK_INT(notes_count(heard), 2);
    CHECK_HAS(notes_line(heard, 0), "ann banner red");
    CHECK_HAS(notes_line(heard, 1), "ann checkout on");
    ended(factory);
    notes_free(heard);
}

static void an_answer_before_ready_is_an_impression_too(void) {
    notes *heard = notes_new();
    split_config *config = config_for(in_scratch("not-yet.json"), NULL);
    CHECK_INT(split_config_set_impression_listener(config, look_at_everything, heard, note_drop), SPLIT_OK);
    split_factory *factory = split_factory_new("localhost", config, NULL);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "control");
    CHECK(notes_wait(heard, 1));
    CHECK_STR(notes_line(heard, 0), "ann|-|checkout|control|not ready|-1|first|-|-|now|named");
    split_config_free(config);
    ended(factory);
    notes_free(heard);
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static void handlers_are_called_in_the_order_they_were_added(void) {
    notes *heard = notes_new(), *other = notes_new();
    write_file("events.json", one_flag("f", "red", 1));
    split_config *config =
        config_for(in_scratch("events.json"), "{\"localhostRefreshEnabled\": true, \"featuresRefreshRate\": 1}");
    split_factory *factory = split_factory_new("localhost", config, NULL);
    split_config_free(config);
    for (int i = 0; i < 3; i++) CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, note_drop), SPLIT_OK);
    CHECK_INT(split_on(factory, SPLIT_EVENT_UPDATE, note_event, other, note_drop), SPLIT_OK);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK(notes_wait(heard, 3));
    CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, note_drop), SPLIT_OK); /* late, and called */
    CHECK(notes_wait(heard, 4));
    CHECK_INT(notes_count(other), 0); /* the first load is no update */
    write_file("events.json", one_flag("f", "blue", 2));
    CHECK(notes_wait(other, 1));
    CHECK_STR(notes_line(other, 0), "splitio-deliver update flags f");
    CHECK_STR(split_get_treatment(factory, "ann", "f", NULL), "blue");
    ended(factory);
    CHECK_INT(notes_count(heard), 4);
    CHECK_INT(notes_drops(heard), 4);
    CHECK_INT(notes_drops(other), 1);
    notes_free(heard);
    notes_free(other);
}

/* ---- Slow and stuck callbacks ------------------------------------------------------------------------------------ */

struct gate {
    sem_t entered, opened;
    int drops, calls;
};

static void wait_at_gate(const split_impression *impression, void *user_data) {
    struct gate *gate = (struct gate *)user_data;
    (void)impression;
    if (__atomic_fetch_add(&gate->calls, 1, __ATOMIC_SEQ_CST) > 0) return; /* only the first one waits */
    sem_post(&gate->entered);
    while (sem_wait(&gate->opened) != 0) continue;
}

static void drop_gate(void *user_data) {
    __atomic_add_fetch(&((struct gate *)user_data)->drops, 1, __ATOMIC_SEQ_CST);
}

static void make_gate(struct gate *gate) {
    memset(gate, 0, sizeof *gate);
    sem_init(&gate->entered, 0, 0);
    sem_init(&gate->opened, 0, 0);
}

static void a_stuck_listener_holds_up_nobody_and_loses_only_its_own(void) {
    struct gate gate;
    notes *log = notes_new();
    make_gate(&gate);
    split_config *config = config_for(in_data("flags.json"), "{\"impressionsQueueSize\": 10}");
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_WARNING, note_log, log, note_drop), SPLIT_OK);
    CHECK_INT(split_config_set_impression_listener(config, wait_at_gate, &gate, drop_gate), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    split_get_treatment(factory, "ann", "checkout", NULL);
    sem_wait(&gate.entered);
    for (int i = 0; i < 1000; i++) CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK_INT(split_flush(factory, 50), SPLIT_E_TIMEOUT);
    sem_post(&gate.opened);
    CHECK_INT(split_flush(factory, -1), SPLIT_OK);
    CHECK(gate.calls == 10 || gate.calls == 11); /* a queue full, with or without the one that it was stuck in */
    ended(factory);
    CHECK_INT(gate.drops, 1);
    CHECK(notes_having(log, "impression") >= 1); /* what was dropped is said */
    notes_free(log);
}

static bool gate_was_dropped(void *user_data) {
    return __atomic_load_n(&((struct gate *)user_data)->drops, __ATOMIC_SEQ_CST) > 0;
}

static void a_callback_that_outlives_the_deadline_is_dropped_when_it_returns(void) {
    struct gate gate;
    make_gate(&gate);
    split_factory *factory = listened(wait_at_gate, &gate, drop_gate, NULL);
    split_get_treatment(factory, "ann", "checkout", NULL);
    sem_wait(&gate.entered);
    long long start = now_ms();
    split_status status = split_destroy(factory, 100);
    CHECK(status == SPLIT_OK || status == SPLIT_E_TIMEOUT);
    CHECK(now_ms() - start < 5000);
    CHECK_INT(__atomic_load_n(&gate.drops, __ATOMIC_SEQ_CST), 0);
    split_factory_free(factory); /* does not wait for it either */
    CHECK_INT(__atomic_load_n(&gate.drops, __ATOMIC_SEQ_CST), 0);
    sem_post(&gate.opened);
    CHECK(eventually(gate_was_dropped, &gate));
    CHECK_INT(gate.drops, 1);
}

/* ---- Letting go -------------------------------------------------------------------------------------------------- */

static void user_data_is_let_go_of_once_by_the_last_that_needs_it(void) {
    notes *log = notes_new(), *heard = notes_new();
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_ERROR, note_log, log, note_drop), SPLIT_OK);
    CHECK_INT(split_config_set_impression_listener(config, note_impression, heard, note_drop), SPLIT_OK);
    split_factory *one = started(config), *other = started(config);
    ended(one);
    CHECK_INT(notes_drops(log), 0);
    CHECK_INT(notes_drops(heard), 0);
    split_config_free(config);
    CHECK_INT(notes_drops(log), 0);
    ended(other);
    CHECK(notes_wait_drops(log, 1));
    CHECK(notes_wait_drops(heard, 1));
    CHECK_INT(notes_drops(log), 1);
    CHECK_INT(notes_drops(heard), 1);
    notes_free(log);
    notes_free(heard);
}

static void a_callback_that_is_replaced_is_let_go_of(void) {
    notes *first = notes_new(), *second = notes_new();
    split_config *config = split_config_new();
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_ERROR, note_log, first, note_drop), SPLIT_OK);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_ERROR, note_log, second, note_drop), SPLIT_OK);
    CHECK_INT(notes_drops(first), 1);
    CHECK_INT(split_config_set_impression_listener(config, note_impression, first, note_drop), SPLIT_OK);
    CHECK_INT(split_config_set_impression_listener(config, NULL, NULL, NULL), SPLIT_OK);
    CHECK_INT(notes_drops(first), 2);
    CHECK_INT(notes_drops(second), 0);
    split_config_free(config); /* no factory was made */
    CHECK_INT(notes_drops(second), 1);
    CHECK_INT(notes_drops(first), 2);
    notes_free(first);
    notes_free(second);
}

static void a_factory_that_could_not_be_made_keeps_nothing(void) {
    notes *log = notes_new();
    split_config *config = config_for(in_scratch("missing.yaml"), NULL);
    split_error error;
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_ERROR, note_log, log, note_drop), SPLIT_OK);
    CHECK_NULL(split_factory_new("localhost", config, &error));
    CHECK_INT(error.status, SPLIT_E_STORAGE);
    CHECK_INT(notes_drops(log), 0);
    split_config_free(config);
    CHECK_INT(notes_drops(log), 1);
    notes_free(log);
}

int main(void) {
    RUN(impressions_arrive_in_order_on_the_delivery_thread);
    RUN(a_listener_is_called_one_impression_at_a_time);
    RUN(the_log_is_written_on_the_thread_that_has_something_to_say);
    RUN(flush_waits_for_the_news_of_readiness);
    RUN(lines_above_the_level_are_not_made);
    RUN(an_impression_says_everything);
    RUN(labels_can_be_switched_off);
    RUN(a_batch_makes_one_impression_per_known_flag);
    RUN(an_answer_before_ready_is_an_impression_too);
    RUN(handlers_are_called_in_the_order_they_were_added);
    RUN(a_stuck_listener_holds_up_nobody_and_loses_only_its_own);
    RUN(a_callback_that_outlives_the_deadline_is_dropped_when_it_returns);
    RUN(user_data_is_let_go_of_once_by_the_last_that_needs_it);
    RUN(a_callback_that_is_replaced_is_let_go_of);
    RUN(a_factory_that_could_not_be_made_keeps_nothing);
    return check_finish("callbacks");
}
