// Published examples of OAuth: DPoP proofs, client attestations, certificates that tokens are bound
// to, access tokens; and of JOSE, on which they stand. What an entry is, its members say.
#include <openssl/x509.h>

#include <map>

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

void expect_thumbprint(const Json& file) {
  const auto key = jose::PublicKey::from_jwk(file.at("jwk"), jose::Algorithm::rs256);
  ASSERT_TRUE(key) << key.error().to_string();
  EXPECT_EQ(key->thumbprint(), file.at("thumbprint_sha256"));
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

std::string alg_in(const Json& file) {
  const auto header = header_of(compact_in(file));
  return header ? alg_of(*header) : "";
}

constexpr std::array signature_reasons{
    Reason<Case>{"the compact form alone is taken (RFC 7515 §7.1), of no JSON serialisation",
                 Verdict::refused, [](const Case& one) { return compact_in(one.file).empty(); }},
    Reason<Case>{"no MAC: whoever verifies could sign (RFC 8725 §3.5)", Verdict::refused,
                 [](const Case& one) { return key_in(one.file).value("kty", "") == "oct"; }},
    Reason<Case>{"the algorithm is none of ours", Verdict::refused,
                 [](const Case& one) { return !is_ours(alg_in(one.file)); }}};

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

void judge_jose(const Json& entry, const Json& file) {
  const Json& expect = entry.at("expect");
  const Case one{entry.at("id"), expect.at("answer"), expect, file};
  if (file.contains("thumbprint_sha256")) return expect_thumbprint(file);
  if (file.contains("kty")) return judge_jwk(one);
  if (file.contains("jws") || file.contains("output")) return judge_signature(one);
  ADD_FAILURE() << one.name << ": neither a JWK, a thumbprint nor a JWS, but "
                << file.dump().substr(0, 200);
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

std::string alg_of_proof(const Case& one) {
  const auto header = header_of(one.file.at("proof"));
  return header ? alg_of(*header) : "";
}

/// Seconds by which the proof is ahead of its case's clock.
std::int64_t ahead(const Case& one) {
  const Json claims = one.expect.value("claims", Json::object());
  return claims.value("iat", std::int64_t{0}) - one.file.value("now", std::int64_t{0});
}

constexpr std::array proof_reasons{
    Reason<Case>{"the algorithm is none of ours", Verdict::refused,
                 [](const Case& one) {
                   const std::string alg = alg_of_proof(one);
                   return !alg.empty() && !is_ours(alg);
                 }},
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

void judge_dpop(const Json& entry, const Json& file) {
  const Json& expect = entry.at("expect");
  if (file.contains("thumbprint_sha256")) return expect_thumbprint(file);
  if (file.contains("proof"))
    return judge_proof({entry.at("id"), expect.at("answer"), expect, file});
  ADD_FAILURE() << entry.at("id") << ": neither a proof nor a thumbprint, but "
                << file.dump().substr(0, 200);
}

// Client attestations, certificates, tokens, answers.

const test::SoftKey& attester() {
  static const test::SoftKey key;
  return key;
}

/// The attester's key is not published, so only that is missing: header and claims by a key of ours
/// are taken.
void judge_attestation(const Json& entry, const Json& file) {
  const Moment now = from_unix(file.at("claims").at("iat")) + std::chrono::seconds(1);
  std::string asked;
  const auto find = [&asked](std::string_view kid) {
    asked = kid;
    return &attester().public_key();
  };
  const auto theirs =
      verify::check_client_attestation(file.at("jwt").get<std::string>(), find, now);
  ASSERT_FALSE(theirs) << entry.at("id");
  EXPECT_EQ(theirs.error().code, Code::attestation_signature) << entry.at("id");
  EXPECT_EQ(asked, file.at("header").at("kid")) << entry.at("id");
  const auto ours = verify::check_client_attestation(
      attester().sign_jws(file["header"], file["claims"]), find, now);
  ASSERT_TRUE(ours) << entry.at("id") << ": " << ours.error().to_string();
  EXPECT_EQ(ours->client_id(), file["claims"]["sub"]) << entry.at("id");
}

/// Proofs of other kinds are taken neither as an attestation nor as a DPoP proof: the draft's own
/// proof of possession has DPoP in its place here.
void judge_other_jwt(const Json& entry, const Json& file) {
  const auto jwt = file.at("jwt").get<std::string>();
  const auto find = [](std::string_view /*kid*/) { return &attester().public_key(); };
  const auto attestation = verify::check_client_attestation(jwt, find, from_unix(0));
  ASSERT_FALSE(attestation) << entry.at("id");
  EXPECT_EQ(attestation.error().code, Code::attestation_typ) << entry.at("id");
  const auto proof =
      verify::check_proof(jwt, {.method = "POST", .url = "https://a.example/", .now = {}});
  ASSERT_FALSE(proof) << entry.at("id");
  const bool is_proof = file.at("header").at("typ") == "dpop+jwt";
  EXPECT_EQ(proof.error().code == Code::proof_typ, !is_proof) << proof.error().to_string();
}

void judge_certificate(const Json& entry, const Json& file) {
  const Bytes der = pem_block(file.at("certificate_pem"), "CERTIFICATE");
  const auto thumbprint = file.at("x5t#S256").get<std::string>();
  EXPECT_TRUE(verify::check_certificate(as_text(der), thumbprint)) << entry.at("id");
  const auto bound = verify::read_confirmation({{"cnf", file.at("cnf")}});
  ASSERT_TRUE(bound) << entry.at("id") << ": " << bound.error().to_string();
  EXPECT_EQ(bound->certificate_thumbprint, thumbprint) << entry.at("id");
  Bytes other = der;
  other.back() ^= 1U;
  EXPECT_EQ(verify::check_certificate(as_text(other), thumbprint).error().code,
            Code::token_certificate_mismatch);
  const std::uint8_t* at = der.data();
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      d2i_X509(nullptr, &at, static_cast<long>(der.size())), &X509_free);
  ASSERT_TRUE(certificate) << entry.at("id");
  std::uint8_t* spki = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &spki);
  const Bytes octets(spki, spki + std::max(length, 0));
  OPENSSL_free(spki);
  EXPECT_EQ(jose::PublicKey::from_jwk(file.at("jwk")).value().to_spki(), octets) << entry.at("id");
}

/// Signed by a key of ours: it lacks nothing of an access token but what it is bound to.
void judge_claims(const std::string& id, Json header, Json claims) {
  header["alg"] = "ES256";
  Json jwk = attester().public_key().to_jwk();
  jwk["kid"] = header.at("kid");
  const auto set = key_set(Json{{"keys", {jwk}}}.dump()).value();
  const auto issuer = claims.at("iss").get<std::string>();
  const Json& aud = claims.at("aud");
  const std::vector<std::string> audiences{aud.is_array() ? aud.at(0) : aud};
  const std::vector<std::string> any;
  const auto checked = [&] {
    auto jws = verify::parse_access_token(attester().sign_jws(header, claims)).value();
    return verify::check_access_token(std::move(jws), set, {issuer, audiences, any});
  };
  const auto unbound = checked();
  ASSERT_FALSE(unbound) << id;
  EXPECT_EQ(unbound.error().code, Code::token_unbound) << id;
  claims["cnf"] = {{"jkt", attester().jkt()}};
  const auto bound = checked();
  ASSERT_TRUE(bound) << id << ": " << bound.error().to_string();
  EXPECT_EQ(bound->facts->subject, claims.at("sub")) << id;
  EXPECT_EQ(bound->facts->client_id, claims.at("client_id")) << id;
  EXPECT_EQ(bound->facts->expires_at, from_unix(claims.at("exp"))) << id;
  EXPECT_EQ(bound->facts->issued_at, from_unix(claims.at("iat"))) << id;
}

/// What is told of an active token are its claims (RFC 7662 §2.2), so a token of ours may have
/// them; of another nothing is told: tests/unit/api has our answer.
void judge_introspection(const Json& entry, const Json& file) {
  ASSERT_TRUE(file.at("active").at("active")) << entry.at("id");
  EXPECT_EQ(file.at("inactive"), Json({{"active", false}})) << entry.at("id");
  judge_claims(entry.at("id"), {{"typ", "at+jwt"}, {"kid", "key"}}, file["active"]);
}

void judge_oauth(const Json& entry, const Json& file) {
  if (file.contains("jwt")) {
    const bool is_attestation =
        file.at("header").value("typ", "") == "oauth-client-attestation+jwt";
    return is_attestation ? judge_attestation(entry, file) : judge_other_jwt(entry, file);
  }
  if (file.contains("certificate_pem")) return judge_certificate(entry, file);
  if (file.contains("active")) return judge_introspection(entry, file);
  if (file.contains("claims"))
    return judge_claims(entry.at("id"), file.at("header"), file["claims"]);
  ADD_FAILURE() << entry.at("id") << ": neither a JWT, a certificate, claims nor an answer of "
                << "introspection, but " << file.dump().substr(0, 200);
}

struct Topic {
  const char* name;
  void (*judge)(const Json& entry, const Json& file);

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
  for_each_entry(GetParam().name, [](const Json& entry) {
    ASSERT_FALSE(entry.at("files").empty());
    for (const Json& name : entry.at("files")) GetParam().judge(entry, json_file(name));
  });
}

}  // namespace
}  // namespace mintmark::artefacts
