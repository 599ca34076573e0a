/*
 * Part of splitio.hpp, which is what programs include: settings, and the callbacks among them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef SPLITIO_CONFIG_HPP
#define SPLITIO_CONFIG_HPP

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "error.hpp"
#include "text.hpp"

namespace splitio {

enum class LogLevel : std::int32_t {
    none = SPLIT_LOG_NONE,
    error = SPLIT_LOG_ERROR,
    warning = SPLIT_LOG_WARNING,
    info = SPLIT_LOG_INFO,
    debug = SPLIT_LOG_DEBUG,
};

/// A line of the log. Its texts are valid until the callback returns.
struct LogRecord {
    LogLevel level;
    TimePoint time;
    /// The part of the SDK that speaks, such as "sync"; "callbacks" when one of the program's threw.
    std::string_view target;
    std::string_view message;
};

/// An impression. Its texts are valid until the callback returns; those that were not given are empty.
struct Impression {
    explicit Impression(const split_impression &raw) noexcept
        : key(detail::view(raw.key)), bucketing_key(detail::view(raw.bucketing_key)), flag(detail::view(raw.flag)),
          treatment(detail::view(raw.treatment)), label(detail::view(raw.label)), change_number(raw.change_number),
          time(detail::time_point(raw.time)), attributes_json(detail::view(raw.attributes_json)),
          properties_json(detail::view(raw.properties_json)), sdk_version(detail::view(raw.sdk_version)),
          instance(detail::view(raw.instance)) {
        if (raw.previous_time != 0) previous_time = detail::time_point(raw.previous_time);
    }

    std::string_view key;
    std::string_view bucketing_key;
    std::string_view flag;
    std::string_view treatment;
    std::string_view label;
    /// -1 when there was no definition.
    std::int64_t change_number;
    TimePoint time;
    /// When the same answer was last given, if it was and that is known.
    std::optional<TimePoint> previous_time;
    std::string_view attributes_json;
    std::string_view properties_json;
    /// Name and version of the SDK, as Split's back end gets it.
    std::string_view sdk_version;
    /// Name of the instance: its machine name or address.
    std::string_view instance;
};

/// A change of definitions. Valid until the callback returns.
struct Update {
    /// True when flags changed, false when segments did.
    bool flags_changed;
    /// The flags that changed. Empty when segments did.
    TextViews names;
};

using Logger = std::function<void(const LogRecord &)>;
using Listener = std::function<void(const Impression &)>;
using ReadyHandler = std::function<void()>;
using UpdateHandler = std::function<void(const Update &)>;

namespace detail {

/// Where it is told that a callback threw: the logger that belongs to it, or standard error.
class Reporter {
public:
    void logger(LogLevel level, std::shared_ptr<const Logger> logger) {
        const std::lock_guard<std::mutex> guard{lock_};
        silent_ = level == LogLevel::none || logger == nullptr;
        logger_ = std::move(logger);
    }
    void threw(const char *whose, const char *what) noexcept {
        std::shared_ptr<const Logger> logger;
        {
            const std::lock_guard<std::mutex> guard{lock_};
            if (silent_) return;
            logger = logger_;
        }
        char line[512];
        std::snprintf(line, sizeof line, "%s threw: %s", whose, what);
        if (logger == nullptr) return complain(line);
        try_to(
            [&] {
                (*logger)(LogRecord{LogLevel::error, std::chrono::system_clock::now(), "callbacks", line});
            },
            [&](const char *) { complain(line); });
    }
    static void complain(const char *line) noexcept { std::fprintf(stderr, "splitio: error: callbacks: %s\n", line); }

    /// Calls `work`, and `failed` with what it threw.
    template <class Work, class Failed> static void try_to(Work &&work, Failed &&failed) noexcept {
#if SPLITIO_EXCEPTIONS
        try {
            work();
        } catch (const std::exception &exception) {
            failed(exception.what());
        } catch (...) {
            failed("something that is no std::exception");
        }
#else
        (void)failed;
        work();
#endif
    }

private:
    std::mutex lock_;
    std::shared_ptr<const Logger> logger_;
    bool silent_ = false;
};

/// A callback as the library holds it.
template <class Function> struct Held {
    Function call;
    std::shared_ptr<Reporter> reporter;

    template <class... Arguments> void operator()(const char *whose, const Arguments &...arguments) const noexcept {
        Reporter::try_to([&] { call(arguments...); }, [&](const char *what) { reporter->threw(whose, what); });
    }
    static const Held &of(void *user_data) noexcept { return *static_cast<const Held *>(user_data); }
    static void drop(void *user_data) noexcept { delete static_cast<Held *>(user_data); }
};

/// What the library holds for a logger, which cannot be told that it throws.
using HeldLogger = std::shared_ptr<const Logger>;

inline void on_log(const split_log_record *record, void *user_data) noexcept {
    const Logger &logger = **static_cast<const HeldLogger *>(user_data);
    Reporter::try_to(
        [&] {
            logger(LogRecord{static_cast<LogLevel>(record->level), time_point(record->time), view(record->target),
                             view(record->message)});
        },
        [](const char *what) {
            char line[512];
            std::snprintf(line, sizeof line, "the logger threw: %s", what);
            Reporter::complain(line);
        });
}
inline void drop_logger(void *user_data) noexcept {
    delete static_cast<HeldLogger *>(user_data);
}

inline void on_impression(const split_impression *impression, void *user_data) noexcept {
    Held<Listener>::of(user_data)("the impression listener", Impression{*impression});
}
inline void on_ready(const split_event *, void *user_data) noexcept {
    Held<ReadyHandler>::of(user_data)("a handler of on_ready");
}
inline void on_update(const split_event *event, void *user_data) noexcept {
    Held<UpdateHandler>::of(user_data)("a handler of on_update",
                                       Update{event->flags_changed, {event->names, event->names_len}});
}

/// The options that count in milliseconds; all others that are times count in seconds.
inline bool is_in_milliseconds(std::string_view option) noexcept {
    return option == "connectionTimeout" || option == "connection_timeout" || option == "readTimeout" ||
           option == "read_timeout";
}

template <class T> std::string number_text(T value) {
    if constexpr (std::is_integral_v<T>) {
        return std::to_string(value);
    } else {
        if (value == std::floor(value) && std::abs(value) < 1e15) {
            return std::to_string(static_cast<std::int64_t>(value));
        }
        char text[64];
#if defined(__cpp_lib_to_chars)
        const std::to_chars_result end = std::to_chars(text, text + sizeof text, static_cast<double>(value));
        return {text, end.ptr};
#else
        std::snprintf(text, sizeof text, "%.17g", static_cast<double>(value));
        for (char &c : text) {
            if (c == ',') c = '.'; // whatever the locale thinks
        }
        return text;
#endif
    }
}

template <class T> struct is_duration : std::false_type {};
template <class Rep, class Period> struct is_duration<std::chrono::duration<Rep, Period>> : std::true_type {};

} // namespace detail

/// What the library is to queue for `Factory::poll`, in place of calling back. Sums are made with |.
enum class Queue : std::uint32_t {
    impressions = SPLIT_QUEUE_IMPRESSIONS,
    logs = SPLIT_QUEUE_LOGS,
    events = SPLIT_QUEUE_EVENTS,
};
constexpr Queue operator|(Queue a, Queue b) noexcept {
    return static_cast<Queue>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

/// The settings a factory starts from. Any number of factories can be made from one; each has its own copy.
///
///     auto config = splitio::Config{}.set("featuresRefreshRate", 30s).set("flagSetsFilter", {"web", "mobile"});
class Config {
public:
    /// What the destructor of a factory waits for when nothing else was set: see `destroy_timeout`.
    static constexpr std::chrono::seconds default_destroy_timeout{10};

    Config() : config_(split_config_new()), reporter_(std::make_shared<detail::Reporter>()) {}

    /// Sets an option, by the names of Split's documentation or the same in snake case. The value is text as
    /// `split_config_set` reads it, a bool, a number, a std::chrono duration (for options that are times, whatever
    /// their unit), or a collection of text for a list. docs/configuration.md lists the options.
    ///
    /// On failure (Errc::unknown_option, Errc::invalid_option) the configuration is as it was.
    template <class T> void set(Text name, const T &value, std::error_code &error) &noexcept {
        error = make_error_code(put(name, value, nullptr));
    }
    void set(Text name, std::initializer_list<std::string_view> list, std::error_code &error) &noexcept {
        error = make_error_code(put(name, list, nullptr));
    }
    /// Sets every option of a JSON object: all of them or, on failure, none.
    void merge_json(Text json, std::error_code &error) &noexcept {
        error = make_error_code(split_config_merge_json(config_.get(), detail::Terminated{json}.get(), nullptr));
    }
#if SPLITIO_EXCEPTIONS
    template <class T> Config &set(Text name, const T &value) & {
        split_error error{};
        detail::must(put(name, value, &error), error);
        return *this;
    }
    template <class T> Config &&set(Text name, const T &value) && {
        return std::move(set(name, value));
    }
    Config &set(Text name, std::initializer_list<std::string_view> list) & {
        return set<std::initializer_list<std::string_view>>(name, list);
    }
    Config &&set(Text name, std::initializer_list<std::string_view> list) && {
        return std::move(set(name, list));
    }
    Config &merge_json(Text json) & {
        split_error error{};
        detail::must(split_config_merge_json(config_.get(), detail::Terminated{json}.get(), &error), error);
        return *this;
    }
    Config &&merge_json(Text json) && {
        return std::move(merge_json(json));
    }
#endif

    /// Sends every impression to `listener`: on the delivery thread of a factory, one at a time, never from inside an
    /// evaluation. It may take its time and may evaluate flags; it may not destroy the factory. nullptr removes it.
    void listener(Listener listener, std::error_code &error) &noexcept {
        error = make_error_code(put(std::move(listener)));
    }
    /// Sends the log, up to `level`, to `logger`: from any thread, also from several at a time. It must not use this
    /// library. nullptr logs nothing. Without a logger, lines up to the option logLevel go to standard error.
    void logger(LogLevel level, Logger logger, std::error_code &error) &noexcept {
        error = make_error_code(put(level, std::move(logger)));
    }
    /// Queues up to `capacity` records for `Factory::poll`; 0 is 10,000. A full queue drops the oldest.
    void queue(Queue kinds, std::size_t capacity, std::error_code &error) &noexcept {
        error = make_error_code(split_config_enable_queue(config_.get(), static_cast<std::uint32_t>(kinds), capacity));
    }
#if SPLITIO_EXCEPTIONS
    Config &listener(Listener listener) & {
        detail::must(put(std::move(listener)));
        return *this;
    }
    Config &&listener(Listener call) && {
        return std::move(listener(std::move(call)));
    }
    Config &logger(LogLevel level, Logger logger) & {
        detail::must(put(level, std::move(logger)));
        return *this;
    }
    Config &&logger(LogLevel level, Logger call) && {
        return std::move(logger(level, std::move(call)));
    }
    Config &queue(Queue kinds, std::size_t capacity = 0) & {
        detail::must(split_config_enable_queue(config_.get(), static_cast<std::uint32_t>(kinds), capacity));
        return *this;
    }
    Config &&queue(Queue kinds, std::size_t capacity = 0) && {
        return std::move(queue(kinds, capacity));
    }
#endif

    /// How long the destructor of a factory may take to send what is queued, before it ends the factory all the same.
    Config &destroy_timeout(Timeout timeout) &noexcept {
        destroy_timeout_ = timeout;
        return *this;
    }
    Config &&destroy_timeout(Timeout timeout) &&noexcept {
        return std::move(destroy_timeout(timeout));
    }
    Timeout destroy_timeout() const noexcept {
        return destroy_timeout_;
    }

    /// Stays owned by this object. NULL after a move.
    const split_config *c_ptr() const noexcept {
        return config_.get();
    }
    split_config *c_ptr() noexcept {
        return config_.get();
    }

private:
    friend class Factory;

    split_status put(Listener listener) {
        using Held = detail::Held<Listener>;
        if (listener == nullptr) {
            return split_config_set_impression_listener(config_.get(), nullptr, nullptr, nullptr);
        }
        std::unique_ptr<Held> held{new Held{std::move(listener), reporter_}};
        const split_status status =
            split_config_set_impression_listener(config_.get(), detail::on_impression, held.get(), Held::drop);
        if (status == SPLIT_OK) held.release(); // the library's, until it drops it
        return status;
    }
    split_status put(LogLevel level, Logger logger) {
        if (logger == nullptr) {
            if (reporter_ != nullptr) reporter_->logger(level, nullptr);
            return split_config_set_logger(config_.get(), SPLIT_LOG_NONE, nullptr, nullptr, nullptr);
        }
        auto shared = std::make_shared<const Logger>(std::move(logger));
        auto held = std::make_unique<detail::HeldLogger>(shared);
        const split_status status = split_config_set_logger(config_.get(), static_cast<std::int32_t>(level),
                                                            detail::on_log, held.get(), detail::drop_logger);
        if (status == SPLIT_OK) {
            held.release(); // the library's, until it drops it
            reporter_->logger(level, std::move(shared));
        }
        return status;
    }
    split_status put_text(Text name, Text value, split_error *error) {
        const detail::Terminated text{value};
        return split_config_set(config_.get(), detail::Terminated{name}.get(), text.get(), error);
    }
    template <class T> split_status put(Text name, const T &value, split_error *error) {
        static_assert(!std::is_same_v<T, char>, "an option takes text in double quotes");
        if constexpr (std::is_same_v<T, bool>) {
            return put_text(name, value ? "true" : "false", error);
        } else if constexpr (std::is_convertible_v<const T &, Text>) {
            return put_text(name, value, error);
        } else if constexpr (std::is_arithmetic_v<T>) {
            return put_text(name, detail::number_text(value), error);
        } else if constexpr (detail::is_duration<T>::value) {
            const double seconds = std::chrono::duration<double>(value).count();
            const bool in_milliseconds = detail::is_in_milliseconds(name.view());
            return put_text(name, detail::number_text(in_milliseconds ? seconds * 1000 : seconds), error);
        } else {
            static_assert(detail::is_range_of_text<T>::value, "an option takes text, a bool, a number, a std::chrono "
                                                              "duration, or a collection of text");
            std::string json = "{";
            detail::append_json(json, name.view());
            json += ":[";
            for (auto &&item : value) {
                if (json.back() != '[') json += ',';
                detail::append_json(json, Text(item).view());
            }
            json += "]}";
            return split_config_merge_json(config_.get(), json.c_str(), error);
        }
    }

    detail::Owned<split_config> config_;
    std::shared_ptr<detail::Reporter> reporter_;
    Timeout destroy_timeout_ = default_destroy_timeout;
};

} // namespace splitio

#endif // SPLITIO_CONFIG_HPP
