#include "support/event_issuer.h"

#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <vector>

#include "jose/base64url.h"
#include "jose/file_key.h"
#include "jose/jws.h"
#include "support/temporary_directory.h"
#include "verify/client_assertion.h"
#include "verify/proof.h"
#include "verify/revoked_set.h"

namespace mintmark::test {
namespace {

Json jwk_of(const SoftKey& key, const char* purpose) {
  Json jwk = key.public_key().to_jwk();
  jwk["kid"] = key.jkt();
  jwk["mintmark_purpose"] = purpose;
  return jwk;
}

std::int64_t milliseconds_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

http::Response refusal(unsigned status, Code code, const std::string& nonce = "") {
  http::Response response = http::error_response({code, "refused by the test's issuer"});
  response.status = status;
  if (!nonce.empty()) response.headers.set("DPoP-Nonce", nonce);
  return response;
}

std::string event(const std::string& type, const std::string& data) {
  return "event: " + type + "\ndata: " + data + "\n\n";
}

jose::FileKey made_key(const std::filesystem::path& file) {
  auto key = jose::FileKey::open_or_make(file, {Code::config_invalid, "the key"});
  if (!key) throw std::runtime_error(key.error().detail);
  return std::move(*key);
}

}  // namespace

struct EventIssuer::State {
  State() : service(made_key(directory.path() / "service.pem")) { begin("log-1"); }

  void begin(const std::string& name) {
    log = name;
    entries.clear();
    head = verify::empty_head(log);
    revoked = {};
  }
  std::string add(Json entry) {
    entry["seq"] = entries.size() + 1;
    entry["at"] = milliseconds_now() / 1000;
    entry["until"] = milliseconds_now() / 1000 + 3600;
    entries.push_back(entry.dump());
    head = verify::next_head(head, entries.back());
    (void)revoked.apply(entry);
    return entries.back();
  }
  std::string frontier(const std::function<void(verify::Frontier&)>& further) {
    verify::Frontier made;
    made.log = log;
    made.seq = entries.size();
    made.head = head;
    made.ms = milliseconds_now();
    made.bound = std::chrono::seconds(60);
    if (change) change(made);
    if (further) further(made);
    const Moment now = SystemClock().now();
    auto parts = jose::parse_signing_input(
        verify::frontier_input(made, iss, "ES256", signer.jkt(), now, std::chrono::seconds(60)));
    parts->header["typ"] = typ;
    return signer.sign_jws(parts->header, parts->claims);
  }
  void tell(const std::string& text) {
    const auto part = std::make_shared<const std::string>(text);
    std::erase_if(writers, [&](const std::shared_ptr<http::BodyWriter>& writer) {
      return writer->write(part) == http::BodyWriter::Written::gone;
    });
  }
  void end_streams() {
    for (const auto& writer : writers) writer->end();
    writers.clear();
  }
  // True where a good proof came with it.
  bool is_proven(const http::Request& request, const std::string& nonce, const std::string& token) {
    const std::string* proof = request.headers.find("DPoP");
    if (proof == nullptr) return false;
    const auto checked = verify::check_proof(
        *proof, {.method = request.method,
                 .url = base + request.path,
                 .token_hash = token.empty() ? std::nullopt : std::optional(sha256(token)),
                 .now = SystemClock().now()});
    return checked && checked->jkt() == service.public_key().thumbprint() &&
           (nonce.empty() || checked->nonce() == nonce);
  }
  http::Response token(const http::Request& request);
  http::Response events(const http::Request& request);
  http::Response snapshot(const http::Request& request);
  std::optional<http::Response> let_in(const http::Request& request);
  std::string greeting(std::size_t after);

  std::recursive_mutex mutex;  // All below.
  TemporaryDirectory directory;
  jose::FileKey service;
  SoftKey token_key;
  SoftKey event_key;
  SoftKey signer = event_key;
  std::string base, iss, typ{verify::frontier_typ};
  std::string nonce_of_token, nonce_of_calls;
  std::set<std::string> tokens;
  std::string log;
  std::vector<std::string> entries;
  Sha256 head{};
  verify::RevokedSet revoked;
  std::vector<std::shared_ptr<http::BodyWriter>> writers;
  std::function<void(verify::Frontier&)> change;
  std::function<void(Json&)> change_snapshot;
  bool greets = true;
  bool serving = true;
  PublishedIssuer published;  // Last: its thread uses all of the above.
};

http::Response EventIssuer::State::token(const http::Request& request) {
  const std::lock_guard lock(mutex);
  if (!serving) return refusal(503, Code::unavailable);
  const auto form = http::parse_form(request.body);
  if (!form) return refusal(400, Code::http_malformed);
  std::map<std::string, std::string> fields(form->begin(), form->end());
  if (!is_proven(request, nonce_of_token, ""))
    return refusal(400, Code::dpop_nonce_required, nonce_of_token);
  const auto assertion = verify::check_client_assertion(
      fields["client_assertion"],
      [&](const std::string& id) -> Result<jose::PublicKey> {
        if (id == "service-1") return service.public_key();
        return fail(Code::service_unknown, "no such service");
      },
      base, SystemClock().now());
  if (!assertion) return refusal(401, assertion.error().code);
  if (fields["resource"] != base || fields["scope"] != "events" ||
      fields["grant_type"] != "client_credentials")
    return refusal(400, Code::service_scope);
  const std::string given = "token-" + std::to_string(tokens.size() + 1) + assertion->jti();
  tokens.insert(given);
  return http::json_response(
      200, Json{{"access_token", given}, {"token_type", "DPoP"}, {"expires_in", 300}}.dump());
}

std::optional<http::Response> EventIssuer::State::let_in(const http::Request& request) {
  if (!serving) return refusal(503, Code::unavailable);
  const std::string* authorization = request.headers.find("Authorization");
  const std::string token = authorization == nullptr || !authorization->starts_with("DPoP ")
                                ? std::string()
                                : authorization->substr(5);
  if (!tokens.contains(token)) return refusal(401, Code::token_expired);
  if (!is_proven(request, nonce_of_calls, token))
    return refusal(401, Code::proof_nonce_required, nonce_of_calls);
  return std::nullopt;
}

std::string EventIssuer::State::greeting(std::size_t after) {
  std::string text;
  for (std::size_t i = after; i < entries.size(); ++i) text += event("revocation", entries[i]);
  return greets ? text + event("frontier", frontier({})) : text;
}

http::Response EventIssuer::State::events(const http::Request& request) {
  const std::lock_guard lock(mutex);
  if (auto refused = let_in(request)) return *refused;
  const std::string* last = request.headers.find("Last-Event-ID");
  const std::string prefix = log + ":";
  const std::size_t after = last != nullptr && last->starts_with(prefix)
                                ? std::stoul(last->substr(prefix.size()))
                                : entries.size() + 1;
  http::Response response;
  response.headers.set("Content-Type", "text/event-stream");
  response.stream = [this, after](const std::shared_ptr<http::BodyWriter>& writer) {
    const std::lock_guard held(mutex);
    if (after > entries.size()) {
      (void)writer->write(std::make_shared<const std::string>(
          event("snapshot", R"({"reason":"event_log_changed"})")));
      return writer->end();
    }
    (void)writer->write(std::make_shared<const std::string>(greeting(after)));
    writers.push_back(writer);
  };
  return response;
}

http::Response EventIssuer::State::snapshot(const http::Request& request) {
  const std::lock_guard lock(mutex);
  if (auto refused = let_in(request)) return *refused;
  const std::string text =
      Json{{"log", log}, {"seq", entries.size()}, {"revoked", revoked.to_json()}}.dump();
  Json body = {{"snapshot", text}, {"frontier", frontier([&](verify::Frontier& made) {
                                      made.snapshot = jose::base64url(sha256(text));
                                    })}};
  if (change_snapshot) change_snapshot(body);
  return http::json_response(200, body.dump());
}

EventIssuer::EventIssuer() : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.base = state.iss = state.published.url();
  state.published.publish(
      {{"keys", {jwk_of(state.token_key, "access_token"), jwk_of(state.event_key, "event")}}});
  state.published.answer("/token", [&state](const http::Request& r) { return state.token(r); });
  state.published.answer("/events", [&state](const http::Request& r) { return state.events(r); });
  state.published.answer("/events/snapshot",
                         [&state](const http::Request& r) { return state.snapshot(r); });
}

EventIssuer::~EventIssuer() { cut_off(); }

PublishedIssuer& EventIssuer::published() { return state_->published; }
const std::string& EventIssuer::url() { return state_->base; }
std::filesystem::path EventIssuer::ca_file() { return state_->published.ca_file(); }
std::filesystem::path EventIssuer::service_key() const {
  return state_->directory.path() / "service.pem";
}
const SoftKey& EventIssuer::token_key() const { return state_->token_key; }
const SoftKey& EventIssuer::event_key() const { return state_->event_key; }

void EventIssuer::append(Json entry) {
  const std::lock_guard lock(state_->mutex);
  state_->tell(event("revocation", state_->add(std::move(entry))));
}
void EventIssuer::append_in_secret(Json entry) {
  const std::lock_guard lock(state_->mutex);
  (void)state_->add(std::move(entry));
}
void EventIssuer::send_frontier() { send(event("frontier", frontier())); }
void EventIssuer::send(const std::string& text) {
  const std::lock_guard lock(state_->mutex);
  state_->tell(text);
}
std::string EventIssuer::frontier(const std::function<void(verify::Frontier&)>& change) {
  const std::lock_guard lock(state_->mutex);
  return state_->frontier(change);
}
void EventIssuer::change_frontiers(std::function<void(verify::Frontier&)> change) {
  const std::lock_guard lock(state_->mutex);
  state_->change = std::move(change);
}
void EventIssuer::sign_with(const SoftKey& key) {
  const std::lock_guard lock(state_->mutex);
  state_->signer = key;
}
void EventIssuer::sign_as(const std::string& iss, const std::string& typ) {
  const std::lock_guard lock(state_->mutex);
  state_->iss = iss;
  state_->typ = typ;
}
void EventIssuer::greet(bool with_frontier) {
  const std::lock_guard lock(state_->mutex);
  state_->greets = with_frontier;
}
void EventIssuer::begin_log(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  state_->begin(name);
  state_->end_streams();
}
void EventIssuer::cut_off() {
  const std::lock_guard lock(state_->mutex);
  state_->end_streams();
}
void EventIssuer::serve(bool serving) {
  const std::lock_guard lock(state_->mutex);
  state_->serving = serving;
  if (!serving) state_->end_streams();
}
void EventIssuer::want_nonces(const std::string& of_token, const std::string& of_calls) {
  const std::lock_guard lock(state_->mutex);
  state_->nonce_of_token = of_token;
  state_->nonce_of_calls = of_calls;
}
void EventIssuer::forget_tokens() {
  const std::lock_guard lock(state_->mutex);
  state_->tokens.clear();
}
void EventIssuer::change_snapshots(std::function<void(Json&)> change) {
  const std::lock_guard lock(state_->mutex);
  state_->change_snapshot = std::move(change);
}
int EventIssuer::listeners() const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<int>(state_->writers.size());
}

}  // namespace mintmark::test
