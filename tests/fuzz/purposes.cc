// Any octets as what a front asks a key to sign: refused, or signed by keys of one purpose alone.
#include "base/json.h"
#include "hsm/signer/rules.h"
#include "jose/jws.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

using hsm::Purpose;

const jose::PublicKey& signing_key() {
  static const auto key =
      jose::PublicKey::from_jwk({{"kty", "EC"},
                                 {"crv", "P-256"},
                                 {"x", "G8fAud93NgCg8C_0bY1YqVZ5zNlkb-cNsGTQia7m0is"},
                                 {"y", "RK1gonvUKKQOCSHDwz3SiN9EijCqmXS4sDeRbc8RnL0"}});
  return *key;
}

constexpr std::array all_purposes{Purpose::access_token, Purpose::client_attestation,
                                  Purpose::result,       Purpose::status_list,
                                  Purpose::event,        Purpose::tls};

std::size_t signed_by(std::string_view input) {
  static const hsm::signer::PurposeRules rules = [] {
    hsm::signer::PurposeRules all{"https://issuer.example", {}, std::chrono::seconds(60), true};
    for (const Purpose purpose : all_purposes)
      all.longest_life[purpose] = std::chrono::seconds(300);
    return all;
  }();
  std::size_t count = 0;
  for (const Purpose purpose : all_purposes) {
    const hsm::KeyInfo key{{}, purpose, signing_key(), ""};
    const auto outcome = hsm::signer::check_purpose(rules, key, input, from_unix(1'800'000'000));
    count += outcome ? 1 : 0;
    if (outcome) continue;
    require(outcome.error().code == Code::purpose_refused);
    require_told(outcome.error());
  }
  require(count <= 1);
  return count;
}

// As they are; and as a header's text, a line end and the claims' text.
void run_purpose(BytesView octets) {
  (void)signed_by(as_text(octets));
  const std::string_view text = as_text(octets);
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return;
  const auto header = parse_json(text.substr(0, line));
  const auto claims = parse_json(text.substr(line + 1));
  if (!header || !claims) return;
  const std::string input = jose::signing_input(*header, *claims);
  if (signed_by(input) == 0) return;
  require(header->at("alg") == "ES256" && header->at("kid") == signing_key().thumbprint());
  Json other = *header;
  other["jku"] = "https://attacker.example";
  require(signed_by(jose::signing_input(other, *claims)) == 0);
  other = *header;
  other["alg"] = "none";
  require(signed_by(jose::signing_input(other, *claims)) == 0);
}

const Registered purpose_target{{"purpose", &run_purpose, {}, nullptr, 4000}};

}  // namespace
}  // namespace mintmark::fuzz
