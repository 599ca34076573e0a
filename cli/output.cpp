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

std::string harmless(std::string_view text) {
    std::string shown;
    for (const char c : text) shown += static_cast<unsigned char>(c) < ' ' || c == 0x7f ? '?' : c;
    return shown;
}
