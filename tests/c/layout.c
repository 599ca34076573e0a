/*
 * Sizes, offsets and numbers that are part of the ABI. Mostly checked by the compiler: that this file compiles is the
 * test, in every standard of C and C++ that it is compiled as. `layout_other.c` is the second file that includes the
 * header in the same program.
 */
#include <splitio.h>

#include "check.h"

/* C99 has no static assertion. An array of negative size does not compile anywhere. */
#define HOLDS(name, condition) typedef char holds_##name[(condition) ? 1 : -1]
#define CODE(name, value) typedef char holds_##name[(name) == (value) ? 1 : -1]
#define OFFSET(type, field, value) typedef char holds_##type##_##field[offsetof(type, field) == (value) ? 1 : -1]

#if UINTPTR_MAX == UINT64_MAX
HOLDS(result_is_a_cache_line, sizeof(split_result) == 64);
HOLDS(json, sizeof(split_json) == 24);
HOLDS(error, sizeof(split_error) == 256);
HOLDS(options, sizeof(split_options) == 72);
OFFSET(split_result, flag, 0);
OFFSET(split_result, treatment, 8);
OFFSET(split_result, config, 16);
OFFSET(split_result, config_len, 24);
OFFSET(split_result, label, 32);
OFFSET(split_result, change_number, 40);
OFFSET(split_result, status, 48);
OFFSET(split_result, reserved, 52);
OFFSET(split_result, hold, 56);
OFFSET(split_json, ptr, 0);
OFFSET(split_json, len, 8);
OFFSET(split_json, hold, 16);
OFFSET(split_error, status, 0);
OFFSET(split_error, message, 4);
OFFSET(split_options, size, 0);
OFFSET(split_options, bucketing_key, 8);
OFFSET(split_options, attributes, 16);
OFFSET(split_options, attributes_json, 24);
OFFSET(split_options, properties, 32);
OFFSET(split_options, properties_json, 40);
OFFSET(split_options, bucketing_key_len, 48);
OFFSET(split_options, attributes_json_len, 56);
OFFSET(split_options, properties_json_len, 64);
OFFSET(split_impression, size, 0);
OFFSET(split_impression, key, 8);
OFFSET(split_impression, bucketing_key, 16);
OFFSET(split_impression, flag, 24);
OFFSET(split_impression, treatment, 32);
OFFSET(split_impression, label, 40);
OFFSET(split_impression, change_number, 48);
OFFSET(split_impression, time, 56);
OFFSET(split_impression, previous_time, 64);
OFFSET(split_impression, attributes_json, 72);
OFFSET(split_impression, properties_json, 80);
OFFSET(split_impression, sdk_version, 88);
OFFSET(split_impression, instance, 96);
OFFSET(split_event, size, 0);
OFFSET(split_event, kind, 8);
OFFSET(split_event, flags_changed, 12);
OFFSET(split_event, names, 16);
OFFSET(split_event, names_len, 24);
OFFSET(split_log_record, size, 0);
OFFSET(split_log_record, level, 8);
OFFSET(split_log_record, time, 16);
OFFSET(split_log_record, target, 24);
OFFSET(split_log_record, message, 32);
OFFSET(split_option, size, 0);
OFFSET(split_option, name, 8);
OFFSET(split_option, kind, 16);
OFFSET(split_option, default_json, 24);
OFFSET(split_option, description, 32);
OFFSET(split_option, supported, 40);
OFFSET(split_flag_view, size, 0);
OFFSET(split_flag_view, name, 8);
OFFSET(split_flag_view, traffic_type, 16);
OFFSET(split_flag_view, default_treatment, 24);
OFFSET(split_flag_view, change_number, 32);
OFFSET(split_flag_view, killed, 40);
OFFSET(split_flag_view, impressions_disabled, 41);
OFFSET(split_flag_view, treatments, 48);
OFFSET(split_flag_view, treatments_len, 56);
OFFSET(split_flag_view, sets, 64);
OFFSET(split_flag_view, sets_len, 72);
OFFSET(split_flag_view, config_treatments, 80);
OFFSET(split_flag_view, configs, 88);
OFFSET(split_flag_view, configs_len, 96);
OFFSET(split_flag_view, prerequisites_json, 104);
#endif

CODE(SPLIT_OK, 0);
CODE(SPLIT_E_INVALID_ARGUMENT, -1);
CODE(SPLIT_E_UNKNOWN_OPTION, -2);
CODE(SPLIT_E_INVALID_OPTION, -3);
CODE(SPLIT_E_INVALID_JSON, -4);
CODE(SPLIT_E_TIMEOUT, -5);
CODE(SPLIT_E_DESTROYED, -6);
CODE(SPLIT_E_FORKED, -7);
CODE(SPLIT_E_QUEUE_FULL, -8);
CODE(SPLIT_E_REENTRANT, -9);
CODE(SPLIT_E_STORAGE, -10);
CODE(SPLIT_E_UNAUTHORIZED, -11);
CODE(SPLIT_E_VERSION, -12);
CODE(SPLIT_E_PANIC, -13);
CODE(SPLIT_E_NOT_READY, -14);
CODE(SPLIT_E_UNKNOWN_FLAG, -15);
CODE(SPLIT_E_EVALUATION, -16);
CODE(SPLIT_E_SYSTEM, -17);
CODE(SPLIT_STATUS_NOT_READY, 0);
CODE(SPLIT_STATUS_READY, 1);
CODE(SPLIT_STATUS_DESTROYED, 2);
CODE(SPLIT_STATUS_WAITING_FORK, 3);
CODE(SPLIT_EVENT_READY, 1);
CODE(SPLIT_EVENT_UPDATE, 2);
CODE(SPLIT_LOG_NONE, 0);
CODE(SPLIT_LOG_ERROR, 1);
CODE(SPLIT_LOG_WARNING, 2);
CODE(SPLIT_LOG_INFO, 3);
CODE(SPLIT_LOG_DEBUG, 4);
CODE(SPLIT_QUEUE_IMPRESSIONS, 1);
CODE(SPLIT_QUEUE_LOGS, 2);
CODE(SPLIT_QUEUE_EVENTS, 4);

split_options layout_other_options(void);

static void both_files_see_one_header(void) {
    split_options mine = SPLIT_OPTIONS_INIT, others = layout_other_options();
    CHECK_INT(memcmp(&mine, &others, sizeof mine), 0);
    CHECK_INT(mine.size, sizeof(split_options));
}

static void the_macros_are_those_of_the_version(void) {
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", SPLIT_VERSION_MAJOR, SPLIT_VERSION_MINOR, SPLIT_VERSION_PATCH);
    CHECK_STR(text, SPLIT_VERSION);
    CHECK_INT(SPLIT_VERSION_NUMBER, SPLIT_VERSION_MAJOR * 1000000 + SPLIT_VERSION_MINOR * 1000 + SPLIT_VERSION_PATCH);
    double none = SPLIT_NO_VALUE;
    CHECK(none != none);
}

int main(void) {
    RUN(both_files_see_one_header);
    RUN(the_macros_are_those_of_the_version);
    return check_finish("layout");
}
