// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace {

void look_at(splitio::Config &config, const std::string &redis) {
    if (redis.find('/') != std::string::npos) {
        config.set("redisUnixSocketPath", redis);
        return;
    }
    // An IPv6 address has its colons in brackets.
    const std::size_t bracket = redis.rfind(']'), colon = redis.rfind(':');
    const bool port = colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
    std::string host = redis.substr(0, port ? colon : std::string::npos);
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    config.set("redisHost", host);
    if (port) config.set("redisPort", redis.substr(colon + 1));
}

std::string sdk_key(const Arguments &arguments, bool in_redis) {
    if (arguments.file) return "localhost";
    if (arguments.sdk_key_file) {
        std::string key = contents(*arguments.sdk_key_file);
        key.erase(key.find_last_not_of(" \t\r\n") + 1);
        return key;
    }
    const char *key = std::getenv("SPLIT_SDK_KEY");
    if (key != nullptr && *key != '\0') return key;
    // Redis has no use for it.
    if (in_redis) return "redis";
    throw Failure{exit_usage, "where from? --file, --redis, or an SDK key in SPLIT_SDK_KEY or --sdk-key-file"};
}

bool ends_with(const std::string &text, const std::string &end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Whether a file of options says where Redis is.
bool names_redis(const std::string &options) {
    const Value given = Value::parse(options);
    for (const char *name : {"redisHost", "redisSentinels", "redisClusterNodes", "redisUnixSocketPath", "redis_host",
                             "redis_sentinels", "redis_cluster_nodes", "redis_unix_socket_path"}) {
        if (!given[name].is_null()) return true;
    }
    return false;
}

bool is_in_any(const Value &flag, const std::vector<std::string> &sets) {
    const std::vector<Value> &own = flag["sets"].items();
    return std::any_of(own.begin(), own.end(),
                       [&](const Value &set) { return std::find(sets.begin(), sets.end(), set.text()) != sets.end(); });
}

} // namespace

std::vector<Value> flags_of(const splitio::Factory &factory, const std::vector<std::string> &sets) {
    const splitio::Json json = factory.flags_json();
    const Value all = Value::parse(json.view());
    std::vector<Value> found;
    for (const Value &flag : all.items()) {
        if (sets.empty() || is_in_any(flag, sets)) found.push_back(flag);
    }
    return found;
}

splitio::Factory connected(const Arguments &arguments, bool events) {
    splitio::Config config;
    bool in_redis = arguments.redis.has_value();
    try {
        if (events) {
            config.queue(splitio::Queue::events);
            if (arguments.file) {
                if (!ends_with(*arguments.file, ".json")) {
                    throw Failure{exit_usage, *arguments.file + ": only JSON files are followed"};
                }
                config.set("localhostRefreshEnabled", true).set("featuresRefreshRate", 1).set("segmentsRefreshRate", 1);
            }
        }
        if (arguments.config) {
            const std::string options = contents(*arguments.config);
            config.merge_json(options);
            in_redis = in_redis || names_redis(options);
        }
        if (arguments.file) config.set("splitFile", *arguments.file);
        if (arguments.segments) config.set("segmentDirectory", *arguments.segments);
        if (arguments.redis) look_at(config, *arguments.redis);
        if (arguments.log_level) config.set("logLevel", *arguments.log_level);
    } catch (const splitio::Error &error) {
        throw Failure{exit_usage, error.what()};
    }
    if (events && in_redis) throw Failure{exit_usage, "Redis does not tell of changes: there is nothing to watch"};
    const std::string key = sdk_key(arguments, in_redis);
    try {
        splitio::Factory factory{key, config};
        factory.block_until_ready(std::chrono::duration<double>{arguments.timeout_seconds});
        return factory;
    } catch (const splitio::Error &error) {
        const bool usage =
            error.code() == splitio::Errc::invalid_argument || error.code() == splitio::Errc::invalid_option;
        throw Failure{usage ? exit_usage : exit_unavailable, error.code() == splitio::Errc::timeout
                                                                 ? "no definitions within the time given by --timeout"
                                                                 : error.what()};
    }
}
