// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"
#include "json.hpp"
#include "question.hpp"
#include "session.hpp"

namespace {

/// One answer, from wherever it comes.
struct Answer {
    std::string flag, treatment, config, label, change_number;
    bool has_config = false, has_label = false;
    std::string status;
};

/// What an evaluation would answer, without its impression.
Answer unrecorded(const splitio::Factory &factory, const Arguments &arguments, const std::string &flag) {
    const splitio::Json json = factory.explain(key_of(arguments), flag, options_of(arguments));
    const Value account = Value::parse(json.view());
    Answer answer;
    answer.flag = flag;
    answer.treatment = account["treatment"].text();
    answer.has_config = !account["config"].is_null();
    answer.config = account["config"].text();
    answer.has_label = !account["label"].is_null();
    answer.label = account["label"].text();
    answer.change_number = account["change_number"].text();
    answer.status = account["status"].text();
    return answer;
}

/// An evaluation's error, by the words of an account (docs/explain.md).
const char *status_of(const std::error_code &error) {
    if (!error) return "evaluated";
    if (error == splitio::Errc::unknown_flag) return "unknown_flag";
    if (error == splitio::Errc::not_ready) return "not_ready";
    if (error == splitio::Errc::invalid_argument) return "invalid";
    if (error == splitio::Errc::storage) return "storage_failed";
    return "failed";
}

Answer recorded(const splitio::Factory &factory, const Arguments &arguments, const std::string &flag) {
    const splitio::Result result = factory.treatment_with_config(key_of(arguments), flag, options_of(arguments));
    Answer answer;
    answer.flag = flag;
    answer.treatment = result.treatment();
    if (const auto config = result.config()) answer.config = *config, answer.has_config = true;
    answer.label = result.label(), answer.has_label = !answer.label.empty();
    answer.change_number = std::to_string(result.change_number());
    answer.status = status_of(result.error());
    return answer;
}

std::string as_json(const Answer &answer) {
    return "{\"flag\":" + quoted(answer.flag) + ",\"treatment\":" + quoted(answer.treatment) +
           ",\"config\":" + (answer.has_config ? quoted(answer.config) : "null") +
           ",\"label\":" + (answer.has_label ? quoted(answer.label) : "null") +
           ",\"change_number\":" + answer.change_number + ",\"status\":" + quoted(answer.status) + "}";
}

std::string as_text(const Answer &answer, const Output &output) {
    const bool good = answer.status == "evaluated";
    std::string line =
        output.in(Colour::bold, answer.flag) + "  " + output.in(good ? Colour::green : Colour::red, answer.treatment);
    if (answer.has_label) line += "  " + output.in(Colour::dim, "(" + answer.label + ")");
    if (!good) line += "  " + output.in(Colour::red, answer.status);
    if (answer.has_config) line += "\n  config: " + harmless(answer.config);
    return line;
}

} // namespace

Exit evaluate(const Arguments &arguments, const Output &output) {
    splitio::Factory factory = connected(arguments);
    std::vector<std::string> flags = arguments.names;
    if (!arguments.sets.empty()) {
        for (const Value &flag : flags_of(factory, arguments.sets)) flags.push_back(flag["name"].text());
    }
    if (flags.empty()) throw Failure{exit_bad, "no flag is in these sets"};
    Exit status = exit_good;
    for (const std::string &flag : flags) {
        const Answer answer = (arguments.record ? recorded : unrecorded)(factory, arguments, flag);
        output.line(output.json() ? as_json(answer) : as_text(answer, output));
        if (answer.status != "evaluated") status = exit_bad;
    }
    // Impressions that were asked for are to arrive.
    if (arguments.record) factory.destroy();
    return status;
}
