/* This library, called from C++. */
#include "../c/worker.h"

#include <array>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include <splitio.hpp>

static std::optional<splitio::Factory> factory;
static std::optional<splitio::Attributes> two, four;
static std::array<std::string, TEAM> team;

void contestant_start(const char *url, const char *mode) {
    static long heard; // one thread calls listeners
    const std::string base = std::string(url) + "/api";
    try {
        splitio::Config config;
        for (const char *service :
             {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url", "telemetry_api_base_url"}) {
            config.set(service, base);
        }
        config.set("streaming_api_base_url", url);
        config.set("streamingEnabled", std::string_view(mode) == "streaming");
        config.set("readTimeout", 120000).set("logLevel", "none");
        config.set("impressionsMode", std::string_view(mode) == "none" ? "NONE" : "OPTIMIZED");
        if (std::string_view(mode) == "listener") {
            config.listener([](const splitio::Impression &) { ++heard; });
        }
        factory.emplace("bench-key", config);
        factory->block_until_ready();
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        std::exit(EXIT_FAILURE);
    }
    two.emplace(splitio::Attributes{{"age", 30}, {"country", "us"}});
    four.emplace(splitio::Attributes{{"age", 30}, {"country", "us"}, {"plan", "pro"}, {"beta", true}});
    for (int i = 0; i < TEAM; i++) team[static_cast<std::size_t>(i)] = "team_" + std::to_string(i);
}

/// Calls `ask`, which tells how many answers are "on", for each key in turn.
template <class Ask> static long sum_of(const struct asked &asked, Ask &&ask) {
    long on = 0;
    int key = 0;
    for (long i = 0; i < asked.calls; i++) {
        on += ask(static_cast<const char *>(asked.keys[key]));
        if (++key == asked.count) key = 0;
    }
    return on;
}

static long on_of(std::string_view treatment) {
    return is_on(treatment.data());
}

static long on_of(const splitio::Results &results) {
    long on = 0;
    for (const auto &result : results) on += on_of(result.treatment());
    return on;
}

long contestant_run(const char *scenario, const struct asked *asked) {
    const splitio::Factory &split = *factory;
    const std::string_view what = scenario;
    if (what == "attr") {
        return sum_of(*asked, [&](const char *key) { return on_of(split.treatment(key, "attr", *two)); });
    }
    if (what == "kept") {
        return sum_of(*asked, [&](const char *key) { return on_of(split.treatment(key, "four", *four)); });
    }
    if (what == "fresh") {
        return sum_of(*asked, [&](const char *key) {
            return on_of(
                split.treatment(key, "four", {{"age", 30}, {"country", "us"}, {"plan", "pro"}, {"beta", true}}));
        });
    }
    if (what == "json") {
        return sum_of(*asked, [&](const char *key) {
            return on_of(split.treatment(
                key, "four",
                splitio::Options{}.attributes_json(R"({"age": 30, "country": "us", "plan": "pro", "beta": true})")));
        });
    }
    if (what == "config") {
        return sum_of(*asked, [&](const char *key) {
            const splitio::Result result = split.treatment_with_config(key, "configured");
            return on_of(result.treatment()) && result.config() ? 1L : 0L;
        });
    }
    if (what == "twenty") {
        return sum_of(*asked, [&](const char *key) { return on_of(split.treatments(key, team)); });
    }
    if (what == "set") {
        return sum_of(*asked, [&](const char *key) { return on_of(split.treatments_by_flag_set(key, "team")); });
    }
    return sum_of(*asked, [&](const char *key) { return on_of(split.treatment(key, scenario)); });
}
