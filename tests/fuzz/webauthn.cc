// Any octets as a WebAuthn attestation object: refused with a code, or read; what holds for one
// ceremony never holds for another.
#include "attest/webauthn/judge.h"
#include "jose/base64url.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {
using namespace mintmark::attest::webauthn;

ClientData client_for(BytesView challenge) {
  const std::string text = R"({"challenge":")" + jose::base64url(challenge) +
                           R"(","origin":"https://login.example","type":"webauthn.create"})";
  const auto client = parse_client_data(as_bytes(text));
  require(client.has_value());
  return *client;
}

void run_webauthn(BytesView octets) {
  // The client data of the corpus (make_corpus).
  static const ClientData right = client_for(Bytes(32, 7));
  static const ClientData wrong = client_for(Bytes(32, 8));
  const auto client = parse_client_data(octets);
  require(client || client.error().code == Code::webauthn_client_data);
  const auto object = parse_attestation_object(octets);
  if (!object) {
    require(!facts_of(object.error().code).name.empty());
    return;
  }
  const Expected any{std::nullopt, {}, {}};
  const bool holds = check_bindings(*object, right, any).has_value();
  require(!holds || object->data.credential);
  require(!holds || !check_bindings(*object, wrong, any));
  require(!check_bindings(*object, right, {Bytes(32, 8), {}, {}}));
}

const Registered webauthn_target{{"webauthn", &run_webauthn, {"webauthn"}}};

}  // namespace
}  // namespace mintmark::fuzz
