#include "support/faulty_module.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace mintmark::test {

FaultyModule::FaultyModule()
    : script_((token_.directory() / "faults").string()),
      log_((token_.directory() / "calls").string()) {
  setenv("MINTMARK_SHIM_MODULE", SoftHsm::module().c_str(), 1);
  setenv("MINTMARK_SHIM_SCRIPT", script_.c_str(), 1);
  setenv("MINTMARK_SHIM_LOG", log_.c_str(), 1);
  fail("");
}

config::HsmStore FaultyModule::store() const {
  config::HsmStore store = token_.store();
  store.module = MINTMARK_PKCS11_SHIM;
  return store;
}

void FaultyModule::fail(const std::string& script) const {
  // Whole or not at all: the shim reads it while it is written.
  std::ofstream(script_ + ".new") << script;
  std::filesystem::rename(script_ + ".new", script_);
}

std::size_t FaultyModule::calls(const std::string& function) const {
  std::ifstream log(log_);
  std::size_t count = 0;
  for (std::string line; std::getline(log, line);) count += line == function ? 1 : 0;
  return count;
}

std::vector<std::string> FaultyModule::logged(const std::string& begin) const {
  std::ifstream log(log_);
  std::vector<std::string> lines;
  for (std::string line; std::getline(log, line);) {
    if (line.rfind(begin, 0) == 0) lines.push_back(line);
  }
  return lines;
}

std::optional<int> FaultyModule::tried(const std::string& what) const {
  const auto lines = logged(what + " ");
  if (lines.empty()) return std::nullopt;
  return std::stoi(lines.back().substr(what.size() + 1));
}

}  // namespace mintmark::test
