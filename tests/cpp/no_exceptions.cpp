/*
 * The header in a program that is built with -fno-exceptions and -fno-rtti: everything is there, by error codes.
 */
#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "to be built with -fno-exceptions -fno-rtti"
#endif

#include "support.hpp"

#include <vector>

static void set(splitio::Config &config, const char *name, const char *value) {
    std::error_code error;
    config.set(name, value, error);
    CHECK_CODE(error, std::error_code{});
}

static void a_program_without_exceptions(void) {
    std::error_code error;
    int heard = 0;
    splitio::Config config;
    set(config, "splitFile", in_data("flags.json"));
    set(config, "segmentDirectory", in_data("segments"));
    config.set("featuresRefreshRate", 30s, error);
    CHECK_CODE(error, std::error_code{});
    config.set("flagSetsFilter", {"web", "shop"}, error);
    CHECK_CODE(error, std::error_code{});
    config.set("flagSetsFilter", std::vector<std::string>{"web", "shop"}, error);
    CHECK_CODE(error, std::error_code{});
    config.merge_json("{\"labelsEnabled\": true}", error);
    CHECK_CODE(error, std::error_code{});
    config.set("no_such_option", 1, error);
    CHECK_CODE(error, splitio::Errc::unknown_option);
    CHECK_HAS(splitio::LastError{}.message(), "no_such_option");
    config.listener([&](const splitio::Impression &) { heard++; }, error);
    CHECK_CODE(error, std::error_code{});
    config.logger(splitio::LogLevel::none, nullptr, error);
    CHECK_CODE(error, std::error_code{});
    config.queue(splitio::Queue::events, 10, error);
    CHECK_CODE(error, std::error_code{});
    config.destroy_timeout(1s);

    splitio::Factory split{"localhost", config, error};
    CHECK_CODE(error, std::error_code{});
    split.block_until_ready(patience, error);
    CHECK_CODE(error, std::error_code{});
    split.block_until_ready(error);
    split.on_ready([] {}, error);
    split.on_update([](const splitio::Update &) {}, error);
    CHECK_CODE(error, std::error_code{});

    splitio::Attributes attributes;
    attributes.set("age", 31, error);
    attributes.merge_json("{\"plan\": \"pro\"}", error);
    CHECK_CODE(error, std::error_code{});
    attributes.set("plan", "\xff", error);
    CHECK(error == std::errc::invalid_argument);
    const splitio::Attributes listed{{{"plan", "pro"}, {"age", 31}}, error};
    CHECK_CODE(error, std::error_code{});
    CHECK_TEXT(split.treatment("ann", "checkout", listed), "on");
    const splitio::Attributes refused{{{"plan", "\xff"}, {"age", 31}}, error};
    CHECK_CODE(error, splitio::Errc::invalid_argument);
    CHECK_TEXT(split.treatment("ann", "checkout", {{"plan", "pro"}}), "on");
    CHECK_TEXT(split.treatment("ann", "checkout", attributes), "on");
    CHECK_TEXT(split.treatment_with_config("ann", "checkout").config().value_or("none"), "{\"color\":\"red\"}");
    CHECK_INT(split.treatments_by_flag_set("ann", "web").size(), 2);
    CHECK_INT(split.treatments("ann", {"checkout", "banner"}).size(), 2);
    CHECK(split.flag("checkout").has_value());
    CHECK(split.track("ann", "user", "paid", 1, {{"a", 1}}, error));
    CHECK(split.track("ann", "user", "paid", 1, error));
    CHECK(split.poll(patience, 10, error).has_value());
    split.resume(error);
    split.flush(error);
    split.flush(patience, error);
    CHECK_CODE(error, std::error_code{});
    CHECK_INT(heard, 8);
    split.destroy(patience, error);
    CHECK_CODE(error, std::error_code{});
    split.flush(error);
    CHECK_CODE(error, splitio::Errc::destroyed);
}

static void a_start_that_fails(void) {
    std::error_code error;
    splitio::Factory none{nullptr, splitio::Config{}, error};
    CHECK_CODE(error, splitio::Errc::invalid_argument);
    CHECK(!none);
    CHECK_TEXT(none.treatment("ann", "checkout"), "control");

    splitio::Config config, taken{std::move(config)};
    splitio::Factory without{"localhost", config, error};
    CHECK_CODE(error, splitio::Errc::invalid_argument);
    CHECK(!without);
}

int main(void) {
    RUN(a_program_without_exceptions);
    RUN(a_start_that_fails);
    return check_finish("no_exceptions");
}
