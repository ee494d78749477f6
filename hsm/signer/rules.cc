#include "hsm/signer/rules.h"

#include <algorithm>
#include <array>

#include "hsm/result_profile.h"
#include "hsm/signer/certificate_verify.h"
#include "hsm/signer/list_rules.h"
#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::hsm::signer {
namespace {

constexpr std::size_t thumbprint_octets = 32;
constexpr std::array<std::string_view, 3> header_members{"alg", "kid", "typ"};
// What makes a JWT an access token (RFC 9068 §2.2): a result has none of it, so that not even one
// who looks at no `typ` takes it for one.
constexpr std::array<const char*, 4> claims_of_tokens{"aud", "scope", "client_id", "azp"};

tl::unexpected<Error> refuse(const std::string& what) { return fail(Code::purpose_refused, what); }

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

constexpr std::string_view frontier_typ = "mintmark-frontier+jwt";
constexpr std::string_view set_typ = "secevent+jwt";                       // RFC 8417 §2.3.
constexpr std::string_view introspection_typ = "token-introspection+jwt";  // RFC 9701 §5.

// `cose`: of what is no JWS.
std::vector<std::string_view> typs_of(Purpose purpose, bool cose) {
  switch (purpose) {
    case Purpose::access_token:
      return {"at+jwt"};
    case Purpose::client_attestation:
      return {"oauth-client-attestation+jwt"};
    case Purpose::result:
      return {"eat+jwt"};
    case Purpose::status_list:
      return {cose ? list_cwt_typ : list_jwt_typ};
    case Purpose::event:
      return {frontier_typ, set_typ, introspection_typ};
    case Purpose::tls:
      break;  // Signs no JWS at all.
  }
  return {};
}

std::string listed(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words)
    text += (text.empty() ? "" : " or ") + std::string(word);
  return text;
}

Result<void> check_header(const KeyInfo& key, const Json& header, bool cose) {
  // Nothing else has a meaning that we would vouch for; jwk or jku would even point elsewhere.
  for (const auto& [name, value] : header.items()) {
    if (std::find(header_members.begin(), header_members.end(), name) == header_members.end()) {
      return refuse("the header may have alg, kid and typ, not " + printable(name));
    }
  }
  const auto typs = typs_of(key.purpose, cose);
  if (std::find(typs.begin(), typs.end(), text_of(header, "typ")) == typs.end()) {
    return refuse("typ must be " + listed(typs) + " for a key of purpose " +
                  std::string(name_of(key.purpose)));
  }
  if (text_of(header, "alg") != jose::name_of(key.public_key.algorithm()))
    return refuse("alg is not the key's");
  if (text_of(header, "kid") != key.kid()) return refuse("kid is not the key's");
  return {};
}

// RFC 8417 §2.2, RFC 9701 §5: what says what has happened, or what was so, does not end.
bool may_lack_exp(std::string_view typ) { return typ == set_typ || typ == introspection_typ; }

Result<void> check_times(const PurposeRules& rules, const KeyInfo& key, std::string_view typ,
                         const Json& claims, Moment now) {
  const auto longest = rules.longest_life.find(key.purpose);
  if (longest == rules.longest_life.end()) return refuse("this purpose signs nothing");
  const auto iat = jose::time_claim(claims, "iat");
  const auto exp = jose::time_claim(claims, "exp");
  if (!iat || !*iat) return refuse("iat is missing, or no time");
  if (std::chrono::abs(from_unix(**iat) - now) > rules.skew)
    return refuse("iat is not near the signer's clock");
  if (may_lack_exp(typ) && !claims.contains("exp")) return {};
  if (!exp || !*exp) return refuse("exp is missing, or no time");
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

bool is_thumbprint(const Json& cnf, const char* name) {
  const auto octets = jose::from_base64url(text_of(cnf, name));
  return octets && octets->size() == thumbprint_octets;
}

// RFC 9449 §6.1, RFC 8705 §3.1: what a token is bound to is shown by a proof, a certificate or
// both.
Result<void> check_token_confirmation(const Json& cnf) {
  if (cnf.empty()) return refuse("cnf is empty: nothing is signed that is bound to no key");
  for (const auto& [name, value] : cnf.items()) {
    if (name != "jkt" && name != "x5t#S256")
      return refuse("cnf may have jkt and x5t#S256, not " + printable(name));
    if (!is_thumbprint(cnf, name.c_str())) return refuse("cnf." + name + " is no thumbprint");
  }
  return {};
}

Result<void> check_confirmation(Purpose purpose, const Json& claims) {
  const auto cnf = claims.find("cnf");
  if (cnf == claims.end() || !cnf->is_object())
    return refuse("cnf is missing: nothing is signed that is bound to no key");
  if (purpose == Purpose::access_token) return check_token_confirmation(*cnf);
  if (purpose == Purpose::result) {
    if (cnf->size() != 1) return refuse("cnf may have jkt alone");
    if (!is_thumbprint(*cnf, "jkt")) return refuse("cnf.jkt is no thumbprint");
    return {};
  }
  const auto jwk = cnf->find("jwk");
  if (jwk == cnf->end()) return refuse("cnf.jwk is missing");
  if (const auto key = jose::PublicKey::from_jwk(*jwk); !key)
    return refuse("cnf.jwk: " + key.error().detail);
  return {};
}

// draft-ietf-rats-ear-04 §3: the profile, who it is about, and an appraisal of each attester.
Result<void> check_result(const Json& claims) {
  if (text_of(claims, "eat_profile") != ear_profile)
    return refuse("eat_profile must be " + std::string(ear_profile));
  if (text_of(claims, "sub").empty()) return refuse("sub is missing");
  const auto submods = claims.find("submods");
  if (submods == claims.end() || !submods->is_object() || submods->empty())
    return refuse("submods must be an object that is not empty");
  for (const auto& [name, appraisal] : submods->items()) {
    if (!appraisal.is_object() || text_of(appraisal, "ear_status").empty())
      return refuse("each of submods must be an appraisal with ear_status");
  }
  for (const char* name : claims_of_tokens) {
    if (claims.contains(name)) return refuse("a result has no " + std::string(name));
  }
  return {};
}

// What each of them says; and nothing that would make a token of it, or stand for one, for whoever
// looks at no `typ`.
Result<void> check_event(std::string_view typ, const Json& claims) {
  for (const char* name : {"cnf", "scope", "client_id", "azp"}) {
    if (claims.contains(name)) return refuse("an event has no " + std::string(name));
  }
  if (typ == frontier_typ)
    return text_of(claims, "head").empty() ? refuse("head is missing") : Result<void>{};
  // RFC 8417 §2.2, RFC 9701 §5.
  const char* content = typ == set_typ ? "events" : "token_introspection";
  const auto found = claims.find(content);
  if (found == claims.end() || !found->is_object() || found->empty())
    return refuse(std::string(content) + " must be an object that is not empty");
  return {};
}

Result<jose::SigningInputParts> parts_of(Purpose purpose, std::string_view input, bool cose) {
  if (cose) return list_parts_of_cwt(input);
  jose::JwsLimits limits;
  if (purpose == Purpose::status_list) limits.octets = longest_list_input;
  auto parts = jose::parse_signing_input(input, limits);
  if (!parts) return refuse("no JWS signing input: " + parts.error().detail);
  return parts;
}

}  // namespace

Result<void> check_purpose(const PurposeRules& rules, const KeyInfo& key,
                           std::string_view signing_input, Moment now) {
  if (key.purpose == Purpose::tls) {
    if (!rules.tls) return refuse("this store's TLS keys sign nothing: \"tls\" does not name it");
    return check_certificate_verify(signing_input);
  }
  const bool cose = key.purpose == Purpose::status_list && may_be_cose(signing_input);
  auto parts = parts_of(key.purpose, signing_input, cose);
  if (!parts) return pass_on(parts);
  if (auto header = check_header(key, parts->header, cose); !header) return header;
  if (auto issuer = check_issuer(rules, key.purpose, parts->claims); !issuer) return issuer;
  const std::string typ = text_of(parts->header, "typ");
  if (auto times = check_times(rules, key, typ, parts->claims, now); !times) return times;
  if (key.purpose == Purpose::status_list) return check_list_claims(rules.issuer, parts->claims);
  if (key.purpose == Purpose::event) return check_event(typ, parts->claims);
  if (key.purpose == Purpose::result) {
    if (auto result = check_result(parts->claims); !result) return result;
  }
  return check_confirmation(key.purpose, parts->claims);
}

}  // namespace mintmark::hsm::signer
