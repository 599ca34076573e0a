/*
 * splitio.hpp: libsplitio for C++17 and later, over its C API (splitio.h), header only.
 *
 *     splitio::Factory split{std::getenv("SPLIT_SDK_KEY"), splitio::Config{}.set("logLevel", "info")};
 *     split.block_until_ready(5s);
 *     if (split.treatment("user-42", "new_checkout", {{"plan", "pro"}}) == "on") { ... }
 *
 * Text       UTF-8, taken as `Text`: a literal, std::string or std::string_view. Literals and std::string are passed on
 *            without a copy everywhere; other views in evaluations of one flag and in tracking. A NUL inside makes a
 *            text invalid. Texts that are answered say how long they hold; treatments and labels hold for ever.
 * Memory     Classes own what they stand for and can be moved, not copied. What was moved from is empty: a factory that
 *            answers "control", lists without items. An evaluation of one flag allocates nothing once its thread is
 *            warm, attributes in braces included.
 * Errors     Evaluations do not fail: they answer "control". Other calls throw `Error`, or, with a std::error_code& as
 *            their last argument, set that and are noexcept. With -fno-exceptions only the latter exist. All files of a
 *            program that include this header should be built with exceptions, or all without. A noexcept call that
 *            finds no memory ends the program.
 * Times      Any std::chrono duration. One that is negative is 0, so `deadline - now` can be given; one of more than a
 *            hundred years is for ever.
 * Threads    Const members may be called on any number of threads at once, and so may all members of a factory but
 *            assignment, release and destruction. Non-const members of everything else belong to one thread at a time.
 * Callbacks  What they throw ends there, and is reported to the logger of the configuration or on standard error.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef SPLITIO_HPP
#define SPLITIO_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "splitio.h"

#include "splitio/attributes.hpp"
#include "splitio/config.hpp"
#include "splitio/error.hpp"
#include "splitio/results.hpp"
#include "splitio/text.hpp"

namespace splitio {

enum class Status : std::int32_t {
    /// Fetching the first definitions.
    not_ready = SPLIT_STATUS_NOT_READY,
    ready = SPLIT_STATUS_READY,
    destroyed = SPLIT_STATUS_DESTROYED,
    /// Made with preforkedInitialization and not resumed, or in a forked child before its first call.
    waiting_fork = SPLIT_STATUS_WAITING_FORK,
};

namespace detail {

struct End {
    std::int64_t timeout_ms = 0;
    void operator()(split_factory *factory) const noexcept {
        split_destroy(factory, timeout_ms); // what could not be sent is counted and logged
        split_factory_free(factory);
    }
};

} // namespace detail

/// A running SDK: its definitions, its queues and its threads.
class Factory {
public:
#if SPLITIO_EXCEPTIONS
    /// Starts a factory and returns at once; definitions arrive later. The SDK key "localhost" reads them from a file
    /// (option splitFile).
    ///
    /// Throws when the key or the configuration cannot work, or the library is older than this header. Failing to reach
    /// Split is no error: it is retried.
    explicit Factory(Text sdk_key, const Config &config = Config{}) {
        split_error error{};
        detail::must(start(sdk_key, config, error), error);
    }
#endif
    /// The same for who wants no exceptions. On failure the factory is as one that was moved from; `LastError` has the
    /// words.
    Factory(Text sdk_key, const Config &config, std::error_code &error) noexcept {
        split_error why{};
        error = make_error_code(start(sdk_key, config, why));
    }
    /// Takes over a handle of the C API.
    static Factory adopt(split_factory *handle, Timeout destroy_timeout = Config::default_destroy_timeout) {
        return Factory{handle, destroy_timeout, std::make_shared<detail::Reporter>()};
    }

    /// Moving is cheap. What a factory is assigned to ends first, as by its destructor. The destructor waits for up to
    /// `Config::destroy_timeout` (10 seconds) until what is queued is sent; call `destroy` to know whether it was. No
    /// call on the factory may be running on another thread, nor may this be one of its own callbacks.
    Factory(Factory &&) noexcept = default;
    Factory &operator=(Factory &&) noexcept = default;

    // ---- Evaluating. Never fails or throws: "control" when there is nothing to evaluate, or what fallbackTreatments
    // ---- says. With definitions in memory it waits for nothing.

    /// Evaluates a flag for a key, and records the impression. The view holds until the process ends; its text is
    /// NUL-terminated.
    SPLITIO_INLINE std::string_view treatment(const Key &key, Text flag, const Options &options = {}) const noexcept {
        if (!Given::is_needed(key, options)) return asked(key.matching, flag, nullptr);
        if (const split_attributes *attributes = options.only_attributes();
            attributes != nullptr && key.bucketing.data() == nullptr) {
            split_options given = SPLIT_OPTIONS_INIT;
            given.attributes = attributes;
            return asked(key.matching, flag, &given);
        }
        return asked_with(key, flag, options);
    }

    /// The same, and the configuration of the treatment, and whether and why there was nothing to evaluate.
    Result treatment_with_config(const Key &key, Text flag, const Options &options = {}) const noexcept {
        Result result;
        const Given given{key, options};
        if (key.matching.is_c_string() && flag.is_c_string()) {
            split_get_treatment_with_config(factory_.get(), key.matching.data(), flag.data(), given.get(),
                                            &result.raw_);
        } else {
            split_get_treatment_with_config_n(factory_.get(), key.matching.data(), key.matching.size(), flag.data(),
                                              flag.size(), given.get(), &result.raw_);
        }
        return result;
    }

    /// Evaluates several flags against one state of the definitions: one answer per distinct flag, in the order given.
    /// What is no name, such as an empty text, is logged and left out.
    Results treatments(const Key &key, const Names &flags, const Options &options = {}) const noexcept {
        return many(split_get_treatments, key, flags, options);
    }
    Results treatments_with_config(const Key &key, const Names &flags, const Options &options = {}) const noexcept {
        return many(split_get_treatments_with_config, key, flags, options);
    }
    /// Evaluates every flag of a flag set, in the order of their names.
    Results treatments_by_flag_set(const Key &key, Text set, const Options &options = {}) const noexcept {
        return of_set(split_get_treatments_by_flag_set, key, set, options);
    }
    Results treatments_with_config_by_flag_set(const Key &key, Text set, const Options &options = {}) const noexcept {
        return of_set(split_get_treatments_with_config_by_flag_set, key, set, options);
    }
    /// Evaluates every flag that is in at least one of several sets, once.
    Results treatments_by_flag_sets(const Key &key, const Names &sets, const Options &options = {}) const noexcept {
        return many(split_get_treatments_by_flag_sets, key, sets, options);
    }
    Results treatments_with_config_by_flag_sets(const Key &key, const Names &sets,
                                                const Options &options = {}) const noexcept {
        return many(split_get_treatments_with_config_by_flag_sets, key, sets, options);
    }

    /// How `treatment_with_config` would decide now, and why: a JSON object with each condition and matcher that was
    /// tried, what it saw and what it answered. docs/explain.md has its members. Records no impression. For people and
    /// tools: it takes many times as long.
    ///
    /// `error` is that of `Result::error`, which the object tells too. There is an object in every case, but "null"
    /// where there is no factory.
    Json explain(const Key &key, Text flag, const Options &options, std::error_code &error) const noexcept {
        Json json;
        const Given given{key, options};
        error = make_error_code(split_explain(factory_.get(), detail::Terminated{key.matching}.get(),
                                              detail::Terminated{flag}.get(), given.get(), &json.raw_));
        return json;
    }
    Json explain(const Key &key, Text flag, const Options &options = {}) const noexcept {
        std::error_code unused;
        return explain(key, flag, options, unused);
    }

    // ---- Events

    /// Records an event of a key, for metrics; `value` is its value, if it has one. Returns whether it was accepted;
    /// `error` tells why not: Errc::invalid_argument, Errc::queue_full, Errc::destroyed or Errc::forked. An infinite
    /// value is invalid.
    bool track(Text key, Text traffic_type, Text event_type, std::optional<double> value, const Properties &properties,
               std::error_code &error) const noexcept {
        return record(key, traffic_type, event_type, value, Options{}.properties(properties), error);
    }
    bool track(Text key, Text traffic_type, Text event_type, std::optional<double> value,
               std::error_code &error) const noexcept {
        return record(key, traffic_type, event_type, value, Options{}, error);
    }
    bool track(Text key, Text traffic_type, Text event_type, std::optional<double> value = std::nullopt,
               std::initializer_list<Attribute> properties = {}) const noexcept {
        std::error_code unused;
        return record(key, traffic_type, event_type, value, Options{}.properties(properties), unused);
    }
    bool track(Text key, Text traffic_type, Text event_type, std::optional<double> value,
               const Properties &properties) const noexcept {
        std::error_code unused;
        return record(key, traffic_type, event_type, value, Options{}.properties(properties), unused);
    }
    bool track(Text key, Text traffic_type, Text event_type, std::optional<double> value,
               std::initializer_list<Attribute> properties, std::error_code &error) const noexcept {
        return record(key, traffic_type, event_type, value, Options{}.properties(properties), error);
    }

    // ---- Readiness and changes

    bool ready() const noexcept {
        return split_is_ready(factory_.get());
    }
    Status status() const noexcept {
        return static_cast<Status>(split_factory_status(factory_.get()));
    }

    /// Waits until the factory is ready: for as long as it takes, or for up to `timeout`. Fails with Errc::timeout,
    /// Errc::unauthorized (Split refused the key), Errc::destroyed, Errc::forked, or Errc::reentrant from a callback.
    void block_until_ready(std::error_code &error) const noexcept {
        error = make_error_code(split_block_until_ready(factory_.get(), -1));
    }
    void block_until_ready(Timeout timeout, std::error_code &error) const noexcept {
        error = make_error_code(split_block_until_ready(factory_.get(), detail::milliseconds(timeout)));
    }
#if SPLITIO_EXCEPTIONS
    void block_until_ready() const {
        detail::must(split_block_until_ready(factory_.get(), -1));
    }
    void block_until_ready(Timeout timeout) const {
        detail::must(split_block_until_ready(factory_.get(), detail::milliseconds(timeout)));
    }
#endif

    /// Calls `handler` once, when the factory is ready; soon, if it is already. On the delivery thread.
    void on_ready(ReadyHandler handler, std::error_code &error) noexcept {
        error = make_error_code(on(SPLIT_EVENT_READY, detail::on_ready, std::move(handler)));
    }
    /// Calls `handler` for each change after that. On the delivery thread.
    void on_update(UpdateHandler handler, std::error_code &error) noexcept {
        error = make_error_code(on(SPLIT_EVENT_UPDATE, detail::on_update, std::move(handler)));
    }
#if SPLITIO_EXCEPTIONS
    void on_ready(ReadyHandler handler) {
        detail::must(on(SPLIT_EVENT_READY, detail::on_ready, std::move(handler)));
    }
    void on_update(UpdateHandler handler) {
        detail::must(on(SPLIT_EVENT_UPDATE, detail::on_update, std::move(handler)));
    }
#endif

    // ---- The manager

    /// The description of a flag, if there is one of this name.
    std::optional<Flag> flag(Text name) const {
        Flags found{split_manager_split(factory_.get(), detail::Terminated{name}.get())};
        if (found.empty()) return std::nullopt;
        return Flag{std::move(found)};
    }
    Flags flags() const noexcept {
        return Flags{split_manager_splits(factory_.get())};
    }
    NameList flag_names() const noexcept {
        return NameList{split_manager_names(factory_.get())};
    }
    /// A flag as a JSON object; "null" if there is none of this name. Empty if that is no name, or the factory is
    /// destroyed.
    Json flag_json(Text name) const {
        Json json;
        const detail::Terminated terminated{name};
        const char *given = terminated.get() != nullptr ? terminated.get() : detail::invalid_text;
        split_manager_json(factory_.get(), given, &json.raw_);
        return json;
    }
    /// All flags as a JSON array.
    Json flags_json() const noexcept {
        Json json;
        split_manager_json(factory_.get(), nullptr, &json.raw_);
        return json;
    }

    // ---- The queue, for programs that don't want to be called back (Config::queue)

    /// Takes up to `max` records, as a JSON array of objects whose "type" is "impression", "log" or "event"; waits up
    /// to `timeout` for the first. An empty text when none came in time; none at all once the factory is destroyed and
    /// the queue empty, when a loop over it should end, and, with an error, when there is no queue.
    std::optional<Json> poll(Timeout timeout, std::size_t max, std::error_code &error) const noexcept {
        std::optional<Json> records{std::in_place};
        const split_status status = split_poll(factory_.get(), detail::milliseconds(timeout), max, &records->raw_);
        const bool good = status == SPLIT_OK || status == SPLIT_E_TIMEOUT;
        error = make_error_code(good || status == SPLIT_E_DESTROYED ? SPLIT_OK : status);
        if (!good) records.reset();
        return records;
    }
#if SPLITIO_EXCEPTIONS
    std::optional<Json> poll(Timeout timeout, std::size_t max = 100) const {
        std::error_code error;
        std::optional<Json> records = poll(timeout, max, error);
        if (error) detail::must(error.value());
        return records;
    }
#endif
    /// A descriptor that is readable while records are queued and after the factory is destroyed. Only to be waited on.
    /// -1 without a queue.
    int poll_fd() const noexcept {
        return split_poll_fd(factory_.get());
    }

    // ---- Flushing, forking, ending

    /// Sends what is queued and waits for it, and for callbacks that were due before: for as long as it takes, or for
    /// up to `timeout`. Fails with Errc::timeout, Errc::destroyed, Errc::forked, or Errc::reentrant from a callback.
    void flush(std::error_code &error) const noexcept {
        error = make_error_code(split_flush(factory_.get(), -1));
    }
    void flush(Timeout timeout, std::error_code &error) const noexcept {
        error = make_error_code(split_flush(factory_.get(), detail::milliseconds(timeout)));
    }
    /// In a forked child, gives the factory threads, connections and queues of its own. Needed only with resumeOnFork
    /// off or preforkedInitialization on; does nothing where there was no fork.
    void resume(std::error_code &error) noexcept {
        error = make_error_code(split_resume(factory_.get(), nullptr));
    }
    /// Sends what is queued, for up to 10 seconds or `timeout`, and ends threads, connections and callbacks. The
    /// factory then answers "control". Fails with Errc::timeout when something was not sent (it is destroyed all the
    /// same), or Errc::reentrant from a callback. A second time it does nothing.
    void destroy(std::error_code &error) noexcept {
        error = make_error_code(split_destroy(factory_.get(), -1));
    }
    void destroy(Timeout timeout, std::error_code &error) noexcept {
        error = make_error_code(split_destroy(factory_.get(), detail::milliseconds(timeout)));
    }
#if SPLITIO_EXCEPTIONS
    void flush() const {
        detail::must(split_flush(factory_.get(), -1));
    }
    void flush(Timeout timeout) const {
        detail::must(split_flush(factory_.get(), detail::milliseconds(timeout)));
    }
    void resume() {
        split_error error{};
        detail::must(split_resume(factory_.get(), &error), error);
    }
    void destroy() {
        detail::must(split_destroy(factory_.get(), -1));
    }
    void destroy(Timeout timeout) {
        detail::must(split_destroy(factory_.get(), detail::milliseconds(timeout)));
    }
#endif

    /// Whether there is a factory: false after a move, a release, or a failed start.
    explicit operator bool() const noexcept {
        return factory_ != nullptr;
    }
    /// For calls of the C API. Stays owned by this object.
    split_factory *c_ptr() const noexcept {
        return factory_.get();
    }
    /// Gives the handle away: `split_destroy` and `split_factory_free` are then the caller's to call.
    [[nodiscard]] split_factory *release() noexcept {
        return factory_.release();
    }

private:
    /// A key and options as the C API takes them: NULL when there is nothing to say.
    class Given {
    public:
        static bool is_needed(const Key &key, const Options &options) noexcept {
            return key.bucketing.data() != nullptr || !options.empty();
        }
        Given(const Key &key, const Options &options) : needed_(is_needed(key, options)) {
            if (!needed_) return;
            raw_ = SPLIT_OPTIONS_INIT;
            if (key.bucketing.data() != nullptr) {
                const std::size_t size = key.bucketing.size();
                raw_.bucketing_key = size > 0 ? key.bucketing.data() : "";
                raw_.bucketing_key_len = size;
            }
            options.attributes_.give(raw_.attributes, raw_.attributes_json, raw_.attributes_json_len, attributes_);
            options.properties_.give(raw_.properties, raw_.properties_json, raw_.properties_json_len, properties_);
        }
        const split_options *get() const noexcept { return needed_ ? &raw_ : nullptr; }

    private:
        bool needed_;
        split_options raw_;
        detail::Borrowed attributes_;
        detail::Borrowed properties_;
    };

    Factory(split_factory *handle, Timeout destroy_timeout, std::shared_ptr<detail::Reporter> reporter) noexcept
        : factory_(handle, detail::End{detail::milliseconds(destroy_timeout)}), reporter_(std::move(reporter)) {}

    std::string_view asked(Text key, Text flag, const split_options *options) const noexcept {
        if (key.is_c_string() && flag.is_c_string()) { // the library looks for their ends anyway
            return split_get_treatment(factory_.get(), key.data(), flag.data(), options);
        }
        return split_get_treatment_n(factory_.get(), key.data(), key.size(), flag.data(), flag.size(), options);
    }
    // What `treatment` leaves, which is inlined as in a simple call all of it but the call of the library vanishes.
    SPLITIO_NOINLINE std::string_view asked_with(const Key &key, Text flag, const Options &options) const noexcept {
        const Given given{key, options};
        return asked(key.matching, flag, given.get());
    }

    split_status start(Text sdk_key, const Config &config, split_error &error) {
        if (!version_is_compatible()) {
            error.status = SPLIT_E_VERSION;
            std::snprintf(error.message, sizeof error.message, "built for libsplitio %s, running with %s",
                          SPLIT_VERSION, split_version());
            return error.status;
        }
        if (config.c_ptr() == nullptr) {
            error.status = SPLIT_E_INVALID_ARGUMENT;
            std::snprintf(error.message, sizeof error.message, "the configuration was moved from");
            return error.status;
        }
        split_factory *handle = split_factory_new(detail::Terminated{sdk_key}.get(), config.c_ptr(), &error);
        factory_ = {handle, detail::End{detail::milliseconds(config.destroy_timeout())}};
        reporter_ = config.reporter_ != nullptr ? config.reporter_ : std::make_shared<detail::Reporter>();
        return handle != nullptr ? SPLIT_OK : error.status;
    }

    template <class Ask> Results many(Ask ask, const Key &key, const Names &names, const Options &options) const {
        const Given given{key, options};
        return Results{
            ask(factory_.get(), detail::Terminated{key.matching}.get(), names.data(), names.size(), given.get())};
    }
    template <class Ask> Results of_set(Ask ask, const Key &key, Text set, const Options &options) const {
        const Given given{key, options};
        return Results{
            ask(factory_.get(), detail::Terminated{key.matching}.get(), detail::Terminated{set}.get(), given.get())};
    }

    bool record(Text key, Text traffic_type, Text event_type, std::optional<double> value, const Options &options,
                std::error_code &error) const noexcept {
        const Given given{nullptr, options};
        error = make_error_code(split_track_n(factory_.get(), key.data(), key.size(), traffic_type.data(),
                                              traffic_type.size(), event_type.data(), event_type.size(),
                                              value.value_or(std::numeric_limits<double>::quiet_NaN()), given.get()));
        return !error;
    }

    template <class Function> split_status on(std::int32_t kind, split_event_fn call, Function handler) {
        using Held = detail::Held<Function>;
        if (handler == nullptr || factory_ == nullptr) return SPLIT_E_INVALID_ARGUMENT;
        std::unique_ptr<Held> held{new Held{std::move(handler), reporter_}};
        const split_status status = split_on(factory_.get(), kind, call, held.get(), Held::drop);
        if (status == SPLIT_OK) held.release(); // the library's, until it drops it
        return status;
    }

    std::unique_ptr<split_factory, detail::End> factory_;
    std::shared_ptr<detail::Reporter> reporter_;
};

} // namespace splitio

#endif // SPLITIO_HPP
