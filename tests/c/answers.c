/*
 * The tour of the header goes on: each function that decides about flags, or tells of them, once, with the right answer.
 */
#include "support.h"

static split_factory *shop(void) {
    return localhost(in_data("flags.json"));
}

/* ---- Evaluating -------------------------------------------------------------------------------------------------- */

static void rules_decide_treatments(void) {
    split_factory *factory = shop();
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK_STR(split_get_treatment(factory, "bo b", "checkout", NULL), "on");
    CHECK_STR(split_get_treatment(factory, "carl", "checkout", NULL), "off");
    CHECK_STR(split_get_treatment(factory, "ann", " checkout ", NULL), "on"); /* trimmed */
    CHECK_STR(split_get_treatment(factory, "dora", "staff_tools", NULL), "on");
    CHECK_STR(split_get_treatment(factory, "carl", "staff_tools", NULL), "off");
    CHECK_STR(split_get_treatment(factory, "carl", "dead", NULL), "stopped");
    CHECK_STR(split_get_treatment(factory, "carl", "gated", NULL), "closed");
    CHECK_STR(split_get_treatment(factory, "carl", "unknown", NULL), "control");
    CHECK_STR(split_get_treatment(factory, "carl", "loop", NULL), "control");
    ended(factory);
}

static void a_treatment_is_one_pointer(void) {
    split_factory *factory = shop(), *other = shop();
    const char *on = split_get_treatment(factory, "ann", "checkout", NULL);
    CHECK(on == split_get_treatment(other, "dora", "staff_tools", NULL));
    CHECK(split_get_treatment(NULL, "ann", "checkout", NULL) == split_get_treatment(factory, "ann", "unknown", NULL));
    ended(factory);
    ended(other);
    CHECK_STR(on, "on");
}

static void lengths_stand_in_for_the_final_nul(void) {
    split_factory *factory = shop();
    split_result result;
    CHECK_STR(split_get_treatment_n(factory, "annex", 3, "checkouts", 8, NULL), "on");
    CHECK_STR(split_get_treatment_n(factory, "annex", 5, "checkouts", 8, NULL), "off");
    CHECK_INT(split_get_treatment_with_config_n(factory, "annex", 3, "checkouts", 8, NULL, &result), SPLIT_OK);
    CHECK_STR(result.treatment, "on");
    split_result_release(&result);
    CHECK_INT(split_track_n(factory, "annex", 3, "users", 4, "payment", 3, 1.5, NULL), SPLIT_OK);
    ended(factory);
}

static void a_bucketing_key_decides_the_bucket(void) {
    split_factory *factory = shop();
    split_options options = SPLIT_OPTIONS_INIT;
    CHECK_STR(split_get_treatment(factory, "user-1", "rollout", NULL), "off"); /* bucket 88 of 80/20 */
    CHECK_STR(split_get_treatment(factory, "user-2", "rollout", NULL), "on");  /* bucket 76 */
    options.bucketing_key = "user-2";
    CHECK_STR(split_get_treatment(factory, "user-1", "rollout", &options), "on");
    options.bucketing_key = "user-23";
    options.bucketing_key_len = 6;
    CHECK_STR(split_get_treatment(factory, "user-1", "rollout", &options), "on");
    ended(factory);
}

static void a_result_says_why(void) {
    split_factory *factory = shop();
    split_result result;

    CHECK_INT(split_get_treatment_with_config(factory, "ann", "checkout", NULL, &result), SPLIT_OK);
    CHECK_STR(result.flag, "");
    CHECK_STR(result.treatment, "on");
    CHECK_STR(result.config, "{\"color\":\"red\"}");
    CHECK_INT(result.config_len, strlen("{\"color\":\"red\"}"));
    CHECK_STR(result.label, "whitelisted");
    CHECK_INT(result.change_number, 11);
    CHECK_INT(result.status, SPLIT_OK);
    CHECK_SET(result.hold);
    split_result_release(&result);
    CHECK_NULL(result.hold);
    CHECK_NULL(result.config);

    CHECK_INT(split_get_treatment_with_config(factory, "carl", "checkout", NULL, &result), SPLIT_OK);
    CHECK_STR(result.treatment, "off");
    CHECK_NULL(result.config);
    CHECK_NULL(result.hold);

    CHECK_INT(split_get_treatment_with_config(factory, "carl", "banner", NULL, &result), SPLIT_OK);
    CHECK_STR(result.config, "");
    CHECK_INT(result.config_len, 0);
    split_result_release(&result);

    CHECK_INT(split_get_treatment_with_config(factory, "carl", "dead", NULL, &result), SPLIT_OK);
    CHECK_STR(result.treatment, "stopped");
    CHECK_STR(result.config, "why");
    CHECK_STR(result.label, "killed");
    split_result_release(&result);

    CHECK_INT(split_get_treatment_with_config(factory, "carl", "unknown", NULL, &result), SPLIT_E_UNKNOWN_FLAG);
    CHECK_STR(result.treatment, "control");
    CHECK_STR(result.label, "definition not found");
    CHECK_INT(result.change_number, -1);
    CHECK_NULL(result.config);

    CHECK_INT(split_get_treatment_with_config(factory, "carl", "loop", NULL, &result), SPLIT_E_EVALUATION);
    CHECK_STR(result.label, "exception");
    ended(factory);
}

static void a_configuration_outlives_its_factory(void) {
    split_factory *factory = shop();
    split_result result;
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "checkout", NULL, &result), SPLIT_OK);
    ended(factory);
    CHECK_STR(result.config, "{\"color\":\"red\"}");
    split_result_release(&result);
}

/* The results of a list as "flag=treatment(config) ...", and the end of the list. */
static const char *spelled(split_results *results) {
    static char text[1024];
    size_t count = 99, len = 0;
    const split_result *each = split_results_data(results, &count);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s=%s", i > 0 ? " " : "", each[i].flag,
                                each[i].treatment);
        if (each[i].config != NULL) {
            len += (size_t)snprintf(text + len, sizeof text - len, "(%s)", each[i].config);
        }
    }
    split_results_free(results);
    return text;
}

static void many_flags_at_once(void) {
    split_factory *factory = shop();
    const char *const flags[] = {"banner", "checkout", " banner", "unknown"};
    const char *const sets[] = {"shop", "web"};

    CHECK_STR(spelled(split_get_treatments(factory, "ann", flags, 4, NULL)), "banner=red checkout=on unknown=control");
    CHECK_STR(spelled(split_get_treatments_with_config(factory, "ann", flags, 3, NULL)),
              "banner=red() checkout=on({\"color\":\"red\"})");
    CHECK_STR(spelled(split_get_treatments_by_flag_set(factory, "ann", "web", NULL)), "banner=red checkout=on");
    CHECK_STR(spelled(split_get_treatments_by_flag_set(factory, "ann", " WEB ", NULL)), "banner=red checkout=on");
    CHECK_STR(spelled(split_get_treatments_with_config_by_flag_set(factory, "ann", "shop", NULL)),
              "checkout=on({\"color\":\"red\"}) staff_tools=on");
    CHECK_STR(spelled(split_get_treatments_by_flag_sets(factory, "carl", sets, 2, NULL)),
              "banner=red checkout=off staff_tools=off");
    CHECK_STR(spelled(split_get_treatments_with_config_by_flag_sets(factory, "ann", sets, 2, NULL)),
              "banner=red() checkout=on({\"color\":\"red\"}) staff_tools=on");
    CHECK_STR(spelled(split_get_treatments_by_flag_set(factory, "ann", "nowhere", NULL)), "");
    ended(factory);
}

static void results_can_be_found_by_flag(void) {
    split_factory *factory = shop();
    const char *const flags[] = {"banner", "checkout"};
    size_t count = 0;
    split_results *results = split_get_treatments(factory, "ann", flags, 2, NULL);
    CHECK_STR(split_results_find(results, "checkout")->treatment, "on");
    CHECK_STR(split_results_find(results, "checkout")->label, "whitelisted");
    CHECK(split_results_find(results, "banner") == split_results_data(results, &count));
    CHECK_INT(count, 2);
    CHECK_NULL(split_results_find(results, "staff_tools"));
    split_results_free(results);
    ended(factory);
}

/* ---- Attributes and properties ----------------------------------------------------------------------------------- */

static void attributes_are_set_one_by_one(void) {
    split_factory *factory = shop();
    split_attributes *attributes = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    const char *const colors[] = {"green", "blue"};
    const char *const shades[] = {"reddish", "blues"};
    const size_t lens[] = {3, 5};
    CHECK_SET(attributes);
    options.attributes = attributes;

    CHECK_INT(split_attributes_set_int(attributes, "age", 18), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "carl", "adults", &options), "yes");
    CHECK_INT(split_attributes_set_int(attributes, "age", 17), SPLIT_OK); /* replaces */
    CHECK_STR(split_get_treatment(factory, "carl", "adults", &options), "no");
    CHECK_INT(split_attributes_set_double(attributes, "age", 40.0), SPLIT_OK); /* not a whole number to matchers */
    CHECK_STR(split_get_treatment(factory, "carl", "adults", &options), "no");
    CHECK_INT(split_attributes_set_string(attributes, "age", "44"), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "carl", "adults", &options), "yes");

    CHECK_INT(split_attributes_set_double(attributes, "ratio", 0.5), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "carl", "exact", &options), "on");
    CHECK_INT(split_attributes_set_bool(attributes, "consent", true), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "carl", "agreed", &options), "on");
    CHECK_INT(split_attributes_set_bool(attributes, "consent", false), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "carl", "agreed", &options), "off");

    CHECK_INT(split_attributes_set_datetime(attributes, "registered", 1767225600000), SPLIT_OK); /* 2026-01-01 */
    CHECK_STR(split_get_treatment(factory, "carl", "newcomer", &options), "on");
    CHECK_INT(split_attributes_set_datetime(attributes, "registered", 1767225599999), SPLIT_OK); /* a minute before */
    CHECK_STR(split_get_treatment(factory, "carl", "newcomer", &options), "off");
    CHECK_INT(split_attributes_set_int(attributes, "registered", 1767225600), SPLIT_OK); /* seconds */
    CHECK_STR(split_get_treatment(factory, "carl", "newcomer", &options), "on");

    CHECK_INT(split_attributes_set_strings(attributes, "colors", colors, 2), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "carl", "painter", &options), "on");
    CHECK_INT(split_attributes_set_strings(attributes, "colors", colors, 1), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "carl", "painter", &options), "off");
    CHECK_INT(split_attributes_set_strings_n(attributes, "colorss", 6, shades, lens, 2), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "carl", "painter", &options), "on");
    CHECK_INT(split_attributes_set_strings(attributes, "colors", NULL, 0), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "carl", "painter", &options), "off");

    CHECK_INT(split_attributes_set_string_n(attributes, "plans", 4, "probably", 3), SPLIT_OK);
    CHECK_STR(split_get_treatment(factory, "carl", "named_by_key", &options), "pro");

    split_attributes_clear(attributes);
    CHECK_STR(split_get_treatment(factory, "carl", "named_by_key", &options), "basic");
    split_attributes_free(attributes);
    ended(factory);
}

static void attributes_come_as_json_too(void) {
    split_factory *factory = shop();
    split_attributes *attributes = split_attributes_new();
    split_options options = SPLIT_OPTIONS_INIT;
    split_error error;
    CHECK_INT(
        split_attributes_merge_json(attributes, "{\"age\": 20, \"colors\": [\"red\"], \"x\": {\"y\": null}}", &error),
        SPLIT_OK);
    options.attributes = attributes;
    options.attributes_json = "{\"age\": 2}"; /* not read beside `attributes` */
    CHECK_STR(split_get_treatment(factory, "carl", "adults", &options), "yes");
    CHECK_STR(split_get_treatment(factory, "carl", "painter", &options), "on");
    CHECK_INT(split_attributes_merge_json(attributes, "{\"age\": 2, \"oops\": }", &error), SPLIT_E_INVALID_JSON);
    CHECK_STR(split_get_treatment(factory, "carl", "adults", &options), "yes"); /* as it was */

    options.attributes = NULL;
    CHECK_STR(split_get_treatment(factory, "carl", "adults", &options), "no");
    options.attributes_json = "{\"age\": 30}, and more";
    options.attributes_json_len = 11;
    CHECK_STR(split_get_treatment(factory, "carl", "adults", &options), "yes");
    split_attributes_free(attributes);
    ended(factory);
}

/* ---- Manager ----------------------------------------------------------------------------------------------------- */

static void the_manager_lists_names(void) {
    split_factory *factory = shop();
    split_name_list *names = split_manager_names(factory);
    size_t count = 0, found = 0;
    const char *const *each = split_name_list_data(names, &count);
    CHECK_INT(count, 15);
    for (size_t i = 0; i < count; i++) found += strcmp(each[i], "checkout") == 0;
    CHECK_INT(found, 1);
    split_name_list_free(names);
    ended(factory);
}

static void the_manager_describes_a_flag(void) {
    split_factory *factory = shop();
    split_flag_view_list *list = split_manager_split(factory, "checkout");
    size_t count = 0;
    const split_flag_view *const *views = split_flag_view_list_data(list, &count);
    CHECK_INT(count, 1);
    CHECK_INT(views[0]->size, sizeof(split_flag_view));
    CHECK_STR(views[0]->name, "checkout");
    CHECK_STR(views[0]->traffic_type, "user");
    CHECK_STR(views[0]->default_treatment, "off");
    CHECK_INT(views[0]->change_number, 11);
    CHECK(!views[0]->killed);
    CHECK(!views[0]->impressions_disabled);
    CHECK_INT(views[0]->treatments_len, 2);
    CHECK_STR(views[0]->treatments[0], "on");
    CHECK_STR(views[0]->treatments[1], "off");
    CHECK_INT(views[0]->sets_len, 2);
    CHECK_STR(views[0]->sets[0], "shop"); /* sorted */
    CHECK_STR(views[0]->sets[1], "web");
    CHECK_INT(views[0]->configs_len, 1);
    CHECK_STR(views[0]->config_treatments[0], "on");
    CHECK_STR(views[0]->configs[0], "{\"color\":\"red\"}");
    CHECK_STR(views[0]->prerequisites_json, "[]");
    split_flag_view_list_free(list);

    list = split_manager_split(factory, "unknown");
    split_flag_view_list_data(list, &count);
    CHECK_INT(count, 0);
    split_flag_view_list_free(list);
    ended(factory);
}

static void the_manager_describes_all_flags(void) {
    split_factory *factory = shop();
    split_flag_view_list *list = split_manager_splits(factory);
    size_t count = 0, killed = 0, silent = 0, gated = 0;
    const split_flag_view *const *views = split_flag_view_list_data(list, &count);
    CHECK_INT(count, 15);
    for (size_t i = 0; i < count; i++) {
        killed += views[i]->killed;
        silent += views[i]->impressions_disabled;
        gated += strstr(views[i]->prerequisites_json, "\"blue\"") != NULL;
    }
    CHECK_INT(killed, 1);
    CHECK_INT(silent, 1);
    CHECK_INT(gated, 1);
    split_flag_view_list_free(list);
    ended(factory);
}

static void the_manager_speaks_json(void) {
    split_factory *factory = shop();
    split_json text = {NULL, 0, NULL};
    CHECK_INT(split_manager_json(factory, "checkout", &text), SPLIT_OK);
    CHECK_INT(text.len, strlen(text.ptr));
    CHECK_HAS(text.ptr, "\"checkout\"");
    CHECK_HAS(text.ptr, "\"default_treatment\"");
    CHECK_HAS(text.ptr, "\"impressions_disabled\"");
    CHECK_HAS(text.ptr, "\"configs\"");
    CHECK_HAS(text.ptr, "\"prerequisites\"");
    CHECK_INT(text.ptr[0], '{');
    split_json_release(&text);
    CHECK_NULL(text.ptr);
    CHECK_INT(text.len, 0);

    CHECK_INT(split_manager_json(factory, "unknown", &text), SPLIT_OK);
    CHECK_STR(text.ptr, "null");
    split_json_release(&text);

    CHECK_INT(split_manager_json(factory, NULL, &text), SPLIT_OK);
    CHECK_INT(text.ptr[0], '[');
    CHECK_HAS(text.ptr, "\"staff_tools\"");
    split_json_release(&text);
    ended(factory);
}

/* ---- Accounts ---------------------------------------------------------------------------------------------------- */

static void an_account_agrees_with_its_decision(split_factory *factory, const char *key, const char *flag,
                                                const split_options *options) {
    split_result result;
    split_json text = {NULL, 0, NULL};
    char part[256];
    split_status status = split_get_treatment_with_config(factory, key, flag, options, &result);
    CHECK_INT(split_explain(factory, key, flag, options, &text), status);
    CHECK_INT(text.len, strlen(text.ptr));
    snprintf(part, sizeof part, "{\"flag\":\"%s\",\"key\":\"%s\",\"bucketing_key\":", flag, key);
    CHECK_HAS(text.ptr, part);
    snprintf(part, sizeof part, ",\"treatment\":\"%s\",\"config\":%s", result.treatment,
             result.config == NULL ? "null" : "\"");
    CHECK_HAS(text.ptr, part);
    snprintf(part, sizeof part, ",\"label\":\"%s\",\"change_number\":%lld,\"fallback\":", result.label,
             (long long)result.change_number);
    CHECK_HAS(text.ptr, part);
    split_json_release(&text);
    split_result_release(&result);
}

static void decisions_are_explained(void) {
    notes *heard = notes_new();
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_set_impression_listener(config, note_impression, heard, note_drop), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    split_json text = {NULL, 0, NULL};
    split_options options = SPLIT_OPTIONS_INIT;
    options.bucketing_key = "user-2";
    options.attributes_json = "{\"age\": 30}";
    CHECK_INT(split_explain(factory, "ann", "adults", &options, &text), SPLIT_OK);
    CHECK_HAS(text.ptr, "\"bucketing_key\":\"user-2\"");
    CHECK_HAS(text.ptr,
              "{\"step\":\"matcher\",\"type\":\"GREATER_THAN_OR_EQUAL_TO\",\"attribute\":\"age\",\"value\":30,"
              "\"expected\":{\"unit\":\"one\",\"at_least\":18,\"at_most\":null},\"usable\":true,"
              "\"matches\":true,\"negate\":false,\"result\":true}");
    split_json_release(&text);
    CHECK_NULL(text.ptr);
    split_flush(factory, -1);
    CHECK_INT(notes_count(heard), 0);

    split_name_list *list = split_manager_names(factory);
    size_t count = 0;
    const char *const *names = split_name_list_data(list, &count);
    CHECK_INT(count, 15);
    for (size_t i = 0; i < count; i++) {
        an_account_agrees_with_its_decision(factory, "ann", names[i], NULL);
        an_account_agrees_with_its_decision(factory, "dora", names[i], &options);
    }
    split_name_list_free(list);
    an_account_agrees_with_its_decision(factory, "ann", "unknown", NULL);
    ended(factory);
    notes_free(heard);
}

static void an_account_says_where_a_fallback_serves(void) {
    static const struct {
        const char *flag, *treatment, *fallback;
    } cases[] = {
        {"checkout", "\"treatment\":\"off\",", "\"fallback\":false,"},
        {"unknown", "\"treatment\":\"calm\",", "\"fallback\":true,"},
        {"loop", "\"treatment\":\"calm\",", "\"fallback\":true,"},
        {" ", "\"treatment\":\"calm\",", "\"fallback\":true,"},
    };
    split_factory *factory = localhost_with(in_data("flags.json"), "{\"fallbackTreatments\": {\"global\": \"calm\"}}");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        split_json text = {NULL, 0, NULL};
        split_explain(factory, "carl", cases[i].flag, NULL, &text);
        CHECK_HAS(text.ptr, cases[i].treatment);
        CHECK_HAS(text.ptr, cases[i].fallback);
        split_json_release(&text);
    }
    ended(factory);
}

int main(void) {
    RUN(rules_decide_treatments);
    RUN(a_treatment_is_one_pointer);
    RUN(lengths_stand_in_for_the_final_nul);
    RUN(a_bucketing_key_decides_the_bucket);
    RUN(a_result_says_why);
    RUN(a_configuration_outlives_its_factory);
    RUN(many_flags_at_once);
    RUN(results_can_be_found_by_flag);
    RUN(attributes_are_set_one_by_one);
    RUN(attributes_come_as_json_too);
    RUN(the_manager_lists_names);
    RUN(the_manager_describes_a_flag);
    RUN(the_manager_describes_all_flags);
    RUN(the_manager_speaks_json);
    RUN(decisions_are_explained);
    RUN(an_account_says_where_a_fallback_serves);
    return check_finish("answers");
}
