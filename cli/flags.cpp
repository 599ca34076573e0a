// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "commands.hpp"
#include "session.hpp"

namespace {

std::string joined(const std::vector<Value> &texts) {
    std::string all;
    for (const Value &text : texts) all += (all.empty() ? "" : ", ") + harmless(text.text());
    return all;
}

} // namespace

Exit list_flags(const Arguments &arguments, const Output &output) {
    const splitio::Factory factory = connected(arguments);
    const std::vector<Value> flags = flags_of(factory, arguments.sets);
    std::size_t width = 0;
    for (const Value &flag : flags) width = std::max(width, flag["name"].text().size());
    for (const Value &flag : flags) {
        if (output.json()) {
            output.line(flag.json());
            continue;
        }
        const std::string &name = flag["name"].text();
        std::string line = output.in(Colour::bold, name) + std::string(width - name.size() + 2, ' ');
        line += flag["killed"].is_true() ? output.in(Colour::red, "killed, " + flag["default_treatment"].text())
                                         : output.in(Colour::green, joined(flag["treatments"].items()));
        if (!flag["sets"].items().empty()) line += "  sets: " + joined(flag["sets"].items());
        output.line(line + output.in(Colour::dim, "  change " + flag["change_number"].text()));
    }
    return exit_good;
}
