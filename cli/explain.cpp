// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "commands.hpp"
#include "json.hpp"
#include "question.hpp"
#include "session.hpp"

namespace {

/// An account as an indented list: what was tried, and what came of it.
class Telling {
public:
    explicit Telling(const Output &output) : output_(output) {}

    void whole(const Value &account) {
        const std::string &status = account["status"].text();
        std::string head =
            output_.in(Colour::bold, account["flag"].text()) + " serves " +
            output_.in(status == "evaluated" ? Colour::green : Colour::red, account["treatment"].text()) + " to " +
            output_.in(Colour::bold, account["key"].text());
        if (!account["bucketing_key"].is_null())
            head += " (bucketing key " + harmless(account["bucketing_key"].text()) + ")";
        say(0, head);
        detail("status", status == "evaluated" ? Value{} : account["status"]);
        detail("label", account["label"]);
        detail("config", account["config"]);
        detail("change", account["change_number"]);
        if (account["fallback"].is_true()) say(1, "a fallback treatment takes the place of control");
        if (!account["evaluation"].is_null()) step(account["evaluation"], 1);
        if (account["truncated"].is_true()) say(1, "steps are left out, as there are too many of them");
    }

private:
    void say(int depth, const std::string &line) const {
        output_.line(std::string(static_cast<std::size_t>(depth) * 2, ' ') + line);
    }
    void detail(const char *name, const Value &value) const {
        if (!value.is_null()) say(1, std::string{name} + ": " + harmless(value.text()));
    }

    std::string verdict(const Value &step) const {
        const Value &result = step["result"];
        if (result.is_null()) return output_.in(Colour::red, "???") + "  ";
        return result.is_true() ? output_.in(Colour::green, "yes") + "  " : output_.in(Colour::yellow, "no ") + "  ";
    }

    void step(const Value &step, int depth) const {
        using Tell = std::string (Telling::*)(const Value &) const;
        static const std::map<std::string, Tell> tellings{
            {"flag", &Telling::flag},
            {"prerequisite", &Telling::dependency},
            {"dependency", &Telling::dependency},
            {"traffic_allocation", &Telling::allocation},
            {"condition", &Telling::condition},
            {"partition", &Telling::partition},
            {"matcher", &Telling::matcher},
            {"segment", &Telling::segment},
            {"rule_based_segment", &Telling::rule_based_segment},
            {"excluded_keys", &Telling::excluded_keys},
            {"exclusion", &Telling::exclusion},
        };
        const auto known = tellings.find(step["step"].text());
        // A later library may take steps that this program does not know.
        say(depth, known != tellings.end() ? (this->*known->second)(step) : harmless(step.json()));
        for (const Value &within : step["steps"].items()) this->step(within, depth + 1);
    }

    std::string flag(const Value &step) const {
        const std::string name = "flag " + output_.in(Colour::bold, step["flag"].text());
        if (step["treatment"].is_null()) return name + " could not be evaluated";
        static const std::map<std::string, const char *> reasons{
            {"killed", "it is killed"},
            {"prerequisite", "a prerequisite does not hold"},
            {"traffic_allocation", "the key is outside the traffic allocation"},
            {"condition", "a condition matched"},
            {"default_rule", "no condition matched"},
        };
        const auto reason = reasons.find(step["decided_by"].text());
        return name + " serves " + output_.in(Colour::green, step["treatment"].text()) + ": " +
               (reason != reasons.end() ? reason->second : harmless(step["decided_by"].text()));
    }
    std::string dependency(const Value &step) const {
        std::string wanted;
        for (const Value &treatment : step["treatments"].items())
            wanted += (wanted.empty() ? "" : " or ") + harmless(treatment.text());
        const bool is_prerequisite = step["step"].text() == "prerequisite";
        return verdict(step) + (is_prerequisite ? "prerequisite: " : "") + "flag " + harmless(step["flag"].text()) +
               " serves " + (step["served"].is_null() ? "nothing" : harmless(step["served"].text())) + ", wanted " +
               (wanted.empty() ? "nothing" : wanted);
    }
    std::string allocation(const Value &step) const {
        return verdict(step) + "traffic allocation " + step["percentage"].text() + " %: " + bucket(step);
    }
    std::string condition(const Value &step) const {
        std::string line = verdict(step) + "condition";
        if (!step["label"].is_null()) line += " \"" + harmless(step["label"].text()) + "\"";
        line += " (" + harmless(step["type"].text()) + ")";
        return line + (step["usable"].is_true() ? "" : ", which was not understood");
    }
    std::string partition(const Value &step) const {
        std::string line = bucket(step) + ": ";
        if (step["from"].is_null()) return line + "beyond all partitions";
        return line + step["from"].text() + " to " + step["to"].text() + " get " +
               output_.in(Colour::green, step["treatment"].text());
    }
    std::string matcher(const Value &step) const {
        std::string line = verdict(step) + (step["negate"].is_true() ? "not " : "") + harmless(step["type"].text());
        if (!step["usable"].is_true()) line += " (its definition is incomplete)";
        if (step["type"].text() == "ALL_KEYS") return line;
        line += ": " + (step["attribute"].is_null() ? "the key" : "attribute " + harmless(step["attribute"].text()));
        line += !step["value_bytes"].is_null() ? " has " + step["value_bytes"].text() + " bytes"
                : step["value"].is_null()      ? " is absent"
                                               : " is " + harmless(step["value"].json());
        return step["expected"].is_null() ? line : line + ", wanted " + harmless(wanted(step["expected"]));
    }
    std::string segment(const Value &step) const {
        return verdict(step) + "segment " + harmless(step["segment"].text()) +
               (step["loaded"].is_true() ? "" : ", which is not loaded");
    }
    std::string rule_based_segment(const Value &step) const {
        return verdict(step) + "rule-based segment " + harmless(step["segment"].text()) +
               (step["known"].is_true() ? "" : ", which does not exist");
    }
    std::string excluded_keys(const Value &step) const {
        return verdict(step) + "among " + step["count"].text() + " excluded keys";
    }
    std::string exclusion(const Value &step) const { return verdict(step) + "excluded by"; }

    static std::string bucket(const Value &step) {
        return "bucket " + step["bucket"].text() + " (" + harmless(step["algorithm"].text()) + ", seed " +
               step["seed"].text() + ")";
    }
    static std::string wanted(const Value &expected) {
        if (!expected["segment"].is_null()) return "segment " + expected["segment"].json();
        if (!expected["pattern"].is_null()) return "a match of " + expected["pattern"].json();
        if (!expected["equal_to"].is_null()) return expected["equal_to"].text();
        if (!expected["flag"].is_null())
            return "flag " + expected["flag"].json() + " to serve one of " + expected["treatments"].json();
        if (!expected["count"].is_null()) {
            const Value &values = expected["values"];
            return values.is_null() ? "one of " + expected["count"].text() : values.json();
        }
        const Value &least = expected["at_least"], &most = expected["at_most"];
        std::string unit = expected["unit"].text();
        unit = unit == "minute" || unit == "day" ? " (seconds, cut to the " + unit + ")" : "";
        if (!least.is_null() && least.text() == most.text()) return least.text() + unit;
        if (least.is_null()) return "at most " + harmless(most.text()) + unit;
        if (most.is_null()) return "at least " + harmless(least.text()) + unit;
        return harmless(least.text()) + " to " + harmless(most.text()) + unit;
    }

    const Output &output_;
};

} // namespace

Exit explain(const Arguments &arguments, const Output &output) {
    const splitio::Factory factory = connected(arguments);
    const splitio::Json json = factory.explain(key_of(arguments), arguments.names.front(), options_of(arguments));
    const Value account = Value::parse(json.view());
    if (output.json()) {
        output.line(std::string{json.view()});
    } else {
        Telling{output}.whole(account);
    }
    return account["status"].text() == "evaluated" ? exit_good : exit_bad;
}
