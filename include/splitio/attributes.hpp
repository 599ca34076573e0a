/*
 * Part of splitio.hpp, which is what programs include: what a question is made of.
 *
 * SPDX-License-Identifier: Apache-2.0
 */

#ifndef SPLITIO_ATTRIBUTES_HPP
#define SPLITIO_ATTRIBUTES_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "error.hpp"
#include "text.hpp"

namespace splitio {

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
    Value(T value) noexcept : kind_(Kind::boolean), integer_(value) {}
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
        if (kind_ == Kind::texts) return texts_.put(attributes, name, texts_.range, texts_.count);
        if (kind_ != Kind::text) {
            return name.is_c_string() ? put_plain(attributes, name.data())
                                      : put_plain(attributes, detail::Terminated{name}.get());
        }
        if (name.is_c_string() && text_.is_c_string()) {
            return split_attributes_set_string(attributes, name.data(), text_.data());
        }
        return split_attributes_set_string_n(attributes, name.data(), name.size(), text_.data(), text_.size());
    }

private:
    enum class Kind : unsigned char { text, boolean, integer, huge, number, time, texts };
    using Put = split_status (*)(split_attributes *, Text name, const void *range, std::size_t count);
    struct Texts {
        const void *range = nullptr;
        std::size_t count = 0;
        Put put = nullptr;
    };

    split_status put_plain(split_attributes *attributes, const char *name) const {
        switch (kind_) {
        case Kind::boolean:
            return split_attributes_set_bool(attributes, name, integer_ != 0);
        case Kind::number:
            return split_attributes_set_double(attributes, name, number_);
        case Kind::time:
            return split_attributes_set_datetime(attributes, name, integer_);
        case Kind::huge:
            return put_huge(attributes, name);
        default:
            return split_attributes_set_int(attributes, name, integer_);
        }
    }
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
                          !std::is_same_v<std::decay_t<decltype(*std::begin(range))>, std::string>,
                      "the range makes its strings as it goes: put them in a container");
        return put_all(attributes, name, std::begin(range),
                       static_cast<std::size_t>(std::distance(std::begin(range), std::end(range))));
    }

    // Not a union: compilers lose track of which member is set, and warn in the programs of others.
    Kind kind_;
    Text text_{};
    std::int64_t integer_ = 0;
    double number_ = 0;
    Texts texts_{};
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
    /// The same for who wants no exceptions. On failure it has what came before the attribute that is not valid.
    Attributes(std::initializer_list<Attribute> attributes, std::error_code &error) noexcept : Attributes() {
        error.clear();
        for (const Attribute &attribute : attributes) {
            if (!error) set(attribute.name, attribute.value, error);
        }
    }
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

    bool empty() const noexcept { return set == nullptr && count == 0 && json.data() == nullptr; }

    /// Writes where the library looks for them. If one is invalid, they are all given as JSON that is.
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

/// Who is asked about. The bucketing key, if there is one, decides the bucket in place of the matching key. It looks at
/// what it is given and keeps nothing.
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
/// It looks at what it is given and keeps nothing, so it is best written where it is used. Attributes that are invalid
/// make the evaluation invalid, "control"; invalid properties are logged and left out.
class Options {
public:
    Options() noexcept = default;
    Options(std::initializer_list<Attribute> attributes) noexcept { take(attributes_, attributes); }
    Options(const Attributes &attributes) noexcept { take(attributes_, attributes); }

    // Of temporaries only: what is written in braces ends with the statement, and so should what looks at it.
    Options &&attributes(std::initializer_list<Attribute> list) &&noexcept { return take(attributes_, list); }
    Options &&attributes(const Attributes &set) &&noexcept { return take(attributes_, set); }
    /// A JSON object.
    Options &&attributes_json(Text json) &&noexcept { return take(attributes_, json); }
    /// Of the impression.
    Options &&properties(std::initializer_list<Attribute> list) &&noexcept { return take(properties_, list); }
    Options &&properties(const Properties &set) &&noexcept { return take(properties_, set); }
    Options &&properties_json(Text json) &&noexcept { return take(properties_, json); }

private:
    friend class Factory;

    bool empty() const noexcept { return attributes_.empty() && properties_.empty(); }
    /// The one thing that is given, if it is that: a set of attributes.
    const split_attributes *only_attributes() const noexcept { return properties_.empty() ? attributes_.set : nullptr; }
    Options &&take(detail::Fields &fields, std::initializer_list<Attribute> list) noexcept {
        fields = {nullptr, list.begin(), list.size(), {}};
        return std::move(*this);
    }
    Options &&take(detail::Fields &fields, const Attributes &set) noexcept {
        fields = {set.c_ptr(), nullptr, 0, {}};
        return std::move(*this);
    }
    Options &&take(detail::Fields &fields, Text json) noexcept {
        fields = {nullptr, nullptr, 0, json};
        return std::move(*this);
    }

    detail::Fields attributes_;
    detail::Fields properties_;
};

/// Several names, of flags or of flag sets: in braces, or a collection of text.
class Names {
public:
    Names(std::initializer_list<Text> names) { add_all(names); }
    template <class Range, std::enable_if_t<detail::is_range_of_text<Range>::value, int> = 0>
    Names(const Range &names) {
        add_all(names);
    }
    Names(const Names &) = delete;
    Names &operator=(const Names &) = delete;

    const char *const *data() const noexcept { return many_.empty() ? few_.data() : many_.data(); }
    std::size_t size() const noexcept { return size_; }

private:
    template <class Range> void add_all(const Range &names) {
        for (auto &&name : names) {
            const Text text = name;
            // A string that the range makes as it goes, or a view without an end, has to be copied.
            constexpr bool stays = std::is_lvalue_reference_v<decltype(*std::begin(names))> ||
                                   std::is_pointer_v<std::decay_t<decltype(name)>>;
            const bool whole = text.is_c_string() || (text.terminated() && text.view().find('\0') == text.view().npos);
            add(stays && whole ? text.data() : copy(text));
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

} // namespace splitio

#endif // SPLITIO_ATTRIBUTES_HPP
