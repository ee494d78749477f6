#include "programs/command_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"

namespace mintmark::programs {
namespace {

constexpr std::size_t most_shown = 24;

const Option help_option{"--help", "", "say how the program is used", false};
const Option version_option{"--version", "", "print the version", false};

std::string usage_of(const Option& option) {
  return option.value.empty() ? option.name : option.name + " " + option.value;
}

bool wants_argument(const Command& command) {
  return !command.argument.empty() && command.argument.front() != '[';
}

void print_options(const std::vector<Option>& options, const char* indent) {
  for (const Option& option : options)
    std::printf("%s%-28s %s\n", indent, usage_of(option).c_str(), option.help.c_str());
}

void print_help(const Program& program) {
  std::printf("%s: %s\n\nUsage: %s [OPTION]...%s\n\nOptions:\n", program.name.c_str(),
              program.summary.c_str(), program.name.c_str(),
              program.commands.empty() ? "" : " COMMAND [OPTION]...");
  print_options(program.options, "  ");
  print_options({help_option, version_option}, "  ");
  for (const Command& command : program.commands) {
    std::printf("\n%s%s%s%s\n    %s\n", command.name.c_str(), command.argument.empty() ? "" : " ",
                command.argument.c_str(),
                command.more.empty() ? "" : (" [" + command.more + " ...]").c_str(),
                command.help.c_str());
    print_options(command.options, "    ");
  }
  std::printf(
      "\nExit status: 0 done, 1 denied or invalid, 2 wrong usage or configuration, 3 "
      "unavailable.\n");
}

}  // namespace

std::string Arguments::value(const std::string& option, const std::string& fallback) const {
  const auto found = values_.find(option);
  return found == values_.end() ? fallback : found->second.back();
}

std::vector<std::string> Arguments::values(const std::string& option) const {
  const auto found = values_.find(option);
  return found == values_.end() ? std::vector<std::string>{} : found->second;
}

Result<std::string> Arguments::required(const std::string& option) const {
  if (!has(option)) return fail(Code::invalid_argument, option + " is missing; see --help");
  return value(option);
}

class CommandLineReader {
 public:
  CommandLineReader(const Program& program, int argc, char** argv)
      : program_(program), words_(argv + 1, argv + argc) {}

  CommandLine read() {
    while (at_ < words_.size() && !end_) {
      const std::string& next = words_[at_];
      if (next == "--" && !words_only_) {
        words_only_ = true;
        ++at_;
      } else if (next.size() > 1 && next[0] == '-' && !words_only_) {
        option();
      } else {
        word();
      }
    }
    if (!end_ && !program_.commands.empty() && command_ == nullptr) refuse("a command is missing");
    if (!end_ && command_ != nullptr && wants_argument(*command_) && arguments_.argument_.empty())
      refuse(command_->argument + " is missing");
    if (end_) return {std::nullopt, *end_};
    return {std::move(arguments_), exit_done};
  }

 private:
  void option() {
    std::string name = words_[at_++];
    std::optional<std::string> value;
    if (const auto equals = name.find('=');
        name.rfind("--", 0) == 0 && equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    if (name == "--help") return print_and_end();
    if (name == "--version") {
      std::printf("%s %s\n", program_.name.c_str(), MINTMARK_VERSION);
      end_ = exit_done;
      return;
    }
    const Option* known = find(name);
    if (known == nullptr)
      return refuse("there is no option " + name +
                    (command_ != nullptr ? " for \"" + command_->name + "\"" : "") +
                    "; before a word that begins with - (one kid in 64 does) put --");
    if (known->value.empty() && value) return refuse(name + " takes no value");
    if (!known->value.empty() && !value) {
      if (at_ == words_.size()) return refuse(name + " wants a value: " + usage_of(*known));
      value = words_[at_++];
    }
    auto& values = arguments_.values_[name];
    if (!values.empty() && !known->repeatable) return refuse(name + " stands twice");
    values.push_back(value.value_or(""));
  }

  void word() {
    const std::string& word = words_[at_++];
    if (command_ == nullptr && !program_.commands.empty()) return command(word);
    const bool is_first = arguments_.argument_.empty();
    if (command_ == nullptr || (is_first ? command_->argument : command_->more).empty())
      // It may be a token without its option: no more of it than is needed to find it.
      return refuse("\"" + printable(word, most_shown) + "\" is one word too many");
    if (is_first)
      arguments_.argument_ = word;
    else
      arguments_.more_.push_back(word);
  }

  void command(const std::string& word) {
    const std::string two = at_ < words_.size() ? word + " " + words_[at_] : word;
    for (const Command& command : program_.commands) {
      if (command.name != word && command.name != two) continue;
      if (command.name == two && two != word) ++at_;
      command_ = &command;
      arguments_.command_ = command.name;
      return;
    }
    std::string known;
    for (const Command& command : program_.commands)
      known += (known.empty() ? "" : ", ") + command.name;
    refuse("there is no command \"" + word + "\"; there are: " + known);
  }

  const Option* find(const std::string& name) const {
    for (const auto* options :
         {&program_.options, command_ != nullptr ? &command_->options : nullptr}) {
      if (options == nullptr) continue;
      const auto found = std::find_if(options->begin(), options->end(),
                                      [&](const Option& option) { return option.name == name; });
      if (found != options->end()) return &*found;
    }
    return nullptr;
  }

  void print_and_end() {
    print_help(program_);
    end_ = exit_done;
  }

  void refuse(const std::string& what) {
    std::fprintf(stderr, "%s: %s; see %s --help\n", program_.name.c_str(), what.c_str(),
                 program_.name.c_str());
    end_ = exit_usage;
  }

  const Program& program_;
  std::vector<std::string> words_;
  std::size_t at_ = 0;
  bool words_only_ = false;  ///< "--" was there (POSIX XBD 12.2, guideline 10).
  const Command* command_ = nullptr;
  Arguments arguments_;
  std::optional<int> end_;
};

CommandLine read_command_line(const Program& program, int argc, char** argv) {
  return CommandLineReader(program, argc, argv).read();
}

int report(const Program& program, const Error& error, bool json) {
  if (json) {
    const Json body = {{"error",
                        {{"code", facts_of(error.code).name},
                         {"action", name_of(error.action())},
                         {"detail", error.detail}}}};
    std::printf("%s\n", body.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "%s: %s\n", program.name.c_str(), error.to_string().c_str());
  }
  switch (error.code) {
    case Code::invalid_argument:
    case Code::config_invalid:
    case Code::config_unreadable:
    case Code::policy_invalid:
    case Code::reference_invalid:
    case Code::hsm_uri_malformed:
    case Code::hsm_uri_pin:
    case Code::hsm_pin_unreadable:
    case Code::hsm_pin_exposed:
    case Code::hsm_pin_empty:
    case Code::hsm_token_ambiguous:
      return exit_usage;
    // mintd pages somebody for these; who stands at the keyboard is told no.
    case Code::hsm_pin_refused:
    case Code::hsm_pin_locked:
      return exit_denied;
    default:
      break;
  }
  const Action action = error.action();
  return action == Action::fix_request || action == Action::reattest ? exit_denied
                                                                     : exit_unavailable;
}

Result<std::string> value_or_stdin(const std::string& value) {
  if (value != "-") return value;
  auto text = read_fd(STDIN_FILENO, 1U << 20U);
  if (!text) return text;
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  return text;
}

}  // namespace mintmark::programs
