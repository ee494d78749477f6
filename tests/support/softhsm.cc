#include "support/softhsm.h"

#include <cstdlib>
#include <stdexcept>

#include "support/child_process.h"

namespace mintmark::test {

SoftHsm::SoftHsm() {
  const auto tokens = directory_.path() / "tokens";
  std::filesystem::create_directory(tokens);
  const auto conf = directory_.write("softhsm2.conf", "directories.tokendir = " + tokens.string() +
                                                          "\nobjectstore.backend = file\n"
                                                          "log.level = ERROR\n");
  setenv("SOFTHSM2_CONF", conf.c_str(), 1);
  directory_.write("pin", pin() + "\n");
  add_token(label());
}

SoftHsm::~SoftHsm() { unsetenv("SOFTHSM2_CONF"); }

std::string SoftHsm::module() {
  for (const char* path : {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so",
                           "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
                           "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"}) {
    if (std::filesystem::exists(path)) return path;
  }
  throw std::runtime_error("SoftHSM is not installed (Debian: softhsm2)");
}

config::HsmStore SoftHsm::store() const {
  config::HsmStore store;
  store.name = "softhsm";
  store.module = module();
  store.token = label();
  store.pin.file = (directory_.path() / "pin").string();
  store.sandbox = {.network = false, .seccomp = true};  // As its profile says.
  store.environment["SOFTHSM2_CONF"] = (directory_.path() / "softhsm2.conf").string();
  return store;
}

void SoftHsm::add_token(const std::string& label) const {
  run({"softhsm2-util", "--module", module(), "--init-token", "--free", "--label", label,
       "--so-pin", "so-12345", "--pin", pin()});
}

std::string SoftHsm::pin_file(const std::string& name, const std::string& content) const {
  return directory_.write(name, content).string();
}

}  // namespace mintmark::test
