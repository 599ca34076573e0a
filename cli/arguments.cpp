// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>

namespace {

struct Command {
    const char *name;
    const char *takes;
    const char *summary;
    /// Which groups of options it has.
    unsigned groups;
};

/// `alone`: of no command.
enum Group : unsigned { alone = 0, question = 1, sets = 2, recording = 4, source = 8, file_only = 16, output = 32 };

constexpr Command commands[] = {
    {"evaluate", "FLAG... --key KEY", "what flags serve to a key", question | sets | recording | source | output},
    {"explain", "FLAG --key KEY", "why a flag serves that: each rule that was tried, what it saw, what it answered",
     question | source | output},
    {"flags", "[--set SET]", "which flags there are", sets | source | output},
    {"watch", "", "changes of flags and segments, as they arrive, until it is interrupted", source | output},
    {"check", "FILE", "whether a localhost file loads, and which flags are in it", file_only | output},
};

struct Option {
    const char *name;
    /// What its value is called; NULL for none.
    const char *value;
    const char *help;
    unsigned groups;
    std::function<void(Arguments &, const std::string &)> take;
};

double seconds(const std::string &text) {
    double number = 0;
    const char *end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || at != end || !std::isfinite(number) || number < 0) {
        throw Failure{exit_usage, "--timeout: " + text + " is not a number of seconds"};
    }
    return number;
}

const std::vector<Option> &options() {
    using A = Arguments;
    using S = const std::string &;
    static const std::vector<Option> all{
        {"--key", "KEY", "who the treatment is for", question, [](A &a, S v) { a.key = v; }},
        {"--bucketing-key", "KEY", "what decides the bucket; otherwise the key does", question,
         [](A &a, S v) { a.bucketing_key = v; }},
        {"--attributes", "JSON", "attributes of the key, a JSON object; @FILE or @- reads it", question,
         [](A &a, S v) { a.attributes = v.rfind('@', 0) == 0 ? contents(v.substr(1)) : v; }},
        {"--set", "SET", "the flags of a flag set; may be repeated", sets, [](A &a, S v) { a.sets.push_back(v); }},
        {"--record", nullptr, "send impressions to Split, as a program's evaluations do; otherwise none are made",
         recording, [](A &a, S) { a.record = true; }},
        {"--file", "FILE", "read flags from a file of localhost mode (.json, .yaml, .split)", source,
         [](A &a, S v) { a.file = v; }},
        {"--segments", "DIR", "directory of the segments, with a JSON file", source | file_only,
         [](A &a, S v) { a.segments = v; }},
        {"--redis", "HOST[:PORT]", "read flags from Redis; a path is one of a Unix socket", source,
         [](A &a, S v) { a.redis = v; }},
        {"--sdk-key-file", "FILE", "file with the SDK key; otherwise it is in the environment, as SPLIT_SDK_KEY",
         source, [](A &a, S v) { a.sdk_key_file = v; }},
        {"--config", "FILE", "JSON file with options of the SDK, such as URLs or the password of Redis", source,
         [](A &a, S v) { a.config = v; }},
        {"--timeout", "SECONDS", "how long to wait for the definitions (10)", source | file_only,
         [](A &a, S v) { a.timeout_seconds = seconds(v); }},
        {"--log-level", "LEVEL", "none, error, warning, info or debug, on standard error (warning)", source,
         [](A &a, S v) { a.log_level = v; }},
        {"--json", nullptr, "a JSON object on each line, as when the output is no terminal", output,
         [](A &a, S) { a.json = true; }},
        {"--text", nullptr, "text for people, also when the output is no terminal", output,
         [](A &a, S) { a.text = true; }},
        {"--help", nullptr, "show this", ~0u, [](A &a, S) { a.help = true; }},
        {"--version", nullptr, "show the versions of the program and of the library", alone,
         [](A &a, S) { a.version = true; }},
    };
    return all;
}

const Command *command_named(const std::string &name) {
    const auto found =
        std::find_if(std::begin(commands), std::end(commands), [&](const Command &c) { return c.name == name; });
    return found != std::end(commands) ? found : nullptr;
}

/// The option of this name. Those of other commands, and those that look like secrets, are refused with a hint.
const Option &option_named(const std::string &name, const Command *command) {
    for (const Option &option : options()) {
        if (name != option.name && !(name == "-h" && option.name == std::string{"--help"})) continue;
        if (command != nullptr && (option.groups & command->groups) == 0) {
            throw Failure{exit_usage, std::string{command->name} + " has no option " + name};
        }
        return option;
    }
    if (name == "--sdk-key" || name == "--api-key") {
        throw Failure{exit_usage, "the SDK key is never an argument, which others on the machine can see: put it into "
                                  "the environment as SPLIT_SDK_KEY, or into a file for --sdk-key-file"};
    }
    throw Failure{exit_usage, "there is no option " + name};
}

void check(const Arguments &arguments, const Command &command) {
    const auto refuse = [](const std::string &words) { throw Failure{exit_usage, words}; };
    const std::string name = command.name;
    if ((command.groups & question) != 0 && !arguments.key) refuse(name + " needs --key");
    if (arguments.json && arguments.text) refuse("--json and --text exclude each other");
    if (name == "evaluate" && arguments.names.empty() && arguments.sets.empty()) {
        refuse("evaluate needs the name of a flag, or --set");
    }
    if (name == "explain" && arguments.names.size() != 1) refuse("explain needs the name of one flag");
    if (name == "check" && arguments.names.size() != 1) refuse("check needs one file");
    if ((name == "flags" || name == "watch") && !arguments.names.empty()) {
        refuse(name + " takes no names: " + arguments.names.front());
    }
    if (arguments.file && (arguments.redis || arguments.sdk_key_file)) {
        refuse("--file excludes --redis and --sdk-key-file");
    }
    if (arguments.segments && !arguments.file && name != "check") refuse("--segments goes with --file");
}

std::string described(const std::string &head, const std::string &text) {
    std::string line = "  " + head;
    line.resize(std::max<std::size_t>(line.size() + 2, 28), ' ');
    return line + text + "\n";
}

} // namespace

Arguments Arguments::parse(const std::vector<std::string> &given) {
    Arguments arguments;
    const Command *command = nullptr;
    bool names_only = false;
    for (std::size_t i = 0; i < given.size(); ++i) {
        const std::string &word = given[i];
        if (word == "--" && !names_only) {
            names_only = true;
        } else if (!names_only && word.size() > 1 && word[0] == '-') {
            const std::size_t equals = word.find('=');
            const Option &option = option_named(word.substr(0, equals), command);
            const std::string name = option.name;
            if (option.value == nullptr) {
                if (equals != std::string::npos) throw Failure{exit_usage, name + " takes no value"};
                option.take(arguments, {});
            } else if (equals != std::string::npos) {
                option.take(arguments, word.substr(equals + 1));
            } else if (++i < given.size()) {
                option.take(arguments, given[i]);
            } else {
                throw Failure{exit_usage, name + " needs a value: " + option.value};
            }
        } else if (command == nullptr) {
            // "splitio help watch" is "splitio watch --help".
            if (word == "help") {
                arguments.help = true;
                continue;
            }
            command = command_named(word);
            if (command == nullptr) throw Failure{exit_usage, "there is no command " + word};
            arguments.command = word;
        } else {
            arguments.names.push_back(word);
        }
    }
    if (arguments.help || arguments.version) return arguments;
    if (command == nullptr) throw Failure{exit_usage, "a command is missing"};
    check(arguments, *command);
    return arguments;
}

std::string usage(const std::string &name) {
    std::string text;
    const Command *command = command_named(name);
    if (command == nullptr) {
        text = "usage: splitio COMMAND [OPTION...]\n\nFeature flags of Split (Harness FME), from the command line.\n\n";
        for (const Command &each : commands) text += described(each.name, each.summary);
        return text + "\n\"splitio COMMAND --help\" has the options of a command, docs/cli.md and splitio(1) all of it;"
                      "\n\"splitio --version\" the versions.\n";
    }
    text = "usage: splitio " + name + " " + command->takes + (*command->takes != '\0' ? " " : "") +
           "[OPTION...]\n\nShows " + command->summary + ".\n\n";
    for (const Option &option : options()) {
        if ((option.groups & command->groups) == 0) continue;
        text += described(std::string{option.name} + (option.value != nullptr ? std::string{" "} + option.value : ""),
                          option.help);
    }
    return text + "\nExit status: 0, or 1 for a bad answer, 2 for wrong usage, 3 where definitions cannot be had.\n";
}

std::string contents(const std::string &path) {
    std::ostringstream text;
    if (path == "-") {
        text << std::cin.rdbuf();
        return text.str();
    }
    errno = 0;
    std::ifstream file{path, std::ios::binary};
    text << file.rdbuf();
    // An empty file sets the failbit of `text`, which is none.
    if (!file.is_open() || file.bad() || (file.peek() != EOF && text.fail())) {
        throw Failure{exit_usage, path + ": " + std::strerror(errno != 0 ? errno : EIO)};
    }
    return text.str();
}
