/*
 * Options: what is taken, what is refused and in which words, what is only warned of, and what must never be shown.
 */
#include "support.h"

#include "children.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A factory on flags.json with these options, whose log is `log`, up to the debug level. NULL if it cannot be made. */
static split_factory *logged(notes *log, const char *json, split_error *error) {
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_DEBUG, note_log, log, note_drop), SPLIT_OK);
    split_status status = split_config_merge_json(config, json, error);
    split_factory *factory = NULL;
    if (status == SPLIT_OK) factory = split_factory_new("localhost", config, error);
    if (factory != NULL) CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    split_config_free(config);
    return factory;
}

/* ---- Refused ----------------------------------------------------------------------------------------------------- */

static void an_unknown_option_is_an_error_that_helps(void) {
    split_config *config = split_config_new();
    split_error error;
    CHECK_INT(split_config_set(config, "featureRefreshRate", "30", &error), SPLIT_E_UNKNOWN_OPTION);
    CHECK_INT(error.status, SPLIT_E_UNKNOWN_OPTION);
    CHECK_HAS(error.message, "featureRefreshRate");
    CHECK_HAS(error.message, "did you mean featuresRefreshRate");
    CHECK_INT(split_config_merge_json(config, "{\"impressionMode\": \"DEBUG\"}", &error), SPLIT_E_UNKNOWN_OPTION);
    CHECK_HAS(error.message, "impressionsMode");
    CHECK_INT(split_config_set(config, "entirelyElse", "1", &error), SPLIT_E_UNKNOWN_OPTION);
    CHECK_LACKS(error.message, "did you mean");
    CHECK_INT(split_config_set(config, "", "1", &error), SPLIT_E_UNKNOWN_OPTION);
    CHECK_INT(split_last_error(&error), SPLIT_E_UNKNOWN_OPTION);
    split_config_free(config);
}

static void a_value_of_the_wrong_type_is_an_error_that_names_it(void) {
    static const struct {
        const char *name, *text, *json;
    } cases[] = {
        {"featuresRefreshRate", "soon", "{\"featuresRefreshRate\": \"soon\"}"},
        {"streamingEnabled", "perhaps", "{\"streamingEnabled\": \"perhaps\"}"},
        {"fallbackTreatments", "[]", "{\"fallbackTreatments\": 7}"},
        {"redisSentinels", "{", "{\"redisSentinels\": {\"a\": 1}}"},
    };
    split_config *config = split_config_new();
    split_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&error, 0, sizeof error);
        CHECK_INT(split_config_merge_json(config, cases[i].json, &error), SPLIT_E_INVALID_OPTION);
        CHECK_HAS(error.message, cases[i].name);
    }
    CHECK_INT(split_config_set(config, "featuresRefreshRate", "soon", &error), SPLIT_E_INVALID_OPTION);
    CHECK_HAS(error.message, "featuresRefreshRate");
    CHECK_HAS(error.message, "soon");
    CHECK_INT(split_config_set(config, "streamingEnabled", "perhaps", &error), SPLIT_E_INVALID_OPTION);
    split_config_free(config);
}

static void text_that_is_no_json_object_is_refused(void) {
    static const char *const bad[] = {
        "", "{", "[]", "1", "null", "\"x\"", "{\"a\"}", "{} {}", "{\"logLevel\": \"none\",}"};
    split_config *config = split_config_new();
    split_error error;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_INT(split_config_merge_json(config, bad[i], &error), SPLIT_E_INVALID_JSON);
        CHECK(error.message[0] != '\0');
        CHECK_INT(split_config_merge_json(config, bad[i], NULL), SPLIT_E_INVALID_JSON);
    }
    CHECK_INT(split_config_merge_json(config, "{}", &error), SPLIT_OK);
    split_config_free(config);
}

static void an_object_is_taken_whole_or_not_at_all(void) {
    split_config *config = config_for(in_data("flags.json"), NULL);
    split_error error;
    split_result result;
    CHECK_INT(split_config_merge_json(config, "{\"labelsEnabled\": false, \"no such\": 1}", &error),
              SPLIT_E_UNKNOWN_OPTION);
    CHECK_INT(split_config_merge_json(config, "{\"labelsEnabled\": false, \"eventsQueueSize\": \"x\"}", &error),
              SPLIT_E_INVALID_OPTION);
    split_factory *factory = started(config);
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "checkout", NULL, &result), SPLIT_OK);
    CHECK_STR(result.label, "whitelisted");
    split_result_release(&result);
    split_config_free(config);
    ended(factory);
}

static void what_cannot_work_makes_no_factory(void) {
    static const struct {
        const char *json, *word;
    } cases[] = {
        {"{\"httpAuthenticateScheme\": \"KERBEROS_SPNEGO\"}", "erberos"},
        {"{\"storageType\": \"pluggable\"}", "luggable"},
        {"{\"sdk_api_base_url\": \"no url\"}", "sdk_api_base_url"},
    };
    split_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        split_config *config = split_config_new();
        memset(&error, 0, sizeof error);
        CHECK_INT(split_config_set_logger(config, SPLIT_LOG_NONE, NULL, NULL, NULL), SPLIT_OK);
        split_factory *factory = NULL;
        if (split_config_merge_json(config, cases[i].json, &error) == SPLIT_OK) {
            factory = split_factory_new("an-sdk-key", config, &error);
        }
        CHECK_NULL(factory);
        CHECK(error.status < 0);
        CHECK_HAS(error.message, cases[i].word);
        split_factory_free(factory);
        split_config_free(config);
    }
}

/* ---- Taken ------------------------------------------------------------------------------------------------------- */

static void every_option_takes_its_default_and_survives_nonsense(void) {
    char json[4096];
    split_error error;
    for (size_t i = 0; i < split_option_count(); i++) {
        const split_option *option = split_option_at(i);
        split_config *config = split_config_new();
        if (strcmp(option->default_json, "null") != 0) {
            snprintf(json, sizeof json, "{\"%s\": %s}", option->name, option->default_json);
            split_status status = split_config_merge_json(config, json, &error);
            check_that(status == SPLIT_OK, __FILE__, __LINE__, "%s: %d %s", json, (int)status, error.message);
        }
        snprintf(json, sizeof json, "{\"%s\": [[[{\"a\": [null, 1e400]}]]]}", option->name);
        split_status status = split_config_merge_json(config, json, &error);
        check_that(status == SPLIT_OK || status == SPLIT_E_INVALID_OPTION || status == SPLIT_E_INVALID_JSON, __FILE__,
                   __LINE__, "%s: %d", json, (int)status);
        status = split_config_set(config, option->name, "\x01 { nonsense", &error);
        check_that(status == SPLIT_OK || status == SPLIT_E_INVALID_OPTION, __FILE__, __LINE__, "%s: %d", option->name,
                   (int)status);
        CHECK_INT(split_config_merge_json(config, "{\"logLevel\": \"none\"}", &error), SPLIT_OK);
        split_config_free(config);
    }
}

static void values_out_of_range_are_warned_of_when_a_factory_is_made(void) {
    notes *log = notes_new();
    split_error error;
    split_factory *factory = logged(log,
                                    "{\"featuresRefreshRate\": 0, \"impressionsQueueSize\": -5, "
                                    "\"impressionsMode\": \"SOMETIMES\", \"redisPort\": 70000}",
                                    &error);
    CHECK_SET(factory);
    CHECK_INT(notes_having(log, "featuresRefreshRate"), 1);
    CHECK_INT(notes_having(log, "impressionsQueueSize"), 1);
    CHECK_INT(notes_having(log, "impressionsMode"), 1);
    CHECK(notes_having(log, " W ") >= 3);
    CHECK_INT(notes_having(log, " E "), 0);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    ended(factory);
    notes_free(log);
}

static void what_a_configuration_has_to_say_is_said_to_each_factory(void) {
    notes *log = notes_new();
    split_config *config = config_for(in_data("flags.json"), "{\"featuresRefreshRate\": 0}");
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_WARNING, note_log, log, note_drop), SPLIT_OK);
    CHECK_INT(notes_count(log), 0);
    split_factory *one = started(config);
    CHECK_INT(notes_having(log, "featuresRefreshRate"), 1);
    split_factory *other = started(config);
    CHECK_INT(notes_having(log, "featuresRefreshRate"), 2);
    split_config_free(config);
    ended(one);
    ended(other);
    notes_free(log);
}

static void without_strict_config_mistakes_are_forgiven_wherever_it_stands(void) {
    notes *log = notes_new();
    split_error error;
    split_factory *factory =
        logged(log, "{\"noSuchThing\": 1, \"eventsQueueSize\": \"many\", \"strictConfig\": false}", &error);
    CHECK_SET(factory);
    CHECK_INT(notes_having(log, "noSuchThing"), 1);
    CHECK(notes_having(log, " D ") >= 1);
    CHECK_INT(notes_having(log, "eventsQueueSize"), 1);
    CHECK(notes_having(log, " W ") >= 1);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    ended(factory);
    notes_free(log);

    split_config *config = split_config_new();
    CHECK_INT(split_config_set(config, "strictConfig", "false", &error), SPLIT_OK);
    CHECK_INT(split_config_set(config, "noSuchThing", "1", &error), SPLIT_OK);
    CHECK_INT(split_config_set(config, "eventsQueueSize", "many", &error), SPLIT_OK);
    split_config_free(config);
}

static void options_of_other_languages_are_accepted_with_a_warning(void) {
    notes *log = notes_new();
    split_error error;
    split_factory *factory = logged(log, "{\"redisEncoding\": \"utf-8\", \"ready\": 5}", &error);
    CHECK_SET(factory);
    CHECK_INT(notes_having(log, "redisEncoding"), 1);
    ended(factory);
    notes_free(log);
}

static void fallbacks_are_checked_one_by_one(void) {
    notes *log = notes_new();
    split_error error;
    split_result result;
    split_factory *factory = logged(log,
                                    "{\"fallbackTreatments\": {\"global\": \"safe\", \"byFlag\": {"
                                    "\"gone\": {\"treatment\": \"older\", \"config\": \"{\\\"v\\\":1}\"}, "
                                    "\"bad name\": \"x\", \"worse\": \"no good\", \"named\": \"1.0\"}}}",
                                    &error);
    CHECK_SET(factory);
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "gone", NULL, &result), SPLIT_E_UNKNOWN_FLAG);
    CHECK_STR(result.treatment, "older");
    CHECK_STR(result.config, "{\"v\":1}");
    CHECK_STR(result.label, "fallback - definition not found");
    split_result_release(&result);
    CHECK_STR(split_get_treatment(factory, "ann", "named", NULL), "1.0");
    CHECK_STR(split_get_treatment(factory, "ann", "worse", NULL), "safe"); /* its own was dropped */
    CHECK_STR(split_get_treatment(factory, "ann", "loop", NULL), "safe");
    CHECK_STR(split_get_treatment(factory, NULL, "gone", NULL), "older");
    CHECK_STR(split_get_treatment(factory, "ann", NULL, NULL), "safe");
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK(notes_having(log, "bad name") >= 1);
    CHECK(notes_having(log, "worse") >= 1);
    ended(factory);
    notes_free(log);
}

static void a_filter_of_sets_limits_what_is_stored(void) {
    split_factory *factory =
        localhost_with(in_data("flags.json"), "{\"flagSetsFilter\": [\" SHOP \", \"not valid!\"]}");
    size_t count = 0;
    split_name_list *names = split_manager_names(factory);
    split_name_list_data(names, &count);
    CHECK_INT(count, 2);
    split_name_list_free(names);
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK_STR(split_get_treatment(factory, "ann", "banner", NULL), "control");
    split_results *results = split_get_treatments_by_flag_set(factory, "ann", "web", NULL); /* outside the filter */
    split_results_data(results, &count);
    CHECK_INT(count, 0);
    split_results_free(results);
    ended(factory);
}

/* ---- Never shown ------------------------------------------------------------------------------------------------- */

/* What all suites do with their logs. */
static void a_secret_in_a_line_ends_the_program(void) {
    static const char *const messages[] = {"ready", "the password is hunter2"};
    for (int secret = 0; secret < 2; secret++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            static const struct rlimit no_core = {0, 0};
            split_log_record record;
            memset(&record, 0, sizeof record);
            record.message = messages[secret];
            if (setrlimit(RLIMIT_CORE, &no_core) != 0 || freopen("/dev/null", "w", stderr) == NULL) _exit(1);
            watch_log(&record, NULL);
            _exit(0);
        }
        int status = status_of(child);
        CHECK(secret ? WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT : status == 0);
    }
}

static void secrets_are_in_no_error_and_no_log_line(void) {
    static const char *const spoilt[] = {
        "{\"redisPassword\": {\"x\": \"hunter2\"}}",
        "{\"redisSentinelPassword\": [\"hunter2\"]}",
        "{\"kerberosPrincipalPassword\": [\"hunter2\"]}",
        "{\"customHeaders\": {\"X-Token\": \"hunter2\\u0001\"}}",
        "{\"customHeaders\": \"hunter2\"}",
        "{\"proxyUrl\": [\"http://ann:hunter2@proxy\"]}",
        "{\"redisPassword\": \"hunter2\", \"noSuchThing\": 1}",
        "{\"redisPassword\": \"hunter2\" \"oops\"}",
    };
    split_error error;
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        notes *log = notes_new();
        memset(&error, 0, sizeof error);
        split_factory *factory = logged(log, spoilt[i], &error);
        CHECK_LACKS(error.message, "hunter2");
        split_last_error(&error);
        CHECK_LACKS(error.message, "hunter2");
        if (factory != NULL) ended(factory);
        CHECK_INT(notes_having(log, "hunter2"), 0);
        notes_free(log);
    }

    notes *log = notes_new();
    split_factory *factory = logged(log,
                                    "{\"redisPassword\": \"hunter2\", \"redisSentinelPassword\": \"hunter2\", "
                                    "\"proxyUrl\": \"http://ann:hunter2@127.0.0.1:1\", "
                                    "\"customHeaders\": {\"X-Token\": \"hunter2\"}}",
                                    &error);
    CHECK_SET(factory); /* none of these matters to localhost */
    if (factory != NULL) ended(factory);
    CHECK_INT(notes_having(log, "hunter2"), 0);
    notes_free(log);
}

static void an_sdk_key_that_cannot_be_sent_is_refused_unseen(void) {
    static const char *const keys[] = {"secret\x02key", "secret\nkey", "secretk\xc3\xa9y", "secret\x7fkey"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        notes *log = notes_new();
        split_error error;
        split_config *config = split_config_new();
        CHECK_INT(split_config_set_logger(config, SPLIT_LOG_DEBUG, note_log, log, note_drop), SPLIT_OK);
        CHECK_NULL(split_factory_new(keys[i], config, &error));
        CHECK(error.status < 0);
        CHECK_LACKS(error.message, "secret");
        CHECK_INT(notes_having(log, "secret"), 0);
        split_config_free(config);
        notes_free(log);
    }
}

/* ---- Long texts -------------------------------------------------------------------------------------------------- */

static char *four_hundred(const char *character) {
    size_t len = strlen(character);
    char *text = (char *)malloc(400 * len + 1);
    if (text == NULL) abort();
    for (size_t i = 0; i < 400; i++) memcpy(text + i * len, character, len);
    text[400 * len] = '\0';
    return text;
}

/* A message must be whole text however it was cut. Shifted by one, two and three bytes, every cut is tried. */
static void messages_are_cut_between_characters(void) { /* B34; what the backend names is in names.c */
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    notes *log = notes_new();
    split_error error;
    split_factory *factory = logged(log, "{}", &error);
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        for (int shift = 0; shift < 4; shift++) {
            char *text = four_hundred(characters[i]);
            char *name = (char *)malloc(strlen(text) + 4);
            char *json = (char *)malloc(strlen(text) + 64);
            if (name == NULL || json == NULL) abort();
            sprintf(name, "%.*s%s", shift, "abc", text);
            split_config *config = split_config_new();
            split_config_set_logger(config, SPLIT_LOG_NONE, NULL, NULL, NULL);

            memset(&error, 0x7f, sizeof error);
            CHECK_INT(split_config_set(config, name, "1", &error), SPLIT_E_UNKNOWN_OPTION);
            CHECK(memchr(error.message, '\0', sizeof error.message) != NULL && is_utf8(error.message));
            CHECK_INT(split_config_set(config, "featuresRefreshRate", name, &error), SPLIT_E_INVALID_OPTION);
            CHECK(is_utf8(error.message));
            sprintf(json, "{\"%s\": 1}", name);
            CHECK_INT(split_config_merge_json(config, json, &error), SPLIT_E_UNKNOWN_OPTION);
            CHECK(is_utf8(error.message));
            sprintf(json, "{\"sdk_api_base_url\": \"%s\"}", name);
            if (split_config_merge_json(config, json, &error) == SPLIT_OK) {
                CHECK_NULL(split_factory_new("an-sdk-key", config, &error));
            }
            CHECK(is_utf8(error.message));
            sprintf(json, "%s.yaml", name); /* longer than file names may be */
            split_config *file = split_config_new();
            split_config_set_logger(file, SPLIT_LOG_NONE, NULL, NULL, NULL);
            CHECK_INT(split_config_set(file, "splitFile", json, &error), SPLIT_OK);
            CHECK_NULL(split_factory_new("localhost", file, &error));
            CHECK_INT(error.status, SPLIT_E_STORAGE);
            CHECK(is_utf8(error.message));
            split_config_free(file);

            split_get_treatment(factory, name, name, NULL);
            split_get_treatment(factory, "ann", name, NULL);
            split_results_free(split_get_treatments_by_flag_set(factory, "ann", name, NULL));
            split_track(factory, "ann", name, name, 1, NULL);
            CHECK(notes_count(log) > 0);
            for (size_t line = 0; line < notes_count(log); line++) CHECK(is_utf8(notes_line(log, line)));
            notes_clear(log);
            split_last_error(&error);
            CHECK(is_utf8(error.message));
            split_config_free(config);
            free(json);
            free(name);
            free(text);
        }
    }
    ended(factory);
    notes_free(log);
}

/* ---- Standard error ---------------------------------------------------------------------------------------------- */

/* Runs `act` with standard error and output going to a file; gives what was written. */
static char *written_by(void (*act)(void)) {
    const char *path = in_scratch("written");
    int err = dup(STDERR_FILENO), out = dup(STDOUT_FILENO);
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    CHECK(err >= 0 && out >= 0 && file >= 0);
    fflush(stdout);
    dup2(file, STDERR_FILENO);
    dup2(file, STDOUT_FILENO);
    close(file);
    act();
    fflush(stdout);
    dup2(err, STDERR_FILENO);
    dup2(out, STDOUT_FILENO);
    close(err);
    close(out);
    return read_file(path);
}

static const char *default_level; /* of logLevel, or NULL to leave it alone */

static void make_a_warning_and_an_info(void) {
    split_config *config = split_config_new();
    split_config_set(config, "splitFile", in_data("flags.json"), NULL);
    split_config_set(config, "segmentDirectory", in_data("segments"), NULL);
    if (default_level != NULL) split_config_set(config, "logLevel", default_level, NULL);
    split_factory *factory = started(config);
    split_get_treatment(factory, "ann", "a_flag_that_nobody_knows", NULL);
    split_config_free(config);
    ended(factory);
}

static void without_a_logger_warnings_go_to_standard_error(void) {
    default_level = NULL;
    char *written = written_by(make_a_warning_and_an_info);
    CHECK_HAS(written, "a_flag_that_nobody_knows");
    size_t len = strlen(written);
    CHECK(len > 0 && written[len - 1] == '\n');
    free(written);
    default_level = "none";
    written = written_by(make_a_warning_and_an_info);
    CHECK_STR(written, "");
    free(written);
    default_level = "error";
    written = written_by(make_a_warning_and_an_info);
    CHECK_STR(written, "");
    free(written);
}

static void standard_error_may_be_closed(void) {
    int err = dup(STDERR_FILENO);
    default_level = "debug";
    close(STDERR_FILENO);
    make_a_warning_and_an_info();
    CHECK(dup2(err, STDERR_FILENO) == STDERR_FILENO);
    close(err);
    int broken[2];
    err = dup(STDERR_FILENO);
    CHECK_INT(pipe(broken), 0);
    close(broken[0]);
    dup2(broken[1], STDERR_FILENO);
    close(broken[1]);
    make_a_warning_and_an_info();
    dup2(err, STDERR_FILENO);
    close(err);
}

int main(void) {
    RUN(an_unknown_option_is_an_error_that_helps);
    RUN(a_value_of_the_wrong_type_is_an_error_that_names_it);
    RUN(text_that_is_no_json_object_is_refused);
    RUN(an_object_is_taken_whole_or_not_at_all);
    RUN(what_cannot_work_makes_no_factory);
    RUN(every_option_takes_its_default_and_survives_nonsense);
    RUN(values_out_of_range_are_warned_of_when_a_factory_is_made);
    RUN(what_a_configuration_has_to_say_is_said_to_each_factory);
    RUN(without_strict_config_mistakes_are_forgiven_wherever_it_stands);
    RUN(options_of_other_languages_are_accepted_with_a_warning);
    RUN(fallbacks_are_checked_one_by_one);
    RUN(a_filter_of_sets_limits_what_is_stored);
    RUN(a_secret_in_a_line_ends_the_program);
    RUN(secrets_are_in_no_error_and_no_log_line);
    RUN(an_sdk_key_that_cannot_be_sent_is_refused_unseen);
    RUN(messages_are_cut_between_characters);
    RUN(without_a_logger_warnings_go_to_standard_error);
    RUN(standard_error_may_be_closed);
    return check_finish("config");
}
