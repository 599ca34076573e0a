/*
 * A factory for one command.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_SESSION_HPP
#define CLI_SESSION_HPP

#include <splitio.hpp>

#include "arguments.hpp"

/// A factory that is ready, by the options that say where definitions come from. Throws a Failure otherwise. `events`:
/// changes are looked for and queued.
splitio::Factory connected(const Arguments &arguments, bool events = false);

/// Whether a flag is in one of some flag sets.
bool is_in_any(const splitio::FlagView &flag, const std::vector<std::string> &sets);

#endif // CLI_SESSION_HPP
