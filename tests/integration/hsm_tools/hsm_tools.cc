#include "hsm_tools.h"

#include <filesystem>
#include <future>
#include <stdexcept>

#include "hsm/pkcs11/key_store.h"

namespace mintmark::test {

Json Outcome::json() const {
  // What a module or the token's warnings wrote stands before it.
  const auto start = output.find("{\n");
  auto parsed = Json::parse(output.substr(start == std::string::npos ? 0 : start), nullptr, false);
  if (parsed.is_discarded()) throw std::runtime_error("no JSON: " + output);
  return parsed;
}

Outcome mintctl(const std::vector<std::string>& arguments, const Environment& environment) {
  const TemporaryDirectory directory;
  // In a session of its own: a developer's terminal must not be asked.
  std::vector<std::string> line{"setsid", "--wait", MINTCTL, "hsm"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  ChildProcess child(line, directory.path() / "output", environment);
  const int status = child.wait();
  return {status, child.output()};
}

Outcome mintctl_json(std::vector<std::string> arguments, const Environment& environment) {
  arguments.emplace_back("--json");
  return mintctl(arguments, environment);
}

hsm::KeyInfo generate(const config::HsmStore& store, hsm::Purpose purpose) {
  auto opened = hsm::pkcs11::open_key_store(store);
  if (!opened) throw std::runtime_error(opened.error().to_string());
  std::promise<Result<hsm::KeyInfo>> made;
  (*opened)->generate({.id = hsm::random_key_id(), .purpose = purpose},
                      Deadline::in(std::chrono::seconds(30)),
                      [&](Result<hsm::KeyInfo> info) { made.set_value(std::move(info)); });
  auto info = made.get_future().get();
  if (!info) throw std::runtime_error(info.error().to_string());
  return std::move(*info);
}

std::vector<std::string> HsmTools::on_token(std::vector<std::string> arguments) const {
  for (const std::string& more :
       {std::string("--module"), SoftHsm::module(), std::string("--token"), SoftHsm::label(),
        std::string("--pin-file"), path("pin")})
    arguments.push_back(more);
  return arguments;
}

std::string HsmTools::pkcs11_tool(std::vector<std::string> arguments,
                                  const std::string& pin) const {
  arguments.insert(arguments.begin(), {"pkcs11-tool", "--module", SoftHsm::module(),
                                       "--token-label", SoftHsm::label(), "--login", "--pin", pin});
  return run(arguments);
}

void HsmTools::make_key(const std::string& type, const std::string& id,
                        const std::string& label) const {
  (void)pkcs11_tool({"--keypairgen", "--key-type", type, "--id", id, "--label", label});
}

std::string HsmTools::certificate_for(const std::string& id, const std::string& name) {
  const Outcome request =
      mintctl(on_token({"csr", "--key", id, "--subject", name, "--out", path("request.pem")}));
  if (request.status != 0) throw std::runtime_error(request.output);
  if (!std::filesystem::exists(path("ca.pem"))) {
    (void)run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-keyout", path("ca.key"), "-out", path("ca.pem"), "-days", "30", "-subj",
               "/CN=Test CA"});
  }
  static int serial = 100;
  const std::string out = path("certificate-" + std::to_string(++serial) + ".pem");
  (void)run({"openssl", "x509", "-req", "-in", path("request.pem"), "-CA", path("ca.pem"), "-CAkey",
             path("ca.key"), "-set_serial", std::to_string(serial), "-days", "20", "-out", out});
  return out;
}

}  // namespace mintmark::test
