#include "verify/client_attestation.h"

#include "jose/jws.h"

namespace mintmark::verify {
namespace {

constexpr std::size_t longest_client_id = 256;
constexpr std::string_view attestation_typ = "oauth-client-attestation+jwt";

Result<jose::VerifiedJws> verified(std::string_view jwt, const AttestationKeys& find_key) {
  auto jws = jose::UnverifiedJws::parse(jwt);
  if (!jws) {
    return fail(Code::attestation_malformed, "the client attestation: " + jws.error().detail);
  }
  if (jws->typ() != attestation_typ) {
    return fail(Code::attestation_typ,
                "the client attestation's typ is not " + std::string(attestation_typ));
  }
  const std::string kid = jws->kid();
  const jose::PublicKey* key = kid.empty() ? nullptr : find_key(kid);
  if (key == nullptr) {
    return fail(Code::attestation_key_unknown,
                "the client attestation's kid names no key for client attestations");
  }
  auto checked = std::move(*jws).verify(*key);
  if (checked) return checked;
  if (checked.error().code == Code::jws_alg_refused) {
    return fail(Code::attestation_alg, "the client attestation's alg is not the one of its key");
  }
  return fail(Code::attestation_signature,
              "the client attestation's signature is not by the key that kid names");
}

Result<std::string> client_id_in(const Json& claims) {
  auto sub = jose::string_claim(claims, "sub");
  if (!sub || !*sub || (*sub)->empty() || (*sub)->size() > longest_client_id) {
    return fail(Code::attestation_sub, "the client attestation has no sub of 1 to 256 octets");
  }
  return std::move(**sub);
}

Result<Moment> expiry_in(const Json& claims) {
  const auto exp = jose::time_claim(claims, "exp");
  if (!exp || !*exp) {
    return fail(Code::attestation_exp_missing,
                "the client attestation has no exp in whole seconds");
  }
  return from_unix(**exp);
}

// The draft leaves iat optional; without it nobody could say how fresh the attestation is.
Result<Moment> issued_at_in(const Json& claims, Moment now) {
  const auto iat = jose::time_claim(claims, "iat");
  if (!iat || !*iat) {
    return fail(Code::attestation_iat, "the client attestation has no iat in whole seconds");
  }
  if (from_unix(**iat) > now + attestation_future) {
    return fail(Code::attestation_iat, "the client attestation's iat is in the future");
  }
  return from_unix(**iat);
}

Result<void> check_not_before(const Json& claims, Moment now) {
  const auto nbf = jose::time_claim(claims, "nbf");
  if (!nbf || (*nbf && from_unix(**nbf) > now + attestation_future)) {
    return fail(Code::attestation_not_yet_valid,
                "the client attestation's nbf is to come, or no time");
  }
  return {};
}

Result<jose::PublicKey> confirmed_key_in(const Json& claims) {
  const auto cnf = claims.find("cnf");
  if (cnf == claims.end() || !cnf->is_object() || !cnf->contains("jwk")) {
    return fail(Code::attestation_cnf, "the client attestation has no cnf.jwk");
  }
  auto key = jose::PublicKey::from_jwk((*cnf)["jwk"]);
  if (!key) {
    return fail(Code::attestation_cnf, "the client attestation's cnf.jwk: " + key.error().detail);
  }
  return key;
}

Result<void> check_expiry(Moment expires_at, Moment now) {
  if (now < expires_at) return {};
  return fail(Code::attestation_expired, "the client attestation has expired; attest again");
}

}  // namespace

class AttestationReader {
 public:
  static Result<ClientAttestation> read(const Json& claims, Moment now) {
    auto client_id = client_id_in(claims);
    if (!client_id) return pass_on(client_id);
    auto expires_at = expiry_in(claims);
    if (!expires_at) return pass_on(expires_at);
    if (auto current = check_expiry(*expires_at, now); !current) return pass_on(current);
    auto issued_at = issued_at_in(claims, now);
    if (!issued_at) return pass_on(issued_at);
    if (auto begun = check_not_before(claims, now); !begun) return pass_on(begun);
    auto key = confirmed_key_in(claims);
    if (!key) return pass_on(key);

    ClientAttestation attestation(std::move(*key));
    attestation.client_id_ = std::move(*client_id);
    attestation.issued_at_ = *issued_at;
    attestation.expires_at_ = *expires_at;
    return attestation;
  }
};

Result<ClientAttestation> check_client_attestation(std::string_view jwt,
                                                   const AttestationKeys& find_key, Moment now) {
  auto jws = verified(jwt, find_key);
  if (!jws) return pass_on(jws);
  return AttestationReader::read(jws->claims(), now);
}

Result<void> check_not_expired(const ClientAttestation& attestation, Moment now) {
  return check_expiry(attestation.expires_at(), now);
}

}  // namespace mintmark::verify
