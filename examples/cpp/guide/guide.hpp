/*
 * What the programs of docs/guide.md share, so that each shows its subject and nothing else. They run in a copy of
 * examples/data; those that ask Split ask the emulator at SPLIT_URL. `scripts/docs-test` runs them all.
 */
#ifndef GUIDE_HPP
#define GUIDE_HPP

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>

#include <splitio.hpp>

using namespace std::chrono_literals;

/* A variable that scripts/docs-test sets. */
inline std::string given(const char *name) {
    const char *value = std::getenv(name);
    if (value == nullptr) throw std::runtime_error{std::string(name) + " is not set"};
    return value;
}

/* Has factories made from `config` ask the services at `url`, in place of Split's cloud. */
inline void ask(splitio::Config &config, const std::string &url) {
    for (const char *service :
         {"sdk_api_base_url", "events_api_base_url", "auth_api_base_url", "telemetry_api_base_url"}) {
        config.set(service, url + "/api");
    }
    config.set("streaming_api_base_url", url);
}

/* The flags of a web shop, from a file. */
inline splitio::Config shop() {
    return splitio::Config{}.set("splitFile", "environment.json").set("segmentDirectory", "segments");
}

inline splitio::Factory started(const char *sdk_key, const splitio::Config &config) {
    splitio::Factory split{sdk_key, config};
    split.block_until_ready(5s);
    return split;
}

#endif
