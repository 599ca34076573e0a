/*
 * Localhost mode, through the files: formats, refresh, files that break, links that move, and odd paths.
 */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#define REFRESHED                                                                                                      \
    "{\"localhostRefreshEnabled\": true, \"featuresRefreshRate\": 1, \"segmentsRefreshRate\": 1, \"logLevel\": "       \
    "\"none\"}"

static void make_directory(const char *name) {
    CHECK_INT(mkdir(in_scratch(name), 0700), 0);
}

/* A factory that re-reads `path` every second, its segments from `segments`, its updates and log noted. */
static split_factory *refreshed(const char *path, const char *segments, notes *updates, notes *log) {
    split_config *config = config_for(path, REFRESHED);
    split_error error;
    if (segments != NULL) CHECK_INT(split_config_set(config, "segmentDirectory", segments, &error), SPLIT_OK);
    if (log != NULL) CHECK_INT(split_config_set_logger(config, SPLIT_LOG_WARNING, note_log, log, note_drop), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    if (updates != NULL) {
        CHECK_INT(split_on(factory, SPLIT_EVENT_UPDATE, note_event, updates, note_drop), SPLIT_OK);
    }
    return factory;
}

/* ---- Formats ----------------------------------------------------------------------------------------------------- */

static void json_in_the_old_format(void) {
    write_file("old.json",
               "{\"splits\": [{\"name\": \"a\", \"defaultTreatment\": \"off\", \"conditions\": ["
               "{\"conditionType\": \"WHITELIST\", \"label\": \"w\", \"matcherGroup\": {\"combiner\": \"AND\", "
               "\"matchers\": [{\"matcherType\": \"WHITELIST\", \"negate\": false, "
               "\"whitelistMatcherData\": {\"whitelist\": [\"ann\"]}}]}, "
               "\"partitions\": [{\"treatment\": \"on\", \"size\": 100}]}]}]}");
    split_factory *factory = localhost(in_scratch("old.json"));
    split_result result;
    CHECK_STR(split_get_treatment(factory, "ann", "a", NULL), "on");
    CHECK_INT(split_get_treatment_with_config(factory, "carl", "a", NULL, &result), SPLIT_OK);
    CHECK_STR(result.treatment, "off"); /* of the default rule that is appended */
    CHECK_STR(result.label, "default rule");
    split_result_release(&result);
    ended(factory);
}

static void json_needs_little_more_than_names(void) {
    write_file("small.JSON",
               "\xef\xbb\xbf{\"ff\": {\"d\": [{\"name\": \"x\"}, {\"nameless\": 1}, 7, null, {\"name\": \"y\", "
               "\"killed\": \"perhaps\", \"status\": \"ARCHIVED\"}]}}");
    split_factory *factory = localhost(in_scratch("small.JSON"));
    size_t count = 0;
    split_name_list *names = split_manager_names(factory);
    const char *const *name = split_name_list_data(names, &count);
    CHECK_INT(count, 1);
    CHECK_STR(name[0], "x");
    split_name_list_free(names);
    CHECK_STR(split_get_treatment(factory, "ann", "x", NULL), "off");
    ended(factory);
}

static void yaml_by_either_ending_in_any_case(void) { /* B28 */
    static const char *const names[] = {"flags.yaml", "flags.yml", "flags.YAML", "flags.Yml"};
    static const char text[] =
        "- banner: { treatment: \"on\", keys: [ann, bob], config: \"{\\\"color\\\":\\\"red\\\"}\" }\n"
        "- banner: { treatment: off }\n"
        "- my-flag.v2:\n    treatment: 5\n    config: {a: 1}\n";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        split_result result;
        write_file(names[i], text);
        split_factory *factory = localhost(in_scratch(names[i]));
        CHECK_INT(split_get_treatment_with_config(factory, "bob", "banner", NULL, &result), SPLIT_OK);
        CHECK_STR(result.treatment, "on");
        CHECK_STR(result.config, "{\"color\":\"red\"}");
        split_result_release(&result);
        CHECK_STR(split_get_treatment(factory, "carl", "banner", NULL), "off");
        CHECK_INT(split_get_treatment_with_config(factory, "carl", "my-flag.v2", NULL, &result), SPLIT_OK);
        CHECK_STR(result.treatment, "5");
        CHECK_STR(result.config, "{\"a\":1}");
        split_result_release(&result);
        ended(factory);
    }
}

static void plain_text_with_all_that_editors_do_to_it(void) { /* B28 */
    write_file("flags.split", "\xef\xbb\xbf# comment\r\nmy-new-flag on\r\n\r\nother_flag\toff\r\n bad line\r\n"
                              "three columns here\r\n\xc3\xb1-flag v-1\r\nmy-new-flag  off\r\nlast on");
    split_factory *factory = localhost(in_scratch("flags.split"));
    size_t count = 0;
    CHECK_STR(split_get_treatment(factory, "ann", "my-new-flag", NULL), "off"); /* the last line for a name */
    CHECK_STR(split_get_treatment(factory, "ann", "other_flag", NULL), "off");
    CHECK_STR(split_get_treatment(factory, "ann", "\xc3\xb1-flag", NULL), "v-1");
    CHECK_STR(split_get_treatment(factory, "ann", "last", NULL), "on");
    split_name_list *names = split_manager_names(factory);
    split_name_list_data(names, &count);
    CHECK_INT(count, 4);
    split_name_list_free(names);
    ended(factory);
}

static void paths_with_spaces_and_letters_of_all_kinds(void) { /* B28 */
    static const char *const names[] = {"with spaces.json", "\xe6\x97\xa5\xe6\x9c\xac.json",
                                        "\xc3\xa9t\xc3\xa9 1.split", "no_ending"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool json = strstr(names[i], ".json") != NULL;
        write_file(names[i], json ? one_flag("f", "red", 1) : "f red\n");
        split_factory *factory = localhost(in_scratch(names[i]));
        CHECK_STR(split_get_treatment(factory, "ann", "f", NULL), "red");
        ended(factory);
    }
    char *before = getcwd(NULL, 0);
    CHECK_INT(chdir(scratch()), 0);
    split_factory *factory = localhost("./with spaces.json");
    CHECK_STR(split_get_treatment(factory, "ann", "f", NULL), "red");
    ended(factory);
    CHECK_INT(chdir(before), 0);
    free(before);
}

/* ---- Where the file is by default -------------------------------------------------------------------------------- */

static void the_home_directory_has_the_default_file(void) {
    char *home = getenv("HOME") != NULL ? strdup(getenv("HOME")) : NULL;
    split_error error;
    split_config *quiet = split_config_new();
    CHECK_INT(split_config_set_logger(quiet, SPLIT_LOG_NONE, NULL, NULL, NULL), SPLIT_OK);
    write_file(".split", "from-home yes\n");
    setenv("HOME", scratch(), 1);
    split_factory *factory = split_factory_new("localhost", NULL, &error);
    CHECK_SET(factory);
    CHECK_STR(split_get_treatment(factory, "ann", "from-home", NULL), "yes");
    if (factory != NULL) ended(factory);

    CHECK_INT(unlink(in_scratch(".split")), 0);
    CHECK_NULL(split_factory_new("localhost", quiet, &error));
    CHECK_INT(error.status, SPLIT_E_STORAGE);
    CHECK_HAS(error.message, ".split");

    static const char *const homes[] = {"", NULL};
    for (size_t i = 0; i < 2; i++) {
        if (homes[i] != NULL) {
            setenv("HOME", homes[i], 1);
        } else {
            unsetenv("HOME");
        }
        memset(&error, 0, sizeof error);
        CHECK_NULL(split_factory_new("localhost", quiet, &error));
        CHECK(error.status < 0);
        CHECK_HAS(error.message, "HOME");
    }
    split_config_free(quiet);
    if (home != NULL) setenv("HOME", home, 1);
    free(home);
}

/* ---- Files that do not load -------------------------------------------------------------------------------------- */

static void a_text_or_yaml_file_that_does_not_load_makes_no_factory(void) {
    static const struct {
        const char *name, *text;
    } cases[] = {
        {"bad.yaml", "{bad"}, {"empty.yaml", ""}, {"scalar.yml", "- f: on\n"}, {"map.yaml", "f: {treatment: x}\n"}};
    split_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_file(cases[i].name, cases[i].text);
        split_config *config = config_for(in_scratch(cases[i].name), NULL);
        memset(&error, 0, sizeof error);
        CHECK_NULL(split_factory_new("localhost", config, &error));
        CHECK_INT(error.status, SPLIT_E_STORAGE);
        CHECK_HAS(error.message, cases[i].name);
        split_config_free(config);
    }
    static const unsigned char latin1[] = "caf\xe9 on\n";
    write_bytes("latin1.split", latin1, sizeof latin1 - 1);
    split_config *config = config_for(in_scratch("latin1.split"), NULL);
    CHECK_NULL(split_factory_new("localhost", config, &error));
    CHECK_INT(error.status, SPLIT_E_STORAGE);
    split_config_free(config);
    config = config_for(scratch(), NULL); /* a directory */
    CHECK_NULL(split_factory_new("localhost", config, &error));
    CHECK_INT(error.status, SPLIT_E_STORAGE);
    split_config_free(config);
}

static bool is_red(void *factory) {
    return strcmp(split_get_treatment((const split_factory *)factory, "ann", "f", NULL), "red") == 0;
}

/* A FIFO without a writer holds whoever opens it, and a device may have no end. */
static void only_regular_files_are_read(void) {
    CHECK_INT(mkfifo(in_scratch("fifo.yaml"), 0600), 0);
    CHECK_INT(symlink("/dev/zero", in_scratch("endless.yaml")), 0);
    static const char *const names[] = {"fifo.yaml", "endless.yaml"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        split_error error;
        split_config *config = config_for(in_scratch(names[i]), NULL);
        CHECK_NULL(split_factory_new("localhost", config, &error));
        CHECK_INT(error.status, SPLIT_E_STORAGE);
        CHECK_HAS(error.message, "it is not a regular file");
        CHECK_INT(split_config_set(config, "caBundlePath", in_scratch(names[i]), &error), SPLIT_OK);
        CHECK_NULL(split_factory_new("an-sdk-key", config, &error));
        CHECK_INT(error.status, SPLIT_E_INVALID_OPTION);
        CHECK_HAS(error.message, "caBundlePath");
        CHECK_HAS(error.message, "it is not a regular file");
        split_config_free(config);
    }

    /* One that is a FIFO at a refresh. */
    notes *log = notes_new();
    write_file("turns.json", one_flag("f", "red", 1));
    split_factory *factory = refreshed(in_scratch("turns.json"), NULL, NULL, log);
    CHECK_INT(unlink(in_scratch("turns.json")), 0);
    CHECK_INT(mkfifo(in_scratch("turns.json"), 0600), 0);
    CHECK(notes_wait_for(log, "it is not a regular file"));
    CHECK(is_red(factory));
    ended(factory);
    notes_free(log);
}

static void a_json_file_that_breaks_keeps_the_last_good_definitions(void) {
    static const char *const broken[] = {"", "{\"ff\": {\"d\": [", "[]", "null", "\xff\xfe", "{\"ff\": 7}"};
    notes *log = notes_new(), *updates = notes_new();
    write_file("breaks.json", one_flag("f", "red", 1));
    split_factory *factory = refreshed(in_scratch("breaks.json"), NULL, updates, log);
    for (size_t i = 0; i < sizeof broken / sizeof *broken - 1; i++) {
        notes_clear(log);
        write_file("breaks.json", broken[i]);
        CHECK(notes_wait_for(log, " E "));
        CHECK_STR(split_get_treatment(factory, "ann", "f", NULL), "red");
    }
    CHECK_INT(notes_count(updates), 0);
    write_file("breaks.json", one_flag("f", "blue", 2));
    CHECK(notes_wait(updates, 1));
    CHECK_STR(split_get_treatment(factory, "ann", "f", NULL), "blue");
    ended(factory);
    notes_free(log);
    notes_free(updates);
}

static void one_bad_definition_does_not_cost_the_good_ones(void) {
    static const char text[] =
        "{\"ff\": {\"t\": 1, \"d\": [{\"name\": \"bad\\u0000name\"}, {\"name\": \"f\", \"conditions\": "
        "[{\"conditionType\": "
        "\"ROLLOUT\", \"label\": \"r\", \"matcherGroup\": {\"combiner\": \"AND\", \"matchers\": [{\"matcherType\": "
        "\"ALL_KEYS\", \"negate\": false}]}, \"partitions\": [{\"treatment\": \"red\", \"size\": 100}]}], "
        "\"configurations\": {\"red\": \"a\\u0000b\"}}, {\"name\": 5}, \"text\", {\"name\": \"g\", \"conditions\": "
        "[{\"x\": "
        "null}]}]}}";
    notes *log = notes_new();
    split_result result;
    write_file("bad-one.json", text);
    split_config *config = config_for(in_scratch("bad-one.json"), NULL);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_WARNING, note_log, log, note_drop), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    CHECK_INT(split_get_treatment_with_config(factory, "ann", "f", NULL, &result), SPLIT_OK);
    CHECK_STR(result.treatment, "red");
    CHECK_INT(result.config_len, 3); /* a NUL in a configuration is kept, and counted */
    CHECK(result.config != NULL && memcmp(result.config, "a\0b", 4) == 0);
    split_result_release(&result);
    CHECK_STR(split_get_treatment(factory, "ann", "g", NULL), "off");
    CHECK(notes_count(log) >= 1);
    ended(factory);
    notes_free(log);
}

static void a_json_file_that_comes_late_makes_the_factory_ready(void) {
    /* The first load is tried again after 10 seconds: one wait that cannot be shortened from outside. */
    notes *log = notes_new(), *heard = notes_new();
    split_config *config = config_for(in_scratch("late.json"), NULL);
    CHECK_INT(split_config_set_logger(config, SPLIT_LOG_ERROR, note_log, log, note_drop), SPLIT_OK);
    split_factory *factory = split_factory_new("localhost", config, NULL);
    CHECK_SET(factory);
    split_config_free(config);
    CHECK_INT(split_on(factory, SPLIT_EVENT_READY, note_event, heard, note_drop), SPLIT_OK);
    CHECK(notes_wait_for(log, "late.json"));
    CHECK(!split_is_ready(factory));
    write_file("late.json", one_flag("f", "red", 1));
    CHECK_INT(split_block_until_ready(factory, PATIENCE_MS), SPLIT_OK);
    CHECK(is_red(factory));
    CHECK(notes_wait(heard, 1));
    ended(factory);
    notes_free(log);
    notes_free(heard);
}

/* ---- Refresh ----------------------------------------------------------------------------------------------------- */

/* What the directory of segments says about `staff`: the state `number`, with ann in and carl out or the reverse. */
static void write_staff(int number) {
    char text[256];
    const char *in = number % 2 == 1 ? "ann" : "carl", *out = number % 2 == 1 ? "carl" : "ann";
    snprintf(text, sizeof text,
             "{\"name\": \"staff\", \"added\": [\"%s\"], \"removed\": [\"%s\"], \"since\": %d, \"till\": %d}", in, out,
             number - 1, number);
    write_file("segments/staff.json", text);
}

static int staff_state;

/* Both kinds of file are read every second: between two changes of a segment that were noticed, flags were read too. */
static void let_a_refresh_pass(notes *updates) {
    for (int i = 0; i < 2; i++) {
        size_t before = notes_having(updates, "update segments");
        write_staff(++staff_state);
        while (notes_having(updates, "update segments") == before) {
            if (!CHECK(notes_wait(updates, notes_count(updates) + 1))) return;
        }
    }
}

static split_factory *refreshed_shop(const char *name, notes *updates) {
    char *definitions = read_file(in_data("flags.json"));
    write_file(name, definitions);
    free(definitions);
    mkdir(in_scratch("segments"), 0700);
    write_staff(staff_state = 1);
    return refreshed(in_scratch(name), in_scratch("segments"), updates, NULL);
}

static void a_refresh_reads_flags_and_segments(void) {
    notes *updates = notes_new();
    split_factory *factory = refreshed_shop("shop.json", updates);
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "on");
    CHECK_STR(split_get_treatment(factory, "carl", "staff_tools", NULL), "off");

    write_staff(2);
    CHECK(notes_wait(updates, 1));
    CHECK_STR(notes_line(updates, 0), "splitio-deliver update segments");
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "off");
    CHECK_STR(split_get_treatment(factory, "carl", "staff_tools", NULL), "on");

    /* The file is a delta: what it no longer mentions stays. */
    write_file("shop.json", one_flag("f", "red", 100));
    CHECK(notes_wait(updates, 2));
    CHECK_STR(notes_line(updates, 1), "splitio-deliver update flags f");
    CHECK_STR(split_get_treatment(factory, "ann", "checkout", NULL), "on");
    CHECK(is_red(factory));

    write_file("shop.json", "{\"ff\": {\"t\": 101, \"d\": [{\"name\": \"f\", \"status\": \"ARCHIVED\"}]}}");
    CHECK(notes_wait(updates, 3));
    CHECK_STR(split_get_treatment(factory, "ann", "f", NULL), "control");
    ended(factory);
    notes_free(updates);
}

static void an_older_document_is_ignored(void) {
    notes *updates = notes_new();
    split_factory *factory = refreshed_shop("older.json", updates);
    write_file("older.json", one_flag("banner", "stale", 24)); /* flags.json stands at 25 */
    let_a_refresh_pass(updates);
    CHECK_INT(notes_having(updates, "flags"), 0);
    CHECK_STR(split_get_treatment(factory, "ann", "banner", NULL), "red");
    write_file("older.json", one_flag("banner", "newer", 26));
    CHECK(notes_wait_for(updates, "update flags banner"));
    CHECK_STR(split_get_treatment(factory, "ann", "banner", NULL), "newer");
    ended(factory);
    notes_free(updates);
}

static void a_file_that_does_not_change_makes_no_update(void) {
    notes *updates = notes_new();
    split_factory *factory = refreshed_shop("same.json", updates);
    char *definitions = read_file(in_data("flags.json"));
    write_file("same.json", definitions); /* written again */
    free(definitions);
    let_a_refresh_pass(updates);
    CHECK_INT(notes_having(updates, "flags"), 0);
    CHECK_INT(notes_count(updates), 2);
    ended(factory);
    notes_free(updates);
}

/* As Kubernetes updates a mounted config map: the files are reached through a link that is replaced (B27). All other
 * changes here are made as editors do: written beside, and renamed. */
static void a_link_that_moves_is_followed(void) {
    notes *updates = notes_new();
    make_directory("mount");
    make_directory("mount/..v1");
    make_directory("mount/..v2");
    write_file("mount/..v1/flags.json", one_flag("f", "red", 1));
    write_file("mount/..v2/flags.json", one_flag("f", "blue", 2));
    CHECK_INT(symlink("..v1", in_scratch("mount/..data")), 0);
    CHECK_INT(symlink("..data/flags.json", in_scratch("mount/flags.json")), 0);
    split_factory *factory = refreshed(in_scratch("mount/flags.json"), in_scratch("mount"), updates, NULL);
    CHECK(is_red(factory));
    CHECK_INT(symlink("..v2", in_scratch("mount/..next")), 0);
    CHECK_INT(rename(in_scratch("mount/..next"), in_scratch("mount/..data")), 0);
    CHECK(notes_wait(updates, 1));
    CHECK_STR(split_get_treatment(factory, "ann", "f", NULL), "blue");
    CHECK_STR(notes_line(updates, 0), "splitio-deliver update flags f");
    ended(factory);
    CHECK_INT(notes_count(updates), 1);
    notes_free(updates);
}

static void segments_behind_a_link_that_moves_are_followed(void) { /* B27 */
    notes *updates = notes_new();
    make_directory("keys");
    make_directory("keys/..v1");
    make_directory("keys/..v2");
    write_file("keys/..v1/staff.json", "{\"name\": \"staff\", \"added\": [\"ann\"], \"till\": 1}");
    write_file("keys/..v2/staff.json",
               "{\"name\": \"staff\", \"added\": [\"zoe\"], \"removed\": [\"ann\"], \"since\": 1, \"till\": 2}");
    CHECK_INT(symlink("..v1", in_scratch("keys/..data")), 0);
    CHECK_INT(symlink("..data/staff.json", in_scratch("keys/staff.json")), 0);
    split_factory *factory = refreshed(in_data("flags.json"), in_scratch("keys"), updates, NULL);
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "on");
    CHECK_INT(symlink("..v2", in_scratch("keys/..next")), 0);
    CHECK_INT(rename(in_scratch("keys/..next"), in_scratch("keys/..data")), 0);
    CHECK(notes_wait(updates, 1));
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "off");
    CHECK_STR(split_get_treatment(factory, "zoe", "staff_tools", NULL), "on");
    CHECK_STR(notes_line(updates, 0), "splitio-deliver update segments");
    ended(factory);
    CHECK_INT(notes_count(updates), 1);
    notes_free(updates);
}

static void segments_that_cannot_be_read_do_not_keep_it_from_ready(void) {
    notes *log = notes_new();
    make_directory("no-segments");
    split_factory *factory = refreshed(in_data("flags.json"), in_scratch("no-segments"), NULL, log);
    CHECK_STR(split_get_treatment(factory, "ann", "staff_tools", NULL), "off");
    CHECK(notes_having(log, "staff") >= 1);
    ended(factory);
    notes_free(log);
}

int main(void) {
    RUN(json_in_the_old_format);
    RUN(json_needs_little_more_than_names);
    RUN(yaml_by_either_ending_in_any_case);
    RUN(plain_text_with_all_that_editors_do_to_it);
    RUN(paths_with_spaces_and_letters_of_all_kinds);
    RUN(the_home_directory_has_the_default_file);
    RUN(a_text_or_yaml_file_that_does_not_load_makes_no_factory);
    RUN(only_regular_files_are_read);
    RUN(a_json_file_that_breaks_keeps_the_last_good_definitions);
    RUN(one_bad_definition_does_not_cost_the_good_ones);
    RUN(a_json_file_that_comes_late_makes_the_factory_ready);
    RUN(a_refresh_reads_flags_and_segments);
    RUN(an_older_document_is_ignored);
    RUN(a_file_that_does_not_change_makes_no_update);
    RUN(a_link_that_moves_is_followed);
    RUN(segments_behind_a_link_that_moves_are_followed);
    RUN(segments_that_cannot_be_read_do_not_keep_it_from_ready);
    return check_finish("localhost");
}
