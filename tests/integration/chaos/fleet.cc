#include "fleet.h"

#include <signal.h>

#include <fstream>

#include "base/json.h"
#include "base/time.h"
#include "jose/file_key.h"
#include "support/free_port.h"

namespace mintmark::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds patience{5};

std::uint16_t port_in(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

std::string place(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

std::string field(const http::Response& answer, const char* name) {
  const std::string* value = answer.headers.find(name);
  return value == nullptr ? "" : *value;
}

/// Registers a service for the gate and gives its id.
std::string register_service(const Stack& stack, const TemporaryDirectory& directory,
                             const std::string& key_file, const std::string& name,
                             const std::map<std::string, std::string>& audiences) {
  const auto key =
      jose::FileKey::open_or_make(key_file, {.code = Code::invalid_argument, .name = "the key"});
  if (!key) throw std::runtime_error(key.error().to_string());
  const auto jwk = directory.write("service.jwk", key->public_key().to_jwk().dump());
  std::vector<std::string> words{"clients", "add",    "--jwk",  jwk.string(),
                                 "--role",  "events", "--name", name};
  for (const auto& [path, audience] : audiences)
    words.insert(words.end(), {"--audience", audience});
  return stack.control(words)["id"];
}

}  // namespace

ChaosGate::ChaosGate(std::string name, const Stack& stack,
                     const std::map<std::string, std::string>& audiences)
    : name_(std::move(name)),
      key_file_((directory_.path() / "service.key").string()),
      issuer_port_(port_in(stack["MINT_ISSUER"])),
      port_(free_port()),
      metrics_(free_port()),
      relay_(issuer_port_),
      clock_(directory_.path().string()) {
  write_settings(stack, audiences);
}

void ChaosGate::write_settings(const Stack& stack,
                               const std::map<std::string, std::string>& audiences) {
  Json rules = Json::array();
  for (const auto& [path, audience] : audiences)
    rules.push_back(
        {{"path", path}, {"methods", {"GET"}}, {"audience", audience}, {"binding", "dpop"}});
  const std::string id = register_service(stack, directory_, key_file_, name_, audiences);
  const Json settings = {{"issuer", stack["MINT_ISSUER"]},
                         {"ca", stack["MINT_CA"]},
                         {"listen",
                          {{{"dialect", "nginx"},
                            {"address", "127.0.0.1"},
                            {"port", port_},
                            {"trusted_networks", {"127.0.0.1"}},
                            {"plain_http_behind_trusted_proxy", true}}}},
                         {"services", {{{"origins", {service_origin}}, {"rules", rules}}}},
                         {"revocation", {{"client", {{"id", id}, {"key", key_file_}}}}},
                         {"metrics", {{"address", "127.0.0.1"}, {"port", metrics_}}}};
  directory_.write("gate.json", settings.dump(2));
}

Link ChaosGate::link() const {
  const std::lock_guard lock(mutex_);
  return link_;
}

std::string ChaosGate::log() const {
  const std::lock_guard lock(mutex_);
  return process_ ? process_->output() : "";
}

void ChaosGate::start() {
  Environment environment = through(relay_, issuer_port_, faketime());
  environment.merge(clock_.environment());
  const std::lock_guard lock(mutex_);
  process_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{Stack::instance()["MINT_BIN"] + "/mint-gate", "serve", "--config",
                               (directory_.path() / "gate.json").string()},
      directory_.path() / ("gate-" + std::to_string(++starts_) + ".log"), environment);
  mended();
}

void ChaosGate::kill() {
  const std::lock_guard lock(mutex_);
  disturbed(false, false);
  ::kill(process_->pid(), SIGKILL);
  (void)process_->wait();
}

void ChaosGate::reload() {
  const std::lock_guard lock(mutex_);
  ::kill(process_->pid(), SIGHUP);
}

void ChaosGate::disturbed(bool silent, bool alive) {
  const auto now = Steady::now();
  ++link_.changes;
  // What it knows of earlier connections is no less than it was.
  if (link_.connected) link_.lost = now;
  if (!alive) link_.lost.reset();
  if (!silent || !alive)
    link_.silent.reset();
  else if (!link_.silent)
    link_.silent = now;
  link_.connected.reset();
}

void ChaosGate::mended() {
  ++link_.changes;
  link_.silent.reset();
  free_since_ = Steady::now();
}

void ChaosGate::cut() {
  const std::lock_guard lock(mutex_);
  open_ = false;
  // Before it is done: what is on its way may still come.
  disturbed(false, true);
  relay_.cut();
  disturbed(true, true);
}

void ChaosGate::hold() {
  const std::lock_guard lock(mutex_);
  open_ = false;
  disturbed(false, true);
  relay_.hold();
  disturbed(true, true);
}

void ChaosGate::slow(milliseconds delay) {
  const std::lock_guard lock(mutex_);
  open_ = false;
  disturbed(false, true);
  relay_.slow(delay);
}

void ChaosGate::mend() {
  const std::lock_guard lock(mutex_);
  relay_.pass();
  open_ = true;
  mended();
}

void ChaosGate::lose_issuer() {
  const std::lock_guard lock(mutex_);
  issuer_ = false;
  disturbed(link_.silent.has_value(), true);
}

void ChaosGate::find_issuer() {
  const std::lock_guard lock(mutex_);
  issuer_ = true;
  ++link_.changes;
  free_since_ = Steady::now();
}

bool ChaosGate::may_connect() const {
  const std::lock_guard lock(mutex_);
  return open_ && issuer_ && process_ != nullptr && process_->running();
}

void ChaosGate::look() {
  Steady::time_point since;
  std::uint64_t changes = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!open_ || !issuer_ || link_.connected) return;
    since = free_since_;
    changes = link_.changes;
  }
  const auto began = Steady::now();
  const auto answer =
      looker_.send("GET", place(metrics_) + "/metrics", {}, "", Deadline::in(patience));
  if (!answer || answer->status != 200) return;
  const std::string name = "\nmintmark_gate_revocations_age_seconds ";
  const auto at = answer->body.find(name);
  if (at == std::string::npos) return;
  const std::chrono::duration<double> age(std::stod(answer->body.substr(at + name.size())));
  if (age.count() < 0 || began - std::chrono::duration_cast<Steady::duration>(age) <= since) return;
  if (!is_ready()) return;  // Its keys come by another way than what was revoked.
  const std::lock_guard lock(mutex_);
  if (changes != link_.changes) return;
  ++link_.changes;
  link_.connected = Steady::now();
  link_.reckoned = std::chrono::ceil<milliseconds>(age);
  link_.lost.reset();
}

bool ChaosGate::is_ready() {
  const auto answer =
      looker_.send("GET", place(metrics_) + "/readyz", {}, "", Deadline::in(patience));
  return answer && answer->status == 200;
}

http::Response ChaosGate::ask(const Given& token, const SoftKey& key, seconds ahead) {
  ProofContent content{.method = "GET",
                       .url = service_origin + token.path,
                       .at = SystemClock().now() + ahead,
                       .access_token = token.text};
  if (!nonce_.empty()) content.nonce = nonce_;
  http::Headers headers;
  headers.add("X-Original-Method", "GET");
  headers.add("X-Original-Scheme", "https");
  headers.add("X-Original-Host", std::string(service_origin).substr(sizeof "https://" - 1));
  headers.add("X-Original-URI", token.path);
  headers.add("Authorization", "DPoP " + token.text);
  headers.add("DPoP", make_proof(key, content));
  auto answer = caller_.send("GET", place(port_) + "/", headers, "", Deadline::in(patience));
  http::Response gone;
  gone.status = 0;
  return answer ? std::move(*answer) : gone;
}

std::optional<Call> ChaosGate::call(const Given& token, const SoftKey& key) {
  const seconds ahead = clock_.ahead();
  Call call;
  http::Response answer;
  // Asked for where it cannot know whether a proof was used, such as after a step of its clock.
  for (int attempt = 0; attempt < 2; ++attempt) {
    const std::string nonce = nonce_;
    call.before = link();
    call.began = Steady::now();
    answer = ask(token, key, ahead);
    call.ended = Steady::now();
    call.after = link();
    if (const std::string given = field(answer, "DPoP-Nonce"); !given.empty()) nonce_ = given;
    if (answer.status != 401 || nonce_ == nonce) break;
    const std::string code = field(answer, "Mintmark-Refusal");
    if (code.find("nonce") == std::string::npos) break;
  }
  if (ahead != clock_.ahead()) return std::nullopt;
  call.status = answer.status;
  call.code = field(answer, "Mintmark-Refusal");
  return call;
}

}  // namespace mintmark::test
