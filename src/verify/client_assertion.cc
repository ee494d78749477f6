#include "verify/client_assertion.h"

#include "jose/base64url.h"
#include "jose/jws.h"

namespace mintmark::verify {
namespace {

constexpr std::size_t longest_client_id = 256;
constexpr std::size_t thumbprint_octets = 32;

Result<jose::UnverifiedJws> parsed(std::string_view jwt) {
  auto jws = jose::UnverifiedJws::parse(jwt, {.octets = assertion_octets});
  if (!jws) return fail(Code::assertion_malformed, "the client assertion: " + jws.error().detail);
  // A token, a proof or an attestation must never pass for an assertion (RFC 8725 §3.11).
  const std::string typ = jws->typ();
  const bool absent = !jws->header().contains("typ");
  if (!absent && typ != "jwt" && typ != "client-authentication+jwt") {
    return fail(Code::assertion_typ,
                "the client assertion's typ is \"" + printable(typ, 40) +
                    R"("; "client-authentication+jwt", "JWT" or none is right)");
  }
  return jws;
}

Result<jose::VerifiedJws> verified(std::string_view jwt, const ClientKeys& find_key) {
  auto jws = parsed(jwt);
  if (!jws) return pass_on(jws);
  const std::string client_id = jws->claimed_subject();
  if (client_id.empty() || client_id.size() > longest_client_id) {
    return fail(Code::assertion_sub, "the client assertion has no sub; it is the client_id");
  }
  const auto key = find_key(client_id);
  if (!key) return tl::unexpected<Error>(key.error());
  // A client's library may still write "EdDSA".
  auto checked = std::move(*jws).verify(*key, jose::AlgorithmNames::polymorphic_too);
  if (checked) return checked;
  if (checked.error().code == Code::jws_alg_refused) {
    return fail(Code::assertion_alg, "the client assertion's alg is not " +
                                         std::string(name_of(key->algorithm())) +
                                         ", the one of the registered key");
  }
  return fail(Code::assertion_signature,
              "the client assertion's signature is not by the key registered for this client");
}

bool is_text(const Json& claims, const char* name, std::string_view wanted) {
  const auto found = claims.find(name);
  return found != claims.end() && found->is_string() &&
         found->get_ref<const std::string&>() == wanted;
}

Result<void> check_parties(const Json& claims, std::string_view issuer) {
  if (!is_text(claims, "iss", claims["sub"].get_ref<const std::string&>()))
    return fail(Code::assertion_iss, "the client assertion's iss is not its sub, the client_id");
  if (!is_text(claims, "aud", issuer)) {
    return fail(Code::assertion_aud,
                "the client assertion's aud is not the one string " + std::string(issuer));
  }
  return {};
}

Result<Moment> expiry_in(const Json& claims, Moment now) {
  const auto exp = jose::time_claim(claims, "exp");
  if (!exp || !*exp) {
    return fail(Code::assertion_exp_missing, "the client assertion has no exp in whole seconds");
  }
  const Moment expires = from_unix(**exp);
  if (now >= expires) return fail(Code::assertion_expired, "the client assertion has expired");
  if (expires > now + assertion_life + assertion_future) {
    return fail(Code::assertion_exp_far, "the client assertion's exp is more than " +
                                             std::to_string(assertion_life.count()) +
                                             " s ahead; make one for each request");
  }
  return expires;
}

Result<std::optional<Moment>> issued_at_in(const Json& claims, Moment now) {
  const auto iat = jose::time_claim(claims, "iat");
  if (!iat) return fail(Code::assertion_iat, "the client assertion's iat is no time");
  if (*iat && from_unix(**iat) > now + assertion_future) {
    return fail(Code::assertion_iat, "the client assertion's iat is ahead of our clock");
  }
  const auto nbf = jose::time_claim(claims, "nbf");
  if (!nbf || (*nbf && from_unix(**nbf) > now + assertion_future)) {
    return fail(Code::assertion_not_yet_valid, "the client assertion's nbf is to come, or no time");
  }
  return *iat ? std::optional(from_unix(**iat)) : std::nullopt;
}

Result<std::string> jti_in(const Json& claims) {
  auto jti = jose::string_claim(claims, "jti");
  if (!jti || !*jti || (*jti)->empty() || (*jti)->size() > assertion_jti_octets) {
    return fail(Code::assertion_jti, "the client assertion has no jti of 1 to " +
                                         std::to_string(assertion_jti_octets) + " octets");
  }
  return std::move(**jti);
}

// RFC 7800 §3.1, RFC 9449 §6.1: nothing but jkt may stand there, since we would vouch for all of
// it.
Result<std::optional<std::string>> vouched_jkt_in(const Json& claims) {
  const auto cnf = claims.find("cnf");
  if (cnf == claims.end()) return std::optional<std::string>();
  const auto wrong = [] {
    return fail(Code::assertion_cnf,
                R"(the client assertion's cnf is not {"jkt": THUMBPRINT} of the DPoP key)");
  };
  if (!cnf->is_object() || cnf->size() != 1 || !cnf->contains("jkt")) return wrong();
  const Json& jkt = (*cnf)["jkt"];
  if (!jkt.is_string()) return wrong();
  const auto octets = jose::from_base64url(jkt.get_ref<const std::string&>());
  if (!octets || octets->size() != thumbprint_octets) return wrong();
  return std::optional(jkt.get<std::string>());
}

}  // namespace

class AssertionReader {
 public:
  static Result<ClientAssertion> read(const jose::VerifiedJws& jws, std::string_view issuer,
                                      Moment now) {
    const Json& claims = jws.claims();
    if (auto parties = check_parties(claims, issuer); !parties) return pass_on(parties);
    auto expires_at = expiry_in(claims, now);
    if (!expires_at) return pass_on(expires_at);
    auto issued_at = issued_at_in(claims, now);
    if (!issued_at) return pass_on(issued_at);
    auto jti = jti_in(claims);
    if (!jti) return pass_on(jti);
    auto vouched = vouched_jkt_in(claims);
    if (!vouched) return pass_on(vouched);

    ClientAssertion assertion(jws.key());
    assertion.client_id_ = claims["sub"].get<std::string>();
    assertion.vouched_jkt_ = std::move(*vouched);
    assertion.jti_ = std::move(*jti);
    assertion.expires_at_ = *expires_at;
    assertion.issued_at_ = *issued_at;
    return assertion;
  }
};

Result<ClientAssertion> check_client_assertion(std::string_view jwt, const ClientKeys& find_key,
                                               std::string_view issuer, Moment now) {
  const auto jws = verified(jwt, find_key);
  if (!jws) return tl::unexpected<Error>(jws.error());
  return AssertionReader::read(*jws, issuer, now);
}

}  // namespace mintmark::verify
