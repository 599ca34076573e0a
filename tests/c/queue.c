/*
 * The queue that stands in for callbacks: what is in it, in which order, what happens when it is full, and the
 * descriptor that an event loop waits on.
 */
#include "support.h"

#include <poll.h>

static split_factory *queued(uint32_t kinds, size_t capacity, const char *json) {
    split_config *config = config_for(in_data("flags.json"), json);
    CHECK_INT(split_config_enable_queue(config, kinds, capacity), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    return factory;
}

static size_t occurrences(const char *text, const char *part) {
    size_t found = 0;
    for (const char *at = text; at != NULL && (at = strstr(at, part)) != NULL; at += strlen(part)) found++;
    return found;
}

static bool readable(const split_factory *factory, int timeout_ms) {
    struct pollfd descriptor = {split_poll_fd(factory), POLLIN, 0};
    CHECK(descriptor.fd >= 0);
    return poll(&descriptor, 1, timeout_ms) == 1;
}

static void impressions_are_records(void) {
    split_factory *factory = queued(SPLIT_QUEUE_IMPRESSIONS, 0, NULL);
    split_options options = SPLIT_OPTIONS_INIT;
    split_json text = {NULL, 0, NULL};
    options.bucketing_key = "b";
    options.attributes_json = "{\"age\": 30}";
    options.properties_json = "{\"page\":\"cart\"}";
    split_get_treatment(factory, "a \"quoted\" key", "checkout", NULL);
    split_get_treatment(factory, "ann", "adults", &options);
    CHECK(readable(factory, PATIENCE_MS));
    CHECK_INT(split_poll(factory, PATIENCE_MS, 100, &text), SPLIT_OK);
    CHECK_INT(text.len, strlen(text.ptr));
    CHECK(text.ptr[0] == '[' && text.ptr[text.len - 1] == ']');
    CHECK_HAS(text.ptr, "\"type\":\"impression\",\"key\":\"a \\\"quoted\\\" key\",\"bucketing_key\":null,"
                        "\"flag\":\"checkout\",\"treatment\":\"off\",\"label\":\"default rule\",\"change_number\":11,");
    CHECK_HAS(text.ptr, "\"key\":\"ann\",\"bucketing_key\":\"b\",\"flag\":\"adults\",\"treatment\":\"yes\"");
    CHECK_HAS(text.ptr, "\"previous_time\":null");
    CHECK_HAS(text.ptr, "\"attributes\":{\"age\":30}");
    CHECK_HAS(text.ptr, "\"properties\":{\"page\":\"cart\"}");
    CHECK_HAS(text.ptr, "\"sdk_version\":\"");
    CHECK_HAS(text.ptr, "\"instance\":\"");
    split_json_release(&text);
    CHECK(!readable(factory, 0));
    ended(factory);
}

static void max_limits_what_is_taken_and_order_is_kept(void) {
    split_factory *factory = queued(SPLIT_QUEUE_IMPRESSIONS, 0, NULL);
    split_json text = {NULL, 0, NULL};
    char key[16], part[32];
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "k%d", i);
        split_get_treatment(factory, key, "banner", NULL);
    }
    int next = 0;
    while (next < 10) {
        CHECK(readable(factory, PATIENCE_MS)); /* as long as records are left */
        if (!CHECK_INT(split_poll(factory, PATIENCE_MS, 3, &text), SPLIT_OK)) break;
        size_t taken = occurrences(text.ptr, "\"type\"");
        CHECK(taken >= 1 && taken <= 3);
        for (size_t i = 0; i < taken; i++) {
            snprintf(part, sizeof part, "\"key\":\"k%d\"", next++);
            CHECK_HAS(text.ptr, part);
        }
        split_json_release(&text);
    }
    CHECK_INT(split_poll(factory, 0, 3, &text), SPLIT_E_TIMEOUT);
    CHECK(!readable(factory, 0));
    ended(factory);
}

/* Reads until `wanted` records that contain `part` were seen; false when they do not come. */
static bool drained(split_factory *factory, const char *part, size_t wanted) {
    size_t seen = 0;
    long long deadline = now_ms() + PATIENCE_MS;
    while (seen < wanted && now_ms() < deadline) {
        split_json text = {NULL, 0, NULL};
        if (split_poll(factory, 100, 1000, &text) != SPLIT_OK) continue;
        seen += occurrences(text.ptr, part);
        split_json_release(&text);
    }
    return seen == wanted;
}

static void events_and_log_lines_are_records_too(void) {
    split_factory *factory =
        queued(SPLIT_QUEUE_EVENTS | SPLIT_QUEUE_LOGS | SPLIT_QUEUE_IMPRESSIONS, 0, "{\"logLevel\": \"warning\"}");
    CHECK(drained(factory, "{\"type\":\"event\",\"kind\":\"ready\"}", 1));
    split_get_treatment(factory, "ann", "unknown", NULL);
    split_json text = {NULL, 0, NULL};
    CHECK_INT(split_poll(factory, PATIENCE_MS, 10, &text), SPLIT_OK);
    CHECK_HAS(text.ptr, "\"type\":\"log\",\"level\":2,\"time\":");
    CHECK_HAS(text.ptr, "unknown");
    CHECK_HAS(text.ptr, "\"target\":\"");
    split_json_release(&text);
    ended(factory);
}

static void updates_name_the_flags(void) {
    write_file("queue.json", one_flag("f", "red", 1));
    split_config *config =
        config_for(in_scratch("queue.json"), "{\"localhostRefreshEnabled\": true, \"featuresRefreshRate\": 1}");
    CHECK_INT(split_config_enable_queue(config, SPLIT_QUEUE_EVENTS, 0), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    write_file("queue.json", one_flag("f", "blue", 2));
    CHECK(drained(factory, "{\"type\":\"event\",\"kind\":\"update\",\"flags_changed\":true,\"names\":[\"f\"]}", 1));
    ended(factory);
}

static void what_is_queued_is_not_called_back(void) {
    notes *heard = notes_new();
    split_config *config = config_for(in_data("flags.json"), NULL);
    CHECK_INT(split_config_set_impression_listener(config, note_impression, heard, note_drop), SPLIT_OK);
    CHECK_INT(split_config_enable_queue(config, SPLIT_QUEUE_IMPRESSIONS, 0), SPLIT_OK);
    split_factory *factory = started(config);
    split_config_free(config);
    split_get_treatment(factory, "ann", "checkout", NULL);
    CHECK(drained(factory, "\"type\":\"impression\"", 1));
    CHECK_INT(split_flush(factory, -1), SPLIT_OK);
    ended(factory);
    CHECK_INT(notes_count(heard), 0);
    CHECK_INT(notes_drops(heard), 1);
    notes_free(heard);
}

static void a_full_queue_drops_the_oldest(void) {
    split_factory *factory = queued(SPLIT_QUEUE_IMPRESSIONS, 5, NULL);
    split_json text = {NULL, 0, NULL};
    char key[16];
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "k%d", i);
        split_get_treatment(factory, key, "banner", NULL);
    }
    CHECK_INT(split_poll(factory, PATIENCE_MS, 100, &text), SPLIT_OK);
    CHECK_INT(occurrences(text.ptr, "\"type\":\"impression\""), 5);
    CHECK_HAS(text.ptr, "\"key\":\"k19\"");
    CHECK_HAS(text.ptr, "\"key\":\"k15\"");
    CHECK_LACKS(text.ptr, "\"key\":\"k14\"");
    split_json_release(&text);
    ended(factory);
}

static void without_a_queue_there_is_no_descriptor(void) {
    split_factory *factory = localhost(in_data("flags.json"));
    split_json text = {NULL, 0, NULL};
    CHECK_INT(split_poll_fd(factory), -1);
    split_status status = split_poll(factory, 0, 10, &text);
    CHECK(status < 0 && status != SPLIT_E_PANIC);
    CHECK_NULL(text.ptr);
    ended(factory);
}

static void *read_to_the_end(void *argument) {
    split_factory *factory = (split_factory *)argument;
    size_t records = 0;
    for (;;) {
        split_json text = {NULL, 0, NULL};
        split_status status = split_poll(factory, -1, 7, &text);
        if (status == SPLIT_E_DESTROYED) break;
        if (!CHECK_INT(status, SPLIT_OK)) break;
        records += occurrences(text.ptr, "\"type\":\"impression\"");
        split_json_release(&text);
    }
    CHECK_INT(records, 100);
    return NULL;
}

static void a_reader_gets_everything_before_it_is_told_to_end(void) {
    split_factory *factory = queued(SPLIT_QUEUE_IMPRESSIONS, 0, NULL);
    pthread_t reader = spawned(read_to_the_end, factory);
    for (int i = 0; i < 100; i++) split_get_treatment(factory, "ann", "banner", NULL);
    CHECK_INT(split_destroy(factory, -1), SPLIT_OK);
    pthread_join(reader, NULL);
    CHECK(readable(factory, 0));
    split_factory_free(factory);
}

static void what_is_left_after_destroy_can_still_be_read(void) {
    split_factory *factory = queued(SPLIT_QUEUE_IMPRESSIONS, 0, NULL);
    split_json text = {NULL, 0, NULL};
    split_get_treatment(factory, "ann", "banner", NULL);
    CHECK_INT(split_destroy(factory, -1), SPLIT_OK);
    CHECK_INT(split_poll(factory, -1, 10, &text), SPLIT_OK);
    CHECK_HAS(text.ptr, "\"key\":\"ann\"");
    split_json_release(&text);
    CHECK_INT(split_poll(factory, -1, 10, &text), SPLIT_E_DESTROYED);
    split_factory_free(factory);
}

int main(void) {
    RUN(impressions_are_records);
    RUN(max_limits_what_is_taken_and_order_is_kept);
    RUN(events_and_log_lines_are_records_too);
    RUN(updates_name_the_flags);
    RUN(what_is_queued_is_not_called_back);
    RUN(a_full_queue_drops_the_oldest);
    RUN(without_a_queue_there_is_no_descriptor);
    RUN(a_reader_gets_everything_before_it_is_told_to_end);
    RUN(what_is_left_after_destroy_can_still_be_read);
    return check_finish("queue");
}
