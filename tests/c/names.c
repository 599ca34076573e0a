/*
 * What a backend may say: null in any place, names that C could not read to their end, and names so long that messages
 * about them have to be cut.
 */
#include "backend.h"

#include <unistd.h>

static backend *server;

static void put(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(const char *what, const char *format, ...) {
    static char body[1 << 16];
    va_list values;
    va_start(values, format);
    vsnprintf(body, sizeof body, format, values);
    va_end(values);
    backend_told(server, "POST", what, body);
}

/* A flag whose parts have the names given. */
static void put_flag(const char *name, const char *treatment, const char *set, const char *segment, const char *label,
                     const char *matcher) {
    put("flags",
        "{\"flag\": {\"name\": \"%s\", \"trafficTypeName\": \"user\", \"status\": \"ACTIVE\", \"sets\": [\"%s\"], "
        "\"defaultTreatment\": \"%s\", \"seed\": 7, \"algo\": 2, \"configurations\": {\"%s\": \"a\\u0000b\"}, "
        "\"conditions\": [{\"conditionType\": \"WHITELIST\", \"label\": \"%s\", \"matcherGroup\": {\"combiner\": "
        "\"AND\", \"matchers\": [{\"matcherType\": \"%s\", \"userDefinedSegmentMatcherData\": {\"segmentName\": "
        "\"%s\"}}]}, \"partitions\": [{\"treatment\": \"%s\", \"size\": 100}]}]}}",
        name, set, treatment, treatment, label, matcher, segment, treatment);
}

static split_factory *logged(notes *log, split_log_fn logger, const char *json) {
    split_config *config = standalone_config(server, json);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_DEBUG, logger, log, note_drop), SPLIT_OK);
    split_factory *factory = made("test-key", config);
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    split_config_free(config);
    return factory;
}

/* ---- null -------------------------------------------------------------------------------------------------------- */

/* Each member of what is in them is set to null in tolerance.rs, token.rs and notification.rs; here, that all goes on. */
static void b25_null_members_do_not_keep_it_from_ready(void) {
    static const char *const answers[][2] = {
        {"splitChanges", "{\"ff\": null, \"rbs\": {\"d\": [], \"s\": -1, \"t\": 1}}"},
        {"splitChanges", "{\"ff\": {\"d\": null, \"s\": null, \"t\": null}, \"rbs\": null}"},
        {"splitChanges", "{\"ff\": null, \"rbs\": null}"},
        {"segmentChanges", "{\"name\": null, \"added\": [\"ann\"], \"removed\": [], \"since\": -1, \"till\": 4}"},
        {"segmentChanges",
         "{\"name\": \"staff\", \"added\": [\"ann\"], \"removed\": null, \"since\": null, \"till\": 4}"},
        {"segmentChanges",
         "{\"name\": \"staff\", \"added\": [\"ann\", null], \"removed\": [], \"since\": -1, \"till\": null}"},
        {"segmentChanges",
         "{\"name\": \"staff\", \"added\": null, \"removed\": null, \"since\": null, \"till\": null}"},
        {"auth", "{\"pushEnabled\": null, \"token\": null, \"connDelay\": null}"},
        {"auth", "{\"pushEnabled\": true, \"token\": null}"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const char *endpoint = answers[i][0], *body = answers[i][1];
        char quoted[512], *end = quoted;
        for (const char *at = body; *at != '\0'; at++) {
            if (*at == '"') *end++ = '\\';
            *end++ = *at;
        }
        *end = '\0';
        backend_reset(server);
        put("faults", "{\"endpoint\": \"%s\", \"status\": 200, \"body\": \"%s\"}", endpoint, quoted);
        split_config *config = standalone_config(server, "{\"streamingEnabled\": true}");
        split_factory *factory = made("test-key", config);
        split_config_free(config);
        split_status status = split_block_until_ready(factory, PATIENCE_MS);
        check_that(status == SPLIT_OK, __FILE__, __LINE__, "%s %s: %d", endpoint, body, status);
        bool flags = strcmp(endpoint, "splitChanges") != 0, keys = strstr(body, "\"ann\"") != NULL;
        CHECK_STR(split_get_treatment(factory, "ann", "banner", NULL), flags ? "red" : "control");
        if (strcmp(endpoint, "segmentChanges") == 0) {
            const char *found = split_get_treatment(factory, "ann", "staff_tools", NULL);
            check_that(strcmp(found, keys ? "on" : "off") == 0, __FILE__, __LINE__, "%s: %s", body, found);
        }
        ended(factory);
    }
}

/* ---- U+0000 ------------------------------------------------------------------------------------------------------ */

static void a_nul_in_a_name_costs_that_definition_only(void) {
    notes *log = notes_new();
    split_result result;
    size_t count = 0;
    backend_reset(server);
    put_flag("good", "on", "set", "staff", "label", "ALL_KEYS");
    put_flag("bad\\u0000name", "on", "set", "staff", "label", "ALL_KEYS");
    put_flag("bad_treatment", "o\\u0000n", "set", "staff", "label", "ALL_KEYS");
    put_flag("bad_set", "on", "se\\u0000t", "staff", "label", "ALL_KEYS");
    put_flag("bad_segment", "on", "set", "sta\\u0000ff", "label", "IN_SEGMENT");
    split_factory *factory = logged(log, note_log, NULL);
    CHECK_STR(split_get_treatment(factory, "ann", "good", NULL), "on");
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    static const char *const bad[] = {"bad", "bad_treatment", "bad_set", "bad_segment"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_STR(split_get_treatment(factory, "ann", bad[i], NULL), "control");
    }
    CHECK_INT(notes_having(log, " E definitions: "), 4); /* once each */
    CHECK_INT(notes_having(log, "U+0000"), 4);

    split_results *results = split_get_treatments_by_flag_set(factory, "ann", "set", NULL);
    split_results_data(results, &count);
    CHECK_INT(count, 1);
    split_results_free(results);
    /* A configuration is read by its length. */
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "good", NULL, &result), SPLIT_OK);
    CHECK_INT(result.config_len, 3);
    CHECK(result.config != NULL && memcmp(result.config, "a\0b", 4) == 0);
    split_result_release(&result);
    ended(factory);
    notes_free(log);
}

/* ---- Four hundred characters ------------------------------------------------------------------------------------- */

static int lines, cut_badly;

static void look_at_line(const split_log_record *record, void *unused) {
    watch_log(record, unused);
    __atomic_add_fetch(&lines, 1, __ATOMIC_SEQ_CST);
    if (!is_utf8(record->message)) __atomic_add_fetch(&cut_badly, 1, __ATOMIC_SEQ_CST);
}

/* A letter or more before it, so that every cut is tried. */
static void make_long(char *text, int shift, const char *character) {
    text += sprintf(text, "%.*s", shift, "abc");
    for (int i = 0; i < 400; i++) text += sprintf(text, "%s", character);
}

static void b34_long_names_are_cut_between_characters(void) {
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char text[2048], json[8192];
    split_error error;
    notes *unused = notes_new();
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        for (int shift = 0; shift < 4; shift++) {
            make_long(text, shift, characters[i]);
            backend_reset(server);
            lines = cut_badly = 0;
            put_flag(text, text, text, text, text, "IN_SEGMENT"); /* there is no such segment: 404 */
            put_flag("future", "on", "set", "staff", text, text); /* nor such a matcher */
            put_flag("bad", text, "se\\u0000t", text, text, "ALL_KEYS");
            snprintf(json, sizeof json,
                     "{\"flagSetsFilter\": [\"%s\", \"set\"], \"fallbackTreatments\": {\"global\": \"%s\"}, "
                     "\"machineName\": \"%s\"}",
                     text, text, text);
            split_factory *factory = logged(unused, look_at_line, json);
            split_get_treatment(factory, "ann", text, NULL);
            split_get_treatment(factory, text, text, NULL);
            CHECK_STR(split_get_treatment(factory, "ann", "future", NULL), "control");
            split_results_free(split_get_treatments_by_flag_set(factory, "ann", text, NULL));
            split_flag_view_list_free(split_manager_split(factory, text));
            CHECK_INT(split_track(factory, "ann", text, "paid", 1, NULL), SPLIT_OK);
            CHECK_INT(split_track(factory, "ann", "user", text, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
            split_last_error(&error);
            CHECK(is_utf8(error.message));
            put("flags/kill", "{\"name\": \"%s\", \"treatment\": \"%s\"}", text, text);
            ended(factory);

            /* A server whose name is long, and refuses. */
            split_config *config = standalone_config(server, NULL);
            split_config_set_logger(config, SPLIT_LOG_DEBUG, look_at_line, unused, note_drop);
            snprintf(json, sizeof json, "http://127.0.0.1:1/%s", text);
            split_status status = split_config_set(config, "sdk_api_base_url", json, &error);
            CHECK(status == SPLIT_OK || is_utf8(error.message));
            factory = split_factory_new("test-key", config, &error);
            CHECK(factory != NULL || is_utf8(error.message));
            if (factory != NULL) {
                split_block_until_ready(factory, 20);
                ended(factory);
            }
            split_config_free(config);
            check_that(lines > 5 && cut_badly == 0, __FILE__, __LINE__, "%d of %d lines are cut badly", cut_badly,
                       lines);
        }
    }
    notes_free(unused);
}

int main(void) {
    static const char *const arguments[] = {"--streaming", NULL};
    server = backend_started(arguments);
    RUN(b25_null_members_do_not_keep_it_from_ready);
    RUN(a_nul_in_a_name_costs_that_definition_only);
    RUN(b34_long_names_are_cut_between_characters);
    backend_ended(server);
    return check_finish("names");
}
