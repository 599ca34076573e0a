/*
 * JSON as the library writes it, for commands that show parts of it. Numbers stay the text that they are.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_JSON_HPP
#define CLI_JSON_HPP

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A value. Asking for what is not there gives a null.
class Value {
public:
    enum class Kind { null, boolean, number, string, array, object };

    /// Throws std::invalid_argument where the text is no JSON.
    static Value parse(std::string_view text);

    Kind kind() const noexcept { return kind_; }
    bool is_null() const noexcept { return kind_ == Kind::null; }
    bool is_true() const noexcept { return kind_ == Kind::boolean && text_ == "true"; }
    /// The characters of a string, or what a number or boolean is written as; empty for others.
    const std::string &text() const noexcept { return text_; }
    /// The elements of an array.
    const std::vector<Value> &items() const &noexcept { return items_; }
    const std::vector<Value> &items() const && = delete; // it would end before they are read
    const Value &operator[](std::string_view name) const noexcept;
    /// On one line, as JSON.
    std::string json() const;

private:
    friend class Reader;

    Kind kind_ = Kind::null;
    std::string text_;
    std::vector<Value> items_;
    std::vector<std::pair<std::string, Value>> members_;
};

/// A string as JSON: in quotes.
std::string quoted(std::string_view text);

/// The same for what may not be there.
inline std::string quoted_or_null(std::string_view text) {
    return text.data() == nullptr ? "null" : quoted(text);
}

#endif // CLI_JSON_HPP
