/*
 * Part of splitio.hpp, which is what programs include: text and times as calls take them, and lists as they are
 * answered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef SPLITIO_TEXT_HPP
#define SPLITIO_TEXT_HPP

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../splitio.h"

#if defined(__GNUC__) || defined(__clang__)
#define SPLITIO_INLINE __attribute__((always_inline)) inline
#define SPLITIO_NOINLINE __attribute__((noinline))
#elif defined(_MSC_VER)
#define SPLITIO_INLINE __forceinline
#define SPLITIO_NOINLINE __declspec(noinline)
#else
#define SPLITIO_INLINE inline
#define SPLITIO_NOINLINE
#endif

namespace splitio {

/// What an evaluation answers when there is nothing to evaluate, and no fallback treatment.
inline constexpr std::string_view control = "control";

/// Text as it is given to a call, which reads it and does not keep it. NULL is no text, and invalid where one is
/// needed.
class Text {
public:
    constexpr Text() noexcept = default;
    constexpr Text(std::nullptr_t) noexcept {}
    constexpr Text(const char *text) noexcept : data_(text), size_(text != nullptr ? unknown : 0), terminated_(true) {}
    Text(const std::string &text) noexcept : data_(text.c_str()), size_(text.size()), terminated_(true) {}
    constexpr Text(std::string_view text) noexcept
        : data_(text.empty() ? "" : text.data()), size_(text.size()), terminated_(text.empty()) {}

    /// NULL if there is none. Not always NUL-terminated.
    constexpr const char *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept {
        return size_ != unknown ? size_ : std::char_traits<char>::length(data_);
    }
    constexpr bool terminated() const noexcept { return terminated_; }
    /// Whether it was given as a pointer, so that it is none or ends at its first NUL.
    constexpr bool is_c_string() const noexcept { return data_ == nullptr || size_ == unknown; }
    constexpr std::string_view view() const noexcept { return {data_ != nullptr ? data_ : "", size()}; }

private:
    static constexpr std::size_t unknown = static_cast<std::size_t>(-1); // until it is asked for
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
        if (text.is_c_string()) {
            text_ = text.data();
        } else if (std::memchr(text.data(), '\0', text.size()) != nullptr) {
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

    const char *get() const noexcept { return text_; }

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
    void operator()(split_config *config) const noexcept { split_config_free(config); }
    void operator()(split_attributes *attributes) const noexcept { split_attributes_free(attributes); }
    void operator()(split_results *results) const noexcept { split_results_free(results); }
    void operator()(split_name_list *names) const noexcept { split_name_list_free(names); }
    void operator()(split_flag_view_list *flags) const noexcept { split_flag_view_list_free(flags); }
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
    const C *c_ptr() const noexcept { return list_.get(); }

protected:
    using Items = Sequence<Raw, View>;
    List(C *list, const Raw *(*data)(const C *, std::size_t *)) noexcept : list_(list) {
        std::size_t count = 0;
        const Raw *first = data(list, &count);
        items() = Items{first, count};
    }

private:
    Items &items() noexcept { return *this; }
    Owned<C> list_;
};

} // namespace detail

/// Texts inside something else, and valid as long as that.
using TextViews = detail::Sequence<const char *, std::string_view>;

} // namespace splitio

#endif // SPLITIO_TEXT_HPP
