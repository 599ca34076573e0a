// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <signal.h>

#include <chrono>
#include <ctime>
#include <map>

#include "commands.hpp"
#include "json.hpp"
#include "session.hpp"

namespace {

volatile sig_atomic_t interrupted = 0;

void interrupt(int) {
    interrupted = 1;
}

/// Lets SIGINT and SIGTERM come in while the descriptor is waited for, and at no other time.
class Signals {
public:
    Signals() {
        struct sigaction action = {};
        action.sa_handler = interrupt;
        sigemptyset(&action.sa_mask);
        sigset_t ending;
        sigemptyset(&ending);
        for (const int number : {SIGINT, SIGTERM}) {
            sigaction(number, &action, nullptr);
            sigaddset(&ending, number);
        }
        // Who reads the output may have gone: a failed write tells that.
        signal(SIGPIPE, SIG_IGN);
        pthread_sigmask(SIG_BLOCK, &ending, &waiting_);
        for (const int number : {SIGINT, SIGTERM}) sigdelset(&waiting_, number);
    }
    /// False when it is time to end.
    bool wait(int descriptor) const {
        pollfd each{descriptor, POLLIN, 0};
        if (interrupted == 0) ppoll(&each, 1, nullptr, &waiting_);
        return interrupted == 0;
    }

private:
    sigset_t waiting_;
};

std::string now(const char *format) {
    const std::time_t time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm parts{};
    gmtime_r(&time, &parts);
    char text[32];
    std::strftime(text, sizeof text, format, &parts);
    return text;
}

using Definitions = std::map<std::string, std::string>;

Definitions all(const splitio::Factory &factory) {
    Definitions found;
    for (const Value &flag : flags_of(factory, {})) found.emplace(flag["name"].text(), flag.json());
    return found;
}

std::string described(const Value &flag) {
    if (flag["killed"].is_true()) return "killed, serves " + flag["default_treatment"].text();
    std::string treatments;
    for (const Value &treatment : flag["treatments"].items())
        treatments += (treatments.empty() ? "" : ", ") + treatment.text();
    return treatments;
}

class Watch {
public:
    Watch(const splitio::Factory &factory, const Output &output)
        : factory_(factory), output_(output), before_(all(factory)) {}

    bool began() const {
        const std::string count = std::to_string(before_.size());
        if (output_.json()) {
            return output_.line("{\"time\":" + quoted(now("%FT%TZ")) + ",\"event\":\"ready\",\"flags\":" + count + "}");
        }
        return output_.line(output_.in(Colour::dim, "watching " + count + " flags; end with Ctrl-C"));
    }

    /// Tells what an event of the queue changed. False once nobody reads it.
    bool tell(const Value &event) {
        if (event["kind"].text() != "update") return true;
        if (!event["flags_changed"].is_true()) {
            return output_.json() ? output_.line("{\"time\":" + quoted(now("%FT%TZ")) + ",\"event\":\"segments\"}")
                                  : output_.line(now("%T") + "  segments changed");
        }
        Definitions after = all(factory_);
        bool read = true;
        for (const Value &name : event["names"].items()) read = read && changed(name.text(), after);
        before_ = std::move(after);
        return read;
    }

private:
    bool changed(const std::string &name, const Definitions &after) const {
        const auto found = after.find(name);
        const bool is_there = found != after.end(), was_there = before_.count(name) > 0;
        const char *change = !is_there ? "removed" : was_there ? "updated" : "added";
        const std::string definition = is_there ? found->second : "null";
        if (output_.json()) {
            return output_.line("{\"time\":" + quoted(now("%FT%TZ")) + ",\"event\":\"flag\",\"flag\":" + quoted(name) +
                                ",\"change\":\"" + change + "\",\"definition\":" + definition + "}");
        }
        const Colour colour = !is_there ? Colour::red : was_there ? Colour::yellow : Colour::green;
        std::string line = now("%T") + "  " + output_.in(colour, change) + "  " + output_.in(Colour::bold, name);
        if (is_there) line += "  " + harmless(described(Value::parse(definition)));
        return output_.line(line);
    }

    const splitio::Factory &factory_;
    const Output &output_;
    Definitions before_;
};

} // namespace

Exit watch(const Arguments &arguments, const Output &output) {
    const Signals signals;
    const splitio::Factory factory = connected(arguments, true);
    Watch watch{factory, output};
    bool read = watch.began();
    while (read && signals.wait(factory.poll_fd())) {
        std::error_code error;
        const auto records = factory.poll(std::chrono::seconds{0}, 100, error);
        if (!records) break;
        if (records->empty()) continue;
        const Value events = Value::parse(records->view());
        for (const Value &event : events.items()) read = read && watch.tell(event);
    }
    return exit_good;
}
