/*
 * A factory for one command.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_SESSION_HPP
#define CLI_SESSION_HPP

#include <splitio.hpp>

#include "arguments.hpp"
#include "json.hpp"

/// A factory that is ready, by the options that say where definitions come from. Throws a Failure otherwise. `events`:
/// changes are looked for and queued.
splitio::Factory connected(const Arguments &arguments, bool events = false);

/// The flags that are in one of some flag sets, or, without sets, all of them: as objects of `Factory::flags_json`, which
/// are of one state of the definitions.
std::vector<Value> flags_of(const splitio::Factory &factory, const std::vector<std::string> &sets);

#endif // CLI_SESSION_HPP
