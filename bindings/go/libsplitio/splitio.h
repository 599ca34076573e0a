/*
 * splitio.h: the C API of libsplitio, the Split (Harness FME) feature flag SDK.
 *
 * Text      UTF-8 and NUL-terminated, in and out. The calls of the hot path have
 *           a twin ending in _n that takes pointers and lengths in bytes, for
 *           languages whose strings have no NUL; those reject text with a NUL in it.
 * Memory    What a call is given stays the caller's and is not kept: it may be
 *           freed when the call returns. What a call returns says whose it is.
 *           Each thing is ended by the one function named for it, and by free()
 *           never.
 * Errors    A split_status, 0 or negative, and words in a split_error on the
 *           caller's stack. Evaluations do not fail: they answer "control".
 *           Outputs are written on success only, unless their call says more.
 * NULL      Is never a crash: a NULL handle gets a harmless answer.
 * Threads   Each call says who may make it. A const pointer is read only, and
 *           may be shared by calls that run at once.
 * Fork      A factory survives in a forked child: it evaluates at once, and the
 *           first call there makes it whole again (option resumeOnFork).
 * Callbacks Get their user_data last, and run on the thread their setter names.
 *           They may not throw or longjmp.
 * ABI       Functions and codes are only added within a major version. Structs
 *           that may grow start with their size; the others never change.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef SPLITIO_H
#define SPLITIO_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPLIT_VERSION_MAJOR 1
#define SPLIT_VERSION_MINOR 0
#define SPLIT_VERSION_PATCH 0
#define SPLIT_VERSION "1.0.0"
#define SPLIT_VERSION_NUMBER \
    (SPLIT_VERSION_MAJOR * 1000000 + SPLIT_VERSION_MINOR * 1000 + SPLIT_VERSION_PATCH)

/* Define SPLIT_STATIC to link the static library on Windows. */
#if defined(_WIN32) && !defined(SPLIT_STATIC)
#define SPLIT_API __declspec(dllimport)
#else
#define SPLIT_API
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SPLIT_NODISCARD __attribute__((warn_unused_result))
#else
#define SPLIT_NODISCARD
#endif

/* As a value of split_track: the event has none. */
#define SPLIT_NO_VALUE ((double)NAN)
/* Where a split_options starts from. */
#define SPLIT_OPTIONS_INIT \
    { sizeof(split_options), NULL, NULL, NULL, NULL, NULL, 0, 0, 0 }
/* SPLIT_OK if the running library can serve a program built with this header. */
#define SPLIT_CHECK_VERSION() split_version_check(SPLIT_VERSION_NUMBER)

/** The call did what it says. */
#define SPLIT_OK 0

/** A required pointer is NULL, a length is wrong, or text is not UTF-8. */
#define SPLIT_E_INVALID_ARGUMENT (-1)
/** No option has this name; the message suggests the nearest one. */
#define SPLIT_E_UNKNOWN_OPTION (-2)
/** The option exists and does not take this value. */
#define SPLIT_E_INVALID_OPTION (-3)
/** The text is not JSON, or not the JSON this call takes. */
#define SPLIT_E_INVALID_JSON (-4)
/** The time given ran out first. */
#define SPLIT_E_TIMEOUT (-5)
/** `split_destroy` has been called on this factory. */
#define SPLIT_E_DESTROYED (-6)
/**
 * The factory waits for `split_resume`: made with preforkedInitialization, or in
 * a fork of the process that made it, with resumeOnFork off.
 */
#define SPLIT_E_FORKED (-7)
/** The queue of events is full and the event was dropped. */
#define SPLIT_E_QUEUE_FULL (-8)
/** The call would wait for the thread it was made from, a callback's. */
#define SPLIT_E_REENTRANT (-9)
/** The storage (file, Redis) cannot be reached or does not answer as it should. */
#define SPLIT_E_STORAGE (-10)
/** Split does not accept the SDK key. */
#define SPLIT_E_UNAUTHORIZED (-11)
/** The header a program was built with asks for more than the library has. */
#define SPLIT_E_VERSION (-12)
/** A defect in libsplitio, caught at the boundary. Please report it. */
#define SPLIT_E_PANIC (-13)
/** An evaluation came before the first definitions. */
#define SPLIT_E_NOT_READY (-14)
/** No flag has this name, as far as the factory knows. */
#define SPLIT_E_UNKNOWN_FLAG (-15)
/** The flag cannot be evaluated, such as one that depends on itself; see the log. */
#define SPLIT_E_EVALUATION (-16)
/** The system has no thread or descriptor left to give. */
#define SPLIT_E_SYSTEM (-17)

/** Fetching the first definitions. */
#define SPLIT_STATUS_NOT_READY 0
/** Answering from definitions. */
#define SPLIT_STATUS_READY 1
/** Destroyed: every evaluation is "control". */
#define SPLIT_STATUS_DESTROYED 2
/**
 * Made with preforkedInitialization and not resumed; or in a forked child,
 * before its first call (resumeOnFork) or `split_resume`.
 */
#define SPLIT_STATUS_WAITING_FORK 3

/** The factory has its first definitions. */
#define SPLIT_EVENT_READY 1
/** Definitions or segments changed after that. */
#define SPLIT_EVENT_UPDATE 2

/** Nothing is logged. */
#define SPLIT_LOG_NONE 0
#define SPLIT_LOG_ERROR 1
#define SPLIT_LOG_WARNING 2
#define SPLIT_LOG_INFO 3
#define SPLIT_LOG_DEBUG 4

/** Queue what an impression listener would get. */
#define SPLIT_QUEUE_IMPRESSIONS 1
/** Queue what a logger would get. */
#define SPLIT_QUEUE_LOGS 2
/** Queue SPLIT_EVENT_READY and SPLIT_EVENT_UPDATE. */
#define SPLIT_QUEUE_EVENTS 4

/**
 * Named, typed values: the attributes of a key, or the properties of an event
 * or an impression.
 */
typedef struct split_attributes split_attributes;

/** The settings a factory starts from. Made by `split_config_new`. */
typedef struct split_config split_config;

/** A running SDK: its definitions, its queues and its threads. */
typedef struct split_factory split_factory;

/** An owned list of `split_flag_view`. */
typedef struct split_flag_view_list split_flag_view_list;

/** An owned list of strings. */
typedef struct split_name_list split_name_list;

/** The answers to an evaluation of many flags. */
typedef struct split_results split_results;

/**
 * `SPLIT_OK`, or one of the negative `SPLIT_E_` codes. A code keeps its number
 * for ever; later versions may add codes, so treat any other negative number
 * as a failure.
 */
typedef int32_t split_status;

/**
 * Where a call writes why it failed. It is the caller's, usually on the stack;
 * nothing in it needs to be freed. Every call that takes one accepts NULL and
 * leaves it alone on success.
 */
typedef struct split_error {
    split_status status;
    /** A sentence in English, NUL-terminated; cut at a character if it is long. */
    char message[252];
} split_error;

/** One option of the configuration. See `split_option_at`. */
typedef struct split_option {
    size_t size;
    /** As Split documents it: "featuresRefreshRate". */
    const char *name;
    /** "integer", "number", "boolean", "string", "enum", "list" or "object". */
    const char *kind;
    /** The default as JSON. */
    const char *default_json;
    const char *description;
    /**
     * False: accepted so that a configuration can be shared between SDKs, and
     * ignored with a warning, because it belongs to another language.
     */
    bool supported;
} split_option;

/** A line of the log. Valid until the callback returns. */
typedef struct split_log_record {
    size_t size;
    /** One of `SPLIT_LOG_ERROR` to `SPLIT_LOG_DEBUG`. */
    int32_t level;
    /** Milliseconds since 1970. */
    int64_t time;
    /** The part of the SDK that speaks, such as "sync" or "impressions". */
    const char *target;
    const char *message;
} split_log_record;

/** Called with each line of the log. */
typedef void (*split_log_fn)(const split_log_record *record, void *user_data);

/**
 * Called once, after the last call that gets `user_data`, so that its owner
 * can let go of it: from the call that ends the factory or the configuration, on
 * the delivery thread, or, when a callback outlives the deadline of
 * `split_destroy`, once that callback returns. May be NULL wherever it is taken.
 */
typedef void (*split_drop_fn)(void *user_data);

/**
 * An impression, as listeners get it. All of it is valid until the callback
 * returns.
 */
typedef struct split_impression {
    size_t size;
    const char *key;
    /** NULL when none was given. */
    const char *bucketing_key;
    const char *flag;
    const char *treatment;
    /** NULL when the rule has none, or with labelsEnabled off. */
    const char *label;
    /** -1 when there was no definition. */
    int64_t change_number;
    /** Milliseconds since 1970. */
    int64_t time;
    /** When the same answer was last given; 0 when it was not, or isn't known. */
    int64_t previous_time;
    /** NULL when none were given. */
    const char *attributes_json;
    /** NULL when none were given. */
    const char *properties_json;
    /** Name and version of the SDK, as Split's back end gets it. */
    const char *sdk_version;
    /** Name of the instance: its machine name or address. */
    const char *instance;
} split_impression;

/** Called with each impression. */
typedef void (*split_impression_fn)(const split_impression *impression, void *user_data);

/** Something that happened to a factory. Valid until the callback returns. */
typedef struct split_event {
    size_t size;
    /** `SPLIT_EVENT_READY` or `SPLIT_EVENT_UPDATE`. */
    int32_t kind;
    /** Of an update: true when flags changed, false when segments did. */
    bool flags_changed;
    /**
     * The flags that changed. Empty when segments did. Updates for which handlers
     * are late are merged, and of more than 100,000 flags some are not named.
     */
    const char *const *names;
    size_t names_len;
} split_event;

/** Called when something happens to a factory. */
typedef void (*split_event_fn)(const split_event *event, void *user_data);

/**
 * What an evaluation may be given besides the key and the flag. Start from
 * `SPLIT_OPTIONS_INIT` and set what is needed. Fields may be added at the end
 * in later versions; `size` says which of them the caller knows.
 */
typedef struct split_options {
    size_t size;
    /** The key that decides the bucket; NULL to use the matching key. */
    const char *bucketing_key;
    const split_attributes *attributes;
    /**
     * A JSON object; read when `attributes` is NULL. Other text makes the call
     * invalid, whether or not the flag looks at attributes.
     */
    const char *attributes_json;
    /** Properties of the impression, or of the event that is tracked. */
    const split_attributes *properties;
    /** A JSON object; read when `properties` is NULL. */
    const char *properties_json;
    /** Bytes of the three texts above; 0 when they end in a NUL. */
    size_t bucketing_key_len;
    size_t attributes_json_len;
    size_t properties_json_len;
} split_options;

/** One answer. The same size in every version. */
typedef struct split_result {
    /**
     * The flag's name. Set in lists; empty from
     * `split_get_treatment_with_config`, whose caller has it.
     */
    const char *flag;
    /** Never NULL, and valid until the process ends. */
    const char *treatment;
    /** The configuration attached to the treatment; NULL when there is none. */
    const char *config;
    /** Bytes of `config`, without its NUL. */
    size_t config_len;
    /**
     * Why: the label of the rule that decided. Valid until the process ends;
     * NULL when there is none, or with labelsEnabled off.
     */
    const char *label;
    /** The change number of the flag's definition; -1 when there was none. */
    int64_t change_number;
    /** `SPLIT_OK`, or why the treatment is "control" or a fallback. */
    split_status status;
    int32_t reserved;
    /** What keeps `config` in memory. NULL: there is nothing to release. */
    const void *hold;
} split_result;

/** Text made for the caller, who ends it with `split_json_release`. */
typedef struct split_json {
    const char *ptr;
    size_t len;
    const void *hold;
} split_json;

/** A flag as the manager describes it. */
typedef struct split_flag_view {
    size_t size;
    const char *name;
    const char *traffic_type;
    const char *default_treatment;
    int64_t change_number;
    bool killed;
    bool impressions_disabled;
    const char *const *treatments;
    size_t treatments_len;
    const char *const *sets;
    size_t sets_len;
    /** Treatments that have a configuration, and, index by index, what it is. */
    const char *const *config_treatments;
    const char *const *configs;
    size_t configs_len;
    /** A JSON array of {"n": flag, "ts": [treatment, ...]}. */
    const char *prerequisites_json;
} split_flag_view;

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/* ---- Version and errors -------------------------------------------------- */

/**
 * The version of the library that is running, such as "1.4.0".
 *
 * Threads: any. Fork: any process. Memory: static.
 */
SPLIT_API const char *split_version(void);

/**
 * The version of the library that is running, as `SPLIT_VERSION_NUMBER` counts.
 *
 * Threads: any. Fork: any process.
 */
SPLIT_API uint32_t split_version_number(void);

/**
 * Whether the running library can serve a program built with the header whose
 * `SPLIT_VERSION_NUMBER` is given: same major version, and not older.
 *
 * Returns `SPLIT_OK` or `SPLIT_E_VERSION`. Programs use `SPLIT_CHECK_VERSION()`.
 *
 * Threads: any. Fork: any process.
 */
SPLIT_API SPLIT_NODISCARD split_status split_version_check(uint32_t header_version);

/**
 * A status in words: "timed out". Never NULL, also for numbers it doesn't know.
 *
 * Threads: any. Fork: any process. Memory: static.
 */
SPLIT_API const char *split_status_string(split_status status);

/**
 * Copies why the latest failing call made *by this thread* failed.
 *
 * For calls that have no room for a `split_error`, such as `split_track`.
 * Evaluations never set it: what is wrong with one is logged, and in
 * `split_result.status`. It is per operating-system thread: a Go program must
 * have locked its goroutine to a thread for it to mean anything.
 *
 * Returns the status that is copied; `SPLIT_OK` when no call has failed.
 *
 * Threads: any; each sees its own. NULL: `error` may be.
 */
SPLIT_API split_status split_last_error(split_error *error);

/**
 * Where the number of forks between the first process that used the library and
 * this one stands. Never NULL; read it, never write it.
 *
 * For bindings that keep threads or descriptors of their own and want to notice a
 * fork for the price of a load.
 *
 * Threads: any. Fork: any process. Memory: static.
 */
SPLIT_API const uint32_t *split_fork_generation(void);

/* ---- Options ------------------------------------------------------------- */

/**
 * How many options there are.
 *
 * Threads: any. Fork: any process.
 */
SPLIT_API size_t split_option_count(void);

/**
 * The option at an index, in the order Split documents them; NULL past the end.
 *
 * Threads: any. Fork: any process. Memory: static.
 */
SPLIT_API const split_option *split_option_at(size_t index);

/* ---- Configuration ------------------------------------------------------- */

/**
 * An empty configuration: every option has its default.
 *
 * Threads: any. Memory: the caller's, until `split_config_free`.
 */
SPLIT_API SPLIT_NODISCARD split_config *split_config_new(void);

/**
 * Sets an option from text.
 *
 * Names are those of Split's documentation ("featuresRefreshRate"), or the
 * same in snake case ("features_refresh_rate"). The text is read as the
 * option's type: "30", "true", "DEBUG", "web,mobile" for a list, JSON for an
 * object. `split_option_at` and docs/configuration.md list them all.
 *
 * On failure the configuration is as it was.
 *
 * Threads: one at a time per configuration. NULL: `SPLIT_E_INVALID_ARGUMENT`.
 */
SPLIT_API
split_status split_config_set(split_config *config,
                              const char *name,
                              const char *value,
                              split_error *error);

/**
 * Sets every option of a JSON object, by the same names:
 * {"streamingEnabled": false, "flagSetsFilter": ["web"]}.
 *
 * All of them or, on failure, none.
 *
 * Threads: one at a time per configuration. NULL: `SPLIT_E_INVALID_ARGUMENT`.
 */
SPLIT_API
split_status split_config_merge_json(split_config *config,
                                     const char *json,
                                     split_error *error);

/**
 * Sends the log of the factories made from this configuration to `log`.
 *
 * `max_level` is one of `SPLIT_LOG_NONE` to `SPLIT_LOG_DEBUG`. Without a
 * logger, lines up to the option logLevel (warning) are written to standard
 * error. `log` is called from threads of libsplitio and from those that call it, also
 * from several at a time. It must not call libsplitio. `drop` is called when
 * the configuration and its factories no longer need `user_data`; not in a forked
 * child, where threads of its parent hold it for ever.
 *
 * Threads: one at a time per configuration. NULL: `log` NULL logs nothing.
 */
SPLIT_API
split_status split_config_set_logger(split_config *config,
                                     int32_t max_level,
                                     split_log_fn log,
                                     void *user_data,
                                     split_drop_fn drop);

/**
 * Sends every impression of the factories made from this configuration to
 * `listener`.
 *
 * It is called on a factory's delivery thread, one impression at a time, in
 * order, never from inside an evaluation and with no lock held: it may take
 * its time and may evaluate flags. It may not destroy the factory. When it
 * lags by impressionsQueueSize, impressions are dropped for it and counted in
 * the log; what Split's back end gets is not affected. It gets them in
 * localhost mode too, where nothing is sent.
 *
 * Threads: one at a time per configuration. NULL: `listener` NULL removes it.
 * Memory: `drop` is called as that of `split_config_set_logger`.
 */
SPLIT_API
split_status split_config_set_impression_listener(split_config *config,
                                                  split_impression_fn listener,
                                                  void *user_data,
                                                  split_drop_fn drop);

/**
 * Queues impressions, log lines or events for `split_poll`, instead of calling
 * back: for languages that a foreign thread cannot call cheaply or safely.
 *
 * `kinds` is a sum of `SPLIT_QUEUE_` values, `capacity` a number of records
 * (0: 10000). A full queue drops the oldest record and counts it. What is
 * queued is not called back, also when a callback is set. Log lines are queued
 * up to the option logLevel.
 *
 * Threads: one at a time per configuration. NULL: `SPLIT_E_INVALID_ARGUMENT`.
 */
SPLIT_API
split_status split_config_enable_queue(split_config *config,
                                       uint32_t kinds,
                                       size_t capacity);

/**
 * Ends a configuration. Factories made from it have their own copy.
 *
 * Threads: the last call on `config`. NULL: nothing happens.
 */
SPLIT_API void split_config_free(split_config *config);

/* ---- Factory ------------------------------------------------------------- */

/**
 * Starts a factory and returns at once; definitions arrive later (see
 * `split_block_until_ready`, `split_on`).
 *
 * `sdk_key` "localhost" reads flags from a file (splitFile). redisHost,
 * redisSentinels or redisClusterNodes in the configuration reads them from Redis.
 *
 * Returns NULL when the key or the configuration cannot work, and says why in
 * `error`. Failing to reach Split is not such a case: it is retried. A Redis
 * that does not answer, or a localhost file (YAML, text) that does not load, is
 * one: `SPLIT_E_STORAGE`. With preforkedInitialization it fetches before it
 * returns, at most four times, and starts no thread.
 *
 * Threads: any. Fork: any process, and best in the one that evaluates.
 * NULL: `config` NULL is the default configuration.
 * Memory: the caller's, until `split_factory_free`. `config` stays the caller's.
 */
SPLIT_API SPLIT_NODISCARD
split_factory *split_factory_new(const char *sdk_key,
                                 const split_config *config,
                                 split_error *error);

/**
 * Waits until the factory is ready.
 *
 * `timeout_ms` is negative to wait for as long as it takes. Returns `SPLIT_OK`,
 * `SPLIT_E_TIMEOUT`, `SPLIT_E_UNAUTHORIZED` (in place of a time-out when Split
 * refused the key; at once if `timeout_ms` is negative), `SPLIT_E_DESTROYED`
 * (also when another thread destroys it meanwhile), `SPLIT_E_FORKED` or
 * `SPLIT_E_REENTRANT` from a callback.
 *
 * Threads: any, concurrently. Fork: resumes the factory first (resumeOnFork);
 * with that off, `SPLIT_E_FORKED` in a child that has not resumed.
 * NULL: `SPLIT_E_INVALID_ARGUMENT`.
 */
SPLIT_API
split_status split_block_until_ready(const split_factory *factory,
                                     int64_t timeout_ms);

/**
 * Whether `split_factory_status` is `SPLIT_STATUS_READY`. A few loads.
 *
 * Threads: any, concurrently. Fork: as `split_block_until_ready`; false in a
 * child that has not resumed. NULL: false.
 */
SPLIT_API bool split_is_ready(const split_factory *factory);

/**
 * One of the `SPLIT_STATUS_` values.
 *
 * Threads: any, concurrently. Fork: any process. NULL: `SPLIT_STATUS_DESTROYED`.
 */
SPLIT_API int32_t split_factory_status(const split_factory *factory);

/**
 * Calls `handler` whenever `kind` happens.
 *
 * It is called on the factory's delivery thread, like an impression listener.
 * A handler of `SPLIT_EVENT_READY` (Split's SDK_READY) is called once, also when
 * it is added to a factory that is ready; one of `SPLIT_EVENT_UPDATE` (SDK_UPDATE)
 * for each change after that. Every handler that was added is called, in that
 * order, until the factory is destroyed.
 *
 * Threads: any, concurrently; also from a callback. Fork: handlers go on in a
 * child; a factory that waits for `split_resume` notes them. NULL: `SPLIT_E_INVALID_ARGUMENT`.
 * Memory: on failure `drop` is not called.
 */
SPLIT_API
split_status split_on(split_factory *factory,
                      int32_t kind,
                      split_event_fn handler,
                      void *user_data,
                      split_drop_fn drop);

/* ---- Evaluating ---------------------------------------------------------- */

/**
 * Evaluates a flag for a key, and records the impression.
 *
 * The treatment is NUL-terminated and never NULL. It is "control", or what
 * fallbackTreatments says, when there is nothing to evaluate: an unknown flag,
 * a factory that isn't ready or was destroyed, an argument that isn't valid.
 * The same treatment is always the same pointer, valid until the process ends:
 * a binding may keep a table from pointer to its own string.
 *
 * With definitions in memory it waits for nothing: no lock, no system call.
 * With Redis it waits for Redis, for up to twice redisSocketTimeout.
 *
 * Threads: any, concurrently. Fork: works in a child, from the definitions of
 * the fork, and resumes the factory first (resumeOnFork); with that off,
 * impressions are recorded from `split_resume` on.
 * NULL: "control"; `options` may be NULL.
 */
SPLIT_API
const char *split_get_treatment(const split_factory *factory,
                                const char *key,
                                const char *flag,
                                const split_options *options);

/**
 * `split_get_treatment` with lengths.
 *
 * Threads, fork, memory, NULL: as `split_get_treatment`.
 */
SPLIT_API
const char *split_get_treatment_n(const split_factory *factory,
                                  const char *key, size_t key_len,
                                  const char *flag, size_t flag_len,
                                  const split_options *options);

/**
 * Like `split_get_treatment`, and says more: the configuration of the
 * treatment, and whether and why there was nothing to evaluate.
 *
 * `result` is filled in every case, and is ended by `split_result_release`
 * (which has nothing to do if `hold` is NULL). Returns `result->status`.
 *
 * Threads: any, concurrently. Fork: as `split_get_treatment`.
 * NULL: "control"; with `result` NULL, nothing is evaluated.
 */
SPLIT_API
split_status split_get_treatment_with_config(const split_factory *factory,
                                             const char *key,
                                             const char *flag,
                                             const split_options *options,
                                             split_result *result);

/**
 * `split_get_treatment_with_config` with lengths.
 *
 * Threads, fork, memory, NULL: as `split_get_treatment_with_config`.
 */
SPLIT_API
split_status split_get_treatment_with_config_n(const split_factory *factory,
                                               const char *key, size_t key_len,
                                               const char *flag, size_t flag_len,
                                               const split_options *options,
                                               split_result *result);

/**
 * Evaluates `flags_len` flags for a key, against one state of the definitions.
 *
 * There is one result per distinct flag, in the order they were asked for.
 *
 * Returns a list that is never NULL, ended by `split_results_free`.
 *
 * Threads: any, concurrently. Fork: as `split_get_treatment`. NULL: an empty
 * list for a NULL `flags`; "control" for each flag if `factory` or `key` is.
 */
SPLIT_API SPLIT_NODISCARD
split_results *split_get_treatments(const split_factory *factory,
                                    const char *key,
                                    const char *const *flags, size_t flags_len,
                                    const split_options *options);

/**
 * `split_get_treatments`, with the configuration of each treatment.
 *
 * Threads, fork, memory, NULL: as `split_get_treatments`.
 */
SPLIT_API SPLIT_NODISCARD
split_results *split_get_treatments_with_config(const split_factory *factory,
                                                const char *key,
                                                const char *const *flags, size_t flags_len,
                                                const split_options *options);

/**
 * Evaluates every flag of a flag set, in the order of their names. Otherwise like
 * `split_get_treatments`; a set that is unknown, or outside flagSetsFilter, gives
 * an empty list.
 *
 * Threads, fork, memory, NULL: as `split_get_treatments`.
 */
SPLIT_API SPLIT_NODISCARD
split_results *split_get_treatments_by_flag_set(const split_factory *factory,
                                                const char *key,
                                                const char *set,
                                                const split_options *options);

/**
 * `split_get_treatments_by_flag_set`, with the configuration of each treatment.
 *
 * Threads, fork, memory, NULL: as `split_get_treatments`.
 */
SPLIT_API SPLIT_NODISCARD
split_results *split_get_treatments_with_config_by_flag_set(const split_factory *factory,
                                                            const char *key,
                                                            const char *set,
                                                            const split_options *options);

/**
 * Evaluates every flag that is in at least one of several flag sets, once, in the
 * order of their names.
 *
 * Threads, fork, memory, NULL: as `split_get_treatments`.
 */
SPLIT_API SPLIT_NODISCARD
split_results *split_get_treatments_by_flag_sets(const split_factory *factory,
                                                 const char *key,
                                                 const char *const *sets, size_t sets_len,
                                                 const split_options *options);

/**
 * `split_get_treatments_by_flag_sets`, with the configuration of each treatment.
 *
 * Threads, fork, memory, NULL: as `split_get_treatments`.
 */
SPLIT_API SPLIT_NODISCARD
split_results *split_get_treatments_with_config_by_flag_sets(const split_factory *factory,
                                                             const char *key,
                                                             const char *const *sets, size_t sets_len,
                                                             const split_options *options);

/**
 * How `split_get_treatment_with_config` would decide now, and why: a JSON object
 * with the treatment and each step that led to it, such as every condition and
 * matcher that was tried, what it saw and what it answered. docs/explain.md has
 * its members. No impression is recorded, and telemetry doesn't count it.
 *
 * For people and tools: it takes many times as long as an evaluation.
 *
 * `text` is filled in every case, and is ended by `split_json_release`. Returns
 * what the evaluation would have had as its status, such as
 * `SPLIT_E_UNKNOWN_FLAG`; the object says the same.
 *
 * Threads: any, concurrently. Fork: as `split_get_treatment`.
 * NULL: "null" for a NULL `factory`, `SPLIT_E_INVALID_ARGUMENT` for a NULL `text`;
 * `options` may be NULL.
 */
SPLIT_API
split_status split_explain(const split_factory *factory,
                           const char *key,
                           const char *flag,
                           const split_options *options,
                           split_json *text);

/* ---- Results ------------------------------------------------------------- */

/**
 * Lets go of a result's configuration and empties the result.
 *
 * Not for the results inside a `split_results`, which end with their list.
 *
 * Threads: one at a time per result. Fork: any process. NULL: nothing happens.
 */
SPLIT_API void split_result_release(split_result *result);

/**
 * The results of a list: an array of `*count`, valid until the list is freed.
 *
 * Threads: any, concurrently. NULL: NULL, and a count of 0.
 */
SPLIT_API
const split_result *split_results_data(const split_results *results,
                                       size_t *count);

/**
 * The result of a flag, valid until the list is freed; NULL when it has none.
 *
 * Threads: any, concurrently. NULL: NULL.
 */
SPLIT_API
const split_result *split_results_find(const split_results *results,
                                       const char *flag);

/**
 * Ends a list of results.
 *
 * Threads: the last call on `results`. Fork: any process. NULL: nothing happens.
 */
SPLIT_API void split_results_free(split_results *results);

/* ---- Attributes and properties ------------------------------------------- */

/**
 * An empty set of attributes (or properties). Evaluations only read it: it can
 * be filled once and given to any number of them, on any number of threads.
 *
 * Threads: any. Memory: the caller's, until `split_attributes_free`.
 */
SPLIT_API SPLIT_NODISCARD split_attributes *split_attributes_new(void);

/**
 * Sets an attribute to text. All setters copy what they are given and replace
 * what the attribute was.
 *
 * Threads: of all setters, one at a time per set, and no evaluation that reads
 * it meanwhile. NULL: `SPLIT_E_INVALID_ARGUMENT`.
 */
SPLIT_API
split_status split_attributes_set_string(split_attributes *attributes,
                                         const char *name,
                                         const char *value);

/**
 * `split_attributes_set_string` with lengths.
 *
 * Threads, NULL: as `split_attributes_set_string`.
 */
SPLIT_API
split_status split_attributes_set_string_n(split_attributes *attributes,
                                           const char *name, size_t name_len,
                                           const char *value, size_t value_len);

/**
 * Sets an attribute to a whole number. As a date it counts seconds since 1970,
 * as in Split's SDKs for Python, Go and Ruby; `split_attributes_set_datetime`
 * leaves no doubt.
 *
 * Threads, NULL: as `split_attributes_set_string`.
 */
SPLIT_API
split_status split_attributes_set_int(split_attributes *attributes,
                                      const char *name,
                                      int64_t value);

/**
 * Sets an attribute to a number. Split's number and date matchers take whole
 * numbers only: for those, use `split_attributes_set_int`.
 *
 * Threads, NULL: as `split_attributes_set_string`.
 */
SPLIT_API
split_status split_attributes_set_double(split_attributes *attributes,
                                         const char *name,
                                         double value);

/**
 * Sets an attribute to true or false.
 *
 * Threads, NULL: as `split_attributes_set_string`.
 */
SPLIT_API
split_status split_attributes_set_bool(split_attributes *attributes,
                                       const char *name,
                                       bool value);

/**
 * Sets an attribute to a point in time: milliseconds since 1970.
 *
 * Threads, NULL: as `split_attributes_set_string`.
 */
SPLIT_API
split_status split_attributes_set_datetime(split_attributes *attributes,
                                           const char *name,
                                           int64_t unix_ms);

/**
 * Sets an attribute to a set of strings.
 *
 * Threads, NULL: as `split_attributes_set_string`.
 */
SPLIT_API
split_status split_attributes_set_strings(split_attributes *attributes,
                                          const char *name,
                                          const char *const *values, size_t values_len);

/**
 * `split_attributes_set_strings` with lengths, `value_lens[i]` that of `values[i]`.
 *
 * Threads, NULL: as `split_attributes_set_string`.
 */
SPLIT_API
split_status split_attributes_set_strings_n(split_attributes *attributes,
                                            const char *name, size_t name_len,
                                            const char *const *values,
                                            const size_t *value_lens,
                                            size_t values_len);

/**
 * Sets every attribute of a JSON object, whose values may be any JSON. All of
 * them or, on failure, none.
 *
 * Threads, NULL: as `split_attributes_set_string`.
 */
SPLIT_API
split_status split_attributes_merge_json(split_attributes *attributes,
                                         const char *json,
                                         split_error *error);

/**
 * Empties the set and keeps its memory for the next filling.
 *
 * Threads: as the setters. NULL: nothing happens.
 */
SPLIT_API void split_attributes_clear(split_attributes *attributes);

/**
 * Ends a set.
 *
 * Threads: the last call on `attributes`. Fork: any process. NULL: nothing happens.
 */
SPLIT_API void split_attributes_free(split_attributes *attributes);

/* ---- Events -------------------------------------------------------------- */

/**
 * Records an event of a key, for metrics.
 *
 * `value` is `SPLIT_NO_VALUE`, or any other NaN, for an event without one;
 * infinities are invalid. Of `options`, only the properties are read. Returns as
 * soon as the event is queued; in Redis mode, as soon as Redis has it or, while
 * Redis fails, it waits in the buffer for it.
 *
 * Returns `SPLIT_OK`, `SPLIT_E_INVALID_ARGUMENT`, `SPLIT_E_QUEUE_FULL`,
 * `SPLIT_E_DESTROYED` or `SPLIT_E_FORKED`; `split_last_error` has the words.
 *
 * Threads: any, concurrently. Fork: as `split_block_until_ready`.
 * NULL: `SPLIT_E_INVALID_ARGUMENT`; `options` may be.
 */
SPLIT_API
split_status split_track(const split_factory *factory,
                         const char *key,
                         const char *traffic_type,
                         const char *event_type,
                         double value,
                         const split_options *options);

/**
 * `split_track` with lengths.
 *
 * Threads, NULL: as `split_track`.
 */
SPLIT_API
split_status split_track_n(const split_factory *factory,
                           const char *key, size_t key_len,
                           const char *traffic_type, size_t traffic_type_len,
                           const char *event_type, size_t event_type_len,
                           double value,
                           const split_options *options);

/* ---- Manager ------------------------------------------------------------- */

/**
 * The names of all flags. Never NULL; ended by `split_name_list_free`.
 *
 * Threads: any, concurrently. Fork: works in a child. NULL: an empty list.
 */
SPLIT_API SPLIT_NODISCARD
split_name_list *split_manager_names(const split_factory *factory);

/**
 * All flags. Never NULL; ended by `split_flag_view_list_free`.
 *
 * Threads: any, concurrently. Fork: works in a child. NULL: an empty list.
 */
SPLIT_API SPLIT_NODISCARD
split_flag_view_list *split_manager_splits(const split_factory *factory);

/**
 * One flag, as a list of one, or of none. Never NULL; ended by
 * `split_flag_view_list_free`.
 *
 * Threads: any, concurrently. Fork: works in a child. NULL: an empty list.
 */
SPLIT_API SPLIT_NODISCARD
split_flag_view_list *split_manager_split(const split_factory *factory,
                                          const char *name);

/**
 * One flag as a JSON object with the fields of `split_flag_view` ("configs" an object,
 * "prerequisites" an array), or, with `name` NULL, all of them as an array.
 * `text` is ended by `split_json_release`; it is "null" for an unknown flag.
 *
 * Threads: any, concurrently. Fork: works in a child. NULL: "null" for a NULL
 * `factory`, `SPLIT_E_INVALID_ARGUMENT` for a NULL `text`.
 */
SPLIT_API
split_status split_manager_json(const split_factory *factory,
                                const char *name,
                                split_json *text);

/**
 * The strings of a list: an array of `*count`, valid until it is freed.
 *
 * Threads: any, concurrently. NULL: NULL, and a count of 0.
 */
SPLIT_API
const char *const *split_name_list_data(const split_name_list *strings,
                                        size_t *count);

/**
 * Ends a list.
 *
 * Threads: the last call on it. Fork: any process. NULL: nothing happens.
 */
SPLIT_API void split_name_list_free(split_name_list *strings);

/**
 * The views of a list: an array of `*count` pointers, valid until it is freed.
 *
 * Threads: any, concurrently. NULL: NULL, and a count of 0.
 */
SPLIT_API
const split_flag_view *const *split_flag_view_list_data(const split_flag_view_list *views,
                                                        size_t *count);

/**
 * Ends a list.
 *
 * Threads: the last call on it. Fork: any process. NULL: nothing happens.
 */
SPLIT_API void split_flag_view_list_free(split_flag_view_list *views);

/* ---- Queue --------------------------------------------------------------- */

/**
 * Takes up to `max` queued records, as a JSON array of objects whose "type" is
 * "impression", "log" or "event"; waits up to `timeout_ms` for the first
 * (negative: as long as it takes).
 *
 * Returns `SPLIT_OK`, `SPLIT_E_TIMEOUT` with no records, or `SPLIT_E_DESTROYED`
 * once the factory is destroyed and the queue is empty: the reader's loop ends
 * there. `text` is ended by `split_json_release`.
 *
 * Threads: any; one reader is usual. Fork: as `split_block_until_ready`.
 * NULL: `SPLIT_E_INVALID_ARGUMENT`, as for a `max` of 0 and without a queue.
 */
SPLIT_API
split_status split_poll(const split_factory *factory,
                        int64_t timeout_ms,
                        size_t max,
                        split_json *text);

/**
 * A descriptor that is readable while records are queued and after the factory
 * is destroyed, for poll, epoll, kqueue or an event loop. Only wait on it: don't
 * read, write or close it.
 *
 * Returns -1 on Windows, without a queue, and in a child that hasn't resumed;
 * resuming makes a new one.
 *
 * Threads: any, concurrently. NULL: -1.
 */
SPLIT_API int32_t split_poll_fd(const split_factory *factory);

/**
 * Lets go of a text and empties it.
 *
 * Threads: one at a time per text. Fork: any process. NULL: nothing happens.
 */
SPLIT_API void split_json_release(split_json *text);

/* ---- Flushing, forking, ending ------------------------------------------- */

/**
 * Sends what is queued (impressions, events, telemetry) and waits for it, and for
 * callbacks that were due before, up to `timeout_ms` (negative: as long as it
 * takes).
 *
 * Returns `SPLIT_OK`, `SPLIT_E_TIMEOUT`, `SPLIT_E_DESTROYED`, `SPLIT_E_FORKED`
 * or `SPLIT_E_REENTRANT` from a callback.
 *
 * Threads: any, concurrently. Fork: as `split_block_until_ready`.
 * NULL: `SPLIT_E_INVALID_ARGUMENT`.
 */
SPLIT_API split_status split_flush(const split_factory *factory, int64_t timeout_ms);

/**
 * In a process forked from the one that made the factory, gives the factory
 * threads, connections and queues of its own. What was queued before the fork
 * is the parent's to send. The parent needs to do nothing.
 *
 * It also starts a factory made with preforkedInitialization. Otherwise, where
 * there was no fork or the factory resumed by itself, it does nothing and
 * returns `SPLIT_OK`.
 *
 * Threads: any; the first call does it and others wait for it.
 * NULL: `SPLIT_E_INVALID_ARGUMENT`.
 */
SPLIT_API split_status split_resume(split_factory *factory, split_error *error);

/**
 * Stops a factory: sends what is queued, for up to `timeout_ms`, then ends its
 * threads and connections, and then drops its callbacks.
 *
 * The handle stays valid: evaluations give "control" and everything else
 * `SPLIT_E_DESTROYED`. A negative `timeout_ms` is the default, 10 seconds. A
 * second call returns `SPLIT_OK`; while the first still runs it waits for that,
 * for up to its own `timeout_ms`. Returns `SPLIT_E_TIMEOUT` when something was
 * not sent (the factory is destroyed all the same), or `SPLIT_E_REENTRANT` from
 * a callback.
 *
 * Threads: any, concurrently with any other call. Fork: in a child that has
 * not resumed, nothing is sent. NULL: `SPLIT_OK`.
 */
SPLIT_API split_status split_destroy(split_factory *factory, int64_t timeout_ms);

/**
 * Ends the handle, after destroying the factory with a timeout of 0 if nobody
 * has (what was queued is then lost, counted and logged).
 *
 * Threads: the last call on `factory`: no other call on it may be running. From
 * a callback it logs an error and does nothing.
 * Fork: any process. NULL: nothing happens.
 */
SPLIT_API void split_factory_free(split_factory *factory);

#ifdef __cplusplus
} /* extern "C" */
#endif /* __cplusplus */

#endif  /* SPLITIO_H */
