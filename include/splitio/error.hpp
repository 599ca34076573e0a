/*
 * Part of splitio.hpp, which is what programs include: what can fail and how it is told; versions and options.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef SPLITIO_ERROR_HPP
#define SPLITIO_ERROR_HPP

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "text.hpp"

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define SPLITIO_EXCEPTIONS 1
#else
#define SPLITIO_EXCEPTIONS 0
#endif

namespace splitio {

/// The codes of splitio.h; see there. Compares with a std::error_code.
enum class Errc : split_status {
    invalid_argument = SPLIT_E_INVALID_ARGUMENT,
    unknown_option = SPLIT_E_UNKNOWN_OPTION,
    invalid_option = SPLIT_E_INVALID_OPTION,
    invalid_json = SPLIT_E_INVALID_JSON,
    timeout = SPLIT_E_TIMEOUT,
    destroyed = SPLIT_E_DESTROYED,
    forked = SPLIT_E_FORKED,
    queue_full = SPLIT_E_QUEUE_FULL,
    reentrant = SPLIT_E_REENTRANT,
    storage = SPLIT_E_STORAGE,
    unauthorized = SPLIT_E_UNAUTHORIZED,
    version = SPLIT_E_VERSION,
    panic = SPLIT_E_PANIC,
    not_ready = SPLIT_E_NOT_READY,
    unknown_flag = SPLIT_E_UNKNOWN_FLAG,
    evaluation = SPLIT_E_EVALUATION,
    system = SPLIT_E_SYSTEM,
};

// One for all shared objects of a program, also of those that hide what they define: codes are compared by its address.
#if defined(__GNUC__) || defined(__clang__)
#define SPLITIO_SHARED __attribute__((visibility("default")))
#else
#define SPLITIO_SHARED
#endif

namespace detail {

class SPLITIO_SHARED Category final : public std::error_category {
public:
    const char *name() const noexcept override { return "splitio"; }
    std::string message(int status) const override { return split_status_string(status); }
    std::error_condition default_error_condition(int status) const noexcept override {
        switch (status) {
        case SPLIT_E_INVALID_ARGUMENT:
            return std::errc::invalid_argument;
        case SPLIT_E_TIMEOUT:
            return std::errc::timed_out;
        case SPLIT_E_REENTRANT:
            return std::errc::resource_deadlock_would_occur;
        case SPLIT_E_UNAUTHORIZED:
            return std::errc::permission_denied;
        default:
            return {status, *this};
        }
    }
};

} // namespace detail

/// The category of this library's codes: their numbers are those of splitio.h, their messages its words for them.
SPLITIO_SHARED inline const std::error_category &error_category() noexcept {
    static const detail::Category category;
    return category;
}

/// SPLIT_OK is no error: a std::error_code as it is made.
inline std::error_code make_error_code(split_status status) noexcept {
    return status != SPLIT_OK ? std::error_code{status, error_category()} : std::error_code{};
}
inline std::error_code make_error_code(Errc code) noexcept {
    return make_error_code(static_cast<split_status>(code));
}

/// Why the latest failing call of this thread failed, in the library's own words: more than a std::error_code can tell.
/// Evaluations are not counted among the failing.
class LastError {
public:
    LastError() noexcept { split_last_error(&error_); }
    std::error_code code() const noexcept { return make_error_code(error_.status); }
    /// A sentence in English; empty when no call has failed. Valid as long as this object.
    const char *message() const noexcept { return error_.message; }

private:
    split_error error_{};
};

#if SPLITIO_EXCEPTIONS
/// What is thrown. `what()` is a sentence, such as "unknown option featureRefreshRate; did you mean
/// featuresRefreshRate?".
class SPLITIO_SHARED Error : public std::system_error {
public:
    explicit Error(const split_error &error) : std::system_error(make_error_code(error.status)), error_(error) {}
    const char *what() const noexcept override { return error_.message; }

private:
    split_error error_; // here, so that copying cannot fail
};
#endif

namespace detail {

#if SPLITIO_EXCEPTIONS
inline void must(split_status status, const split_error &error) {
    if (status != SPLIT_OK) throw Error{error};
}

/// For calls that have no room for a split_error.
inline void must(split_status status) {
    if (status == SPLIT_OK) return;
    split_error error{};
    if (split_last_error(&error) != status) {
        error.status = status;
        std::snprintf(error.message, sizeof error.message, "%s", split_status_string(status));
    }
    throw Error{error};
}
#endif

} // namespace detail

/// The version of the library that is running, such as "1.4.0". That of this header is SPLIT_VERSION.
inline std::string_view version() noexcept {
    return split_version();
}
inline std::uint32_t version_number() noexcept {
    return split_version_number();
}

/// Whether the running library can serve a program built with this header. Factories check it themselves.
inline bool version_is_compatible(std::uint32_t header_version = SPLIT_VERSION_NUMBER) noexcept {
    return split_version_check(header_version) == SPLIT_OK;
}

/// How many forks are between the first process that used the library and this one: a load, no call of the system.
inline std::uint32_t fork_generation() noexcept {
    static const std::uint32_t *const generation = split_fork_generation();
#if defined(__GNUC__) || defined(__clang__)
    return __atomic_load_n(generation, __ATOMIC_RELAXED);
#else
    return *static_cast<const volatile std::uint32_t *>(generation);
#endif
}

/// An option of the configuration. Its texts are static.
struct Option {
    std::string_view name;
    /// "integer", "number", "boolean", "string", "enum", "list" or "object".
    std::string_view kind;
    std::string_view default_json;
    std::string_view description;
    /// False: accepted, and ignored with a warning, as it belongs to another language.
    bool supported;
};

inline std::size_t option_count() noexcept {
    return split_option_count();
}

/// The option at an index, in the order Split documents them; none past the end.
inline std::optional<Option> option_at(std::size_t index) noexcept {
    const split_option *option = split_option_at(index);
    if (option == nullptr) return std::nullopt;
    return Option{option->name, option->kind, option->default_json, option->description, option->supported};
}

} // namespace splitio

template <> struct std::is_error_code_enum<splitio::Errc> : std::true_type {};

#endif // SPLITIO_ERROR_HPP
