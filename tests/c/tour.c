/*
 * Each function of the header once, used as its comment says, with the right answer. Reads like the documentation. Here is
 * the life of a factory with all that belongs to it; what it answers is in answers.c.
 */
#include "support.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static split_factory *shop(void) {
    return localhost(in_data("flags.json"));
}

/* ---- Version and errors ------------------------------------------------------------------------------------------ */

static void versions_of_header_and_library_agree(void) {
    CHECK_STR(split_version(), SPLIT_VERSION);
    CHECK_INT(split_version_number(), SPLIT_VERSION_NUMBER);
    CHECK_INT(SPLIT_CHECK_VERSION(), SPLIT_OK);
    CHECK_INT(split_version_check(SPLIT_VERSION_MAJOR * 1000000), SPLIT_OK);
    CHECK_INT(split_version_check(SPLIT_VERSION_NUMBER + 1), SPLIT_E_VERSION);
    CHECK_INT(split_version_check((SPLIT_VERSION_MAJOR + 1) * 1000000), SPLIT_E_VERSION);
    CHECK_INT(split_version_check(0), SPLIT_E_VERSION);
}

static void every_status_has_words_of_its_own(void) {
    CHECK_STR(split_status_string(SPLIT_E_TIMEOUT), "timed out");
    for (split_status one = SPLIT_E_SYSTEM; one <= SPLIT_OK; one++) {
        CHECK(split_status_string(one) != NULL && *split_status_string(one) != '\0');
        for (split_status other = SPLIT_E_SYSTEM; other < one; other++) {
            CHECK(strcmp(split_status_string(one), split_status_string(other)) != 0);
        }
    }
    CHECK_SET(split_status_string(-9999));
    CHECK_SET(split_status_string(1));
}

static void *a_thread_without_failures(void *unused) {
    split_error error;
    CHECK_INT(split_last_error(&error), SPLIT_OK);
    return unused;
}

static void the_last_error_is_this_threads(void) {
    split_error error;
    CHECK_INT(split_track(NULL, "ann", "user", "paid", 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_last_error(&error), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(error.status, SPLIT_E_INVALID_ARGUMENT);
    CHECK(error.message[0] != '\0');
    CHECK_INT(split_last_error(NULL), SPLIT_E_INVALID_ARGUMENT);
    pthread_join(spawned(a_thread_without_failures, NULL), NULL);
}

static void a_fork_is_counted_in_the_child(void) {
    split_factory *factory = shop();
    const uint32_t *generation = split_fork_generation();
    uint32_t before = *generation;
    int status = -1;
    pid_t child = fork();
    if (child == 0) end_child(*generation == before + 1 && split_fork_generation() == generation);
    CHECK(child > 0);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, 0);
    CHECK_INT(*generation, before);
    ended(factory);
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static const split_option *option_named(const char *name) {
    for (size_t i = 0; i < split_option_count(); i++) {
        if (strcmp(split_option_at(i)->name, name) == 0) return split_option_at(i);
    }
    return NULL;
}

static void options_can_be_listed(void) {
    static const char *const kinds[] = {"integer", "number", "boolean", "string", "enum", "list", "object"};
    CHECK(split_option_count() >= 56);
    for (size_t i = 0; i < split_option_count(); i++) {
        const split_option *option = split_option_at(i);
        bool known = false;
        CHECK_INT(option->size, sizeof *option);
        CHECK(*option->name != '\0' && *option->default_json != '\0' && *option->description != '\0');
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) known = known || strcmp(option->kind, kinds[k]) == 0;
        check_that(known, __FILE__, __LINE__, "%s is of kind %s", option->name, option->kind);
        CHECK(option_named(option->name) == option);
    }
    CHECK_NULL(split_option_at(split_option_count()));

    const split_option *refresh = option_named("featuresRefreshRate");
    CHECK_STR(refresh->kind, "integer");
    CHECK_STR(refresh->default_json, "30");
    CHECK(refresh->supported);
    CHECK(!option_named("redisEncoding")->supported);
    CHECK_STR(option_named("strictConfig")->default_json, "true");
    CHECK_STR(option_named("fallbackTreatments")->kind, "object");
    CHECK_STR(option_named("flagSetsFilter")->kind, "list");
    CHECK_STR(option_named("impressionsMode")->kind, "enum");
}

/* ---- Configuration ----------------------------------------------------------------------------------------------- */

static void a_configuration_takes_text_and_json(void) {
    split_config *config = split_config_new();
    split_error error;
    CHECK_SET(config);
    CHECK_INT(split_config_set(config, "featuresRefreshRate", "30", &error), SPLIT_OK);
    CHECK_INT(split_config_set(config, "features_refresh_rate", "31", NULL), SPLIT_OK);
    CHECK_INT(split_config_set(config, "streamingEnabled", "true", &error), SPLIT_OK);
    CHECK_INT(split_config_set(config, "impressionsMode", "DEBUG", &error), SPLIT_OK);
    CHECK_INT(split_config_set(config, "flagSetsFilter", "web,mobile", &error), SPLIT_OK);
    CHECK_INT(split_config_set(config, "fallbackTreatments", "{\"global\": \"off\"}", &error), SPLIT_OK);
    CHECK_INT(split_config_merge_json(config, "{\"streamingEnabled\": false, \"flagSetsFilter\": [\"web\"]}", &error),
              SPLIT_OK);
    CHECK_INT(split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS | SPLIT_QUEUE_EVENTS, 10), SPLIT_OK);
    split_config_free(config);
}

static void a_configuration_serves_many_factories_and_may_go_first(void) {
    split_config *config = config_for(in_data("flags.json"), NULL);
    split_factory *one = started(config), *other = started(config);
    split_config_free(config);
    CHECK_STR(split_get_treatment(one, "ann", "checkout", NULL), "on");
    ended(one);
    CHECK_STR(split_get_treatment(other, "ann", "checkout", NULL), "on");
    ended(other);
}

static void the_log_goes_to_the_logger(void) {
    notes *log = notes_new();
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_DEBUG, note_log, log, note_drop), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    size_t before = notes_having(log, " W ");
    CHECK_STR(split_get_treatment(factory, "ann", "nothing_here", NULL), "control");
    CHECK_INT(notes_having(log, " W "), before + 1);
    CHECK(notes_having(log, "get_treatment") >= 1 && notes_having(log, "nothing_here") >= 1);
    CHECK_INT(notes_drops(log), 0);
    ended(factory);
    CHECK_INT(notes_drops(log), 1);
    notes_free(log);
}

static void impressions_go_to_the_listener(void) {
    notes *heard = notes_new();
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_set_impression_listener(config, note_impression, heard, note_drop), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK_STR(split_get_treatment(factory, "carl", "checkout", NULL), "off");
    CHECK_INT(split_flush(factory, -1), SPLIT_OK);
    CHECK_INT(notes_count(heard), 2);
    CHECK_STR(notes_line(heard, 0), "splitio-deliver ann checkout on whitelisted");
    CHECK_STR(notes_line(heard, 1), "splitio-deliver carl checkout off default rule");
    ended(factory);
    CHECK_INT(notes_drops(heard), 1);
    notes_free(heard);
}

/* ---- Factory ----------------------------------------------------------------------------------------------------- */

static void a_factory_becomes_ready(void) {
    split_error error;
    split_config *config = config_for(in_data("flags.json"), NULL);
    split_factory *factory = split_factory_new("localhost", config, &error);
    CHECK_SET(factory);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK(split_is_ready(factory));
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_READY);
    CHECK_INT(split_block_until_ready(factory, 0), SPLIT_OK);
    CHECK_INT(split_block_until_ready(factory, -1), SPLIT_OK);
    split_config_free(config);
    ended(factory);
}

static void a_factory_whose_file_is_missing_waits_for_it(void) {
    split_config *config = config_for(in_scratch("not-yet.json"), NULL);
    split_factory *factory = split_factory_new("localhost", config, NULL);
    CHECK_SET(factory);
    long long start = now_ms();
    CHECK_INT(split_block_until_ready(factory, 200), SPLIT_E_TIMEOUT);
    CHECK(now_ms() - start >= 200);
    CHECK(!split_is_ready(factory));
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_NOT_READY);
    split_result result;
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "checkout", NULL, &result), SPLIT_E_NOT_READY);
    CHECK_STR(result.treatment, "control");
    CHECK_STR(result.label, "not ready");
    CHECK_INT(result.change_number, -1);
    split_result_release(&result);
    split_json text = {NULL, 0, NULL};
    CHECK_INT(split_explain(factory, "ann", "checkout", NULL, &text), SPLIT_E_NOT_READY);
    CHECK_HAS(text.ptr, "\"status\":\"not_ready\",\"treatment\":\"control\"");
    split_json_release(&text);
    split_config_free(config);
    ended(factory);
}

static void events_reach_their_handlers(void) {
    notes *heard = notes_new();
    split_factory *factory = shop();
    CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, note_drop), SPLIT_OK);
    CHECK_INT(split_on(factory, SPLIT_EVENT_UPDATE, note_event, heard, note_drop), SPLIT_OK);
    CHECK(notes_wait(heard, 1));
    CHECK_STR(notes_line(heard, 0), "splitio-deliver ready");
    ended(factory);
    CHECK_INT(notes_drops(heard), 2);
    CHECK_INT(notes_count(heard), 1);
    notes_free(heard);
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static void events_are_tracked(void) {
    split_factory *factory = shop();
    split_attributes *properties = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    CHECK_INT(split_track(factory, "ann", "user", "page.view", SPLIT_NO_VALUE, NULL), SPLIT_OK);
    CHECK_INT(split_attributes_set_string(properties, "page", "cart"), SPLIT_OK);
    options.properties = properties;
    CHECK_INT(split_track(factory, "ann", "user", "paid", 12.5, &options), SPLIT_OK);
    options.properties = NULL;
    options.properties_json = "{\"page\": \"cart\"}";
    CHECK_INT(split_track(factory, "ann", "USER", "paid", -1, &options), SPLIT_OK);
    split_attributes_free(properties);
    ended(factory);
}

/* ---- Queue ------------------------------------------------------------------------------------------------------- */

static void the_queue_is_polled(void) {
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS, 0), SPLIT_OK);
    split_factory *factory = started(config);
    split_json text = {NULL, 0, NULL};
    struct pollfd descriptor = {split_poll_fd(factory), POLLIN, 0};
    split_config_free(config);
    CHECK(descriptor.fd >= 0);
    CHECK_INT(poll(&descriptor, 1, 0), 0);
    CHECK_INT(split_poll(factory, 0, 10, &text), SPLIT_E_TIMEOUT);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK_INT(poll(&descriptor, 1, PATIENCE_MS), 1);
    CHECK_INT(split_poll(factory, PATIENCE_MS, 10, &text), SPLIT_OK);
    CHECK_HAS(text.ptr, "\"type\":\"impression\"");
    CHECK_HAS(text.ptr, "\"key\":\"ann\"");
    split_json_release(&text);
    ended(factory);
}

/* ---- Ending ------------------------------------------------------------------------------------------------------ */

static void flush_and_resume_do_no_harm(void) {
    split_factory *factory = shop();
    split_error error;
    CHECK_INT(split_track(factory, "ann", "user", "paid", 1, NULL), SPLIT_OK);
    CHECK_INT(split_flush(factory, PATIENCE_MS), SPLIT_OK);
    CHECK_INT(split_resume(factory, &error), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    ended(factory);
}

static void a_destroyed_factory_answers_control(void) {
    split_factory *factory = shop();
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK_INT(split_destroy(factory, -1), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "control");
    CHECK_INT(split_track(factory, "ann", "user", "paid", SPLIT_NO_VALUE, NULL), SPLIT_E_DESTROYED);
    CHECK_INT(split_factory_status(factory), SPLIT_STATUS_DESTROYED);
    CHECK_INT(split_destroy(factory, -1), SPLIT_OK);
    split_factory_free(factory);
}

static void a_factory_may_be_freed_without_destroying(void) {
    notes *heard = notes_new();
    split_factory *factory = shop();
    CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, note_drop), SPLIT_OK);
    split_factory_free(factory);
    CHECK(notes_wait_drops(heard, 1));
    notes_free(heard);
}

int main(void) {
    RUN(versions_of_header_and_library_agree);
    RUN(every_status_has_words_of_its_own);
    RUN(the_last_error_is_this_threads);
    RUN(a_fork_is_counted_in_the_child);
    RUN(options_can_be_listed);
    RUN(a_configuration_takes_text_and_json);
    RUN(a_configuration_serves_many_factories_and_may_go_first);
    RUN(the_log_goes_to_the_logger);
    RUN(impressions_go_to_the_listener);
    RUN(a_factory_becomes_ready);
    RUN(a_factory_whose_file_is_missing_waits_for_it);
    RUN(events_reach_their_handlers);
    RUN(events_are_tracked);
    RUN(the_queue_is_polled);
    RUN(flush_and_resume_do_no_harm);
    RUN(a_destroyed_factory_answers_control);
    RUN(a_factory_may_be_freed_without_destroying);
    return check_finish("tour");
}
