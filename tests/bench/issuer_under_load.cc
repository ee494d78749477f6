#include "issuer_under_load.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/file.h"
#include "base/json.h"
#include "support/child_process.h"

namespace mintmark::bench {
namespace {

std::chrono::milliseconds cpu_of(int pid) {
  const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) throw std::runtime_error("process " + std::to_string(pid) + " is gone");
  std::istringstream fields(stat->substr(stat->rfind(')') + 2));
  std::string word;
  long user = 0;
  long system = 0;
  for (int field = 3; field <= 15; ++field) {
    fields >> word;
    if (field == 14) user = std::stol(word);
    if (field == 15) system = std::stol(word);
  }
  return std::chrono::milliseconds((user + system) * 1000 / sysconf(_SC_CLK_TCK));
}

void replace(std::string& text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  if (at == std::string::npos) throw std::runtime_error("the stack's configuration has no " + what);
  text.replace(at, what.size(), by);
}

// The load's devices show ECC EKs, and nobody stands by to approve them.
void let_everybody_in(const std::string& config, const std::string& more) {
  auto text = read_file(config);
  if (!text) throw std::runtime_error(text.error().to_string());
  replace(*text, R"("mode": "approve")", R"("mode": "open")");
  replace(*text, R"("tpm2": {)", R"("tpm2": {"ek_kind": "ecc", )");
  if (!more.empty()) replace(*text, R"("policy":)", more + R"("policy":)");
  std::ofstream(config) << *text;
}

}  // namespace

IssuerUnderLoad::IssuerUnderLoad(const std::string& root_pem, const std::string& intermediate_pem,
                                 const std::string& more) {
  char path[] = "/tmp/mintmark-bench.XXXXXX";
  if (mkdtemp(path) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = path;
  chmod(path, 0711);
  setenv("MINT_BIN", MINTMARK_BUILD "/bin", 1);  // NOLINT(concurrency-mt-unsafe): before any thread
  stack("up");
  stack("down");
  let_everybody_in(directory_ + "/mintd.json", more);
  std::ofstream(directory_ + "/ek-roots/bench.pem") << root_pem;
  std::ofstream(directory_ + "/ek-intermediates/bench.pem") << intermediate_pem;
  stack("up");
  const std::string variables = test::run(
      {"bash", "-c",
       ". \"$1/stack.env\"; for v in MINT_ISSUER MINT_CA MINT_ADMIN MINT_BIN PKCS11_MODULE "
       "SOFTHSM2_CONF PKCS11_TOKEN PKCS11_PIN_FILE; do printf '%s=%s\\n' $v \"${!v}\"; done",
       "bash", directory_});
  std::istringstream lines(variables);
  for (std::string line; std::getline(lines, line);)
    environment_[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
  learn_pids();
}

void IssuerUnderLoad::learn_pids() {
  const Json status = Json::parse(test::run({environment_["MINT_BIN"] + "/mintctl", "--admin",
                                             environment_["MINT_ADMIN"], "--json", "status"}));
  front_ = status["front"]["pid"];
  signer_ = status["signers"][0]["pid"];
}

void IssuerUnderLoad::move_tls_key_into_the_store() {
  const std::string tls = directory_ + "/tls/";
  const Json key = Json::parse(
      test::run({environment_["MINT_BIN"] + "/mintctl", "--admin", environment_["MINT_ADMIN"],
                 "--json", "keys", "generate", "--purpose", "tls"}));
  std::ofstream(tls + "hsm.pub") << key["public_key"].get<std::string>();
  std::ofstream(tls + "names") << "subjectAltName=DNS:localhost\n";
  test::run({"openssl", "x509", "-new", "-force_pubkey", tls + "hsm.pub", "-subj", "/CN=localhost",
             "-CA", tls + "ca.pem", "-CAkey", tls + "ca.key", "-days", "2", "-extfile",
             tls + "names", "-out", tls + "server.pem"});
  const std::string config = directory_ + "/mintd.json";
  auto text = read_file(config);
  if (!text) throw std::runtime_error(text.error().to_string());
  replace(*text, R"("key": "tls/server.key")", R"("key_store": "main")");
  std::ofstream(config) << *text;
  stack("down");
  stack("up");
  learn_pids();
}

IssuerUnderLoad::~IssuerUnderLoad() {
  try {
    stop();
  } catch (const std::exception&) {
    return;  // What was left stays to be looked at.
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void IssuerUnderLoad::stack(const std::string& verb) const {
  std::vector<std::string> line{MINTMARK_SOURCE "/provisioning/stack", verb, directory_};
  // A first port that is unlikely to be taken; stack says so if it is.
  if (verb == "up") line.insert(line.end(), {"--port", "28443"});
  test::run(line);
}

void IssuerUnderLoad::stop() { stack("down"); }

CpuTime IssuerUnderLoad::cpu() const { return {cpu_of(front_), cpu_of(signer_)}; }

long IssuerUnderLoad::memory() const {
  const auto pages = read_file("/proc/" + std::to_string(front_) + "/statm");
  if (!pages) throw std::runtime_error("the front is gone");
  return std::stol(pages->substr(pages->find(' '))) * sysconf(_SC_PAGESIZE);
}

config::HsmStore IssuerUnderLoad::key_store() const {
  config::HsmStore store;
  store.name = "main";
  store.module = environment_.at("PKCS11_MODULE");
  store.token = environment_.at("PKCS11_TOKEN");
  store.pin.file = environment_.at("PKCS11_PIN_FILE");
  setenv("SOFTHSM2_CONF", environment_.at("SOFTHSM2_CONF").c_str(),
         1);  // NOLINT(concurrency-mt-unsafe): threads have ended
  return store;
}

}  // namespace mintmark::bench
