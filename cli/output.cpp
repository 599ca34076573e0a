// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

Output::Output(bool json, bool text) {
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    const char *no_color = std::getenv("NO_COLOR"), *kind = std::getenv("TERM");
    json_ = json || (!text && !terminal);
    colours_ = terminal && !json_ && (no_color == nullptr || *no_color == '\0') &&
               !(kind != nullptr && std::string_view{kind} == "dumb");
}

std::string Output::in(Colour colour, std::string_view text) const {
    static constexpr const char *codes[] = {"", "1", "2", "32", "31", "33"};
    const std::string shown = harmless(text);
    if (!colours_ || colour == Colour::plain) return shown;
    return std::string{"\x1b["} + codes[static_cast<int>(colour)] + "m" + shown + "\x1b[0m";
}

bool Output::line(const std::string &text) const {
    return static_cast<bool>(std::cout << text << std::endl);
}

namespace {

/// How many bytes the character at the head of a UTF-8 text takes, if a terminal obeys it: a control character, also of
/// those above ASCII, or one that turns the direction of what follows. 0 for all others.
std::size_t obeyed(std::string_view text) {
    const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
    if (byte(0) < ' ' || byte(0) == 0x7f) return 1;
    if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) <= 0x9f) return 2;
    const bool embeds = byte(1) == 0x80 && byte(2) >= 0xaa && byte(2) <= 0xae;
    const bool isolates = byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
    return byte(0) == 0xe2 && (embeds || isolates) ? 3 : 0;
}

} // namespace

std::string harmless(std::string_view text) {
    std::string shown;
    while (!text.empty()) {
        const std::size_t length = obeyed(text);
        shown += length > 0 ? '?' : text.front();
        text.remove_prefix(length > 0 ? length : 1);
    }
    return shown;
}
