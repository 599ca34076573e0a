/* What the package client calls: the functions of splitio.h, with Go's strings. To be read by cgo, once. */

#ifndef LIBSPLITIO_GO_NATIVE_H
#define LIBSPLITIO_GO_NATIVE_H

#include <splitio.h>
#include <stdlib.h>
#include <string.h>

#if SPLIT_VERSION_MAJOR != 1 || SPLIT_VERSION_NUMBER < 1000000
#error "this package needs libsplitio 1.0.0 or a later 1.x"
#endif

/* Made by cgo from callbacks.go. */
extern void libsplitioGoImpression(split_impression *impression, uintptr_t listener);
extern void libsplitioGoDrop(uintptr_t listener);

/* Handles come as numbers: before Go 1.20, a pointer to an incomplete struct went to the heap on its way. */
typedef uintptr_t splitio_go_handle;

/* An empty string of Go may have no address, or one that is not its own. */
static const char *splitio_go_text(_GoString_ text) {
    return _GoStringLen(text) == 0 ? "" : _GoStringPtr(text);
}

/* A set of attributes that is filled again and again. */
typedef struct splitio_go_set {
    split_attributes *attributes;
    /* Whether the last filling went well. */
    bool whole;
} splitio_go_set;

/* 0 without memory. */
static splitio_go_handle splitio_go_set_new(void) {
    splitio_go_set *set = malloc(sizeof *set);
    if (!set) return 0;
    set->attributes = split_attributes_new();
    set->whole = false;
    return (splitio_go_handle)set;
}

static void splitio_go_set_free(splitio_go_handle handle) {
    splitio_go_set *set = (splitio_go_set *)handle;
    if (set) split_attributes_free(set->attributes);
    free(set);
}

static int64_t splitio_go_next(const char **packed) {
    int64_t whole;
    memcpy(&whole, *packed, sizeof whole);
    *packed += sizeof whole;
    return whole;
}

static split_status splitio_go_fill_texts(split_attributes *into, const char *name, size_t name_length,
                                          const char **packed) {
    enum { LONGEST = 32 };
    const char *texts[LONGEST];
    size_t lengths[LONGEST];
    const size_t count = (size_t)splitio_go_next(packed);
    size_t i;
    for (i = 0; i < count && i < LONGEST; i++) {
        lengths[i] = (size_t)splitio_go_next(packed);
        texts[i] = *packed;
        *packed += lengths[i];
    }
    return split_attributes_set_strings_n(into, name, name_length, texts, lengths, i);
}

/* Fills a set from what pack.go wrote: for each attribute its kind, the length of its name, the name with a NUL, and the
   value. In the same call as the evaluation, it takes a third of the time of JSON. */
static void splitio_go_fill(splitio_go_set *set, const char *packed, size_t length) {
    const char *end = packed + length;
    split_attributes *into = set->attributes;
    split_status status = SPLIT_OK;
    split_attributes_clear(into);
    while (packed < end && status == SPLIT_OK) {
        const char kind = packed[0];
        const size_t name_length = (unsigned char)packed[1];
        const char *name = packed + 2;
        size_t text_length;
        double number;
        packed = name + name_length + 1;
        switch (kind) {
        case 's':
            text_length = (size_t)splitio_go_next(&packed);
            status = split_attributes_set_string_n(into, name, name_length, packed, text_length);
            packed += text_length;
            break;
        case 'i':
            status = split_attributes_set_int(into, name, splitio_go_next(&packed));
            break;
        case 'd':
            memcpy(&number, packed, sizeof number);
            packed += sizeof number;
            status = split_attributes_set_double(into, name, number);
            break;
        case 'l':
            status = splitio_go_fill_texts(into, name, name_length, &packed);
            break;
        default:
            status = split_attributes_set_bool(into, name, *packed++ != 0);
        }
    }
    set->whole = status == SPLIT_OK;
}

/* `attributes` is JSON, or, with a `set`, what fills it; `filled` says that the last call filled it with the same. */
static const split_options *splitio_go_options(split_options *options, int pair, _GoString_ bucketing_key,
                                               splitio_go_set *set, int filled, _GoString_ attributes,
                                               _GoString_ properties) {
    const split_options empty = SPLIT_OPTIONS_INIT;
    *options = empty;
    if (set) {
        if (!filled || !set->whole) splitio_go_fill(set, _GoStringPtr(attributes), _GoStringLen(attributes));
        if (set->whole) {
            options->attributes = set->attributes;
        } else {
            /* Refused, in the right words. */
            options->attributes_json = "0";
        }
    } else if (_GoStringLen(attributes) > 0) {
        options->attributes_json = _GoStringPtr(attributes);
        options->attributes_json_len = _GoStringLen(attributes);
    }
    if (pair) {
        options->bucketing_key = splitio_go_text(bucketing_key);
        options->bucketing_key_len = _GoStringLen(bucketing_key);
    }
    if (_GoStringLen(properties) > 0) {
        options->properties_json = _GoStringPtr(properties);
        options->properties_json_len = _GoStringLen(properties);
    }
    return options;
}

static const char *splitio_go_treatment(splitio_go_handle factory, _GoString_ key, _GoString_ flag) {
    return split_get_treatment_n((const split_factory *)factory, splitio_go_text(key), _GoStringLen(key),
                                 splitio_go_text(flag), _GoStringLen(flag), NULL);
}

static const char *splitio_go_treatment_with_options(splitio_go_handle factory, _GoString_ key, _GoString_ flag,
                                                     int pair, _GoString_ bucketing_key, splitio_go_handle set,
                                                     int filled, _GoString_ attributes, _GoString_ properties) {
    split_options options;
    return split_get_treatment_n(
        (const split_factory *)factory, splitio_go_text(key), _GoStringLen(key), splitio_go_text(flag),
        _GoStringLen(flag),
        splitio_go_options(&options, pair, bucketing_key, (splitio_go_set *)set, filled, attributes, properties));
}

/* An answer with its configuration: one that is short in here, so that the result is released already and Go need not
   call once more. By value, as a pointer to it would put Go's copy on the heap. */
typedef struct splitio_go_answer {
    split_result result;
    char config[128];
} splitio_go_answer;

static splitio_go_answer splitio_go_answer_with(splitio_go_handle factory, _GoString_ key, _GoString_ flag,
                                                const split_options *options) {
    splitio_go_answer answer;
    split_result *result = &answer.result;
    split_get_treatment_with_config_n((const split_factory *)factory, splitio_go_text(key), _GoStringLen(key),
                                      splitio_go_text(flag), _GoStringLen(flag), options, result);
    if (result->hold && result->config_len > 0 && result->config_len <= sizeof answer.config) {
        const split_result whole = *result;
        memcpy(answer.config, result->config, result->config_len);
        split_result_release(result);
        result->treatment = whole.treatment;
        result->config_len = whole.config_len;
    }
    return answer;
}

static splitio_go_answer splitio_go_treatment_with_config(splitio_go_handle factory, _GoString_ key, _GoString_ flag) {
    return splitio_go_answer_with(factory, key, flag, NULL);
}

static splitio_go_answer splitio_go_treatment_with_both(splitio_go_handle factory, _GoString_ key, _GoString_ flag,
                                                        int pair, _GoString_ bucketing_key, splitio_go_handle set,
                                                        int filled, _GoString_ attributes, _GoString_ properties) {
    split_options options;
    return splitio_go_answer_with(
        factory, key, flag,
        splitio_go_options(&options, pair, bucketing_key, (splitio_go_set *)set, filled, attributes, properties));
}

static void splitio_go_release(split_result result) {
    split_result_release(&result);
}

/* How many evaluations are made. The numbers are those of client.go. */
enum { SPLITIO_GO_FLAGS = 0, SPLITIO_GO_SET = 1, SPLITIO_GO_SETS = 2 };

typedef struct splitio_go_results {
    split_results *list;
    const split_result *data;
    size_t count;
} splitio_go_results;

/* `texts` holds the names, each with a NUL: names of flags, or of flag sets. `key` ends in a NUL, too. */
static splitio_go_results splitio_go_treatments(splitio_go_handle factory, int of, int with_config, _GoString_ key,
                                                _GoString_ texts, size_t count, int pair, _GoString_ bucketing_key,
                                                splitio_go_handle set, int filled, _GoString_ attributes,
                                                _GoString_ properties) {
    enum { FEW = 32 };
    const split_factory *from = (const split_factory *)factory;
    const char *few[FEW];
    const char **names = few;
    const char *next = splitio_go_text(texts);
    const char *whose = splitio_go_text(key);
    splitio_go_results results = {NULL, NULL, 0};
    split_options options;
    size_t i;
    splitio_go_options(&options, pair, bucketing_key, (splitio_go_set *)set, filled, attributes, properties);
    if (count > FEW && !(names = malloc(count * sizeof *names))) return results;
    for (i = 0; i < count; i++) {
        names[i] = next;
        next += strlen(next) + 1;
    }
    if (of == SPLITIO_GO_FLAGS) {
        results.list = with_config ? split_get_treatments_with_config(from, whose, names, count, &options)
                                   : split_get_treatments(from, whose, names, count, &options);
    } else if (of == SPLITIO_GO_SET) {
        results.list = with_config ? split_get_treatments_with_config_by_flag_set(from, whose, names[0], &options)
                                   : split_get_treatments_by_flag_set(from, whose, names[0], &options);
    } else {
        results.list = with_config ? split_get_treatments_with_config_by_flag_sets(from, whose, names, count, &options)
                                   : split_get_treatments_by_flag_sets(from, whose, names, count, &options);
    }
    if (names != few) free(names);
    results.data = split_results_data(results.list, &results.count);
    return results;
}

/* `key` and `flag` end in a NUL. */
static split_status splitio_go_explain(splitio_go_handle factory, _GoString_ key, _GoString_ flag, int pair,
                                       _GoString_ bucketing_key, splitio_go_handle set, int filled,
                                       _GoString_ attributes, _GoString_ properties, split_json *text) {
    split_options options;
    splitio_go_options(&options, pair, bucketing_key, (splitio_go_set *)set, filled, attributes, properties);
    return split_explain((const split_factory *)factory, _GoStringPtr(key), _GoStringPtr(flag), &options, text);
}

static const split_options *splitio_go_event_options(split_options *options, _GoString_ properties) {
    const split_options empty = SPLIT_OPTIONS_INIT;
    *options = empty;
    if (_GoStringLen(properties) == 0) return NULL;
    options->properties_json = _GoStringPtr(properties);
    options->properties_json_len = _GoStringLen(properties);
    return options;
}

static split_error splitio_go_track(splitio_go_handle factory, _GoString_ key, _GoString_ traffic_type,
                                    _GoString_ event_type, double value, _GoString_ properties) {
    split_error error;
    split_options options;
    const split_status status =
        split_track_n((const split_factory *)factory, splitio_go_text(key), _GoStringLen(key),
                      splitio_go_text(traffic_type), _GoStringLen(traffic_type), splitio_go_text(event_type),
                      _GoStringLen(event_type), value, splitio_go_event_options(&options, properties));
    error.status = status;
    error.message[0] = 0;
    /* Of this thread: it has to be asked before Go goes on, perhaps on another one. */
    if (status != SPLIT_OK && split_last_error(&error) != status) {
        error.status = status;
        strncpy(error.message, split_status_string(status), sizeof error.message - 1);
        error.message[sizeof error.message - 1] = 0;
    }
    return error;
}

/* Whether the listener runs on this thread: what waits for it must not be called from it. */
static __thread int splitio_go_listening;

static int splitio_go_is_listening(void) {
    return splitio_go_listening;
}

static void splitio_go_impression(const split_impression *impression, void *listener) {
    splitio_go_listening = 1;
    libsplitioGoImpression((split_impression *)impression, (uintptr_t)listener);
    splitio_go_listening = 0;
}

static void splitio_go_drop(void *listener) {
    libsplitioGoDrop((uintptr_t)listener);
}

/* `names` has options that must be known, each null, which changes nothing; `json` the values, where others are ignored.
   `listener` is a handle of Go, or 0. Unless a factory comes of it, the handle has been dropped. */
static split_factory *splitio_go_factory(const char *sdk_key, const char *names, const char *json, uintptr_t listener,
                                         split_error *error) {
    split_factory *factory = NULL;
    split_config *config;
    error->status = split_version_check(SPLIT_VERSION_NUMBER);
    if (error->status != SPLIT_OK) {
        strncpy(error->message, "the libsplitio that is loaded is older than the header of this program",
                sizeof error->message);
        if (listener) libsplitioGoDrop(listener);
        return NULL;
    }
    config = split_config_new();
    if (listener) {
        error->status =
            split_config_set_impression_listener(config, splitio_go_impression, (void *)listener, splitio_go_drop);
        if (error->status != SPLIT_OK) libsplitioGoDrop(listener);
    }
    if (error->status == SPLIT_OK && split_config_merge_json(config, names, error) == SPLIT_OK &&
        split_config_merge_json(config, json, error) == SPLIT_OK) {
        error->status = split_config_enable_queue(config, SPLIT_QUEUE_LOGS, 0);
        if (error->status == SPLIT_OK) factory = split_factory_new(sdk_key, config, error);
    }
    split_config_free(config);
    return factory;
}

#endif
