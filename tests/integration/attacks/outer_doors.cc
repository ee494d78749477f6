// The gate in its own process, and the library by both of its faces.
#include <array>
#include <fstream>
#include <stdexcept>

#include "doors.h"
#include "http/client.h"
#include "mintmark/mintmark.h"
#include "mintmark/verifier.h"
#include "support/child_process.h"
#include "support/free_port.h"
#include "support/published_issuer.h"
#include "support/temporary_directory.h"
#include "verify/key_set.h"
#include "verify/signed_frontier.h"
#include "verify/status_list_token.h"

namespace mintmark::attacks {
namespace {

const std::string service = "https://service.example";
constexpr std::chrono::seconds patience{10};

Scene scene_of(const std::string& issuer, std::string nonce) {
  return {.issuer = issuer,
          .audience = service,
          .method = "GET",
          .url = service + "/things",
          .subject = "device-1",
          .scope = "read",
          .nonce = std::move(nonce),
          .now = SystemClock().now()};
}

class Gate final : public GateDoor {
 public:
  Gate() {
    issuer_.publish(published_keys());
    const std::string file = (directory_.path() / "gate.json").string();
    std::ofstream(file) << configuration().dump();
    process_ = std::make_unique<test::ChildProcess>(
        std::vector<std::string>{MINT_GATE, "serve", "--config", file},
        directory_.path() / "gate.log");
    const std::string ready = "http://127.0.0.1:" + std::to_string(metrics_) + "/readyz";
    http::Client client{{.plain_http = true}};
    test::wait_until("the gate", *process_, [&] {
      const auto answer = client.send("GET", ready, {}, "", Deadline::in(patience));
      return answer && answer->status == 200;
    });
    nonce_ = asked_nonce();
  }

  std::uint16_t port() const override { return port_; }
  Scene scene(Door /*door*/) const override { return scene_of(issuer_.url(), nonce_); }
  Wire honest(Door door) const override {
    return carrying(door, Message::access_token, Honest(Message::access_token, scene(door)).jws(),
                    "");
  }
  Wire carrying(Door door, Message message, const std::string& text,
                const std::string& token) const override {
    const bool is_token = message == Message::access_token;
    Wire wire = check();
    wire.add("Authorization: DPoP " + (is_token ? text : token));
    wire.add("DPoP: " + (is_token ? Honest(Message::proof, scene(door), text).jws() : text));
    return wire;
  }
  int strange_requests() const override {
    return issuer_.asked("/evil/jwks.json") + issuer_.asked("/evil/chain.pem");
  }

 private:
  static Wire check() {
    return {.line = "GET /_mint_gate HTTP/1.1",
            .fields = {"Host: mint_gate", "X-Original-Method: GET", "X-Original-Scheme: https",
                       "X-Original-Host: service.example", "X-Original-URI: /things"},
            .body = ""};
  }
  std::string asked_nonce() const {
    const std::string text = ask(port_, check().octets()).text;
    const std::string name = "\r\nDPoP-Nonce: ";
    const auto at = text.find(name);
    if (at == std::string::npos) throw std::runtime_error("the gate gives no nonce: " + text);
    const auto from = at + name.size();
    return text.substr(from, text.find("\r\n", from) - from);
  }
  Json configuration() const {
    const Json rule = {{"path", "/things"},   {"methods", {"GET"}},
                       {"audience", service}, {"scopes", {"read"}},
                       {"binding", "dpop"},   {"key_protection", {"hardware"}}};
    return {{"issuer", issuer_.url()},
            {"ca", issuer_.ca_file().string()},
            {"revocation", {{"none", true}}},
            {"nonces", "always"},
            {"listen",
             {{{"dialect", "nginx"},
               {"address", "127.0.0.1"},
               {"port", port_},
               {"plain_http_behind_trusted_proxy", true},
               {"trusted_networks", {"127.0.0.1"}}}}},
            {"services", {{{"origins", {service}}, {"rules", {rule}}}}},
            {"metrics", {{"address", "127.0.0.1"}, {"port", metrics_}}}};
  }

  test::PublishedIssuer issuer_;
  test::TemporaryDirectory directory_;
  std::uint16_t port_ = test::free_port();
  std::uint16_t metrics_ = test::free_port();
  std::unique_ptr<test::ChildProcess> process_;
  std::string nonce_;
};

const std::string library_issuer = "https://issuer.example";

VerifierOptions options() {
  VerifierOptions made(library_issuer, service);
  made.proof_nonces = ProofNonces::always;
  return made;
}

Outcome refused(std::string_view code, const std::string& detail) {
  return {.code = std::string(code), .text = detail};
}

class Library final : public LibraryDoor {
 public:
  Library() {
    mintmark_options* made = nullptr;
    const bool opened =
        mintmark_options_new(library_issuer.c_str(), service.c_str(), &made) == MINTMARK_OK &&
        mintmark_options_set_jwks(made, published_keys().dump().c_str()) == MINTMARK_OK &&
        mintmark_options_set_proof_nonces(made, MINTMARK_NONCES_ALWAYS) == MINTMARK_OK &&
        mintmark_verifier_new(made, &c_) == MINTMARK_OK;
    mintmark_options_free(made);
    if (!opened) throw std::runtime_error("the C face makes no verifier");
  }
  ~Library() override { mintmark_verifier_free(c_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  Scene scene(Face face) const override {
    if (face == Face::cpp) return scene_of(library_issuer, cpp_.fresh_nonce());
    std::array<char, MINTMARK_NONCE_OCTETS> nonce{};
    if (mintmark_fresh_nonce(c_, nonce.data(), nonce.size()) != MINTMARK_OK)
      throw std::runtime_error("the C face gives no nonce");
    return scene_of(library_issuer, nonce.data());
  }

  Outcome check(Face face, const std::string& token, const std::string& proof) const override {
    return face == Face::cpp ? by_cpp(token, proof) : by_c(token, proof);
  }

  Outcome read(Message message, const std::string& text) const override {
    const Moment now = SystemClock().now();
    if (message == Message::status_list) {
      const auto read = verify::read_status_list_jwt(
          text, lists_,
          {.uri = library_issuer + "/status/1", .issuer = library_issuer, .now = now});
      if (read) return {.taken = true};
      return refused(facts_of(read.error().code).name, read.error().detail);
    }
    auto jws = verify::parse_frontier(text);
    const auto frontier = jws ? verify::check_frontier(std::move(*jws), events_, library_issuer)
                              : tl::unexpected<Error>(jws.error());
    if (frontier) return {.taken = true};
    return refused(facts_of(frontier.error().code).name, frontier.error().detail);
  }

 private:
  Outcome by_cpp(const std::string& token, const std::string& proof) const {
    const auto checked =
        cpp_.check(token, {.method = "GET", .url = service + "/things", .proof = proof});
    if (checked) return {.taken = true};
    return refused(name_of(checked.error().refusal), checked.error().detail);
  }
  Outcome by_c(const std::string& token, const std::string& proof) const {
    mintmark_result* result = nullptr;
    const int status =
        mintmark_check(c_, token.c_str(), MINTMARK_SCHEME_DPOP, "GET",
                       (service + "/things").c_str(), proof.c_str(), nullptr, 0, &result);
    const std::unique_ptr<mintmark_result, decltype(&mintmark_result_free)> owned(
        result, &mintmark_result_free);
    if (status == MINTMARK_OK) return {.taken = true};
    if (status != MINTMARK_REFUSED) return refused("", "status " + std::to_string(status));
    return refused(mintmark_result_refusal_name(result), mintmark_result_detail(result));
  }

  const Verifier cpp_{options(), given_keys(published_keys().dump())};
  mintmark_verifier* c_ = nullptr;
  const verify::KeySet lists_ =
      verify::KeySet::parse(published_keys().dump(), verify::status_list_purpose).value();
  const verify::KeySet events_ = verify::KeySet::parse(published_keys().dump(), "event").value();
};

}  // namespace

Json published_keys() {
  const std::pair<const char*, const test::SoftKey*> all[] = {
      {"access_token", &keys().token},
      {"client_attestation", &keys().attestation},
      {"status_list", &keys().status_list},
      {"event", &keys().event},
      {"result", &keys().result}};
  Json set = Json::array();
  for (const auto& [purpose, key] : all) {
    Json jwk = key->public_key().to_jwk();
    jwk["kid"] = key->jkt();
    jwk["use"] = "sig";
    jwk["alg"] = "ES256";
    jwk["mintmark_purpose"] = purpose;
    set.push_back(std::move(jwk));
  }
  return {{"keys", std::move(set)}};
}

std::unique_ptr<GateDoor> open_gate() { return std::make_unique<Gate>(); }
std::unique_ptr<LibraryDoor> open_library() { return std::make_unique<Library>(); }

}  // namespace mintmark::attacks
