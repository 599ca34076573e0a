/*
 * splitio: flags from the command line. A program of libsplitio's public interface, and nothing else.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <exception>
#include <iostream>

#include <splitio.hpp>

#include "commands.hpp"

namespace {

Exit run(const std::vector<std::string> &given) {
    const Arguments arguments = Arguments::parse(given);
    if (arguments.help) {
        std::cout << usage(arguments.command);
        return exit_good;
    }
    if (arguments.version) {
        std::cout << "splitio " SPLIT_VERSION ", with libsplitio " << splitio::version() << '\n';
        return exit_good;
    }
    const Output output{arguments.json, arguments.text};
    if (arguments.command == "evaluate") return evaluate(arguments, output);
    if (arguments.command == "explain") return explain(arguments, output);
    if (arguments.command == "flags") return list_flags(arguments, output);
    if (arguments.command == "watch") return watch(arguments, output);
    return check_file(arguments, output);
}

} // namespace

int main(int count, char **words) {
    try {
        return run({words + 1, words + count});
    } catch (const Failure &failure) {
        std::cerr << "splitio: " << failure.what() << '\n';
        if (failure.status() == exit_usage) std::cerr << "\"splitio --help\" shows how it is used\n";
        return failure.status();
    } catch (const std::exception &exception) {
        std::cerr << "splitio: " << exception.what() << '\n';
        return exit_unavailable;
    }
}
