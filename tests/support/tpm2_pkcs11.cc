#include "support/tpm2_pkcs11.h"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#ifdef __SANITIZE_THREAD__
// The module's way to the resource manager is glib, whose locks the sanitizer does not see.
extern "C" const char* __tsan_default_suppressions();   // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "race:libglib-2.0.so\nrace:libgio-2.0.so\nrace:libtss2-\nmutex:libglib-2.0.so\n";
}
#endif

namespace mintmark::test {
namespace {

constexpr const char* user_pin = "user-1234";
constexpr const char* so_pin = "so-12345";

/// The bus of the system's own configuration would start services; ours carries one name.
std::string bus_configuration(const std::string& socket) {
  return R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=)" +
         socket + R"(</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>
)";
}

bool resource_manager_is_on_the_bus(const std::filesystem::path& log) {
  ChildProcess ask({"dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.DBus", "/",
                    "org.freedesktop.DBus.NameHasOwner", "string:com.intel.tss2.Tabrmd"},
                   log);
  return ask.wait() == 0 && ask.output().find("true") != std::string::npos;
}

}  // namespace

Tpm2Pkcs11::Tpm2Pkcs11() {
  const auto keys = directory_.path() / "keys";
  std::filesystem::create_directory(keys);
  const std::string address = "unix:path=" + (directory_.path() / "bus").string();
  setenv("DBUS_SESSION_BUS_ADDRESS", address.c_str(), 1);
  setenv("TPM2_PKCS11_STORE", keys.c_str(), 1);
  setenv("TPM2_PKCS11_TCTI", tcti().c_str(), 1);
  setenv("TPM2_PKCS11_LOG_LEVEL", "0", 1);
  directory_.write("pin", std::string(user_pin) + "\n");
  start_bus();
  start_resource_manager();
  make_token();
}

Tpm2Pkcs11::~Tpm2Pkcs11() {
  for (const char* name : {"DBUS_SESSION_BUS_ADDRESS", "TPM2_PKCS11_STORE", "TPM2_PKCS11_TCTI",
                           "TPM2_PKCS11_LOG_LEVEL"}) {
    unsetenv(name);
  }
}

std::string Tpm2Pkcs11::module() {
  for (const char* path : {"/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so",
                           "/usr/lib/aarch64-linux-gnu/pkcs11/libtpm2_pkcs11.so",
                           "/usr/lib64/pkcs11/libtpm2_pkcs11.so"}) {
    if (std::filesystem::exists(path)) return path;
  }
  throw std::runtime_error("the TPM's PKCS#11 module is not installed (Debian: libtpm2-pkcs11-1)");
}

config::HsmStore Tpm2Pkcs11::store() const {
  config::HsmStore store;
  store.name = "tpm2-pkcs11";
  store.module = module();
  store.token = label();
  store.pin.file = (directory_.path() / "pin").string();
  store.sandbox = {.network = false, .seccomp = false};  // As its profile says.
  return store;
}

void Tpm2Pkcs11::start_bus() {
  const auto socket = directory_.path() / "bus";
  const auto configuration = directory_.write("bus.conf", bus_configuration(socket.string()));
  bus_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{"dbus-daemon", "--nofork",
                               "--config-file=" + configuration.string()},
      directory_.path() / "bus.log");
  wait_until("dbus-daemon", *bus_, [&] { return std::filesystem::exists(socket); });
}

void Tpm2Pkcs11::start_resource_manager() {
  std::vector<std::string> arguments{"tpm2-abrmd", "--session", "--tcti=" + tpm_.tcti()};
  if (geteuid() == 0) arguments.emplace_back("--allow-root");
  resource_manager_ =
      std::make_unique<ChildProcess>(arguments, directory_.path() / "resource-manager.log");
  wait_until("tpm2-abrmd", *resource_manager_,
             [&] { return resource_manager_is_on_the_bus(directory_.path() / "ask.log"); });
}

void Tpm2Pkcs11::make_token() const {
  run({"pkcs11-tool", "--module", module(), "--slot-index", "0", "--init-token", "--label", label(),
       "--so-pin", so_pin});
  run({"pkcs11-tool", "--module", module(), "--token-label", label(), "--init-pin", "--so-pin",
       so_pin, "--pin", user_pin});
}

}  // namespace mintmark::test
