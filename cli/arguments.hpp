/*
 * What the program was called with.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_ARGUMENTS_HPP
#define CLI_ARGUMENTS_HPP

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

/// What the program ends with. Documented in docs/cli.md.
enum Exit : int {
    exit_good = 0,
    /// The answer is a bad one: a flag that was not evaluated, a file with mistakes in it.
    exit_bad = 1,
    /// The program was called in a way that cannot work.
    exit_usage = 2,
    /// The definitions cannot be had.
    exit_unavailable = 3,
};

/// Why the program cannot do what it was asked for.
class Failure : public std::runtime_error {
public:
    Failure(Exit status, const std::string &words) : std::runtime_error(words), status_(status) {}
    Exit status() const noexcept { return status_; }

private:
    Exit status_;
};

struct Arguments {
    std::string command;
    /// What follows the command: flags, or a file.
    std::vector<std::string> names;

    std::optional<std::string> key;
    std::optional<std::string> bucketing_key;
    /// JSON.
    std::optional<std::string> attributes;
    std::vector<std::string> sets;
    bool record = false;

    std::optional<std::string> file;
    std::optional<std::string> segments;
    std::optional<std::string> redis;
    std::optional<std::string> sdk_key_file;
    std::optional<std::string> config;
    std::optional<std::string> log_level;
    double timeout_seconds = 10;

    bool json = false;
    bool text = false;
    bool help = false;
    bool version = false;

    /// Throws a Failure for what makes no sense.
    static Arguments parse(const std::vector<std::string> &given);
};

/// How the program is used: all commands, or one.
std::string usage(const std::string &command);

/// All of a file; "-" is the standard input. Throws a Failure where that cannot be read.
std::string contents(const std::string &path);

#endif // CLI_ARGUMENTS_HPP
