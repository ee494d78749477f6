#include "verify/proof.h"

#include "jose/base64url.h"
#include "jose/jws.h"
#include "verify/request_url.h"

namespace mintmark::verify {
namespace {

using jose::UnverifiedJws;
using jose::VerifiedJws;

// A device's library may still write "EdDSA".
constexpr auto names = jose::AlgorithmNames::polymorphic_too;

tl::unexpected<Error> malformed(const Error& error) {
  return fail(Code::proof_malformed, "the proof: " + error.detail);
}

tl::unexpected<Error> wrong_signature() {
  return fail(Code::proof_signature, "the proof's signature is not by its jwk");
}

Result<jose::PublicKey> key_in(const UnverifiedJws& jws, jose::Algorithm algorithm) {
  const auto jwk = jws.header().find("jwk");
  if (jwk == jws.header().end()) return fail(Code::proof_jwk, "the proof's header has no jwk");
  auto key = jose::PublicKey::from_jwk(*jwk, algorithm);
  if (!key) return fail(Code::proof_jwk, "the proof's jwk: " + key.error().detail);
  return key;
}

// Checks 2 to 7: well-formed, typ, alg, jwk, signature.
Result<VerifiedJws> verified(std::string_view proof) {
  auto jws = UnverifiedJws::parse(proof, {.octets = proof_octets});
  if (!jws) return malformed(jws.error());
  if (jws->typ() != "dpop+jwt") return fail(Code::proof_typ, "the proof's typ is not dpop+jwt");
  const auto algorithm = jose::algorithm_named(jws->alg(), names);
  if (!algorithm) {
    return fail(Code::proof_alg, "the proof's alg is \"" + printable(jws->alg(), 20) + "\"; " +
                                     jose::all_algorithm_names() + " are taken");
  }
  auto key = key_in(*jws, *algorithm);
  if (!key) return pass_on(key);
  auto checked = std::move(*jws).verify(*key, names);
  if (checked) return checked;
  if (checked.error().code == Code::jws_alg_refused) {
    return fail(Code::proof_jwk, "the proof's jwk is no key for its alg");
  }
  return wrong_signature();
}

// Likewise, where the header has passed them before.
Result<Json> verified_again(std::string_view proof, const jose::KnownHeader& head) {
  auto claims = head.verified_claims(proof, {.octets = proof_octets});
  if (claims) return claims;
  if (claims.error().code == Code::jws_signature_invalid) return wrong_signature();
  return malformed(claims.error());
}

// "" where it is absent or no text. Lives as long as the claims.
const std::string& text_of(const Json& claims, const char* name) {
  static const std::string none;
  const auto found = claims.find(name);
  return found != claims.end() && found->is_string() ? found->get_ref<const std::string&>() : none;
}

// Equal texts have one spelling, and need it looked for once at most.
bool are_one_url(std::string_view claimed, std::string_view called) {
  if (claimed == called && is_surely_normal(claimed)) return true;
  const auto spelled = normal_request_url(claimed);
  if (!spelled || claimed == called) return spelled.has_value();
  return spelled == normal_request_url(called);
}

// Checks 8 and 9.
Result<void> check_request(const Json& claims, const ProofExpectation& expected) {
  const std::string& method = text_of(claims, "htm");
  if (method != expected.method) {
    return fail(Code::proof_htm, "the proof's htm is \"" + printable(method, 20) +
                                     "\", the request's method " + printable(expected.method, 20));
  }
  const std::string& url = text_of(claims, "htu");
  if (are_one_url(url, expected.url)) return {};
  return fail(Code::proof_htu, "the proof's htu is \"" + printable(url) +
                                   "\", the request went to " + printable(expected.url));
}

// Check 11.
Result<Moment> check_time(const Json& claims, const ProofExpectation& expected) {
  const auto iat = jose::time_claim(claims, "iat");
  if (!iat || !*iat) return fail(Code::proof_iat_missing, "the proof has no iat in whole seconds");
  const Moment issued = from_unix(**iat);
  if (issued < expected.now - expected.past) {
    return fail(Code::proof_iat_old,
                "the proof was made " + std::to_string((expected.now - issued).count()) +
                    " s ago; " + std::to_string(expected.past.count()) + " are allowed");
  }
  if (issued > expected.now + expected.future) {
    return fail(Code::proof_iat_future,
                "the proof's iat is " + std::to_string((issued - expected.now).count()) +
                    " s ahead of our clock; " + std::to_string(expected.future.count()) +
                    " are allowed");
  }
  return issued;
}

Result<std::string> check_jti(const Json& claims) {
  std::string jti = text_of(claims, "jti");
  if (jti.empty()) return fail(Code::proof_jti, "the proof has no jti");
  if (jti.size() > proof_jti_octets) {
    return fail(Code::proof_jti,
                "the proof's jti is longer than " + std::to_string(proof_jti_octets) + " octets");
  }
  return jti;
}

Result<std::optional<std::string>> check_nonce(const Json& claims) {
  auto nonce = jose::string_claim(claims, "nonce");
  if (!nonce) return fail(Code::proof_nonce, "the proof's nonce is no string");
  if (*nonce && (*nonce)->size() > proof_nonce_octets) {
    return fail(Code::proof_nonce, "the proof's nonce is longer than " +
                                       std::to_string(proof_nonce_octets) + " octets");
  }
  return nonce;
}

// Check 12, first half; that the key is the token's is for those who know the token.
Result<void> check_token_hash(const Json& claims, const ProofExpectation& expected) {
  if (!expected.token_hash) return {};
  const std::string& ath = text_of(claims, "ath");
  if (ath.empty()) return fail(Code::proof_ath, "the proof has no ath");
  const std::string wanted = jose::base64url(*expected.token_hash);
  if (!equal_in_constant_time(as_bytes(ath), as_bytes(wanted))) {
    return fail(Code::proof_ath, "the proof's ath is not the hash of the access token");
  }
  return {};
}

}  // namespace

// Checks 8 to 12.
class ProofReader {
 public:
  static Result<ProvenRequest> read(const jose::PublicKey& key, const Json& claims,
                                    const ProofExpectation& expected) {
    if (auto request = check_request(claims, expected); !request) return pass_on(request);
    auto issued = check_time(claims, expected);
    if (!issued) return pass_on(issued);
    auto jti = check_jti(claims);
    if (!jti) return pass_on(jti);
    auto nonce = check_nonce(claims);
    if (!nonce) return pass_on(nonce);
    if (auto hash = check_token_hash(claims, expected); !hash) return pass_on(hash);

    ProvenRequest proven(key);
    proven.jti_ = std::move(*jti);
    proven.issued_at_ = *issued;
    proven.nonce_ = std::move(*nonce);
    return proven;
  }
};

Result<ProvenRequest> check_proof(std::string_view proof, const ProofExpectation& expected) {
  auto jws = verified(proof);
  if (!jws) return pass_on(jws);
  return ProofReader::read(jws->key(), jws->claims(), expected);
}

Result<ProvenRequest> check_proof(std::string_view proof, const ProofExpectation& expected,
                                  ProofHead& head) {
  if (head && head->begins(proof)) {
    auto claims = verified_again(proof, *head);
    if (!claims) return pass_on(claims);
    return ProofReader::read(head->key(), *claims, expected);
  }
  auto jws = verified(proof);
  if (!jws) return pass_on(jws);
  auto proven = ProofReader::read(jws->key(), jws->claims(), expected);
  if (proven) head = std::make_shared<const jose::KnownHeader>(proof, *jws);
  return proven;
}

Result<std::string_view> one_proof(const http::Headers& headers) {
  const std::size_t count = headers.count("DPoP");
  if (count == 0) return fail(Code::proof_missing, "the request has no DPoP header");
  if (count > 1) return fail(Code::proof_repeated, "the request has more than one DPoP header");
  return std::string_view(*headers.find("DPoP"));
}

}  // namespace mintmark::verify
