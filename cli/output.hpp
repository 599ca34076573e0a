/*
 * How things are shown: text for people, with colours where there is a terminal, or JSON for programs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_OUTPUT_HPP
#define CLI_OUTPUT_HPP

#include <string>
#include <string_view>

enum class Colour { plain, bold, dim, green, red, yellow };

class Output {
public:
    /// JSON where that is asked for, or where standard output is no terminal and text is not asked for.
    Output(bool json, bool text);

    bool json() const noexcept { return json_; }
    /// The text in a colour, if there are colours. Characters that a terminal would obey are shown as what they are.
    std::string in(Colour colour, std::string_view text) const;
    /// Writes a line at once: whoever reads a pipe need not wait. False once nobody reads any more.
    bool line(const std::string &text) const;

private:
    bool json_;
    bool colours_;
};

/// Text without characters that a terminal would obey.
std::string harmless(std::string_view text);

#endif // CLI_OUTPUT_HPP
