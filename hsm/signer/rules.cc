#include "hsm/signer/rules.h"

#include <algorithm>
#include <array>

#include "hsm/signer/certificate_verify.h"
#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::hsm::signer {
namespace {

constexpr std::size_t thumbprint_octets = 32;
constexpr std::array<std::string_view, 3> header_members{"alg", "kid", "typ"};

tl::unexpected<Error> refuse(const std::string& what) { return fail(Code::purpose_refused, what); }

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string_view typ_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::access_token:
      return "at+jwt";
    case Purpose::client_attestation:
      return "oauth-client-attestation+jwt";
    case Purpose::result:
      return "eat+jwt";
    case Purpose::tls:
      break;  // Signs no JWS at all.
  }
  return "";
}

Result<void> check_header(const KeyInfo& key, const Json& header) {
  // Nothing else has a meaning that we would vouch for; jwk or jku would even point elsewhere.
  for (const auto& [name, value] : header.items()) {
    if (std::find(header_members.begin(), header_members.end(), name) == header_members.end()) {
      return refuse("the header may have alg, kid and typ, not " + printable(name));
    }
  }
  if (text_of(header, "typ") != typ_of(key.purpose)) {
    return refuse("typ must be " + std::string(typ_of(key.purpose)) + " for a key of purpose " +
                  std::string(name_of(key.purpose)));
  }
  if (text_of(header, "alg") != jose::name_of(key.public_key.algorithm()))
    return refuse("alg is not the key's");
  if (text_of(header, "kid") != key.kid()) return refuse("kid is not the key's");
  return {};
}

Result<void> check_times(const PurposeRules& rules, const KeyInfo& key, const Json& claims,
                         Moment now) {
  const auto longest = rules.longest_life.find(key.purpose);
  if (longest == rules.longest_life.end()) return refuse("this purpose signs nothing");
  const auto iat = jose::time_claim(claims, "iat");
  const auto exp = jose::time_claim(claims, "exp");
  if (!iat || !*iat) return refuse("iat is missing, or no time");
  if (!exp || !*exp) return refuse("exp is missing, or no time");
  if (std::chrono::abs(from_unix(**iat) - now) > rules.skew)
    return refuse("iat is not near the signer's clock");
  if (**exp <= **iat) return refuse("exp is not after iat");
  if (**exp - **iat > longest->second.count()) {
    return refuse("the life is longer than " + std::to_string(longest->second.count()) + " s");
  }
  return {};
}

Result<void> check_issuer(const PurposeRules& rules, Purpose purpose, const Json& claims) {
  const bool may_lack = purpose == Purpose::client_attestation;
  if (may_lack && !claims.contains("iss")) return {};
  if (text_of(claims, "iss") != rules.issuer) return refuse("iss is not this issuer");
  return {};
}

Result<void> check_confirmation(Purpose purpose, const Json& claims) {
  const auto cnf = claims.find("cnf");
  if (cnf == claims.end() || !cnf->is_object())
    return refuse("cnf is missing: nothing is signed that is bound to no key");
  if (purpose == Purpose::access_token) {
    const auto jkt = jose::from_base64url(text_of(*cnf, "jkt"));
    if (!jkt || jkt->size() != thumbprint_octets) return refuse("cnf.jkt is no thumbprint");
    return {};
  }
  const auto jwk = cnf->find("jwk");
  if (jwk == cnf->end()) return refuse("cnf.jwk is missing");
  if (const auto key = jose::PublicKey::from_jwk(*jwk); !key)
    return refuse("cnf.jwk: " + key.error().detail);
  return {};
}

}  // namespace

Result<void> check_purpose(const PurposeRules& rules, const KeyInfo& key,
                           std::string_view signing_input, Moment now) {
  if (key.purpose == Purpose::tls) {
    if (!rules.tls) return refuse("this store's TLS keys sign nothing: \"tls\" does not name it");
    return check_certificate_verify(signing_input);
  }
  auto parts = jose::parse_signing_input(signing_input);
  if (!parts) return refuse("no JWS signing input: " + parts.error().detail);
  if (auto header = check_header(key, parts->header); !header) return header;
  if (auto issuer = check_issuer(rules, key.purpose, parts->claims); !issuer) return issuer;
  if (auto times = check_times(rules, key, parts->claims, now); !times) return times;
  return check_confirmation(key.purpose, parts->claims);
}

}  // namespace mintmark::hsm::signer
