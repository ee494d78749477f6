// The issuer's endpoints over a real listener. Its keys are in memory, so that bad messages can be
// signed by the right ones.
#include <optional>

#include "../../unit/http/http_fixture.h"
#include "../../unit/issuer/service_fixture.h"
#include "api/introspection.h"
#include "api/service_access.h"
#include "api/token.h"
#include "api/token_revocation.h"
#include "doors.h"

namespace mintmark::attacks {
namespace {

const std::string device_id = "attacked-device";
const std::string listening_service = "attacked-service";
const std::string asking_service = "asking-service";
constexpr const char* form_type = "application/x-www-form-urlencoded";
constexpr const char* jwt_bearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

class Issuing final : public issuer::ServiceFixture {
 public:
  Issuing() {
    attest::RecordedDevice record = device;
    record.id = device_id;
    record.jkt = keys().device.jkt();
    record.public_jwk = keys().device.public_key().to_jwk().dump();
    devices.put(record);
    add_service(listening_service, keys().device, {"events"});
    add_service(asking_service, asking_key_, {"introspect"}, {issuer::issuer_url});
    publish_all();
    start_services(true);
    serve();
  }
  void TestBody() override {}

  [[nodiscard]] Moment now() const { return clock.now(); }
  [[nodiscard]] std::string nonce() { return issuer->nonces().fresh(); }
  [[nodiscard]] std::string assertion_of_asking_service() {
    return assertion_by(asking_key_, assertion_claims(asking_service));
  }
  void handle(const http::Request& request, const http::Respond& respond) {
    router_(request, respond);
  }

 private:
  void publish_all() {
    std::vector<keyring::PublishedKey> published;
    for (const hsm::KeyInfo& key : {token_key, attestation_key, event_key})
      published.push_back({key.id, "main", key.purpose, true, key.public_key});
    const std::pair<hsm::Purpose, const test::SoftKey*> more[] = {
        {hsm::Purpose::access_token, &keys().token},
        {hsm::Purpose::client_attestation, &keys().attestation},
        {hsm::Purpose::status_list, &keys().status_list},
        {hsm::Purpose::event, &keys().event},
        {hsm::Purpose::result, &keys().result}};
    for (const auto& [purpose, key] : more)
      published.push_back({hsm::random_key_id(), "main", purpose, false, key->public_key()});
    keyring.swap(*keyring::Snapshot::make(3, std::move(published)));
  }

  void serve() {
    proofs_.emplace(clock.now());
    const api::AddressLimit by_address{&by_address_,
                                       [](const http::Request& request) { return request.peer; }};
    api::add_token(router_, "/token", *issuer, {}, {&*service_tokens, by_address});
    api::add_introspection(router_, "/introspect", *introspection, by_address);
    api::add_token_revocation(router_, "/revoke", *token_revocation, {}, by_address);
    const auto access =
        api::make_service_access({issuer::issuer_url, clock, *tokens, services, issuer->nonces(),
                                  *proofs_, by_address, &client_rate});
    const auto refuse = api::make_service_refusal(issuer->nonces());
    router_.on("GET", "/events",
               [access, refuse](const http::Request& request, const http::Respond& respond) {
                 const auto caller = access(request, "events");
                 respond(caller ? http::json_response(200, "{}") : refuse(caller.error()));
               });
    clock.advance(first_taken);
  }

  const test::SoftKey asking_key_;
  issuer::RateLimit by_address_{Code::rate_of_address, "from your address", 1024};
  std::optional<verify::ReplayWindow> proofs_;
  http::Router router_;
};

class Doors final : public IssuerDoors {
 public:
  Doors() : port_(server_.listen()) {}

  std::uint16_t port() const override { return port_; }

  Scene scene(Door door) const override {
    const bool resource = door == Door::issuer_resource;
    return {.issuer = issuer::issuer_url,
            .audience = issuer::issuer_url,
            .method = resource ? "GET" : "POST",
            .url = issuer::issuer_url + (resource ? "/events" : "/token"),
            .subject = resource ? listening_service : device_id,
            .scope = "events",
            .nonce = issuing_->nonce(),
            .now = issuing_->now()};
  }

  Wire honest(Door door) const override {
    const Scene here = scene(door);
    switch (door) {
      case Door::introspection:
        return form("/introspect", {{"token", token()}}, issuing_->assertion_of_asking_service());
      case Door::revocation:
        return form("/revoke", {{"token", Honest(Message::access_token, here).jws()}},
                    Honest(Message::assertion, here).jws());
      case Door::issuer_resource:
        return carrying(door, Message::access_token, token(), "");
      default:
        return carrying(door, Message::proof, Honest(Message::proof, here).jws(), "");
    }
  }

  Wire carrying(Door door, Message message, const std::string& text,
                const std::string& token) const override {
    const Scene here = scene(door);
    if (door == Door::issuer_resource) {
      const bool is_token = message == Message::access_token;
      Wire wire{.line = "GET /events HTTP/1.1", .fields = {"Host: issuer.example"}, .body = ""};
      wire.add("Authorization: DPoP " + (is_token ? text : token));
      wire.add("DPoP: " + (is_token ? Honest(Message::proof, here, text).jws() : text));
      return wire;
    }
    const std::string proof = message == Message::proof ? text : Honest(Message::proof, here).jws();
    const http::FormFields wish{{"grant_type", "client_credentials"}};
    if (message == Message::assertion) return form("/token", wish, text).add("DPoP: " + proof);
    Wire wire = request("/token");
    wire.add("DPoP: " + proof);
    wire.add("OAuth-Client-Attestation: " +
             (message == Message::attestation ? text : Honest(Message::attestation, here).jws()));
    return wire.with_body(http::encode_form(wish));
  }

  std::optional<bool> active(const std::string& token) const override {
    const Wire wire =
        form("/introspect", {{"token", token}}, issuing_->assertion_of_asking_service());
    const Outcome answer = ask(port_, wire.octets());
    if (!answer.taken) return std::nullopt;
    return answer.text.find("\"active\":true") != std::string::npos;
  }

 private:
  std::string token() const {
    return Honest(Message::access_token, scene(Door::issuer_resource)).jws();
  }
  static Wire request(const std::string& path) {
    return {.line = "POST " + path + " HTTP/1.1",
            .fields = {"Host: issuer.example", std::string("Content-Type: ") + form_type},
            .body = ""};
  }
  static Wire form(const std::string& path, http::FormFields fields, const std::string& assertion) {
    fields.emplace_back("client_assertion_type", jwt_bearer);
    std::string body = http::encode_form(fields);
    // Not as text: an attack's may be no UTF-8.
    body += "&client_assertion=" + http::encode_form({{"", assertion}}).substr(1);
    return request(path).with_body(std::move(body));
  }

  std::unique_ptr<Issuing> issuing_ = std::make_unique<Issuing>();
  http::TestServer server_{[this](const http::Request& request, const http::Respond& respond) {
    issuing_->handle(request, respond);
  }};
  std::uint16_t port_;
};

// Between the quotes behind `name="`.
std::string parameter(const std::string& text, const std::string& name) {
  const auto at = text.find(name + "=\"");
  if (at == std::string::npos) return "";
  const auto from = at + name.size() + 2;
  return text.substr(from, text.find('"', from) - from);
}

}  // namespace

Outcome ask(std::uint16_t port, const std::string& octets, bool to_its_end) {
  http::RawConnection connection(port);
  (void)connection.send(octets);  // Whoever is refused early may find it closed.
  const auto answer = connection.answer();
  if (!answer) return {.text = "the connection was closed without an answer"};
  Outcome outcome{.taken = answer->status == 200, .status = answer->status};
  outcome.text = answer->head + answer->body;
  const std::string name = "\r\nWWW-Authenticate: ";
  const auto at = answer->head.find(name);
  outcome.challenged = at != std::string::npos;
  if (outcome.challenged) {
    const std::string line =
        answer->head.substr(at + 2, answer->head.find("\r\n", at + 2) - at - 2);
    outcome.challenge = parameter(line, " error");
  }
  if (!outcome.taken) {
    const auto body = parse_json(answer->body);
    if (body && body->is_object()) {
      outcome.code = body->value("code", "");
      outcome.error = body->value("error", "");
    }
  }
  if (to_its_end) outcome.ended = connection.rest().empty();
  return outcome;
}

std::unique_ptr<IssuerDoors> open_issuer() { return std::make_unique<Doors>(); }

}  // namespace mintmark::attacks
