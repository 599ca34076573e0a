/*
 * splitio.hpp: libsplitio for C++17 and later, over its C API (splitio.h), header only.
 *
 *     splitio::Factory split{std::getenv("SPLIT_SDK_KEY"), splitio::Config{}.set("logLevel", "info")};
 *     split.block_until_ready(5s);
 *     if (split.treatment("user-42", "new_checkout", {{"plan", "pro"}}) == "on") { ... }
 *
 * Text       UTF-8, taken as `Text`: a literal, std::string or std::string_view. Literals and std::string are passed on
 *            without a copy everywhere; other views in evaluations of one flag and in tracking. A NUL inside makes a
 * text invalid. Views that are given say how long they hold; those of treatments and labels hold for ever. Memory
 * Classes own what they stand for and can be moved, not copied. What was moved from is empty: a factory that answers
 * "control", lists without items. An evaluation of one flag allocates nothing once its thread is warm, attributes in
 * braces included. Errors     Evaluations do not fail: they answer "control". Other calls throw `Error`, or, with a
 * std::error_code& as their last argument, set that and are noexcept. With -fno-exceptions only the latter exist. All
 * files of a program that include this header should be built with exceptions, or all without. Times      Any
 * std::chrono duration. One that is negative is 0, so `deadline - now` can be given; one of more than a hundred years
 * is for ever. Threads    Const members may be called on any number of threads at once, and so may all members of a
 * factory but assignment, release and destruction. Non-const members of everything else belong to one thread at a time.
 * Callbacks  What they throw ends there, and is reported to the logger of the configuration or on standard error.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef SPLITIO_HPP
#define SPLITIO_HPP

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <forward_list>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "splitio.h"

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define SPLITIO_EXCEPTIONS 1
#else
#define SPLITIO_EXCEPTIONS 0
#endif

namespace splitio {

/// What an evaluation answers when there is nothing to evaluate, and no fallback treatment.
inline constexpr std::string_view control = "control";

// ---- Text and time -----------------------------------------------------------------------------------------------

/// Text as it is given to a call, which reads it and does not keep it. NULL is no text, and invalid where one is
/// needed.
class Text {
  public:
    constexpr Text() noexcept = default;
    constexpr Text(std::nullptr_t) noexcept {}
    constexpr Text(const char *text) noexcept
        : data_(text), size_(text != nullptr ? std::char_traits<char>::length(text) : 0), terminated_(true) {}
    Text(const std::string &text) noexcept : data_(text.c_str()), size_(text.size()), terminated_(true) {}
    constexpr Text(std::string_view text) noexcept
        : data_(text.empty() ? "" : text.data()), size_(text.size()), terminated_(text.empty()) {}

    /// NULL if there is none. Not always NUL-terminated.
    constexpr const char *data() const noexcept {
        return data_;
    }
    constexpr std::size_t size() const noexcept {
        return size_;
    }
    constexpr bool terminated() const noexcept {
        return terminated_;
    }
    constexpr std::string_view view() const noexcept {
        return {data_ != nullptr ? data_ : "", size_};
    }

  private:
    const char *data_ = nullptr;
    std::size_t size_ = 0;
    bool terminated_ = false;
};

/// How long a call may wait. Any std::chrono duration converts to it.
using Timeout = std::chrono::duration<double, std::milli>;

using TimePoint = std::chrono::system_clock::time_point;

namespace detail {

/// Not UTF-8, and so invalid wherever the library takes text.
inline constexpr const char *invalid_text = "\xff";

/// Text for a call that takes no length.
class Terminated {
  public:
    explicit Terminated(Text text) {
        if (text.data() == nullptr) return;
        if (std::memchr(text.data(), '\0', text.size()) != nullptr) {
            text_ = invalid_text;
        } else if (text.terminated()) {
            text_ = text.data();
        } else if (text.size() < few_.size()) {
            std::memcpy(few_.data(), text.data(), text.size());
            few_[text.size()] = '\0';
            text_ = few_.data();
        } else {
            many_ = text.view();
            text_ = many_.c_str();
        }
    }
    Terminated(const Terminated &) = delete;
    Terminated &operator=(const Terminated &) = delete;

    const char *get() const noexcept {
        return text_;
    }

  private:
    const char *text_ = nullptr;
    std::array<char, 256> few_;
    std::string many_;
};

inline std::string_view view(const char *text) noexcept {
    return text != nullptr ? text : std::string_view{};
}

inline std::int64_t milliseconds(Timeout timeout) noexcept {
    if (!(timeout.count() > 0)) return 0;
    if (timeout.count() >= 9e18) return std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::ceil(timeout.count()));
}

inline TimePoint time_point(std::int64_t unix_ms) noexcept {
    return TimePoint{std::chrono::duration_cast<TimePoint::duration>(std::chrono::milliseconds{unix_ms})};
}

inline void append_json(std::string &json, std::string_view text) {
    json += '"';
    for (char c : text) {
        if (c == '"' || c == '\\') {
            json += '\\';
            json += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            constexpr const char *digits = "0123456789abcdef";
            json += "\\u00";
            json += digits[static_cast<unsigned char>(c) >> 4];
            json += digits[static_cast<unsigned char>(c) & 15];
        } else {
            json += c;
        }
    }
    json += '"';
}

template <class T, class = void> struct is_range_of_text : std::false_type {};
template <class T>
struct is_range_of_text<
    T, std::void_t<decltype(std::begin(std::declval<const T &>())), decltype(std::end(std::declval<const T &>()))>>
    : std::bool_constant<!std::is_convertible_v<const T &, std::string_view> &&
                         std::is_convertible_v<decltype(*std::begin(std::declval<const T &>())), Text>> {};

/// An array as the library gives it, as a range of what C++ makes of its items.
template <class Raw, class View> class Sequence {
  public:
    class iterator {
      public:
        using iterator_category = std::input_iterator_tag; // as it gives values, not references
#if defined(__cpp_lib_ranges)
        using iterator_concept = std::random_access_iterator_tag;
#endif
        using value_type = View;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = View;

        iterator() noexcept = default;
        explicit iterator(const Raw *at) noexcept : at_(at) {}
        View operator*() const noexcept {
            return made(*at_);
        }
        View operator[](difference_type n) const noexcept {
            return made(at_[n]);
        }
        iterator &operator++() noexcept {
            return ++at_, *this;
        }
        iterator &operator--() noexcept {
            return --at_, *this;
        }
        iterator operator++(int) noexcept {
            return iterator{at_++};
        }
        iterator operator--(int) noexcept {
            return iterator{at_--};
        }
        iterator &operator+=(difference_type n) noexcept {
            return at_ += n, *this;
        }
        iterator &operator-=(difference_type n) noexcept {
            return at_ -= n, *this;
        }
        friend iterator operator+(iterator a, difference_type n) noexcept {
            return a += n;
        }
        friend iterator operator+(difference_type n, iterator a) noexcept {
            return a += n;
        }
        friend iterator operator-(iterator a, difference_type n) noexcept {
            return a -= n;
        }
        friend difference_type operator-(iterator a, iterator b) noexcept {
            return a.at_ - b.at_;
        }
        friend bool operator==(iterator a, iterator b) noexcept {
            return a.at_ == b.at_;
        }
        friend bool operator!=(iterator a, iterator b) noexcept {
            return a.at_ != b.at_;
        }
        friend bool operator<(iterator a, iterator b) noexcept {
            return a.at_ < b.at_;
        }
        friend bool operator>(iterator a, iterator b) noexcept {
            return a.at_ > b.at_;
        }
        friend bool operator<=(iterator a, iterator b) noexcept {
            return a.at_ <= b.at_;
        }
        friend bool operator>=(iterator a, iterator b) noexcept {
            return a.at_ >= b.at_;
        }

      private:
        static View made(const Raw &raw) noexcept {
            if constexpr (std::is_same_v<View, std::string_view>) {
                return detail::view(raw);
            } else {
                return View{raw};
            }
        }
        const Raw *at_ = nullptr;
    };
    using const_iterator = iterator;
    using value_type = View;

    Sequence() noexcept = default;
    Sequence(const Raw *items, std::size_t size) noexcept : items_(items), size_(items != nullptr ? size : 0) {}
    iterator begin() const noexcept {
        return iterator{items_};
    }
    iterator end() const noexcept {
        return iterator{size_ > 0 ? items_ + size_ : items_};
    }
    std::size_t size() const noexcept {
        return size_;
    }
    bool empty() const noexcept {
        return size_ == 0;
    }
    /// The item at an index below size().
    View operator[](std::size_t index) const noexcept {
        return begin()[static_cast<std::ptrdiff_t>(index)];
    }

  private:
    const Raw *items_ = nullptr;
    std::size_t size_ = 0;
};

/// Ends each thing by the one function named for it.
struct Free {
    void operator()(split_config *config) const noexcept {
        split_config_free(config);
    }
    void operator()(split_attributes *attributes) const noexcept {
        split_attributes_free(attributes);
    }
    void operator()(split_results *results) const noexcept {
        split_results_free(results);
    }
    void operator()(split_name_list *names) const noexcept {
        split_name_list_free(names);
    }
    void operator()(split_flag_view_list *flags) const noexcept {
        split_flag_view_list_free(flags);
    }
};
template <class C> using Owned = std::unique_ptr<C, Free>;

/// A list of the library's, as a range. What was moved from is empty.
template <class C, class Raw, class View> class List : public Sequence<Raw, View> {
  public:
    List(List &&other) noexcept : Items(std::exchange(other.items(), {})), list_(std::move(other.list_)) {}
    List &operator=(List &&other) noexcept {
        items() = std::exchange(other.items(), {});
        list_ = std::move(other.list_);
        return *this;
    }
    /// Stays owned by this object. NULL after a move.
    const C *c_ptr() const noexcept {
        return list_.get();
    }

  protected:
    using Items = Sequence<Raw, View>;
    List(C *list, const Raw *(*data)(const C *, std::size_t *)) noexcept : list_(list) {
        std::size_t count = 0;
        const Raw *first = data(list, &count);
        items() = Items{first, count};
    }

  private:
    Items &items() noexcept {
        return *this;
    }
    Owned<C> list_;
};

} // namespace detail

/// Texts inside something else, and valid as long as that.
using TextViews = detail::Sequence<const char *, std::string_view>;

// ---- Errors ------------------------------------------------------------------------------------------------------

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

namespace detail {

class Category final : public std::error_category {
  public:
    const char *name() const noexcept override {
        return "splitio";
    }
    std::string message(int status) const override {
        return split_status_string(status);
    }
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
inline const std::error_category &error_category() noexcept {
    static const detail::Category category;
    return category;
}

/// No error for SPLIT_OK.
inline std::error_code make_error_code(split_status status) noexcept {
    return {status, error_category()};
}
inline std::error_code make_error_code(Errc code) noexcept {
    return make_error_code(static_cast<split_status>(code));
}

/// Why the latest failing call of this thread failed, in the library's own words: more than a std::error_code can tell.
/// Evaluations are not counted among the failing.
class LastError {
  public:
    LastError() noexcept {
        split_last_error(&error_);
    }
    std::error_code code() const noexcept {
        return make_error_code(error_.status);
    }
    /// A sentence in English; empty when no call has failed. Valid as long as this object.
    const char *message() const noexcept {
        return error_.message;
    }

  private:
    split_error error_{};
};

#if SPLITIO_EXCEPTIONS
/// What is thrown. `what()` is a sentence, such as "unknown option featureRefreshRate; did you mean
/// featuresRefreshRate?".
class Error : public std::system_error {
  public:
    explicit Error(const split_error &error) : std::system_error(make_error_code(error.status)), error_(error) {}
    const char *what() const noexcept override {
        return error_.message;
    }

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

// ---- Version and options -----------------------------------------------------------------------------------------

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

// ---- Attributes and properties -----------------------------------------------------------------------------------

/// The value of an attribute or a property, as it is given to a call: text and collections are looked at, not kept, so
/// a Value is best written where it is used.
///
/// Whole numbers are numbers, and compare to dates as seconds since 1970; a time point leaves no doubt. Floating
/// numbers never match Split's number and date matchers, which take whole ones.
class Value {
  public:
    Value(const char *text) noexcept : kind_(Kind::text), text_(text) {}
    Value(const std::string &text) noexcept : kind_(Kind::text), text_(text) {}
    Value(std::string_view text) noexcept : kind_(Kind::text), text_(text) {}
    Value(std::nullptr_t) = delete;
    template <class T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>
    Value(T value) noexcept : kind_(Kind::boolean), boolean_(value) {}
    template <class T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int> = 0,
              std::enable_if_t<!std::is_same_v<T, char> && !std::is_same_v<T, wchar_t>, int> = 0>
    Value(T value) noexcept : kind_(Kind::integer), integer_(static_cast<std::int64_t>(value)) {
        if (std::is_unsigned_v<T> && integer_ < 0) kind_ = Kind::huge;
    }
    template <class T, std::enable_if_t<std::is_floating_point_v<T>, int> = 0>
    Value(T value) noexcept : kind_(Kind::number), number_(static_cast<double>(value)) {}
    template <class Duration>
    Value(std::chrono::time_point<std::chrono::system_clock, Duration> time) noexcept
        : kind_(Kind::time), integer_(std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count()) {}
    /// A set of strings: {"a", "b"}.
    Value(std::initializer_list<std::string_view> texts) noexcept
        : kind_(Kind::texts), texts_{texts.begin(), texts.size(), put_array} {}
    /// A set of strings: a std::vector<std::string>, or any other collection of text.
    template <class Range, std::enable_if_t<detail::is_range_of_text<Range>::value, int> = 0>
    Value(const Range &range) noexcept : kind_(Kind::texts), texts_{&range, 0, put_range<Range>} {}

    /// Sets the attribute `name` of `attributes` to it.
    split_status put(split_attributes *attributes, Text name) const {
        if (kind_ == Kind::text) {
            return split_attributes_set_string_n(attributes, name.data(), name.size(), text_.data(), text_.size());
        }
        if (kind_ == Kind::texts) return texts_.put(attributes, name, texts_.range, texts_.count);
        const detail::Terminated terminated{name};
        switch (kind_) {
        case Kind::boolean:
            return split_attributes_set_bool(attributes, terminated.get(), boolean_);
        case Kind::number:
            return split_attributes_set_double(attributes, terminated.get(), number_);
        case Kind::time:
            return split_attributes_set_datetime(attributes, terminated.get(), integer_);
        case Kind::huge:
            return put_huge(attributes, terminated.get());
        default:
            return split_attributes_set_int(attributes, terminated.get(), integer_);
        }
    }

  private:
    enum class Kind : unsigned char { text, boolean, integer, huge, number, time, texts };
    using Put = split_status (*)(split_attributes *, Text name, const void *range, std::size_t count);
    struct Texts {
        const void *range;
        std::size_t count;
        Put put;
    };

    /// Whole numbers beyond int64 go as JSON.
    split_status put_huge(split_attributes *attributes, const char *name) const {
        if (name == nullptr) return SPLIT_E_INVALID_ARGUMENT;
        std::string json = "{";
        detail::append_json(json, name);
        json += ':';
        json += std::to_string(static_cast<std::uint64_t>(integer_));
        json += '}';
        return split_attributes_merge_json(attributes, json.c_str(), nullptr);
    }

    template <class Iterator>
    static split_status put_all(split_attributes *attributes, Text name, Iterator at, std::size_t count) {
        std::array<const char *, 16> few;
        std::array<std::size_t, 16> few_sizes;
        std::vector<const char *> many;
        std::vector<std::size_t> many_sizes;
        const char **texts = few.data();
        std::size_t *sizes = few_sizes.data();
        if (count > few.size()) {
            many.resize(count);
            many_sizes.resize(count);
            texts = many.data();
            sizes = many_sizes.data();
        }
        for (std::size_t i = 0; i < count; ++i, ++at) {
            const Text text = *at;
            texts[i] = text.data();
            sizes[i] = text.size();
        }
        return split_attributes_set_strings_n(attributes, name.data(), name.size(), texts, sizes, count);
    }
    static split_status put_array(split_attributes *attributes, Text name, const void *texts, std::size_t count) {
        return put_all(attributes, name, static_cast<const std::string_view *>(texts), count);
    }
    template <class Range>
    static split_status put_range(split_attributes *attributes, Text name, const void *pointer, std::size_t) {
        const Range &range = *static_cast<const Range *>(pointer);
        static_assert(std::is_reference_v<decltype(*std::begin(range))> ||
                          !std::is_convertible_v<decltype(*std::begin(range)), const std::string &>,
                      "the range makes its strings as it goes: put them in a container");
        return put_all(attributes, name, std::begin(range),
                       static_cast<std::size_t>(std::distance(std::begin(range), std::end(range))));
    }

    Kind kind_;
    union {
        Text text_;
        bool boolean_;
        std::int64_t integer_;
        double number_;
        Texts texts_;
    };
};

/// A name and its value, as they are written in braces: {"plan", "pro"}.
struct Attribute {
    Text name;
    Value value;
};

/// What is known of a key, or the properties of an event or an impression: names and values, copied. Filled once, it
/// can be given to any number of evaluations, on any number of threads.
///
///     splitio::Attributes ann{{"plan", "pro"}, {"age", 31}, {"vip", true}, {"tags", {"a", "b"}}};
class Attributes {
  public:
    Attributes() noexcept : set_(split_attributes_new()) {}
#if SPLITIO_EXCEPTIONS
    Attributes(std::initializer_list<Attribute> attributes) : Attributes() {
        for (const Attribute &attribute : attributes) set(attribute.name, attribute.value);
    }
    /// Sets an attribute, in place of what it was. Text that is not UTF-8 is Errc::invalid_argument.
    Attributes &set(Text name, const Value &value) {
        detail::must(value.put(set_.get(), name));
        return *this;
    }
    /// Sets every attribute of a JSON object: all of them or, on failure, none.
    Attributes &merge_json(Text json) {
        split_error error{};
        detail::must(split_attributes_merge_json(set_.get(), detail::Terminated{json}.get(), &error), error);
        return *this;
    }
#endif
    void set(Text name, const Value &value, std::error_code &error) noexcept {
        error = make_error_code(value.put(set_.get(), name));
    }
    void merge_json(Text json, std::error_code &error) noexcept {
        error = make_error_code(split_attributes_merge_json(set_.get(), detail::Terminated{json}.get(), nullptr));
    }
    /// Empties it and keeps its memory for the next filling.
    void clear() noexcept {
        split_attributes_clear(set_.get());
    }

    /// Stays owned by this object. NULL after a move.
    const split_attributes *c_ptr() const noexcept {
        return set_.get();
    }
    split_attributes *c_ptr() noexcept {
        return set_.get();
    }

  private:
    detail::Owned<split_attributes> set_;
};

/// The same for events and impressions.
using Properties = Attributes;

namespace detail {

/// Sets that evaluations with attributes in braces fill, so that they allocate nothing: a thread keeps two.
class Borrowed {
  public:
    Borrowed() noexcept = default;
    Borrowed(const Borrowed &) = delete;
    Borrowed &operator=(const Borrowed &) = delete;
    ~Borrowed() {
        if (set_ != nullptr) kept().put(set_);
    }

    /// The set with these attributes; NULL when one of them is not valid.
    const split_attributes *filled(const Attribute *attributes, std::size_t count) {
        set_ = kept().taken();
        for (std::size_t i = 0; i < count; ++i) {
            if (attributes[i].value.put(set_, attributes[i].name) != SPLIT_OK) return nullptr;
        }
        return set_;
    }

  private:
    struct Kept {
        ~Kept() {
            for (split_attributes *&set : sets) {
                split_attributes_free(set);
                set = nullptr;
            }
            over() = true;
        }
        /// Whether this thread's have been freed: it ends, and another destructor of it evaluates.
        static bool &over() noexcept {
            static thread_local bool over = false;
            return over;
        }
        split_attributes *taken() noexcept {
            for (split_attributes *&set : sets) {
                if (set != nullptr && !over()) return std::exchange(set, nullptr);
            }
            return split_attributes_new();
        }
        void put(split_attributes *used) noexcept {
            for (split_attributes *&set : sets) {
                if (set == nullptr && !over()) {
                    split_attributes_clear(used);
                    set = used;
                    return;
                }
            }
            split_attributes_free(used);
        }
        split_attributes *sets[2] = {nullptr, nullptr};
    };
    static Kept &kept() noexcept {
        static thread_local Kept kept;
        return kept;
    }
    split_attributes *set_ = nullptr;
};

/// Attributes in one of the three ways to give them. Only looks at them.
struct Fields {
    const split_attributes *set = nullptr;
    const Attribute *list = nullptr;
    std::size_t count = 0;
    Text json;

    bool empty() const noexcept {
        return set == nullptr && count == 0 && json.data() == nullptr;
    }

    /// Writes where the library looks for them. What is invalid among them makes the call invalid.
    void give(const split_attributes *&to_set, const char *&to_json, std::size_t &to_len, Borrowed &borrowed) const {
        if (set != nullptr) {
            to_set = set;
        } else if (count > 0) {
            to_set = borrowed.filled(list, count);
            if (to_set == nullptr) to_json = invalid_text;
        } else if (json.data() != nullptr) {
            to_json = json.data();
            to_len = json.size();
            if (to_len == 0) to_json = "";
        }
    }
};

} // namespace detail

// ---- What is asked -----------------------------------------------------------------------------------------------

/// Who is asked about. The bucketing key, if there is one, decides the bucket in place of the matching key.
struct Key {
    Key(const char *matching_key) noexcept : matching(matching_key) {}
    Key(const std::string &matching_key) noexcept : matching(matching_key) {}
    Key(std::string_view matching_key) noexcept : matching(matching_key) {}
    Key(Text matching_key, Text bucketing_key) noexcept : matching(matching_key), bucketing(bucketing_key) {}

    Text matching;
    Text bucketing;
};

/// What an evaluation may be given besides the key and the flag: attributes in braces, an `Attributes`, or
///
///     Options{}.attributes_json(json).properties({{"page", "cart"}})
///
/// It looks at what it is given and keeps nothing, so it is best written where it is used. Attributes or properties
/// that are invalid make the evaluation invalid: "control".
class Options {
  public:
    Options() noexcept = default;
    Options(std::initializer_list<Attribute> attributes) noexcept {
        this->attributes(attributes);
    }
    Options(const Attributes &attributes) noexcept {
        this->attributes(attributes);
    }

    Options &attributes(std::initializer_list<Attribute> list) noexcept {
        return take(attributes_, list);
    }
    Options &attributes(const Attributes &set) noexcept {
        return take(attributes_, set);
    }
    /// A JSON object.
    Options &attributes_json(Text json) noexcept {
        return take(attributes_, json);
    }
    /// Of the impression.
    Options &properties(std::initializer_list<Attribute> list) noexcept {
        return take(properties_, list);
    }
    Options &properties(const Properties &set) noexcept {
        return take(properties_, set);
    }
    Options &properties_json(Text json) noexcept {
        return take(properties_, json);
    }

  private:
    friend class Factory;

    bool empty() const noexcept {
        return attributes_.empty() && properties_.empty();
    }
    Options &take(detail::Fields &fields, std::initializer_list<Attribute> list) noexcept {
        fields = {nullptr, list.begin(), list.size(), {}};
        return *this;
    }
    Options &take(detail::Fields &fields, const Attributes &set) noexcept {
        fields = {set.c_ptr(), nullptr, 0, {}};
        return *this;
    }
    Options &take(detail::Fields &fields, Text json) noexcept {
        fields = {nullptr, nullptr, 0, json};
        return *this;
    }

    detail::Fields attributes_;
    detail::Fields properties_;
};

/// Several names, of flags or of flag sets: in braces, or a collection of text.
class Names {
  public:
    Names(std::initializer_list<Text> names) {
        add_all(names);
    }
    template <class Range, std::enable_if_t<detail::is_range_of_text<Range>::value, int> = 0>
    Names(const Range &names) {
        add_all(names);
    }
    Names(const Names &) = delete;
    Names &operator=(const Names &) = delete;

    const char *const *data() const noexcept {
        return many_.empty() ? few_.data() : many_.data();
    }
    std::size_t size() const noexcept {
        return size_;
    }

  private:
    template <class Range> void add_all(const Range &names) {
        for (auto &&name : names) {
            const Text text = name;
            // A string that the range makes as it goes, or a view without an end, has to be copied.
            constexpr bool stays = std::is_lvalue_reference_v<decltype(*std::begin(names))> ||
                                   std::is_pointer_v<std::decay_t<decltype(name)>>;
            add(stays && text.terminated() && text.view().find('\0') == text.view().npos ? text.data() : copy(text));
        }
    }
    const char *copy(Text text) {
        if (text.data() == nullptr) return nullptr;
        if (text.view().find('\0') != text.view().npos) return detail::invalid_text;
        return copies_.emplace_front(text.view()).c_str();
    }
    void add(const char *name) {
        if (size_ < few_.size()) {
            few_[size_] = name;
        } else {
            if (size_ == few_.size()) many_.assign(few_.begin(), few_.end());
            many_.push_back(name);
        }
        ++size_;
    }

    std::size_t size_ = 0;
    std::array<const char *, 32> few_;
    std::vector<const char *> many_;
    std::forward_list<std::string> copies_; // their addresses stay
};

// ---- What is answered --------------------------------------------------------------------------------------------

/// An answer inside a `Results`, and valid as long as that.
class ResultView {
  public:
    explicit ResultView(const split_result &result) noexcept : raw_(&result) {}

    std::string_view flag() const noexcept {
        return detail::view(raw_->flag);
    }
    /// Valid until the process ends, and NUL-terminated.
    std::string_view treatment() const noexcept {
        return raw_->treatment != nullptr ? raw_->treatment : control;
    }
    /// The configuration of the treatment, if it has one and was asked for.
    std::optional<std::string_view> config() const noexcept {
        if (raw_->config == nullptr) return std::nullopt;
        return std::string_view{raw_->config, raw_->config_len};
    }
    /// Why: the label of the rule that decided. Valid until the process ends; empty when there is none, or with
    /// labelsEnabled off.
    std::string_view label() const noexcept {
        return detail::view(raw_->label);
    }
    /// Of the flag's definition; -1 when there was none.
    std::int64_t change_number() const noexcept {
        return raw_->change_number;
    }
    /// No error, or why the treatment is "control" or a fallback.
    std::error_code error() const noexcept {
        return make_error_code(raw_->status);
    }
    const split_result &c_result() const noexcept {
        return *raw_;
    }

  private:
    const split_result *raw_;
};

/// An answer that owns its configuration, which stays as it is when definitions change.
class Result {
  public:
    Result(Result &&other) noexcept : raw_(std::exchange(other.raw_, split_result{})) {}
    Result &operator=(Result &&other) noexcept {
        if (this != &other) {
            split_result_release(&raw_);
            raw_ = std::exchange(other.raw_, split_result{});
        }
        return *this;
    }
    ~Result() {
        split_result_release(&raw_);
    }

    /// Valid until the process ends, and NUL-terminated.
    std::string_view treatment() const noexcept {
        return view().treatment();
    }
    /// The configuration of the treatment, if it has one. Valid as long as this object.
    std::optional<std::string_view> config() const noexcept {
        return view().config();
    }
    /// As those of `ResultView`.
    std::string_view label() const noexcept {
        return view().label();
    }
    std::int64_t change_number() const noexcept {
        return view().change_number();
    }
    std::error_code error() const noexcept {
        return view().error();
    }
    const split_result &c_result() const noexcept {
        return raw_;
    }

  private:
    friend class Factory;
    Result() noexcept = default;
    ResultView view() const noexcept {
        return ResultView{raw_};
    }

    split_result raw_{};
};

/// The answers to a question about several flags: a range of `ResultView`.
class Results : public detail::List<split_results, split_result, ResultView> {
  public:
    /// Takes over a list of the C API.
    explicit Results(split_results *list) noexcept : List(list, split_results_data) {}
    /// The answer for a flag, if the list has one.
    std::optional<ResultView> find(Text flag) const {
        const split_result *found = split_results_find(c_ptr(), detail::Terminated{flag}.get());
        return found != nullptr ? std::optional<ResultView>{ResultView{*found}} : std::nullopt;
    }
};

/// The description of a flag inside a `Flags` or a `Flag`, and valid as long as that.
class FlagView {
  public:
    explicit FlagView(const split_flag_view *flag) noexcept : raw_(flag) {}

    std::string_view name() const noexcept {
        return detail::view(raw_->name);
    }
    std::string_view traffic_type() const noexcept {
        return detail::view(raw_->traffic_type);
    }
    std::string_view default_treatment() const noexcept {
        return detail::view(raw_->default_treatment);
    }
    std::int64_t change_number() const noexcept {
        return raw_->change_number;
    }
    bool killed() const noexcept {
        return raw_->killed;
    }
    bool impressions_disabled() const noexcept {
        return raw_->impressions_disabled;
    }
    TextViews treatments() const noexcept {
        return {raw_->treatments, raw_->treatments_len};
    }
    TextViews sets() const noexcept {
        return {raw_->sets, raw_->sets_len};
    }
    /// The treatments that have a configuration; `configs()` has, index by index, what it is.
    TextViews config_treatments() const noexcept {
        return {raw_->config_treatments, raw_->configs_len};
    }
    TextViews configs() const noexcept {
        return {raw_->configs, raw_->configs_len};
    }
    /// The configuration of a treatment, if it has one.
    std::optional<std::string_view> config(std::string_view treatment) const noexcept {
        const TextViews having = config_treatments();
        for (std::size_t i = 0; i < having.size(); ++i) {
            if (having[i] == treatment) return configs()[i];
        }
        return std::nullopt;
    }
    /// A JSON array of {"n": flag, "ts": [treatment, ...]}.
    std::string_view prerequisites_json() const noexcept {
        return detail::view(raw_->prerequisites_json);
    }

  private:
    const split_flag_view *raw_;
};

/// Descriptions of flags: a range of `FlagView`.
class Flags : public detail::List<split_flag_view_list, const split_flag_view *, FlagView> {
  public:
    /// Takes over a list of the C API.
    explicit Flags(split_flag_view_list *list) noexcept : List(list, split_flag_view_list_data) {}
};

/// The description of one flag. Empty, and not to be asked, after a move.
class Flag : public FlagView {
  public:
    /// `list` has at least one.
    explicit Flag(Flags list) noexcept : FlagView(list[0]), list_(std::move(list)) {}

  private:
    Flags list_;
};

/// Names of flags: a range of std::string_view.
class NameList : public detail::List<split_name_list, const char *, std::string_view> {
  public:
    /// Takes over a list of the C API.
    explicit NameList(split_name_list *list) noexcept : List(list, split_name_list_data) {}
};

/// JSON text that the library made.
class Json {
  public:
    Json() noexcept = default;
    Json(Json &&other) noexcept : raw_(std::exchange(other.raw_, split_json{})) {}
    Json &operator=(Json &&other) noexcept {
        if (this != &other) {
            split_json_release(&raw_);
            raw_ = std::exchange(other.raw_, split_json{});
        }
        return *this;
    }
    ~Json() {
        split_json_release(&raw_);
    }

    /// Valid as long as this object.
    std::string_view view() const noexcept {
        return {raw_.ptr != nullptr ? raw_.ptr : "", raw_.len};
    }
    operator std::string_view() const noexcept {
        return view();
    }
    bool empty() const noexcept {
        return raw_.len == 0;
    }

  private:
    friend class Factory;
    split_json raw_{};
};

// ---- What callbacks get ------------------------------------------------------------------------------------------

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
    static void complain(const char *line) noexcept {
        std::fprintf(stderr, "splitio: error: callbacks: %s\n", line);
    }

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
    static const Held &of(void *user_data) noexcept {
        return *static_cast<const Held *>(user_data);
    }
    static void drop(void *user_data) noexcept {
        delete static_cast<Held *>(user_data);
    }
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

// ---- Configuration -----------------------------------------------------------------------------------------------

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
    Config &listener(Listener listener) & {
        using Held = detail::Held<Listener>;
        if (listener == nullptr) {
            split_config_set_impression_listener(config_.get(), nullptr, nullptr, nullptr);
            return *this;
        }
        std::unique_ptr<Held> held{new Held{std::move(listener), reporter_}};
        if (split_config_set_impression_listener(config_.get(), detail::on_impression, held.get(), Held::drop) ==
            SPLIT_OK) {
            held.release();
        }
        return *this;
    }
    Config &&listener(Listener call) && {
        return std::move(listener(std::move(call)));
    }

    /// Sends the log, up to `level`, to `logger`: from any thread, also from several at a time. It must not use this
    /// library. nullptr logs nothing. Without a logger, lines up to the option logLevel go to standard error.
    Config &logger(LogLevel level, Logger logger) & {
        if (logger == nullptr) {
            reporter_->logger(level, nullptr);
            split_config_set_logger(config_.get(), SPLIT_LOG_NONE, nullptr, nullptr, nullptr);
            return *this;
        }
        auto shared = std::make_shared<const Logger>(std::move(logger));
        auto held = std::make_unique<detail::HeldLogger>(shared);
        if (split_config_set_logger(config_.get(), static_cast<std::int32_t>(level), detail::on_log, held.get(),
                                    detail::drop_logger) == SPLIT_OK) {
            held.release();
            reporter_->logger(level, std::move(shared));
        }
        return *this;
    }
    Config &&logger(LogLevel level, Logger call) && {
        return std::move(logger(level, std::move(call)));
    }

    /// Queues up to `capacity` records for `Factory::poll`; 0 is 10,000. A full queue drops the oldest.
    Config &queue(Queue kinds, std::size_t capacity = 0) &noexcept {
        static_cast<void>(split_config_enable_queue(config_.get(), static_cast<std::uint32_t>(kinds), capacity));
        return *this;
    }
    Config &&queue(Queue kinds, std::size_t capacity = 0) &&noexcept {
        return std::move(queue(kinds, capacity));
    }

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

    split_status put_text(Text name, Text value, split_error *error) {
        const detail::Terminated text{value};
        return split_config_set(config_.get(), detail::Terminated{name}.get(), text.get(), error);
    }
    template <class T> split_status put(Text name, const T &value, split_error *error) {
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

// ---- Factory -----------------------------------------------------------------------------------------------------

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
    explicit Factory(split_factory *handle, Timeout destroy_timeout = Config::default_destroy_timeout)
        : factory_(handle, detail::End{detail::milliseconds(destroy_timeout)}),
          reporter_(std::make_shared<detail::Reporter>()) {}

    /// Moving is cheap. What a factory is assigned to ends first, as by its destructor. The destructor waits for up to
    /// `Config::destroy_timeout` (10 seconds) until what is queued is sent; call `destroy` to know whether it was. No
    /// call on the factory may be running on another thread, nor may this be one of its own callbacks.
    Factory(Factory &&) noexcept = default;
    Factory &operator=(Factory &&) noexcept = default;

    // ---- Evaluating. Never fails or throws: "control" when there is nothing to evaluate, or what fallbackTreatments
    // ---- says. With definitions in memory it waits for nothing.

    /// Evaluates a flag for a key, and records the impression. The view holds until the process ends; its text is
    /// NUL-terminated.
    std::string_view treatment(const Key &key, Text flag, const Options &options = {}) const noexcept {
        const Given given{key, options};
        return split_get_treatment_n(factory_.get(), key.matching.data(), key.matching.size(), flag.data(), flag.size(),
                                     given.get());
    }

    /// The same, and the configuration of the treatment, and whether and why there was nothing to evaluate.
    Result treatment_with_config(const Key &key, Text flag, const Options &options = {}) const noexcept {
        Result result;
        const Given given{key, options};
        split_get_treatment_with_config_n(factory_.get(), key.matching.data(), key.matching.size(), flag.data(),
                                          flag.size(), given.get(), &result.raw_);
        return result;
    }

    /// Evaluates several flags against one state of the definitions: one answer per distinct flag, in the order given.
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

    // ---- Events

    /// Records an event of a key, for metrics; `value` is its value, if it has one. Returns whether it was accepted;
    /// `error` tells why not: Errc::invalid_argument, Errc::queue_full, Errc::destroyed or Errc::forked. An infinite
    /// value is invalid.
    bool track(Text key, Text traffic_type, Text event_type, std::optional<double> value, const Properties &properties,
               std::error_code &error) const noexcept {
        return record(key, traffic_type, event_type, value, Options{}.properties(properties), error);
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
    void on_ready(ReadyHandler handler, std::error_code &error) {
        error = make_error_code(on(SPLIT_EVENT_READY, detail::on_ready, std::move(handler)));
    }
    /// Calls `handler` for each change after that. On the delivery thread.
    void on_update(UpdateHandler handler, std::error_code &error) {
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
    /// A flag as a JSON object; "null" if there is none of this name.
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
        Given(const Key &key, const Options &options) : needed_(key.bucketing.data() != nullptr || !options.empty()) {
            if (!needed_) return;
            raw_ = SPLIT_OPTIONS_INIT;
            if (key.bucketing.data() != nullptr) {
                raw_.bucketing_key = key.bucketing.size() > 0 ? key.bucketing.data() : "";
                raw_.bucketing_key_len = key.bucketing.size();
            }
            options.attributes_.give(raw_.attributes, raw_.attributes_json, raw_.attributes_json_len, attributes_);
            options.properties_.give(raw_.properties, raw_.properties_json, raw_.properties_json_len, properties_);
        }
        const split_options *get() const noexcept {
            return needed_ ? &raw_ : nullptr;
        }

      private:
        bool needed_;
        split_options raw_;
        detail::Borrowed attributes_;
        detail::Borrowed properties_;
    };

    split_status start(Text sdk_key, const Config &config, split_error &error) {
        if (!version_is_compatible()) {
            error.status = SPLIT_E_VERSION;
            std::snprintf(error.message, sizeof error.message, "built for libsplitio %s, running with %s",
                          SPLIT_VERSION, split_version());
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
                                              value.value_or(SPLIT_NO_VALUE), given.get()));
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

template <> struct std::is_error_code_enum<splitio::Errc> : std::true_type {};

#endif // SPLITIO_HPP
