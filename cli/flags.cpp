// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "commands.hpp"
#include "session.hpp"

namespace {

std::string joined(const splitio::TextViews &texts) {
    std::string all;
    for (const std::string_view text : texts) all += (all.empty() ? "" : ", ") + harmless(text);
    return all;
}

} // namespace

Exit list_flags(const Arguments &arguments, const Output &output) {
    const splitio::Factory factory = connected(arguments);
    const splitio::Flags flags = factory.flags();
    std::size_t width = 0;
    for (const splitio::FlagView flag : flags) width = std::max(width, flag.name().size());
    for (const splitio::FlagView flag : flags) {
        if (!arguments.sets.empty() && !is_in_any(flag, arguments.sets)) continue;
        if (output.json()) {
            const splitio::Json json = factory.flag_json(flag.name());
            output.line(std::string{json.view()});
            continue;
        }
        std::string line = output.in(Colour::bold, flag.name()) + std::string(width - flag.name().size() + 2, ' ');
        line += flag.killed() ? output.in(Colour::red, "killed, " + std::string{flag.default_treatment()})
                              : output.in(Colour::green, joined(flag.treatments()));
        if (flag.sets().size() > 0) line += "  sets: " + joined(flag.sets());
        output.line(line + output.in(Colour::dim, "  change " + std::to_string(flag.change_number())));
    }
    return exit_good;
}
