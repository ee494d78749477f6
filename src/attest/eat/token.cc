#include "attest/eat/token.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "attest/eat/claims.h"
#include "cbor/cose.h"
#include "jose/jws.h"

namespace mintmark::attest::eat {
namespace {

// RFC 9782 §5.
constexpr std::array typs = {"", "jwt", "eat+jwt"};
constexpr std::array cwt_typs = {"cwt", "eat+cwt"};
constexpr std::int64_t coap_cwt = 61;
constexpr std::int64_t coap_eat_cwt = 263;

Error translated(const Error& error) {
  switch (error.code) {
    case Code::jws_malformed:
      return {Code::eat_malformed, error.detail};
    case Code::jws_alg_refused:
    case Code::cose_alg_refused:
      return {Code::eat_alg, error.detail};
    case Code::jws_signature_invalid:
    case Code::cose_signature:
      return {Code::eat_signature, error.detail};
    default:
      return error;
  }
}

tl::unexpected<Error> wrong_typ(const std::string& typ) {
  return fail(Code::eat_typ, "the token's typ must be JWT, CWT or EAT, not " + printable(typ));
}

// RFC 9596: a text, or a CoAP content format. Absent is taken: few attesters write it.
Result<void> check_cwt_typ(const cbor::Sign1& message) {
  constexpr std::int64_t header_typ = 16;
  if (message.protected_header.empty()) return {};
  const auto header = cbor::parse(message.protected_header);
  const auto typ = header ? header->find(header_typ) : std::nullopt;
  if (!typ) return {};
  if (const auto number = typ->integer())
    return *number == coap_cwt || *number == coap_eat_cwt ? Result<void>()
                                                          : wrong_typ(std::to_string(*number));
  std::string text(typ->text().value_or(""));
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view prefix = "application/";
  if (text.starts_with(prefix)) text.erase(0, prefix.size());
  const bool known = std::find(cwt_typs.begin(), cwt_typs.end(), text) != cwt_typs.end();
  return known ? Result<void>() : wrong_typ(text);
}

// The names of RFC 9053, and those of RFC 9864 that leave nothing to the key.
std::int64_t polymorphic(std::int64_t algorithm) {
  constexpr std::int64_t esp256 = -9;
  constexpr std::int64_t esp384 = -51;
  constexpr std::int64_t ed25519 = -19;
  switch (algorithm) {
    case esp256:
      return static_cast<std::int64_t>(cbor::CoseAlgorithm::es256);
    case esp384:
      return static_cast<std::int64_t>(cbor::CoseAlgorithm::es384);
    case ed25519:
      return static_cast<std::int64_t>(cbor::CoseAlgorithm::eddsa);
    default:
      return algorithm;
  }
}

cbor::CoseAlgorithm algorithm_of(jose::Algorithm algorithm) {
  switch (algorithm) {
    case jose::Algorithm::es256:
      return cbor::CoseAlgorithm::es256;
    case jose::Algorithm::es384:
      return cbor::CoseAlgorithm::es384;
    case jose::Algorithm::rs256:
      return cbor::CoseAlgorithm::rs256;
    case jose::Algorithm::ps256:
      return cbor::CoseAlgorithm::ps256;
    case jose::Algorithm::ed25519:
      return cbor::CoseAlgorithm::eddsa;
  }
  return cbor::CoseAlgorithm::es256;
}

Result<void> check_signature(cbor::Sign1 message, const jose::PublicKey& key) {
  const auto own = static_cast<std::int64_t>(algorithm_of(key.algorithm()));
  message.algorithm = polymorphic(message.algorithm);
  if (message.algorithm != own)
    return fail(Code::eat_alg,
                "the key verifies " + std::string(name_of(key.algorithm())) + " and nothing else");
  const Bytes spki = key.to_spki();
  const std::uint8_t* at = spki.data();
  const cbor::Key openssl(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  ERR_clear_error();
  auto checked = cbor::check_sign1(message, openssl.get());
  if (!checked) return tl::unexpected<Error>(translated(checked.error()));
  return {};
}

// A key that speaks for one issuer must not speak as another.
Result<Token> believed(Json claims, std::string kid, Attester attester) {
  if (auto by = check_issuer(claims, attester.issuers); !by) return pass_on(by);
  return Token{std::move(claims), std::move(kid), std::move(attester)};
}

}  // namespace

Result<Token> verify_jwt(std::string_view compact, const Keys& keys) {
  auto jws = jose::UnverifiedJws::parse(compact);
  if (!jws) return tl::unexpected<Error>(translated(jws.error()));
  const std::string typ = jws->typ();
  if (std::find(typs.begin(), typs.end(), typ) == typs.end()) return wrong_typ(typ);
  const std::string kid = jws->kid();
  auto attester = keys.named(kid);
  if (!attester) return pass_on(attester);
  auto verified = std::move(*jws).verify(attester->key, jose::AlgorithmNames::polymorphic_too);
  if (!verified) return tl::unexpected<Error>(translated(verified.error()));
  return believed(verified->claims(), kid, std::move(*attester));
}

Result<Token> verify_cwt(BytesView octets, const Keys& keys) {
  // Tag 61 (RFC 8392 §6) goes before COSE's own.
  constexpr std::array<std::uint8_t, 2> cwt_tag{0xD8, 0x3D};
  if (octets.size() > cwt_tag.size() && std::equal(cwt_tag.begin(), cwt_tag.end(), octets.begin()))
    octets = octets.subspan(cwt_tag.size());
  auto message = cbor::parse_sign1(octets);
  if (!message) return tl::unexpected<Error>(translated(message.error()));
  if (auto typ = check_cwt_typ(*message); !typ) return pass_on(typ);
  const std::string kid(as_text(message->kid));
  auto attester = keys.named(kid);
  if (!attester) return pass_on(attester);
  if (auto right = check_signature(*message, attester->key); !right) return pass_on(right);
  auto payload = cbor::parse(message->payload);
  if (!payload) return pass_on(payload);
  auto claims = claims_of(*payload);
  if (!claims) return pass_on(claims);
  return believed(std::move(*claims), printable(kid), std::move(*attester));
}

}  // namespace mintmark::attest::eat
