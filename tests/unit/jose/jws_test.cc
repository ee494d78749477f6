#include "jose/jws.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "jose/known_header.h"
#include "support/mutations.h"
#include "support/soft_key.h"

namespace mintmark::jose {
namespace {

using test::SoftKey;

const SoftKey& signer() {
  static const SoftKey key;
  return key;
}

std::string encoded(std::string_view text) { return base64url(as_bytes(text)); }

std::string jws_of(std::string_view header, std::string_view payload) {
  const std::string input = encoded(header) + "." + encoded(payload);
  return compact(input, signer().sign(as_bytes(input)));
}

void expect_refused(const std::string& jws, Code code) {
  const auto parsed = UnverifiedJws::parse(jws);
  ASSERT_FALSE(parsed) << jws;
  EXPECT_EQ(parsed.error().code, code) << parsed.error().to_string();
}

Result<VerifiedJws> verified(const std::string& jws, const PublicKey& key = signer().public_key()) {
  auto parsed = UnverifiedJws::parse(jws);
  if (!parsed) return pass_on(parsed);
  return std::move(*parsed).verify(key);
}

void expect_not_verified(const std::string& jws, Code code) {
  const auto checked = verified(jws);
  ASSERT_FALSE(checked) << jws;
  EXPECT_EQ(checked.error().code, code) << checked.error().to_string();
}

TEST(Jws, ByTheKeyShowsItsClaims) {
  const auto jws = verified(signer().sign_jws({{"alg", "ES256"}, {"kid", "a"}}, {{"sub", "b"}}));
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->claims()["sub"], "b");
  EXPECT_EQ(jws->header()["kid"], "a");
  EXPECT_EQ(jws->key(), signer().public_key());
}

TEST(Jws, TypIsReadWithoutCaseAndPrefix) {
  for (const char* typ : {"at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"}) {
    const auto jws =
        UnverifiedJws::parse(signer().sign_jws({{"alg", "ES256"}, {"typ", typ}}, Json::object()));
    ASSERT_TRUE(jws);
    EXPECT_EQ(jws->typ(), "at+jwt");
  }
}

// Absent would be taken for less: a client assertion may come without typ.
TEST(Jws, WhoseKidTypOrCtyIsNoStringIsRefused) {
  for (const char* name : {"kid", "typ", "cty"}) {
    for (const char* value : {"1", "null", "true", "{}", "[\"at+jwt\"]"}) {
      const std::string member = std::string("\"") + name + "\":" + value;
      expect_refused(jws_of("{\"alg\":\"ES256\"," + member + "}", "{}"), Code::jws_malformed);
    }
  }
}

TEST(Jws, WithoutKidAndTypHasEmptyOnes) {
  const auto jws = UnverifiedJws::parse(signer().sign_jws({{"alg", "ES256"}}, Json::object()));
  ASSERT_TRUE(jws);
  EXPECT_EQ(jws->typ(), "");
  EXPECT_EQ(jws->kid(), "");
}

TEST(Jws, WithOtherThanThreeSegmentsIsRefused) {
  const std::string good = jws_of(R"({"alg":"ES256"})", "{}");
  const std::string input = good.substr(0, good.rfind('.'));
  for (const std::string& jws :
       {std::string(), std::string("."), std::string(".."), std::string("malformed"), input,
        input + ".", good + ".", good + ".AA", "." + good, good.substr(good.find('.')),
        encoded("{}") + ".." + encoded("x")}) {
    expect_refused(jws, Code::jws_malformed);
  }
}

TEST(Jws, WithWhiteSpaceOrPaddingIsRefused) {
  const std::string good = jws_of(R"({"alg":"ES256"})", "{}");
  for (const std::string& jws :
       {good + "=", good + "\n", " " + good, good.substr(0, 5) + "\n" + good.substr(5)}) {
    expect_refused(jws, Code::jws_malformed);
  }
}

TEST(Jws, AsJsonSerialisationIsRefused) {
  expect_refused(R"({"payload":"e30","signatures":[]})", Code::jws_malformed);
}

TEST(Jws, WithoutAlgIsRefused) {
  expect_refused(jws_of("{}", "{}"), Code::jws_malformed);
  expect_refused(jws_of(R"({"alg":1})", "{}"), Code::jws_malformed);
  expect_refused(jws_of(R"({"alg":""})", "{}"), Code::jws_malformed);
}

TEST(Jws, WhoseHeaderOrPayloadIsNoObjectIsRefused) {
  expect_refused(jws_of(R"(["alg"])", "{}"), Code::jws_malformed);
  expect_refused(jws_of(R"({"alg":"ES256"})", "[]"), Code::jws_malformed);
  expect_refused(jws_of(R"({"alg":"ES256"})", "1"), Code::jws_malformed);
  expect_refused(jws_of(R"({"alg":"ES256"})", "Payload"), Code::json_malformed);
  expect_refused(jws_of(R"({"alg":"ES256"} x)", "{}"), Code::json_malformed);
}

TEST(Jws, WithAMemberTwiceIsRefused) {
  expect_refused(jws_of(R"({"alg":"ES256","alg":"none"})", "{}"), Code::json_duplicate_key);
  expect_refused(jws_of(R"({"alg":"ES256"})", R"({"sub":"a","sub":"b"})"),
                 Code::json_duplicate_key);
  expect_refused(jws_of(R"({"alg":"ES256","\u0061lg":"none"})", "{}"), Code::json_duplicate_key);
}

TEST(Jws, WithCritOrB64IsRefused) {
  expect_refused(jws_of(R"({"alg":"ES256","crit":["exp"],"exp":1})", "{}"), Code::jws_crit_unknown);
  expect_refused(jws_of(R"({"alg":"ES256","crit":[]})", "{}"), Code::jws_crit_unknown);
  expect_refused(jws_of(R"({"alg":"ES256","b64":false})", "{}"), Code::jws_crit_unknown);
}

TEST(Jws, LargerThanTheLimitIsRefused) {
  expect_refused(jws_of(R"({"alg":"ES256"})", R"({"a":")" + std::string(16U << 10U, 'a') + R"("})"),
                 Code::jws_malformed);
  const std::string good = jws_of(R"({"alg":"ES256"})", "{}");
  EXPECT_TRUE(UnverifiedJws::parse(good, {.octets = good.size()}));
  EXPECT_FALSE(UnverifiedJws::parse(good, {.octets = good.size() - 1}));
}

TEST(Jws, TooDeepIsRefused) {
  expect_refused(jws_of(R"({"alg":"ES256"})", R"({"a":[[[[[[[[[[1]]]]]]]]]]})"),
                 Code::json_too_deep);
}

TEST(Jws, WithAnotherAlgorithmThanItsKeysIsRefused) {
  for (const char* alg : {"none", "HS256", "ES384", "ES512", "RS256", "es256", "EdDSA"}) {
    expect_not_verified(signer().sign_jws({{"alg", alg}}, Json::object()), Code::jws_alg_refused);
  }
}

TEST(Jws, ByHmacWithThePublicKeyIsRefused) {
  // RFC 8725 §2.1: the attack that makes a public key a shared secret.
  const std::string input = encoded(R"({"alg":"HS256"})") + "." + encoded("{}");
  expect_not_verified(compact(input, sha256(input)), Code::jws_alg_refused);
}

TEST(Jws, OfAnotherKeyIsRefused) {
  expect_not_verified(SoftKey().sign_jws({{"alg", "ES256"}}, Json::object()),
                      Code::jws_signature_invalid);
}

TEST(Jws, WhoseKeyStandsInItsHeaderIsNotVerifiedWithThat) {
  const SoftKey stranger;
  const Json header = {{"alg", "ES256"},
                       {"jwk", stranger.public_key().to_jwk()},
                       {"jku", "https://evil.example/jwks"}};
  expect_not_verified(stranger.sign_jws(header, Json::object()), Code::jws_signature_invalid);
}

TEST(Jws, WithADerSignatureIsRefused) {
  const std::string input = encoded(R"({"alg":"ES256"})") + "." + encoded("{}");
  expect_not_verified(compact(input, signer().sign_der(as_bytes(input))),
                      Code::jws_signature_invalid);
}

TEST(Jws, WithAnySegmentChangedIsRefused) {
  const std::string good = signer().sign_jws({{"alg", "ES256"}}, {{"sub", "device"}});
  const std::string other =
      SoftKey().sign_jws({{"alg", "ES256"}, {"kid", "x"}}, {{"sub", "devicf"}});
  const std::size_t dot = good.find('.');
  const std::size_t end = good.rfind('.');
  EXPECT_FALSE(verified(other.substr(0, other.find('.')) + good.substr(dot)));
  EXPECT_FALSE(verified(good.substr(0, dot) +
                        other.substr(other.find('.'), other.rfind('.') - other.find('.')) +
                        good.substr(end)));
  EXPECT_FALSE(verified(good.substr(0, end) + other.substr(other.rfind('.'))));
}

TEST(Jws, MutatedNeverVerifiesAsSomethingElse) {
  const std::string good =
      signer().sign_jws({{"alg", "ES256"}, {"typ", "at+jwt"}}, {{"sub", "device"}});
  test::for_each_mutation(good, 2000, [&](const std::string& broken) {
    if (broken != good) {
      EXPECT_FALSE(verified(broken)) << broken;
    }
  });
}

TEST(SigningInput, IsParsedBackForOneWhoJudgesIt) {
  const auto parts = parse_signing_input(signing_input({{"alg", "ES256"}}, {{"iss", "a"}}));
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->header["alg"], "ES256");
  EXPECT_EQ(parts->claims["iss"], "a");
}

TEST(SigningInput, WithOtherThanTwoSegmentsIsRefused) {
  const std::string good = signing_input({{"alg", "ES256"}}, Json::object());
  for (const std::string& input : {std::string(), std::string("."), good + ".", good + ".AA",
                                   "." + good, encoded("{}"), encoded("{}") + "."}) {
    const auto parts = parse_signing_input(input);
    ASSERT_FALSE(parts) << input;
    EXPECT_EQ(parts.error().code, Code::jws_malformed);
  }
}

TEST(SigningInput, LargerThanTheLimitIsRefused) {
  const std::string input = signing_input({{"alg", "ES256"}}, {{"sub", "b"}});
  EXPECT_TRUE(parse_signing_input(input, {.octets = input.size()}));
  const auto refused = parse_signing_input(input, {.octets = input.size() - 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::jws_malformed);
}

TEST(SigningInput, WithCritIsRefused) {
  EXPECT_EQ(parse_signing_input(signing_input({{"alg", "ES256"}, {"crit", {"x"}}}, Json::object()))
                .error()
                .code,
            Code::jws_crit_unknown);
}

TEST(KnownHeader, OpensLaterClaimsOfItsSignerAlone) {
  const std::string header = R"({"alg":"ES256","kid":"a"})";
  const std::string first = jws_of(header, "{}");
  const KnownHeader known(first, verified(first).value());
  const std::string later = jws_of(header, R"({"iss":"b"})");
  ASSERT_TRUE(known.begins(later));
  EXPECT_EQ(known.verified_claims(later).value(), Json({{"iss", "b"}}));

  const std::string input = encoded(header) + "." + encoded("{}");
  const std::string stranger = compact(input, SoftKey().sign(as_bytes(input)));
  EXPECT_EQ(known.verified_claims(stranger).error().code, Code::jws_signature_invalid);
  EXPECT_EQ(known.verified_claims(compact(input, Bytes(64))).error().code,
            Code::jws_signature_invalid);
  EXPECT_EQ(known.verified_claims(input + ".AA=").error().code, Code::jws_malformed);
}

TEST(KnownHeader, IsNoHeaderThatIsWrittenInAnotherWay) {
  const std::string first = jws_of(R"({"alg":"ES256"})", "{}");
  const KnownHeader known(first, verified(first).value());
  for (const char* other : {R"({"alg":"ES256" })", R"({"alg":"ES384"})", R"({"alg":"none"})",
                            R"({"alg":"ES256","crit":["x"]})", "{}"}) {
    EXPECT_FALSE(known.begins(jws_of(other, "{}")));
    EXPECT_EQ(known.verified_claims(jws_of(other, "{}")).error().code, Code::jws_malformed);
  }
  for (const std::string& cut : {std::string(), known.text(), known.text() + "A." + "e30.AA"})
    EXPECT_FALSE(known.begins(cut));
}

TEST(KnownHeader, RefusesClaimsThatAParserRefuses) {
  const std::string header = R"({"alg":"ES256"})";
  const std::string first = jws_of(header, "{}");
  const KnownHeader known(first, verified(first).value());
  for (const char* payload : {"", "[]", "x", R"({"a":1,"a":2})", R"({"a":99999999999999999999})"}) {
    const std::string jws = jws_of(header, payload);
    EXPECT_EQ(known.verified_claims(jws).error().code, UnverifiedJws::parse(jws).error().code)
        << payload;
  }
  EXPECT_EQ(known.verified_claims(first, {.octets = first.size() - 1}).error().code,
            Code::jws_malformed);
}

}  // namespace
}  // namespace mintmark::jose
