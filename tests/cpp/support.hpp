/*
 * What the C++ suites add to those of tests/c, whose checks, files and notebooks they share.
 */
#ifndef SUPPORT_HPP
#define SUPPORT_HPP

#include <chrono>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <splitio.hpp>

#include "support.h"

using namespace std::chrono_literals;
using namespace std::string_view_literals;

inline constexpr std::chrono::milliseconds patience{PATIENCE_MS};

#define CHECK_TEXT(actual, expected) check_text((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_CODE(actual, expected) check_code((actual), (expected), #actual, __FILE__, __LINE__)

inline int check_text(std::string_view actual, std::string_view expected, const char *what, const char *file,
                      int line) {
    return check_that(actual == expected, file, line, "%s is \"%.*s\", expected \"%.*s\"", what,
                      static_cast<int>(actual.size()), actual.data(), static_cast<int>(expected.size()),
                      expected.data());
}

inline int check_code(std::error_code actual, std::error_code expected, const char *what, const char *file, int line) {
    return check_that(actual == expected, file, line, "%s is %s, expected %s", what, actual.message().c_str(),
                      expected.message().c_str());
}

#if SPLITIO_EXCEPTIONS
/* The expression throws splitio::Error with this code and a sentence that contains `part`. */
#define CHECK_THROWS(expression, expected, part)                                                                       \
    do {                                                                                                               \
        try {                                                                                                          \
            static_cast<void>(expression);                                                                             \
            check_that(0, __FILE__, __LINE__, "%s does not throw", #expression);                                       \
        } catch (const splitio::Error &thrown) {                                                                       \
            check_code(thrown.code(), (expected), #expression, __FILE__, __LINE__);                                    \
            check_contains(thrown.what(), (part), 1, #expression, __FILE__, __LINE__);                                 \
        }                                                                                                              \
    } while (0)

/* Options for a factory on `path`, with a logger that says nothing. */
inline splitio::Config config_on(const char *path) {
    return splitio::Config{}
        .set("splitFile", path)
        .set("segmentDirectory", in_data("segments"))
        .logger(splitio::LogLevel::none, nullptr);
}

inline splitio::Factory ready(const splitio::Config &config) {
    splitio::Factory factory{"localhost", config};
    factory.block_until_ready(patience);
    return factory;
}

inline splitio::Factory shop() {
    return ready(config_on(in_data("flags.json")));
}
#endif

#endif
