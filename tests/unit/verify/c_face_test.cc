// The C face: it says what the C++ one says, takes NULL everywhere, and lets no exception out.
#include "mintmark/mintmark.h"

#include <gtest/gtest.h>

#include "jose/file_key.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark {
namespace {

constexpr const char* issuer = "https://issuer.example";
constexpr const char* service = "https://service.example";
constexpr const char* resource = "https://service.example/things";

template <typename T, void (*free_it)(T*)>
struct Free {
  void operator()(T* handle) const { free_it(handle); }
};
using Options = std::unique_ptr<mintmark_options, Free<mintmark_options, &mintmark_options_free>>;
using Verifier =
    std::unique_ptr<mintmark_verifier, Free<mintmark_verifier, &mintmark_verifier_free>>;
using Result = std::unique_ptr<mintmark_result, Free<mintmark_result, &mintmark_result_free>>;

class CFace : public testing::Test {
 protected:
  [[nodiscard]] std::string jwks() const {
    Json jwk = issuer_key_.public_key().to_jwk();
    jwk["kid"] = issuer_key_.jkt();
    jwk["mintmark_purpose"] = "access_token";
    return Json({{"keys", Json::array({jwk})}}).dump();
  }
  [[nodiscard]] Options options() const {
    mintmark_options* made = nullptr;
    EXPECT_EQ(mintmark_options_new(issuer, service, &made), MINTMARK_OK);
    EXPECT_EQ(mintmark_options_set_jwks(made, jwks().c_str()), MINTMARK_OK);
    EXPECT_EQ(mintmark_options_set_proof_memory(made, MINTMARK_MEMORY_OF_CALLER), MINTMARK_OK);
    return Options(made);
  }
  [[nodiscard]] static Verifier verifier(const Options& options) {
    mintmark_verifier* made = nullptr;
    EXPECT_EQ(mintmark_verifier_new(options.get(), &made), MINTMARK_OK);
    return Verifier(made);
  }
  [[nodiscard]] std::string token(const Json& others = Json::object()) const {
    Json claims = {{"iss", issuer},
                   {"aud", {service, "https://other.example"}},
                   {"sub", "device-1"},
                   {"client_id", "client-1"},
                   {"jti", "token-1"},
                   {"iat", to_unix(now_)},
                   {"exp", to_unix(now_) + 300},
                   {"scope", "read write"},
                   {"cnf", {{"jkt", device_.jkt()}}},
                   {"key_protection", "hardware"},
                   {"attestation", {{"format", "tpm2"}, {"at", to_unix(now_) - 60}}}};
    claims.update(others);
    return issuer_key_.sign_jws({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", issuer_key_.jkt()}},
                                claims);
  }
  [[nodiscard]] std::string proof(const std::string& token,
                                  const std::optional<std::string>& nonce = std::nullopt) const {
    return make_proof(device_, {.method = "GET",
                                .url = resource,
                                .at = now_,
                                .access_token = token,
                                .nonce = nonce,
                                .jti = "proof-1"});
  }
  static int check(const Verifier& verifier, const std::string& token, const std::string& proof,
                   Result& result, int scheme = MINTMARK_SCHEME_DPOP,
                   const std::string& certificate = "") {
    mintmark_result* made = nullptr;
    const int status = mintmark_check(
        verifier.get(), token.c_str(), scheme, "GET", resource, proof.c_str(),
        reinterpret_cast<const unsigned char*>(certificate.data()), certificate.size(), &made);
    result.reset(made);
    return status;
  }

  test::SoftKey issuer_key_;
  test::SoftKey device_;
  Moment now_ = SystemClock().now();
};

TEST_F(CFace, SaysAllThatAGoodTokenSays) {
  Options wide = options();
  ASSERT_EQ(mintmark_options_add_audience(wide.get(), "https://other.example"), MINTMARK_OK);
  const Verifier gate = verifier(wide);
  const std::string good = token();
  Result result;
  ASSERT_EQ(check(gate, good, proof(good), result), MINTMARK_OK);
  EXPECT_STREQ(mintmark_result_subject(result.get()), "device-1");
  EXPECT_STREQ(mintmark_result_client_id(result.get()), "client-1");
  EXPECT_STREQ(mintmark_result_token_id(result.get()), "token-1");
  EXPECT_EQ(mintmark_result_scopes(result.get()), 2U);
  EXPECT_STREQ(mintmark_result_scope(result.get(), 1), "write");
  EXPECT_EQ(mintmark_result_scope(result.get(), 2), nullptr);
  EXPECT_EQ(mintmark_result_has_scope(result.get(), "read"), 1);
  EXPECT_EQ(mintmark_result_has_scope(result.get(), "rea"), 0);
  EXPECT_EQ(mintmark_result_audiences(result.get()), 2U);
  EXPECT_STREQ(mintmark_result_audience(result.get(), 0), service);
  EXPECT_EQ(mintmark_result_audience(result.get(), 2), nullptr);
  EXPECT_EQ(mintmark_result_issued_at(result.get()), to_unix(now_));
  EXPECT_EQ(mintmark_result_expires_at(result.get()), to_unix(now_) + 300);
  EXPECT_EQ(mintmark_result_jkt(result.get()), device_.jkt());
  EXPECT_STREQ(mintmark_result_certificate_thumbprint(result.get()), "");
  EXPECT_STREQ(mintmark_result_key_protection(result.get()), "hardware");
  EXPECT_STREQ(mintmark_result_attestation_format(result.get()), "tpm2");
  EXPECT_EQ(mintmark_result_attested_at(result.get()), to_unix(now_) - 60);
  EXPECT_EQ(Json::parse(mintmark_result_claims(result.get()))["sub"], "device-1");
  EXPECT_EQ(mintmark_result_proof_checked(result.get()), 1);
  EXPECT_STREQ(mintmark_result_proof_jti(result.get()), "proof-1");
  EXPECT_EQ(mintmark_result_proof_iat(result.get()), to_unix(now_));
  EXPECT_EQ(mintmark_result_refusal(result.get()), 0);
  EXPECT_STREQ(mintmark_result_refusal_name(result.get()), "");
}

TEST_F(CFace, SaysWhyATokenIsRefused) {
  const Verifier gate = verifier(options());
  const std::string good = token();
  const std::string bound = token({{"cnf", {{"x5t#S256", std::string(43, 'A')}}}});
  struct Case {
    std::string token, proof;
    int refusal;
    int scheme = MINTMARK_SCHEME_DPOP;
    std::string certificate = {};
  };
  for (const Case& one : std::vector<Case>{
           {"", "", MINTMARK_TOKEN_MALFORMED},
           {token({{"exp", 1}}), "", MINTMARK_TOKEN_EXPIRED},
           {token({{"aud", "other"}}), "", MINTMARK_TOKEN_AUDIENCE},
           {token({{"sub", std::string("a\0b", 3)}}), "", MINTMARK_TOKEN_MALFORMED},
           {good, "", MINTMARK_PROOF_MISSING},
           {good, "x", MINTMARK_PROOF_MALFORMED},
           {good, proof(bound), MINTMARK_PROOF_ATH},
           {good, proof(good), MINTMARK_TOKEN_SCHEME, MINTMARK_SCHEME_BEARER},
           {bound, "", MINTMARK_TOKEN_CERTIFICATE_MISSING, MINTMARK_SCHEME_BEARER},
           {bound, "", MINTMARK_TOKEN_CERTIFICATE_MALFORMED, MINTMARK_SCHEME_BEARER, "x"}}) {
    Result result;
    EXPECT_EQ(check(gate, one.token, one.proof, result, one.scheme, one.certificate),
              MINTMARK_REFUSED);
    ASSERT_TRUE(result);
    EXPECT_EQ(mintmark_result_refusal(result.get()), one.refusal)
        << mintmark_result_refusal_name(result.get());
    EXPECT_STRNE(mintmark_result_refusal_name(result.get()), "");
    EXPECT_STRNE(mintmark_result_detail(result.get()), "");
    EXPECT_EQ(mintmark_result_subject(result.get()), nullptr);
    EXPECT_EQ(mintmark_result_proof_checked(result.get()), 0);
  }
}

TEST_F(CFace, DoesAsItsOptionsSay) {
  Options strict = options();
  mintmark_options* of = strict.get();
  EXPECT_EQ(mintmark_options_add_key_protection(of, "session"), MINTMARK_OK);
  const std::string good = token();
  Result result;
  EXPECT_EQ(check(verifier(strict), good, proof(good), result), MINTMARK_REFUSED);
  EXPECT_EQ(mintmark_result_refusal(result.get()), MINTMARK_TOKEN_KEY_PROTECTION);
  EXPECT_EQ(mintmark_options_add_key_protection(of, "hardware"), MINTMARK_OK);
  EXPECT_EQ(mintmark_options_set_proof_nonces(of, MINTMARK_NONCES_ALWAYS), MINTMARK_OK);
  EXPECT_EQ(mintmark_options_set_count(of, MINTMARK_TOKENS_REMEMBERED, 0), MINTMARK_OK);
  EXPECT_EQ(mintmark_options_set_count(of, MINTMARK_PROOFS_REMEMBERED, 1000), MINTMARK_OK);
  const Verifier asking = verifier(strict);
  EXPECT_EQ(check(asking, good, proof(good), result), MINTMARK_REFUSED);
  EXPECT_EQ(mintmark_result_refusal(result.get()), MINTMARK_PROOF_NONCE_REQUIRED);
  char nonce[MINTMARK_NONCE_OCTETS];
  ASSERT_EQ(mintmark_fresh_nonce(asking.get(), nonce, sizeof nonce), MINTMARK_OK);
  EXPECT_EQ(check(asking, good, proof(good, nonce), result), MINTMARK_OK);
  EXPECT_EQ(mintmark_fresh_nonce(asking.get(), nonce, 32), MINTMARK_INVALID_ARGUMENT);

  EXPECT_EQ(mintmark_options_set_proof_memory(of, MINTMARK_MEMORY_OF_VERIFIER), MINTMARK_OK);
  const Verifier remembering = verifier(strict);
  ASSERT_EQ(mintmark_fresh_nonce(remembering.get(), nonce, sizeof nonce), MINTMARK_OK);
  EXPECT_EQ(check(remembering, good, proof(good, nonce), result), MINTMARK_OK);
  EXPECT_EQ(check(remembering, good, proof(good, nonce), result), MINTMARK_REFUSED);
  EXPECT_EQ(mintmark_result_refusal(result.get()), MINTMARK_PROOF_REPLAYED);
}

TEST_F(CFace, KnowsEachSpanOfTime) {
  const std::string late = token({{"exp", to_unix(now_) - 100}});
  Result result;
  Options generous = options();
  for (int span = MINTMARK_SKEW; span <= MINTMARK_KEYS_PAUSE; ++span)
    EXPECT_EQ(mintmark_options_set_seconds(generous.get(), span, 0), MINTMARK_OK) << span;
  EXPECT_EQ(mintmark_options_set_seconds(generous.get(), MINTMARK_KEYS_LONGEST, 9), MINTMARK_OK);
  EXPECT_EQ(check(verifier(generous), late, proof(late), result), MINTMARK_REFUSED);
  EXPECT_EQ(mintmark_options_set_seconds(generous.get(), MINTMARK_SKEW, 200), MINTMARK_OK);
  EXPECT_EQ(mintmark_options_set_seconds(generous.get(), MINTMARK_PROOF_PAST, 30), MINTMARK_OK);
  EXPECT_EQ(check(verifier(generous), late, proof(late), result), MINTMARK_OK);
}

TEST_F(CFace, SaysThatKeysCannotBeHad) {
  mintmark_options* made = nullptr;
  ASSERT_EQ(mintmark_options_new("https://127.0.0.1:1", service, &made), MINTMARK_OK);
  const Options unreachable(made);
  Result result;
  EXPECT_EQ(check(verifier(unreachable), token(), "", result), MINTMARK_UNAVAILABLE);
  EXPECT_EQ(mintmark_result_refusal(result.get()), MINTMARK_KEYS_UNAVAILABLE);
}

TEST_F(CFace, ChecksWithoutAProofByName) {
  const Verifier gate = verifier(options());
  mintmark_result* made = nullptr;
  ASSERT_EQ(mintmark_check_without_proof(gate.get(), token().c_str(), &made), MINTMARK_OK);
  const Result result(made);
  EXPECT_EQ(mintmark_result_proof_checked(made), 0);
  EXPECT_STREQ(mintmark_result_proof_jti(made), "");
  EXPECT_EQ(mintmark_result_proof_iat(made), -1);
}

TEST_F(CFace, RefusesArgumentsThatAreNone) {
  mintmark_options* made = nullptr;
  for (const auto& [iss, aud] : std::vector<std::pair<const char*, const char*>>{
           {nullptr, service}, {issuer, nullptr}, {"", service}, {issuer, ""}}) {
    EXPECT_EQ(mintmark_options_new(iss, aud, &made), MINTMARK_INVALID_ARGUMENT);
    EXPECT_EQ(made, nullptr);
  }
  EXPECT_EQ(mintmark_options_new(issuer, service, nullptr), MINTMARK_INVALID_ARGUMENT);
  const Options held = options();
  mintmark_options* of = held.get();
  const int wrong[] = {mintmark_options_set_ca_file(of, nullptr),
                       mintmark_options_set_jwks(of, nullptr),
                       mintmark_options_set_jwks(of, "{}"),
                       mintmark_options_set_jwks(of, "x"),
                       mintmark_options_set_instance(of, nullptr),
                       mintmark_options_add_audience(of, nullptr),
                       mintmark_options_add_audience(of, ""),
                       mintmark_options_add_key_protection(of, nullptr),
                       mintmark_options_set_seconds(of, MINTMARK_SKEW, -1),
                       mintmark_options_set_seconds(of, MINTMARK_SKEW, INT64_MAX),
                       mintmark_options_set_seconds(of, MINTMARK_KEYS_PAUSE + 1, 1),
                       mintmark_options_set_seconds(of, -1, 1),
                       mintmark_options_set_count(of, MINTMARK_PROOFS_REMEMBERED, 0),
                       mintmark_options_set_count(of, 2, 1),
                       mintmark_options_set_proof_memory(of, 2),
                       mintmark_options_set_proof_nonces(of, 3),
                       mintmark_options_set_proof_nonces(of, -1),
                       mintmark_verifier_new(of, nullptr)};
  for (const int status : wrong) EXPECT_EQ(status, MINTMARK_INVALID_ARGUMENT);
}

TEST_F(CFace, RefusesAnInstanceThatIsNone) {
  mintmark_options* made = nullptr;
  ASSERT_EQ(mintmark_options_new(issuer, service, &made), MINTMARK_OK);
  const Options of(made);
  EXPECT_EQ(mintmark_options_set_instance(made, "no blanks"), MINTMARK_OK);
  mintmark_verifier* none = nullptr;
  EXPECT_EQ(mintmark_verifier_new(made, &none), MINTMARK_INVALID_ARGUMENT);
  EXPECT_EQ(none, nullptr);
}

TEST_F(CFace, TakesNullForAnyHandle) {
  mintmark_result* result = nullptr;
  mintmark_verifier* verifier = nullptr;
  char nonce[MINTMARK_NONCE_OCTETS];
  const Verifier good = this->verifier(options());
  const int statuses[] = {
      mintmark_options_set_ca_file(nullptr, "a"),
      mintmark_options_set_jwks(nullptr, "a"),
      mintmark_options_set_instance(nullptr, "a"),
      mintmark_options_add_audience(nullptr, "a"),
      mintmark_options_add_key_protection(nullptr, "a"),
      mintmark_options_set_seconds(nullptr, MINTMARK_SKEW, 1),
      mintmark_options_set_count(nullptr, MINTMARK_TOKENS_REMEMBERED, 1),
      mintmark_options_set_proof_memory(nullptr, 0),
      mintmark_options_set_proof_nonces(nullptr, 0),
      mintmark_verifier_new(nullptr, &verifier),
      mintmark_fresh_nonce(nullptr, nonce, sizeof nonce),
      mintmark_fresh_nonce(good.get(), nullptr, sizeof nonce),
      mintmark_check(nullptr, "a", 0, "GET", resource, "", nullptr, 0, &result),
      mintmark_check(good.get(), nullptr, 0, "GET", resource, "", nullptr, 0, &result),
      mintmark_check(good.get(), "a", 0, nullptr, resource, "", nullptr, 0, &result),
      mintmark_check(good.get(), "a", 0, "GET", nullptr, "", nullptr, 0, &result),
      mintmark_check(good.get(), "a", 2, "GET", resource, "", nullptr, 0, &result),
      mintmark_check(good.get(), "a", 0, "GET", resource, "", nullptr, 0, nullptr),
      mintmark_check_without_proof(nullptr, "a", &result),
      mintmark_check_without_proof(good.get(), nullptr, &result),
      mintmark_check_without_proof(good.get(), "a", nullptr)};
  for (const int status : statuses) EXPECT_EQ(status, MINTMARK_INVALID_ARGUMENT);
  EXPECT_EQ(result, nullptr);
  mintmark_options_free(nullptr);
  mintmark_verifier_free(nullptr);
  mintmark_result_free(nullptr);
  // A certificate that is NULL is none, however long it is said to be.
  EXPECT_EQ(mintmark_check(good.get(), "a", 0, "GET", resource, nullptr, nullptr, 9, &result),
            MINTMARK_REFUSED);
  mintmark_result_free(result);
}

TEST_F(CFace, SaysNothingOfANullResult) {
  for (const auto text :
       {&mintmark_result_subject, &mintmark_result_client_id, &mintmark_result_token_id,
        &mintmark_result_jkt, &mintmark_result_certificate_thumbprint,
        &mintmark_result_key_protection, &mintmark_result_attestation_format,
        &mintmark_result_claims, &mintmark_result_proof_jti})
    EXPECT_EQ(text(nullptr), nullptr);
  for (const auto time : {&mintmark_result_issued_at, &mintmark_result_expires_at,
                          &mintmark_result_attested_at, &mintmark_result_proof_iat})
    EXPECT_EQ(time(nullptr), -1);
  EXPECT_EQ(mintmark_result_scopes(nullptr) + mintmark_result_audiences(nullptr), 0U);
  EXPECT_EQ(mintmark_result_scope(nullptr, 0), nullptr);
  EXPECT_EQ(mintmark_result_audience(nullptr, 0), nullptr);
  EXPECT_EQ(mintmark_result_has_scope(nullptr, nullptr), 0);
  EXPECT_EQ(mintmark_result_proof_checked(nullptr), 0);
  EXPECT_EQ(mintmark_result_refusal(nullptr), 0);
  EXPECT_STREQ(mintmark_result_refusal_name(nullptr), "");
  EXPECT_STREQ(mintmark_result_detail(nullptr), "");
}

TEST_F(CFace, HasTheVersionOfItsHeader) { EXPECT_EQ(mintmark_abi_version(), MINTMARK_ABI_VERSION); }

TEST_F(CFace, SubscribesWithAKeyThatServesAndWithNoOther) {
  const Options own = options();
  EXPECT_EQ(mintmark_options_subscribe(nullptr, "service-1", "key.pem"), MINTMARK_INVALID_ARGUMENT);
  EXPECT_EQ(mintmark_options_subscribe(own.get(), nullptr, "key.pem"), MINTMARK_INVALID_ARGUMENT);
  EXPECT_EQ(mintmark_options_subscribe(own.get(), "", "key.pem"), MINTMARK_INVALID_ARGUMENT);
  EXPECT_EQ(mintmark_options_subscribe(own.get(), "service-1", nullptr), MINTMARK_INVALID_ARGUMENT);
  EXPECT_EQ(mintmark_options_subscribe(own.get(), "service-1", ""), MINTMARK_INVALID_ARGUMENT);
  ASSERT_EQ(mintmark_options_subscribe(own.get(), "service-1", "/nowhere/key.pem"), MINTMARK_OK);
  mintmark_verifier* made = nullptr;
  EXPECT_EQ(mintmark_verifier_new(own.get(), &made), MINTMARK_INVALID_ARGUMENT);
  EXPECT_EQ(made, nullptr);
}

TEST_F(CFace, SaysNothingOfATokenBeforeItIsToldWhatWasRevoked) {
  const test::TemporaryDirectory directory;
  const std::string file = directory.path() / "service.pem";
  ASSERT_TRUE(jose::FileKey::open_or_make(file, {Code::internal, "the key"}));
  mintmark_options* made = nullptr;
  ASSERT_EQ(mintmark_options_new("https://127.0.0.1:1", service, &made), MINTMARK_OK);
  const Options own(made);
  ASSERT_EQ(mintmark_options_set_jwks(made, jwks().c_str()), MINTMARK_OK);
  ASSERT_EQ(mintmark_options_subscribe(made, "service-1", file.c_str()), MINTMARK_OK);
  const Verifier verifying = verifier(own);
  EXPECT_EQ(mintmark_revocations_age(verifying.get()), -1);
  EXPECT_EQ(mintmark_revocations_age(nullptr), -1);
  EXPECT_EQ(mintmark_revocations_age(verifier(options()).get()), -1);
  mintmark_result* result = nullptr;
  EXPECT_EQ(mintmark_check_without_proof(verifying.get(),
                                         token({{"iss", "https://127.0.0.1:1"}}).c_str(), &result),
            MINTMARK_UNAVAILABLE);
  const Result kept(result);
  EXPECT_EQ(mintmark_result_refusal(result), MINTMARK_REVOCATIONS_UNAVAILABLE);
}

}  // namespace
}  // namespace mintmark
