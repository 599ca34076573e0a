/*
 * What a program may do wrong with each function: bytes that are not UTF-8, text that is too long or holds a NUL, absurd
 * lengths and sizes, numbers that are none; NULL is in nulls.c. Always an answer, the documented one, and never a crash.
 */
#include "lists.h"

#include <limits.h>
#include <math.h>

static split_factory *factory; /* of flags.json, for all tests */

/* Not UTF-8, each in its own way: a lone byte, a cut sequence, an overlong form, a surrogate, beyond U+10FFFF. */
static const char *const not_text[] = {"\xff", "ann\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"};
#define NOT_TEXT (sizeof not_text / sizeof *not_text)

static char *repeated(const char *part, size_t times) {
    size_t len = strlen(part);
    char *text = (char *)malloc(len * times + 1);
    if (text == NULL) abort();
    for (size_t i = 0; i < times; i++) memcpy(text + i * len, part, len);
    text[len * times] = '\0';
    return text;
}

/* ---- Text -------------------------------------------------------------------------------------------------------- */

static void bytes_that_are_not_text_are_refused(void) {
    split_attributes *attributes = split_attributes_new();
    split_config *config = split_config_new();
    split_error error;
    split_result result;
    split_json text = {NULL, 0, NULL};
    for (size_t i = 0; i < NOT_TEXT; i++) {
        const char *bad = not_text[i];
        const char *const flags[] = {"checkout", bad};
        const char *const only_bad[] = {bad};
        const size_t len[] = {strlen(bad)};
        CHECK_STR(split_get_treatment(factory, bad, "checkout", NULL), "control");
        CHECK_STR(split_get_treatment(factory, "ann", bad, NULL), "control");
        CHECK_STR(split_get_treatment_n(factory, bad, len[0], "checkout", 8, NULL), "control");
        CHECK_STR(split_get_treatment_n(factory, "ann", 3, bad, len[0], NULL), "control");
        CHECK_INT(split_get_treatment_with_config(factory, bad, "checkout", NULL, &result), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_get_treatment_with_config_n(factory, "ann", 3, bad, len[0], NULL, &result),
                  SPLIT_E_INVALID_ARGUMENT);
        CHECK_STR(only_treatment(split_get_treatments(factory, "ann", flags, 2, NULL)), "on");
        CHECK_STR(only_treatment(split_get_treatments(factory, bad, flags, 2, NULL)), "control");
        CHECK_INT(counted_and_freed(split_get_treatments_with_config(factory, "ann", only_bad, 1, NULL)), 0);
        CHECK_INT(counted_and_freed(split_get_treatments_by_flag_set(factory, "ann", bad, NULL)), 0);
        CHECK_INT(counted_and_freed(split_get_treatments_with_config_by_flag_set(factory, "ann", bad, NULL)), 0);
        CHECK_INT(counted_and_freed(split_get_treatments_by_flag_sets(factory, "ann", only_bad, 1, NULL)), 0);
        CHECK_INT(counted_and_freed(split_get_treatments_with_config_by_flag_sets(factory, "ann", only_bad, 1, NULL)),
                  0);
        CHECK_INT(split_track(factory, bad, "user", "paid", 1, NULL), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_track(factory, "ann", bad, "paid", 1, NULL), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_track(factory, "ann", "user", bad, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_track_n(factory, "ann", 3, "user", 4, bad, len[0], 1, NULL), SPLIT_E_INVALID_ARGUMENT);
        split_flag_view_list *views = split_manager_split(factory, bad);
        size_t count = 99;
        split_flag_view_list_data(views, &count);
        CHECK_INT(count, 0);
        split_flag_view_list_free(views);
        split_results *results = split_get_treatments_by_flag_set(factory, "ann", "web", NULL);
        CHECK_NULL(split_results_find(results, bad));
        split_results_free(results);
        /* Either reading is right: no text, or the name of no flag. What is not: another flag, or a crash. */
        split_status status = split_manager_json(factory, bad, &text);
        CHECK(status == SPLIT_E_INVALID_ARGUMENT || (status == SPLIT_OK && strcmp(text.ptr, "null") == 0));
        split_json_release(&text);
        CHECK_INT(split_explain(factory, bad, "checkout", NULL, &text), SPLIT_E_INVALID_ARGUMENT);
        split_json_release(&text);
        CHECK_INT(split_explain(factory, "ann", bad, NULL, &text), SPLIT_E_INVALID_ARGUMENT);
        CHECK_HAS(text.ptr, "\"treatment\":\"control\"");
        split_json_release(&text);
        CHECK_INT(split_config_set(config, bad, "1", &error), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_config_set(config, "machineName", bad, &error), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_config_merge_json(config, bad, &error), SPLIT_E_INVALID_ARGUMENT);
        CHECK_NULL(split_factory_new(bad, config, &error));
        CHECK_INT(error.status, SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_set_string(attributes, bad, "v"), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_set_string(attributes, "n", bad), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_set_string_n(attributes, "n", 1, bad, len[0]), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_set_int(attributes, bad, 1), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_set_double(attributes, bad, 1), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_set_bool(attributes, bad, true), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_set_datetime(attributes, bad, 1), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_set_strings(attributes, "n", flags, 2), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_set_strings_n(attributes, "n", 1, only_bad, len, 1), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_merge_json(attributes, bad, &error), SPLIT_E_INVALID_ARGUMENT);
    }
    split_attributes_free(attributes);
    split_config_free(config);
}

static void a_nul_inside_text_with_a_length_is_refused(void) {
    split_attributes *attributes = split_attributes_new();
    split_result result;
    const char *const values[] = {"a\0b"};
    const size_t len[] = {3};
    CHECK_STR(split_get_treatment_n(factory, "an\0", 3, "checkout", 8, NULL), "control");
    CHECK_STR(split_get_treatment_n(factory, "ann", 4, "checkout", 8, NULL), "control"); /* with its final NUL */
    CHECK_STR(split_get_treatment_n(factory, "ann", 3, "check\0ut", 8, NULL), "control");
    CHECK_INT(split_get_treatment_with_config_n(factory, "a\0n", 3, "checkout", 8, NULL, &result),
              SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track_n(factory, "a\0n", 3, "user", 4, "paid", 4, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track_n(factory, "ann", 3, "us\0r", 4, "paid", 4, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track_n(factory, "ann", 3, "user", 4, "p\0id", 4, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_string_n(attributes, "a\0b", 3, "v", 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_string_n(attributes, "a", 1, "v\0w", 3), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings_n(attributes, "a", 1, values, len, 1), SPLIT_E_INVALID_ARGUMENT);
    split_attributes_free(attributes);
}

static void keys_have_a_limit_and_names_have_none(void) {
    char *fits = repeated("\xc3\xa9", 250), *too_long = repeated("\xc3\xa9", 251); /* counted in characters */
    char *huge = repeated("x", 1 << 20), *blank = repeated(" ", 1000);
    split_options options = SPLIT_OPTIONS_INIT;
    split_result result;
    CHECK_STR(split_get_treatment(factory, fits, "banner", NULL), "red");
    CHECK_STR(split_get_treatment(factory, too_long, "banner", NULL), "control");
    CHECK_STR(split_get_treatment(factory, huge, "banner", NULL), "control");
    CHECK_STR(split_get_treatment(factory, blank, "banner", NULL), "control");
    CHECK_STR(split_get_treatment(factory, "", "banner", NULL), "control");
    CHECK_STR(split_get_treatment(factory, "ann", "", NULL), "control");
    CHECK_STR(split_get_treatment(factory, "ann", blank, NULL), "control");
    CHECK_INT(split_get_treatment_with_config(factory, "ann", huge, NULL, &result), SPLIT_E_UNKNOWN_FLAG);
    options.bucketing_key = fits;
    CHECK_STR(split_get_treatment(factory, "ann", "banner", &options), "red");
    options.bucketing_key = too_long;
    CHECK_STR(split_get_treatment(factory, "ann", "banner", &options), "control");
    options.bucketing_key = "";
    CHECK_STR(split_get_treatment(factory, "ann", "banner", &options), "control");
    options.bucketing_key = not_text[0];
    CHECK_STR(split_get_treatment(factory, "ann", "banner", &options), "control");
    CHECK_INT(split_track(factory, too_long, "user", "paid", 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track(factory, "ann", huge, "paid", 1, NULL), SPLIT_OK);
    CHECK_INT(split_track(factory, "ann", "user", huge, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track(factory, "ann", "user", "no spaces", 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(counted_and_freed(split_get_treatments_by_flag_set(factory, "ann", huge, NULL)), 0);
    free(fits);
    free(too_long);
    free(huge);
    free(blank);
}

/* ---- Lengths, sizes, numbers ------------------------------------------------------------------------------------- */

static void absurd_lengths_are_refused(void) {
    split_attributes *attributes = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    const char *const flags[] = {"checkout"};
    const size_t huge[] = {SIZE_MAX};
    CHECK_STR(split_get_treatment_n(factory, "ann", SIZE_MAX, "checkout", 8, NULL), "control");
    CHECK_STR(split_get_treatment_n(factory, "ann", 3, "checkout", SIZE_MAX, NULL), "control");
    CHECK_STR(split_get_treatment_n(factory, "ann", 0, "checkout", 8, NULL), "control");
    CHECK_INT(counted_and_freed(split_get_treatments(factory, "ann", flags, SIZE_MAX, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments(factory, "ann", flags, SIZE_MAX / sizeof(char *), NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments_with_config(factory, "ann", flags, SIZE_MAX, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments(factory, "ann", flags, 0, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments_by_flag_sets(factory, "ann", flags, SIZE_MAX, NULL)), 0);
    CHECK_INT(counted_and_freed(split_get_treatments_with_config_by_flag_sets(factory, "ann", flags, SIZE_MAX, NULL)),
              0);
    CHECK_INT(split_track_n(factory, "ann", SIZE_MAX, "user", 4, "paid", 4, 1, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_string_n(attributes, "a", SIZE_MAX, "v", 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_string_n(attributes, "a", 1, "v", SIZE_MAX), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings(attributes, "a", flags, SIZE_MAX), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings_n(attributes, "a", 1, flags, huge, 1), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_attributes_set_strings_n(attributes, "a", 1, flags, huge, SIZE_MAX), SPLIT_E_INVALID_ARGUMENT);
    options.attributes_json = "{}";
    options.attributes_json_len = SIZE_MAX;
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", &options), "control");
    options.attributes_json = NULL;
    options.bucketing_key = "ann";
    options.bucketing_key_len = SIZE_MAX;
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", &options), "control");
    CHECK_NULL(split_option_at(SIZE_MAX));
    CHECK(split_option_count() < 1000);
    split_attributes_free(attributes);
}

static void only_the_fields_that_size_covers_are_read(void) {
    split_attributes *adult = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    CHECK_INT(split_attributes_set_int(adult, "age", 30), SPLIT_OK);
    options.attributes = adult;
    options.properties_json = not_text[0];
    options.bucketing_key_len = SIZE_MAX;
    options.bucketing_key = "user-2";

    options.size = offsetof(split_options, bucketing_key);
    CHECK_STR(split_get_treatment(factory, "user-1", "rollout", &options), "off");
    CHECK_STR(split_get_treatment(factory, "user-1", "adults", &options), "no");
    options.size = offsetof(split_options, attributes);
    CHECK_STR(split_get_treatment(factory, "user-1", "rollout", &options), "on");
    CHECK_STR(split_get_treatment(factory, "user-1", "adults", &options), "no");
    options.size = offsetof(split_options, attributes_json);
    CHECK_STR(split_get_treatment(factory, "user-1", "adults", &options), "yes");
    options.size = offsetof(split_options, attributes) + 3; /* the middle of a field: not there */
    CHECK_STR(split_get_treatment(factory, "user-1", "adults", &options), "no");

    options.size = 0;
    CHECK_STR(split_get_treatment(factory, "user-1", "rollout", &options), "off");
    options.size = 3;
    CHECK_STR(split_get_treatment(factory, "user-1", "rollout", &options), "off");
    options.size = SIZE_MAX; /* of a later version: what is known is read */
    options.bucketing_key_len = 0;
    options.properties_json = NULL;
    CHECK_STR(split_get_treatment(factory, "user-1", "rollout", &options), "on");
    CHECK_STR(split_get_treatment(factory, "user-1", "adults", &options), "yes");
    split_attributes_free(adult);
}

static void attributes_that_are_no_object_make_a_call_invalid(void) {
    static const char *const bad[] = {"",          "null",         "[]",     "1",    "\"text\"",          "{",
                                      "{\"a\": }", "{\"a\": 1} x", "{a: 1}", "\xff", "{\"a\": \"\xc3\"}", "{\"a\": 1,}",
                                      "nonsense"};
    split_options options = SPLIT_OPTIONS_INIT;
    split_result result;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options.attributes_json = bad[i];
        CHECK_INT(split_get_treatment_with_config(factory, "ann", "checkout", &options, &result),
                  SPLIT_E_INVALID_ARGUMENT);
        CHECK_STR(result.treatment, "control");
        CHECK_STR(split_get_treatment(factory, "ann", "banner", &options), "control");
        CHECK_INT(counted_and_freed(split_get_treatments_by_flag_set(factory, "ann", "web", &options)), 2);
    }
    options.attributes_json = " {} ";
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", &options), "on");
}

static void bad_properties_cost_an_event_but_not_an_evaluation(void) {
    static const char *const bad[] = {"[]", "1", "{", "\xff", "nonsense"};
    char *big = repeated("x", 40000);
    split_attributes *properties = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options.properties_json = bad[i];
        CHECK_STR(split_get_treatment(factory, "ann", "checkout", &options), "on");
        CHECK_INT(split_track(factory, "ann", "user", "paid", 1, &options), SPLIT_E_INVALID_ARGUMENT);
    }
    options.properties_json = NULL;
    CHECK_INT(split_attributes_set_string(properties, "big", big), SPLIT_OK);
    options.properties = properties;
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", &options), "on");
    CHECK_INT(split_track(factory, "ann", "user", "paid", 1, &options), SPLIT_E_INVALID_ARGUMENT);
    free(big);
    split_attributes_free(properties);
}

static void deep_and_strange_json_is_refused_or_taken_but_survived(void) {
    char *deep = repeated("[", 200000);
    char *name = repeated("n", 100000);
    split_attributes *attributes = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    split_error error;
    char *object = (char *)malloc(200100);
    CHECK_SET(object);
    sprintf(object, "{\"a\": %s", deep);
    CHECK_INT(split_attributes_merge_json(attributes, object, &error), SPLIT_E_INVALID_JSON);
    options.attributes_json = object;
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", &options), "control");
    CHECK_INT(split_attributes_merge_json(attributes, "{\"a\": 1e999, \"b\": 123456789012345678901234567890}",
                                          &error) == SPLIT_E_PANIC,
              0);
    CHECK_INT(split_attributes_merge_json(attributes, "{\"age\": 99999999999999999999999}", &error), SPLIT_OK);
    options.attributes_json = NULL;
    options.attributes = attributes;
    CHECK_STR(split_get_treatment(factory, "ann", "adults", &options), "yes"); /* beyond 64 bits, still >= 18 */
    CHECK_INT(split_attributes_set_int(attributes, name, 1), SPLIT_OK);
    free(object);
    free(name);
    free(deep);
    split_attributes_free(attributes);
}

static void numbers_that_are_none(void) {
    split_attributes *attributes = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    const double strange[] = {NAN, INFINITY, -INFINITY, 1e308, -0.0, 5e-324};
    options.attributes = attributes;
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        CHECK_INT(split_attributes_set_double(attributes, "age", strange[i]), SPLIT_OK);
        CHECK_STR(split_get_treatment(factory, "ann", "adults", &options), "no");
        CHECK_STR(split_get_treatment(factory, "ann", "exact", &options), "off");
    }
    CHECK_INT(split_attributes_set_int(attributes, "age", INT64_MIN), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "adults", &options), "no");
    CHECK_INT(split_attributes_set_int(attributes, "age", INT64_MAX), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "adults", &options), "yes");
    CHECK_INT(split_attributes_set_datetime(attributes, "registered", INT64_MIN), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "newcomer", &options), "off");
    CHECK_INT(split_attributes_set_datetime(attributes, "registered", INT64_MAX), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "newcomer", &options), "on");
    CHECK_INT(split_attributes_set_int(attributes, "registered", INT64_MIN), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "ann", "newcomer", &options), "off");
    split_attributes_free(attributes);

    CHECK_INT(split_track(factory, "ann", "user", "paid", NAN, NULL), SPLIT_OK); /* no value */
    CHECK_INT(split_track(factory, "ann", "user", "paid", -NAN, NULL), SPLIT_OK);
    CHECK_INT(split_track(factory, "ann", "user", "paid", INFINITY, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track(factory, "ann", "user", "paid", -INFINITY, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_track_n(factory, "ann", 3, "user", 4, "paid", 4, INFINITY, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_version_check(UINT32_MAX), SPLIT_E_VERSION);
    CHECK_SET(split_status_string(INT32_MIN));
    CHECK_SET(split_status_string(INT32_MAX));
}

static void timeouts_are_any_number(void) {
    split_factory *own = localhost(in_data("flags.json"));
    split_json text = {NULL, 0, NULL};
    const int64_t times[] = {INT64_MIN, -1, 0, 1, INT64_MAX / 1000000, INT64_MAX};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        CHECK_INT(split_block_until_ready(own, times[i]), SPLIT_OK);
        split_status status = split_flush(own, times[i]);
        CHECK(status == SPLIT_OK || (times[i] >= 0 && times[i] <= 1 && status == SPLIT_E_TIMEOUT));
    }
    CHECK_INT(split_destroy(own, INT64_MAX), SPLIT_OK);
    CHECK_INT(split_destroy(own, INT64_MIN), SPLIT_OK);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        CHECK_INT(split_block_until_ready(own, times[i]), SPLIT_E_DESTROYED);
        CHECK_INT(split_flush(own, times[i]), SPLIT_E_DESTROYED);
        CHECK_INT(split_poll(own, times[i], 1, &text), SPLIT_E_DESTROYED);
    }
    split_factory_free(own);
}

static void codes_that_do_not_exist(void) {
    notes *heard = notes_new();
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_on(factory, SPLIT_EVENT_READY, NULL, heard, note_drop), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_on(factory, 0, note_event, heard, note_drop), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_on(factory, 3, note_event, heard, note_drop), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_on(factory, INT32_MIN, note_event, heard, note_drop), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(notes_drops(heard), 0);
    notes_free(heard);

    CHECK_INT(split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS, SIZE_MAX), SPLIT_OK);
    split_factory *own = started(config);
    split_json text = {NULL, 0, NULL};
    CHECK_STR(split_get_treatment(own, "ann", "checkout", NULL), "on");
    CHECK_INT(split_poll(own, INT64_MAX, SIZE_MAX, &text), SPLIT_OK);
    split_json_release(&text);
    split_config_free(config);
    ended(own);
}

/* ---- Making a factory -------------------------------------------------------------------------------------------- */

static void keys_that_cannot_work_make_no_factory(void) {
    static const char *const bad[] = {"", "   ", "\t\n", "secret\x01key", "secret\nkey", "secret-\xc3\xa9", "\x7f"};
    split_config *config = config_for(in_data("flags.json"), NULL);
    split_error error;
    CHECK_NULL(split_factory_new(NULL, config, &error));
    CHECK_INT(error.status, SPLIT_E_INVALID_ARGUMENT);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(&error, 0x7f, sizeof error);
        CHECK_NULL(split_factory_new(bad[i], config, &error));
        CHECK(error.status < 0 && memchr(error.message, '\0', sizeof error.message) != NULL);
        CHECK(error.message[0] != '\0');
        CHECK_LACKS(error.message, "secret");
        CHECK_NULL(split_factory_new(bad[i], config, NULL));
    }
    split_config_free(config);
}

/* What looks like no handle of ours is answered like NULL. Reading it is allowed: it is memory of this program. */
static void memory_that_is_no_handle_is_refused(void) {
    static uint64_t zeros[1024], rubbish[1024];
    void *const foreign[] = {zeros, rubbish};
    split_error error;
    memset(rubbish, 0xa5, sizeof rubbish);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        split_factory *fake = (split_factory *)foreign[i];
        split_options options = SPLIT_OPTIONS_INIT;
        CHECK_STR(split_get_treatment(fake, "ann", "checkout", NULL), "control");
        CHECK(!split_is_ready(fake));
        CHECK_INT(split_factory_status(fake), SPLIT_STATUS_DESTROYED);
        CHECK_INT(split_block_until_ready(fake, -1), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_track(fake, "ann", "user", "paid", 1, NULL), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_config_set((split_config *)foreign[i], "logLevel", "none", &error), SPLIT_E_INVALID_ARGUMENT);
        CHECK_INT(split_attributes_set_int((split_attributes *)foreign[i], "a", 1), SPLIT_E_INVALID_ARGUMENT);
        options.attributes = (const split_attributes *)foreign[i];
        CHECK_STR(split_get_treatment(factory, "ann", "checkout", &options), "control");
    }
    /* One of ours, and the wrong one. */
    split_attributes *attributes = split_attributes_new();
    CHECK_STR(split_get_treatment((const split_factory *)(void *)attributes, "ann", "checkout", NULL), "control");
    split_attributes_free(attributes);
}

/* The functions without arguments, and those that only take what was checked above. */
static void functions_that_take_nothing_give_something(void) {
    split_error error;
    memset(&error, 0x7f, sizeof error);
    CHECK_INT(split_track(NULL, NULL, NULL, NULL, 0, NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_INT(split_last_error(&error), SPLIT_E_INVALID_ARGUMENT);
    CHECK(memchr(error.message, '\0', sizeof error.message) != NULL);
    CHECK_INT(split_last_error(NULL), SPLIT_E_INVALID_ARGUMENT);
    CHECK_SET(split_version());
    CHECK(split_version_number() > 0);
    CHECK_SET(split_fork_generation());
}

int main(void) {
    factory = localhost(in_data("flags.json"));
    RUN(bytes_that_are_not_text_are_refused);
    RUN(a_nul_inside_text_with_a_length_is_refused);
    RUN(keys_have_a_limit_and_names_have_none);
    RUN(absurd_lengths_are_refused);
    RUN(only_the_fields_that_size_covers_are_read);
    RUN(attributes_that_are_no_object_make_a_call_invalid);
    RUN(bad_properties_cost_an_event_but_not_an_evaluation);
    RUN(deep_and_strange_json_is_refused_or_taken_but_survived);
    RUN(numbers_that_are_none);
    RUN(timeouts_are_any_number);
    RUN(codes_that_do_not_exist);
    RUN(keys_that_cannot_work_make_no_factory);
    RUN(memory_that_is_no_handle_is_refused);
    RUN(functions_that_take_nothing_give_something);
    ended(factory);
    return check_finish("hostile");
}
