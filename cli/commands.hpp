/*
 * The commands. Each gives the exit status, or throws a Failure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_COMMANDS_HPP
#define CLI_COMMANDS_HPP

#include "arguments.hpp"
#include "output.hpp"

Exit evaluate(const Arguments &arguments, const Output &output);
Exit explain(const Arguments &arguments, const Output &output);
Exit list_flags(const Arguments &arguments, const Output &output);
Exit watch(const Arguments &arguments, const Output &output);
Exit check_file(const Arguments &arguments, const Output &output);

#endif // CLI_COMMANDS_HPP
