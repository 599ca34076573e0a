// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <mutex>

#include "commands.hpp"
#include "json.hpp"
#include "session.hpp"

namespace {

/// What the library complains about, from whatever thread.
class Complaints {
public:
    struct Line {
        bool is_error;
        std::string message;
    };

    void add(const splitio::LogRecord &record) {
        const std::lock_guard<std::mutex> guard{lock_};
        lines_.push_back({record.level == splitio::LogLevel::error, std::string{record.message}});
    }
    std::vector<Line> lines() const {
        const std::lock_guard<std::mutex> guard{lock_};
        return lines_;
    }
    bool has_error() const {
        const std::vector<Line> all = lines();
        return std::any_of(all.begin(), all.end(), [](const Line &line) { return line.is_error; });
    }

private:
    mutable std::mutex lock_;
    std::vector<Line> lines_;
};

/// Waits until the file is loaded, or is complained about: JSON is loaded in the background, and again and again.
bool loads(const splitio::Factory &factory, const Complaints &complaints, double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::duration<double>{seconds};
    std::error_code error;
    do factory.block_until_ready(std::chrono::milliseconds{50}, error);
    while (error == splitio::Errc::timeout && !complaints.has_error() && Clock::now() < until);
    return !error;
}

} // namespace

Exit check_file(const Arguments &arguments, const Output &output) {
    const std::string &file = arguments.names.front();
    Complaints complaints;
    std::string refused;
    std::vector<std::string> names;
    bool loaded = false;
    try {
        splitio::Config config;
        config.set("splitFile", file);
        if (arguments.segments) config.set("segmentDirectory", *arguments.segments);
        config.logger(splitio::LogLevel::warning, [&](const splitio::LogRecord &record) { complaints.add(record); });
        splitio::Factory factory{"localhost", config};
        loaded = loads(factory, complaints, arguments.timeout_seconds);
        for (const std::string_view name : factory.flag_names()) names.emplace_back(name);
    } catch (const splitio::Error &error) {
        refused = error.what();
    }
    const std::vector<Complaints::Line> lines = complaints.lines();
    const bool good = loaded && !complaints.has_error();
    if (!loaded && refused.empty() && !complaints.has_error())
        refused = "not loaded within the time given by --timeout";

    if (output.json()) {
        std::string flags, problems;
        for (const std::string &name : names) flags += (flags.empty() ? "" : ",") + quoted(name);
        const auto add = [&](const char *level, const std::string &message) {
            problems += problems.empty() ? "" : ",";
            problems += std::string{"{\"level\":\""} + level + "\",\"message\":" + quoted(message) + "}";
        };
        if (!refused.empty()) add("error", refused);
        for (const Complaints::Line &line : lines) add(line.is_error ? "error" : "warning", line.message);
        output.line("{\"file\":" + quoted(file) + ",\"good\":" + (good ? "true" : "false") + ",\"flags\":[" + flags +
                    "],\"problems\":[" + problems + "]}");
        return good ? exit_good : exit_bad;
    }
    if (!refused.empty()) output.line(output.in(Colour::red, "error") + "    " + harmless(refused));
    for (const Complaints::Line &line : lines) {
        output.line(
            (line.is_error ? output.in(Colour::red, "error") + "    " : output.in(Colour::yellow, "warning") + "  ") +
            harmless(line.message));
    }
    for (const std::string &name : names) output.line(harmless(name));
    output.line(good ? output.in(Colour::green, file + ": good, " + std::to_string(names.size()) + " flags")
                     : output.in(Colour::red, file + ": has mistakes"));
    return good ? exit_good : exit_bad;
}
