// Published examples of OAuth: DPoP proofs, client attestations, certificates that tokens are bound
// to, access tokens; and of JOSE, on which they stand. What an entry is, its members say.
#include <openssl/x509.h>

#include <map>

#include "artefacts/second_reader.h"
#include "artefacts/signed_texts.h"
#include "artefacts/verdict.h"
#include "jose/base64url.h"
#include "jose/jws.h"
#include "support/soft_key.h"
#include "verify/access_token.h"
#include "verify/client_attestation.h"
#include "verify/confirmation.h"
#include "verify/proof.h"

namespace mintmark::artefacts {
namespace {

struct Case {
  std::string name;
  std::string said;
  const Json& expect;
  const Json& file;
};

constexpr std::array<Reason<Case>, 0> no_reasons{};

void judge_thumbprint(const Case& one) {
  const auto key = jose::PublicKey::from_jwk(one.file.at("jwk"), jose::Algorithm::rs256);
  expect_judged(one, key && key->thumbprint() == one.file.at("thumbprint_sha256"), no_reasons);
}

// JOSE.

Json public_half(Json jwk) {
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi"}) jwk.erase(name);
  return jwk;
}

bool is_private(const Json& jwk) { return jwk.contains("d") || jwk.contains("k"); }

constexpr std::array key_reasons{
    Reason<Case>{"private and symmetric keys are no keys to verify with", Verdict::refused,
                 [](const Case& one) { return is_private(one.file); }},
    Reason<Case>{"EC keys are on P-256 or P-384, OKP keys Ed25519", Verdict::refused,
                 [](const Case& one) {
                   const std::string crv = one.file.value("crv", "");
                   return !crv.empty() && crv != "P-256" && crv != "P-384" && crv != "Ed25519";
                 }},
    Reason<Case>{"the key is not for signatures", Verdict::refused,
                 [](const Case& one) { return one.file.value("use", "sig") != "sig"; }}};

void judge_jwk(const Case& one) {
  const auto key = jose::PublicKey::from_jwk(one.file, jose::Algorithm::rs256);
  if (!key) {
    EXPECT_EQ(key.error().code, is_private(one.file) ? Code::jwk_private : Code::jwk_unsupported)
        << one.name;
  }
  expect_judged(one, key.has_value(), key_reasons);
}

/// {"jws", "key"}, or the cookbook's {"input", "output"}.
Json key_in(const Json& file) { return file.contains("key") ? file["key"] : file["input"]["key"]; }

std::string compact_in(const Json& file) {
  if (file.contains("jws")) return file["jws"];
  return file["output"].value("compact", "");
}

bool is_of_other_algorithm(const std::string& compact) {
  const Json header = second::header(compact);
  return !header.is_null() && !is_ours(alg_of(header));
}

constexpr std::array signature_reasons{
    Reason<Case>{"the compact form alone is taken (RFC 7515 §7.1), of no JSON serialisation",
                 Verdict::refused, [](const Case& one) { return compact_in(one.file).empty(); }},
    Reason<Case>{"no MAC: whoever verifies could sign (RFC 8725 §3.5)", Verdict::refused,
                 [](const Case& one) { return key_in(one.file).value("kty", "") == "oct"; }},
    Reason<Case>{"the algorithm is none of ours", Verdict::refused,
                 [](const Case& one) { return is_of_other_algorithm(compact_in(one.file)); }}};

bool verifies_with(const Json& jwk, const std::string& compact) {
  const auto header = header_of(compact);
  if (!header) return false;
  const auto algorithm =
      jose::algorithm_named(alg_of(*header), jose::AlgorithmNames::polymorphic_too);
  const auto key = jose::PublicKey::from_jwk(public_half(jwk),
                                             algorithm ? std::optional(*algorithm) : std::nullopt);
  return key && verifies(compact, *key);
}

void expect_no_json_serialisation(const Case& one) {
  for (const char* form : {"json", "json_flat"}) {
    if (!one.file.contains("output") || !one.file["output"].contains(form)) continue;
    const auto jws = jose::UnverifiedJws::parse(one.file["output"][form].dump());
    ASSERT_FALSE(jws) << one.name;
    EXPECT_EQ(jws.error().code, Code::jws_malformed) << one.name;
  }
}

/// Signatures are judged as such: "reject" with `crypto` accept is of good ones that are over, or
/// that policy refuses.
void judge_signature(Case one) {
  expect_no_json_serialisation(one);
  one.said = one.expect.value("crypto", one.said);
  const std::string compact = compact_in(one.file);
  const bool taken = verifies_with(key_in(one.file), compact);
  expect_judged(one, taken, signature_reasons);
  if (!taken) return;
  const auto dot = compact.rfind('.');
  EXPECT_FALSE(verifies_with(key_in(one.file), compact.substr(0, dot - 4) + compact.substr(dot)))
      << one.name << " is taken without the end of its payload";
  if (one.expect.value("because", "") != "expired") return;
  const auto parts = jose::parse_signing_input(compact.substr(0, dot));
  ASSERT_TRUE(parts) << one.name;
  EXPECT_LT(jose::time_claim(parts->claims, "exp").value().value(), std::time(nullptr)) << one.name;
}

void judge_jose(const Case& one) {
  if (one.file.contains("thumbprint_sha256")) return judge_thumbprint(one);
  if (one.file.contains("kty")) return judge_jwk(one);
  if (one.file.contains("jws") || one.file.contains("output")) return judge_signature(one);
  ADD_FAILURE() << one.name << ": neither a JWK, a thumbprint nor a JWS, but "
                << one.file.dump().substr(0, 200);
}

// DPoP.

// Of a reason that is not listed any refusal is right.
const std::map<std::string, Code> refusals = {{"invalid: htm", Code::proof_htm},
                                              {"invalid: htu", Code::proof_htu},
                                              {"invalid: iat too old", Code::proof_iat_old},
                                              {"invalid: signature", Code::proof_signature},
                                              {"invalid: typ must be dpop+jwt", Code::proof_typ},
                                              {"invalid: jwk header missing", Code::proof_jwk},
                                              {"invalid: not a JWS", Code::proof_malformed}};

Moment time_of(const Case& one) {
  const Json claims = one.expect.value("claims", Json::object());
  return from_unix(one.file.value("now", claims.value("iat", std::int64_t{1'700'000'000})));
}

/// The window of the case, where it has one, is upstream's on both sides.
Result<verify::ProvenRequest> proven(const Case& one, bool by_window_of_case) {
  const auto proof = one.file.at("proof").get<std::string>();
  const auto method = one.file.at("htm").get<std::string>();
  const auto url = one.file.at("htu").get<std::string>();
  const auto token = one.file.value("access_token", "");
  verify::ProofExpectation expected{.method = method, .url = url, .now = time_of(one)};
  if (by_window_of_case && one.file.contains("max_age_s"))
    expected.past = expected.future = std::chrono::seconds(one.file["max_age_s"].get<int>());
  if (!token.empty()) expected.token_hash = sha256(token);
  return verify::check_proof(proof, expected);
}

/// Seconds by which the proof is ahead of its case's clock.
std::int64_t ahead(const Case& one) {
  const Json claims = one.expect.value("claims", Json::object());
  return claims.value("iat", std::int64_t{0}) - one.file.value("now", std::int64_t{0});
}

constexpr std::array proof_reasons{
    Reason<Case>{"the algorithm is none of ours", Verdict::refused,
                 [](const Case& one) { return is_of_other_algorithm(one.file.at("proof")); }},
    Reason<Case>{"a device's clock may run five seconds ahead, no more", Verdict::refused,
                 [](const Case& one) { return ahead(one) > verify::proof_future.count(); }}};

/// `required_nonce`: which nonce is wanted is the caller's to compare, as ProvenRequest says.
bool has_wanted_nonce(const Case& one, const verify::ProvenRequest& request) {
  return !one.file.contains("required_nonce") || request.nonce() == one.file["required_nonce"];
}

void expect_code(const Case& one, const Error& refusal) {
  const auto code = refusals.find(one.expect.value("because", ""));
  if (code == refusals.end()) return;
  EXPECT_EQ(refusal.code, code->second) << one.name << ": " << refusal.to_string();
}

void judge_proof(const Case& one) {
  const auto request = proven(one, false);
  expect_judged(one, request && has_wanted_nonce(one, *request), proof_reasons);
  if (request) {
    EXPECT_EQ(request->jkt(), one.file.at("expected_jkt")) << one.name;
    return;
  }
  expect_code(one, request.error());
  // That it is nothing but the time.
  if (ahead(one) > verify::proof_future.count() && one.said != "reject") {
    EXPECT_EQ(request.error().code, Code::proof_iat_future) << one.name;
    EXPECT_TRUE(proven(one, true)) << one.name;
  }
}

void judge_dpop(const Case& one) {
  if (one.file.contains("thumbprint_sha256")) return judge_thumbprint(one);
  if (one.file.contains("proof")) return judge_proof(one);
  ADD_FAILURE() << one.name << ": neither a proof nor a thumbprint, but "
                << one.file.dump().substr(0, 200);
}

// Client attestations, certificates, tokens, answers.

const test::SoftKey& attester() {
  static const test::SoftKey key;
  return key;
}

/// Of examples without a clock their own time; what is said to be refused may be so for the time of
/// day.
Moment moment_of(const Case& one, const Json& claims) {
  const Json& now = one.file.contains("now") ? one.file["now"] : one.expect.value("now", Json());
  if (now.is_number_integer()) return from_unix(now.get<std::int64_t>());
  if (verdict_of(one.said) == Verdict::refused) return from_unix(std::time(nullptr));
  return from_unix(claims.at("iat")) + std::chrono::seconds(1);
}

Result<verify::ClientAttestation> attested(const std::string& jwt, const jose::PublicKey& key,
                                           const Case& one) {
  const auto find = [&](std::string_view kid) {
    EXPECT_EQ(kid, one.file.at("header").value("kid", "")) << one.name;
    return &key;
  };
  return verify::check_client_attestation(jwt, find, moment_of(one, one.file.at("claims")));
}

/// By the attester's key, where it is published. Where it is not, nothing else may be missing:
/// header and claims by a key of ours are taken.
void judge_attestation(const Case& one) {
  const auto jwt = one.file.at("jwt").get<std::string>();
  if (one.file.contains("key")) {
    const auto key = jose::PublicKey::from_jwk(one.file["key"]);
    return expect_judged(one, key && attested(jwt, *key, one), no_reasons);
  }
  const auto theirs = attested(jwt, attester().public_key(), one);
  ASSERT_FALSE(theirs) << one.name;
  // Of a wrong signature nothing more can be said without the key.
  if (one.expect.value("because", "").find("signature") != std::string::npos)
    return expect_judged(one, false, no_reasons);
  const auto ours = attested(attester().sign_jws(one.file.at("header"), one.file.at("claims")),
                             attester().public_key(), one);
  expect_judged(one, theirs.error().code == Code::attestation_signature && ours, no_reasons);
  if (!ours) return;
  EXPECT_EQ(ours->client_id(), one.file["claims"]["sub"]) << one.name;
}

/// Proofs of other kinds are taken neither as an attestation nor as a DPoP proof, whatever they are
/// there: the draft's own proof of possession has DPoP in its place here.
void judge_other_jwt(const Case& one) {
  constexpr std::array reasons{Reason<Case>{"no kind that is taken here", Verdict::refused,
                                            [](const Case& /*one*/) { return true; }}};
  const auto jwt = one.file.at("jwt").get<std::string>();
  const auto find = [](std::string_view /*kid*/) { return &attester().public_key(); };
  const auto attestation = verify::check_client_attestation(jwt, find, from_unix(0));
  const auto proof =
      verify::check_proof(jwt, {.method = "POST", .url = "https://a.example/", .now = {}});
  expect_judged(one, attestation || proof, reasons);
  if (attestation || proof) return;
  EXPECT_EQ(attestation.error().code, Code::attestation_typ) << one.name;
  const bool is_proof = one.file.at("header").at("typ") == "dpop+jwt";
  EXPECT_EQ(proof.error().code == Code::proof_typ, !is_proof) << proof.error().to_string();
}

Bytes spki_in_certificate(const Bytes& der) {
  const std::uint8_t* at = der.data();
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      d2i_X509(nullptr, &at, static_cast<long>(der.size())), &X509_free);
  if (!certificate) return {};
  std::uint8_t* spki = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &spki);
  Bytes octets(spki, spki + std::max(length, 0));
  OPENSSL_free(spki);
  return octets;
}

/// Thumbprint, confirmation and JWK are of that certificate.
void judge_certificate(const Case& one) {
  const Bytes der = pem_block(one.file.at("certificate_pem"), "CERTIFICATE");
  const auto thumbprint = one.file.at("x5t#S256").get<std::string>();
  const auto bound = verify::read_confirmation({{"cnf", one.file.at("cnf")}});
  const auto key = jose::PublicKey::from_jwk(one.file.at("jwk"));
  const bool taken = verify::check_certificate(as_text(der), thumbprint) && bound &&
                     bound->certificate_thumbprint == thumbprint && key &&
                     key->to_spki() == spki_in_certificate(der);
  expect_judged(one, taken, no_reasons);
  if (!taken) return;
  Bytes other = der;
  other.back() ^= 1U;
  EXPECT_EQ(verify::check_certificate(as_text(other), thumbprint).error().code,
            Code::token_certificate_mismatch);
}

/// Signed by a key of ours.
Result<verify::CheckedToken> checked(Json header, const Json& claims) {
  header["alg"] = "ES256";
  header.emplace("kid", "key");
  Json jwk = attester().public_key().to_jwk();
  jwk["kid"] = header["kid"];
  const auto set = key_set(Json{{"keys", {jwk}}}.dump()).value();
  const std::string issuer = claims.value("iss", "issuer");
  const Json aud = claims.value("aud", Json("audience"));
  const std::vector<std::string> audiences{aud.is_array() ? aud.at(0) : aud};
  const std::vector<std::string> any;
  auto jws = verify::parse_access_token(attester().sign_jws(header, claims));
  if (!jws) return pass_on(jws);
  return verify::check_access_token(std::move(*jws), set, {issuer, audiences, any});
}

/// What is taken lacks nothing of an access token but what it is bound to.
void judge_claims(const Case& one, const Json& header, Json claims) {
  const auto unbound = checked(header, claims);
  claims["cnf"] = {{"jkt", attester().jkt()}};
  const auto bound = checked(header, claims);
  const bool taken = bound && verify::check_times(*bound->facts, moment_of(one, claims),
                                                  verify::attestation_future);
  expect_judged(one, taken, no_reasons);
  if (!taken) return;
  ASSERT_FALSE(unbound) << one.name;
  EXPECT_EQ(unbound.error().code, Code::token_unbound) << one.name;
  EXPECT_EQ(bound->facts->subject, claims.at("sub")) << one.name;
  EXPECT_EQ(bound->facts->client_id, claims.at("client_id")) << one.name;
  EXPECT_EQ(bound->facts->expires_at, from_unix(claims.at("exp"))) << one.name;
  EXPECT_EQ(bound->facts->issued_at, from_unix(claims.at("iat"))) << one.name;
}

/// What is told of an active token are its claims (RFC 7662 §2.2), so a token of ours may have
/// them; of another nothing is told: tests/unit/api has our answer.
void judge_introspection(const Case& one) {
  const bool as_told = one.file.at("active").value("active", false) &&
                       one.file.at("inactive") == Json({{"active", false}});
  if (!as_told) return expect_judged(one, false, no_reasons);
  Json claims = one.file["active"];
  claims.emplace("jti", "token");  // Optional in what is told, required in a token (RFC 9068 §2.2).
  judge_claims(one, {{"typ", "at+jwt"}, {"kid", "key"}}, claims);
}

void judge_oauth(const Case& one) {
  if (one.file.contains("jwt")) {
    const bool is_attestation =
        one.file.at("header").value("typ", "") == "oauth-client-attestation+jwt";
    return is_attestation ? judge_attestation(one) : judge_other_jwt(one);
  }
  if (one.file.contains("certificate_pem")) return judge_certificate(one);
  if (one.file.contains("active")) return judge_introspection(one);
  if (one.file.contains("claims"))
    return judge_claims(one, one.file.at("header"), one.file["claims"]);
  ADD_FAILURE() << one.name << ": neither a JWT, a certificate, claims nor an answer of "
                << "introspection, but " << one.file.dump().substr(0, 200);
}

struct Topic {
  const char* name;
  void (*judge)(const Case&);

  friend std::ostream& operator<<(std::ostream& out, const Topic& topic) {
    return out << topic.name;
  }
};

class Examples : public testing::TestWithParam<Topic> {
 protected:
  void SetUp() override {
    if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

INSTANTIATE_TEST_SUITE_P(Of, Examples,
                         testing::Values(Topic{"jose", judge_jose}, Topic{"dpop", judge_dpop},
                                         Topic{"oauth_misc", judge_oauth}),
                         [](const auto& topic) { return topic.param.name; });

TEST_P(Examples, AreJudgedAsTheySayOrForAReasonThatIsSaid) {
  test::expect_some(test::for_each_entry(GetParam().name, [](const Json& entry) {
    const Json& expect = entry.at("expect");
    ASSERT_FALSE(entry.at("files").empty());
    for (const std::string name : entry.at("files")) {
      judge_apart(name, [&] {
        const Json file = json_file(name);
        GetParam().judge({entry.at("id"), expect.at("answer"), expect, file});
      });
    }
  }));
}

}  // namespace
}  // namespace mintmark::artefacts
