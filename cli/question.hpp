/*
 * What --key and its companions ask.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_QUESTION_HPP
#define CLI_QUESTION_HPP

#include <splitio.hpp>

#include "arguments.hpp"

// Both look at the arguments, which stay.

inline splitio::Key key_of(const Arguments &arguments) {
    if (!arguments.bucketing_key) return *arguments.key;
    return {*arguments.key, *arguments.bucketing_key};
}

inline splitio::Options options_of(const Arguments &arguments) {
    if (!arguments.attributes) return {};
    return splitio::Options{}.attributes_json(*arguments.attributes);
}

#endif // CLI_QUESTION_HPP
