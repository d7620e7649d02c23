// The program: finds the command, reads its options, runs it.

#include <array>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/command.hpp"
#include "core/base/log.hpp"
#include "core/base/suggest.hpp"
#include "tools/command_line.hpp"
#include "tools/commands.hpp"
#include "tools/exit_code.hpp"
#include "tools/help.hpp"
#include "tools/output.hpp"

namespace synfire::cli {
namespace {

struct CommandCode {
  Command command;
  Status (*check)(const OptionValues&);
  Result<int> (*run)(const OptionValues&);
};
constexpr std::array kCode = {
    CommandCode{Command::run, check_run, run},
    CommandCode{Command::serve, check_serve, serve},
    CommandCode{Command::generate, check_generate, generate},
    CommandCode{Command::verify, check_verify, verify},
    CommandCode{Command::tokenize, check_tokenize, tokenize},
    CommandCode{Command::bench, check_bench, bench},
    CommandCode{Command::perplexity, check_perplexity, perplexity},
    CommandCode{Command::profile, check_profile, profile},
    CommandCode{Command::predictor, check_predictor, predictor},
    CommandCode{Command::plan, check_plan, plan},
    CommandCode{Command::inspect, check_inspect, inspect},
    CommandCode{Command::convert, check_convert, convert},
    CommandCode{Command::quantize, check_quantize, quantize},
    CommandCode{Command::synth, check_synth, synth},
    CommandCode{Command::devices, check_devices, devices},
    CommandCode{Command::plugins, check_plugins, plugins},
};
static_assert(kCode.size() == kCommands.size());

const CommandCode& code_of(Command command) {
  std::size_t i = 0;
  while (i + 1 < kCode.size() && kCode[i].command != command) ++i;
  return kCode[i];
}

int usage_error(const Status& status, std::string_view command) {
  print_error(status.message());
  note("See: synfire {}{}--help\n", command, command.empty() ? "" : " ");
  return kExitUsage;
}

int unknown_command(const std::string& name) {
  std::vector<std::string_view> names;
  for (const CommandInfo& command : kCommands) names.push_back(command.name);
  return usage_error(invalid_argument("unknown command '{}'{}", name, did_you_mean(name, names)),
                     "");
}

int run_command(const CommandInfo& command, std::span<const std::string> arguments) {
  Result<CommandLine> line = read_command_line(command, arguments, read_process_environment);
  if (!line.ok()) return usage_error(line.status(), command.name);
  if (line->help) {
    write_out(command_help(command));
    return kExitOk;
  }
  const CommandCode& code = code_of(command.command);
  if (const Status status = code.check(line->values); !status.ok()) {
    return usage_error(status, command.name);
  }
  const Status level = log::set_level(line->values.get<std::string>("log-level"));
  if (!level.ok()) return usage_error(level, command.name);
  const Result<int> exit_code = code.run(line->values);
  if (exit_code.ok()) return *exit_code;
  flush_out();
  print_error(exit_code.status().message());
  return kExitFailure;
}

int dispatch(std::span<const std::string> arguments) {
  if (arguments.empty()) {
    write_err(program_help());
    return kExitUsage;
  }
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h" || first == "help") {
    write_out(program_help());
    return kExitOk;
  }
  if (first == "--version") {
    print("synfire {}\n", SYNFIRE_VERSION);
    return kExitOk;
  }
  for (const CommandInfo& command : kCommands) {
    if (command.name == first) return run_command(command, arguments.subspan(1));
  }
  return unknown_command(first);
}

int finish(int exit_code) {
  const Status status = finish_out();
  if (status.ok()) return exit_code;
  print_error(status.message());
  return exit_code == kExitOk ? kExitFailure : exit_code;
}

}  // namespace
}  // namespace synfire::cli

int main(int argc, char** argv) {
  using namespace synfire::cli;
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return finish(dispatch(arguments));
  } catch (const std::bad_alloc&) {
    print_error("out of memory");
  } catch (const std::exception& unexpected) {
    print_error(unexpected.what());
  }
  return kExitFailure;
}
