// SPDX-License-Identifier: Apache-2.0
#include "json.hpp"

#include <cctype>
#include <cstdio>
#include <stdexcept>

namespace {

void append_utf8(std::string &out, unsigned code) {
    const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0 | (code >> 6));
        tail(0);
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0 | (code >> 12));
        tail(6), tail(0);
    } else {
        out += static_cast<char>(0xf0 | (code >> 18));
        tail(12), tail(6), tail(0);
    }
}

} // namespace

class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    Value whole() {
        Value value = read(0);
        skip_space();
        if (!rest_.empty()) fail();
        return value;
    }

private:
    // The library nests less; a file that a user wrote may try.
    static constexpr int deepest = 200;

    [[noreturn]] static void fail() { throw std::invalid_argument("not JSON"); }

    void skip_space() {
        const std::size_t end = rest_.find_first_not_of(" \t\r\n");
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
    }
    char take() {
        if (rest_.empty()) fail();
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }
    bool takes(char wanted) {
        skip_space();
        if (rest_.empty() || rest_.front() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool takes_word(std::string_view word) {
        if (rest_.substr(0, word.size()) != word) return false;
        rest_.remove_prefix(word.size());
        return true;
    }

    Value read(int depth) {
        if (depth > deepest) fail();
        Value value;
        if (takes('{')) {
            value.kind_ = Value::Kind::object;
            if (takes('}')) return value;
            do {
                skip_space();
                std::string name = string();
                if (!takes(':')) fail();
                value.members_.emplace_back(std::move(name), read(depth + 1));
            } while (takes(','));
            if (!takes('}')) fail();
        } else if (takes('[')) {
            value.kind_ = Value::Kind::array;
            if (takes(']')) return value;
            do value.items_.push_back(read(depth + 1));
            while (takes(','));
            if (!takes(']')) fail();
        } else if (!rest_.empty() && rest_.front() == '"') {
            value.kind_ = Value::Kind::string;
            value.text_ = string();
        } else if (takes_word("null")) {
        } else if (takes_word("true")) {
            value.kind_ = Value::Kind::boolean;
            value.text_ = "true";
        } else if (takes_word("false")) {
            value.kind_ = Value::Kind::boolean;
            value.text_ = "false";
        } else {
            const std::size_t end = rest_.find_first_not_of("+-.0123456789Ee");
            value.kind_ = Value::Kind::number;
            value.text_ = rest_.substr(0, end);
            if (value.text_.empty()) fail();
            rest_.remove_prefix(value.text_.size());
        }
        return value;
    }

    std::string string() {
        std::string text;
        if (take() != '"') fail();
        for (char c = take(); c != '"'; c = take()) {
            if (c != '\\') {
                text += c;
                continue;
            }
            static constexpr std::string_view letters = "bfnrt", meant = "\b\f\n\r\t";
            const char escaped = take();
            if (escaped == 'u') {
                append_utf8(text, code());
            } else if (const std::size_t at = letters.find(escaped); at != std::string_view::npos) {
                text += meant[at];
            } else {
                text += escaped;
            }
        }
        return text;
    }
    /// A character after \u, which may be written as two surrogates.
    unsigned code() {
        const unsigned first = four_digits();
        if (first < 0xd800 || first >= 0xdc00 || !takes_word("\\u")) return first;
        return 0x10000 + ((first - 0xd800) << 10) + ((four_digits() - 0xdc00) & 0x3ff);
    }
    unsigned four_digits() {
        static constexpr std::string_view digits = "0123456789abcdef";
        unsigned code = 0;
        for (int i = 0; i < 4; ++i) {
            const std::size_t digit = digits.find(static_cast<char>(std::tolower(take())));
            if (digit == std::string_view::npos) fail();
            code = code << 4 | static_cast<unsigned>(digit);
        }
        return code;
    }

    std::string_view rest_;
};

Value Value::parse(std::string_view text) {
    return Reader{text}.whole();
}

const Value &Value::operator[](std::string_view name) const noexcept {
    static const Value none;
    for (const auto &[member, value] : members_) {
        if (member == name) return value;
    }
    return none;
}

std::string Value::json() const {
    std::string out;
    switch (kind_) {
    case Kind::null:
        return "null";
    case Kind::boolean:
    case Kind::number:
        return text_;
    case Kind::string:
        return quoted(text_);
    case Kind::array:
        for (const Value &item : items_) out += (out.empty() ? "" : ",") + item.json();
        return "[" + out + "]";
    case Kind::object:
        for (const auto &[name, value] : members_) out += (out.empty() ? "" : ",") + quoted(name) + ":" + value.json();
        return "{" + out + "}";
    }
    return out;
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += {'\\', c};
        } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) { // also what a terminal would obey
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
            out += escape;
        } else {
            out += c;
        }
    }
    return out + "\"";
}
