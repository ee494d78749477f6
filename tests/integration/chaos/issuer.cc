#include "issuer.h"

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace mintmark::test {
namespace {

namespace fs = std::filesystem;

// Its children do not run as root where mintd does.
std::string readable_directory(const std::string& path) {
  fs::create_directories(path + "/real");
  for (const std::string& each : {path, path + "/real"})
    fs::permissions(each, static_cast<fs::perms>(0755));
  return path;
}

}  // namespace

ChaosIssuer::ChaosIssuer(const Stack& stack)
    : stack_(stack),
      directory_(readable_directory(stack.directory() + "/clocked")),
      clock_(directory_) {
  put_program("mintd", false);
  put_program("mintd-front", true);
  put_program("mintd-signer", true);
}

void ChaosIssuer::put_program(const std::string& name, bool is_child) const {
  const std::string program = stack_["MINT_BIN"] + "/" + name;
  const auto replace = fs::copy_options::overwrite_existing;
  if (!is_child) {
    fs::copy_file(program, directory_ + "/" + name, replace);
    return;
  }
  const std::string real = directory_ + "/real/" + name;
  fs::copy_file(program, real, replace);
  fs::copy_file(MINTMARK_WITH_ENVIRONMENT, directory_ + "/" + name, replace);
  std::ofstream file(directory_ + "/" + name + ".env");
  file << real << "\nLD_PRELOAD=" << faketime() << "\n";
  for (const auto& [variable, value] : clock_.environment())
    file << variable << "=" << value << "\n";
}

void ChaosIssuer::start() {
  std::vector<std::string> line{"env", "LD_PRELOAD=" + faketime()};
  for (const auto& [variable, value] : clock_.environment()) line.push_back(variable + "=" + value);
  line.insert(line.end(), {"bash", "-c",
                           "setsid \"$1/mintd\" --config \"$2\" </dev/null >>\"$3\" 2>&1 & echo $! "
                           ">\"$4\"",
                           "bash", directory_, stack_["MINT_CONFIG"],
                           stack_.directory() + "/mintd.log", stack_.directory() + "/mintd.pid"});
  const Outcome started = execute(line);
  if (started.status != 0) throw std::runtime_error("mintd does not start: " + started.output);
  stack_.wait_until_ready();
}

void ChaosIssuer::kill() {
  const int keeper = stack_.keeper_pid();
  ::kill(keeper, SIGKILL);
  await("mintd to end", [&] { return ::kill(keeper, 0) != 0; });
}

}  // namespace mintmark::test
