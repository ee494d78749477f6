// Command lines of all programs, read one way: `program [options] command [options]`, --help,
// --version; what is not known is refused by name; behind -- nothing is an option.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace mintmark::programs {

// Exit statuses, the same for every program (docs/architecture.md, "The outside, pinned").
inline constexpr int exit_done = 0;
inline constexpr int exit_denied = 1;  ///< Denied or invalid.
inline constexpr int exit_usage = 2;   ///< Wrong usage or configuration.
inline constexpr int exit_unavailable = 3;

struct Option {
  std::string name;   ///< "--issuer"; short forms as "-X".
  std::string value;  ///< Name of its value for the help ("URL"); "" for a switch.
  std::string help;
  bool repeatable = false;
};

struct Command {
  std::string name;  ///< "keys list": one word or two.
  std::string help;
  std::vector<Option> options;
  /// Name of its first positional argument ("URL"); "": takes none; "[NAME]": may be left out.
  std::string argument;
  std::string more{};  ///< Name of any number of further ones; "": takes no more.
};

struct Program {
  std::string name;
  std::string summary;
  std::vector<Option> options;    ///< Before or after the command.
  std::vector<Command> commands;  ///< Empty: the program has no commands.
};

/// What was asked for.
class Arguments {
 public:
  [[nodiscard]] const std::string& command() const { return command_; }
  [[nodiscard]] const std::string& argument() const { return argument_; }
  /// What stands after the first argument.
  [[nodiscard]] const std::vector<std::string>& more() const { return more_; }
  [[nodiscard]] bool has(const std::string& option) const { return values_.count(option) != 0; }
  /// The option's value, or the fallback.
  [[nodiscard]] std::string value(const std::string& option,
                                  const std::string& fallback = "") const;
  /// All values of a repeatable option.
  [[nodiscard]] std::vector<std::string> values(const std::string& option) const;
  /// The value, or `invalid_argument` that says "--x VALUE is missing".
  [[nodiscard]] Result<std::string> required(const std::string& option) const;

 private:
  friend class CommandLineReader;
  std::string command_;
  std::string argument_;
  std::vector<std::string> more_;
  std::map<std::string, std::vector<std::string>> values_;
};

/// Either arguments, or the exit status with which the program should end at once: --help and
/// --version print to standard output and end with 0; wrong usage prints what is wrong and what
/// would be right to standard error and ends with 2.
struct CommandLine {
  std::optional<Arguments> arguments;
  int exit_status = exit_done;
};
[[nodiscard]] CommandLine read_command_line(const Program& program, int argc, char** argv);

/// "name: detail" on standard error, or with --json {"error": {code, action, detail}} on standard
/// output; gives the status that fits the error's action: fix_request and reattest 1, retry_later
/// and reset_session 3, page_operator 3; configuration and arguments 2, a refused PIN 1.
int report(const Program& program, const Error& error, bool json);

/// A secret or token from the command line: "-" reads standard input, so that it need not stand in
/// a process list.
[[nodiscard]] Result<std::string> value_or_stdin(const std::string& value);

}  // namespace mintmark::programs
