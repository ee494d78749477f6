// A foreign attester's results: what is taken, and each check broken alone and refused for just
// that.
#include <gtest/gtest.h>

#include "attest/offline/judge.h"
#include "attest/vocabulary.h"
#include "cbor/write.h"
#include "foreign_result.h"
#include "jose/base64url.h"

namespace mintmark::attest::eat {
namespace {

namespace write = cbor;
using test::EatMaker;

TEST_P(EitherResult, DoubtedOfOneSubmoduleIsProvenOfNone) {
  options.warning = true;
  for (const auto& [aspect, proven] :
       {std::pair{"hardware", "boot_state"}, std::pair{"configuration", "hardware"},
        std::pair{"executables", "hardware"}}) {
    maker.claims["submods"]["other"] = {{"ear_status", 32},
                                        {"ear_trustworthiness_vector", {{aspect, 32}}}};
    const auto verdict = checked();
    ASSERT_TRUE(verdict) << verdict.error().to_string();
    EXPECT_EQ(verdict->facts().proves, (std::vector<std::string>{proven})) << aspect;
  }
}

TEST_P(EitherResult, ThatIsAPlainEatWithATokenInsideIsRefused) {
  maker.claims["eat_profile"] = "http://arm.com/psa/2.0.0";
  maker.claims["submods"] = {{"inner", {"JWT", "a.b.c"}}};
  EXPECT_EQ(refusal(), Code::eat_submods);
}

INSTANTIATE_TEST_SUITE_P(AsJwtAndAsCwt, EitherResult, ::testing::Bool());

TEST_P(EitherResult, ThatAffirmsProvesWhatItsVectorAffirms) {
  const auto verdict = checked();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  const Facts& facts = verdict->facts();
  EXPECT_EQ(facts.format, "eat");
  EXPECT_EQ(facts.key_protection, "unproven");
  EXPECT_EQ(facts.standing, "trusted");
  EXPECT_EQ(facts.root, to_hex(*jose::from_base64url(maker.key().jkt())));
  EXPECT_EQ(facts.proves, (std::vector<std::string>{"boot_state", "hardware"}));
  EXPECT_EQ(facts.more.at("attester"), FactValue(maker.key().jkt()));
  EXPECT_EQ(facts.root_subject, maker.key().jkt());
  EXPECT_EQ(facts.more.at("attester_status"), FactValue(std::string("affirming")));
  for (const auto& [name, value] : facts.more) EXPECT_NE(fact_named(name), nullptr) << name;
}

TEST_P(EitherResult, ProvesNothingThatItsVectorDoesNotAffirm) {
  vector_of(maker.claims) = {{"instance-identity", 2}, {"hardware", 0}};
  const auto verdict = checked();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_TRUE(verdict->facts().proves.empty());
  vector_of(maker.claims) = {{"hardware", 31}, {"configuration", 2}};
  EXPECT_EQ(checked()->facts().proves, (std::vector<std::string>{"hardware"}));
}

TEST_P(EitherResult, OfTheSameUeidIsTheSameDevice) {
  const std::string one = checked()->identity();
  maker.claims["sub"] = "some name";
  EXPECT_EQ(checked()->identity(), one);
  maker.claims["ueid"] = "AQIDBAUGBwk";
  EXPECT_NE(checked()->identity(), one);
  maker.claims.erase("ueid");
  const std::string by_name = checked()->identity();
  maker.claims.erase("sub");
  EXPECT_NE(checked()->identity(), by_name);
}

TEST_P(EitherResult, WithAnArrayThatHoldsTheNonceIsTaken) {
  maker.claims["eat_nonce"] = {jose::base64url(Bytes(32)), jose::base64url(binding)};
  EXPECT_TRUE(checked());
}

TEST_P(EitherResult, WithAnotherNonceOrNoneIsRefused) {
  Bytes longer(binding.begin(), binding.end());
  longer.push_back(0);
  for (const Bytes& nonce : {Bytes{}, Bytes(32), Bytes(binding.begin(), binding.end() - 1), longer})
    EXPECT_EQ(refusal([&](Json& c) { c["eat_nonce"] = jose::base64url(nonce); }), Code::eat_nonce);
  EXPECT_EQ(refusal([](Json& c) { c["eat_nonce"] = Json::array(); }), Code::eat_nonce);
  EXPECT_EQ(refusal([](Json& c) { c["eat_nonce"] = nullptr; }), Code::eat_nonce);
  EXPECT_EQ(refusal([](Json& c) { c["eat_nonce"] = 7; }), Code::eat_nonce);
  EXPECT_EQ(refusal([](Json& c) {
              Json many = Json::array();
              for (int i = 0; i < 17; ++i) many.push_back(jose::base64url(binding));
              c["eat_nonce"] = many;
            }),
            Code::eat_nonce);
}

TEST_P(EitherResult, OfAnotherIssuerOrForAnotherAudienceIsRefused) {
  options.issuers = {"https://a.test", "https://verifier.test"};
  options.audience = "https://issuer.test";
  EXPECT_EQ(refusal(), Code::eat_audience);
  maker.claims["aud"] = {"https://x.test", "https://issuer.test"};
  EXPECT_TRUE(checked());
  maker.claims["aud"] = "https://issuer.test";
  EXPECT_TRUE(checked());
  EXPECT_EQ(refusal([](Json& c) { c["aud"] = "https://issuer.test/"; }), Code::eat_audience);
  EXPECT_EQ(refusal([](Json& c) { c["iss"] = "https://verifier.tes"; }), Code::eat_issuer);
  EXPECT_EQ(refusal([](Json& c) { c.erase("iss"); }), Code::eat_issuer);
  EXPECT_EQ(refusal([](Json& c) { c["iss"] = 1; }), Code::eat_malformed);
}

TEST_P(EitherResult, OutsideItsTimeIsRefused) {
  const std::int64_t at = to_unix(now);
  EXPECT_EQ(refusal([&](Json& c) { c["exp"] = at; }), Code::eat_expired);
  EXPECT_EQ(refusal([&](Json& c) { c["nbf"] = at + 61; }), Code::eat_not_yet_valid);
  EXPECT_EQ(refusal([&](Json& c) { c["iat"] = at + 61; }), Code::eat_iat);
  EXPECT_EQ(refusal([&](Json& c) { c["exp"] = at + 24 * 3600 + 1; }), Code::eat_lifetime);
  EXPECT_EQ(refusal([&](Json& c) {
              c["iat"] = at + 50;
              c["exp"] = at + 40;
            }),
            Code::eat_lifetime);
  EXPECT_EQ(refusal([&](Json& c) { c["exp"] = -1; }), Code::eat_malformed);
  EXPECT_EQ(refusal([&](Json& c) { c["iat"] = "now"; }), Code::eat_malformed);
  maker.claims["nbf"] = at + 60;
  EXPECT_TRUE(checked());
}

TEST_P(EitherResult, WithoutExpMustBeOfTheLastTenMinutes) {
  const auto evidence = [&](std::optional<std::int64_t> issued) {
    Json all = maker.bound_claims(binding);
    all.erase("exp");
    all.erase("iat");
    if (issued) all["iat"] = *issued;
    return maker.as_cwt ? Json{{"cwt", jose::base64url(maker.cwt(all))}}
                        : Json{{"token", maker.jwt(all)}};
  };
  EXPECT_TRUE(checked(evidence(to_unix(now) - 600)));
  EXPECT_EQ(refusal(evidence(to_unix(now) - 601)), Code::eat_iat);
  EXPECT_EQ(refusal(evidence(std::nullopt)), Code::eat_lifetime);
}

TEST_P(EitherResult, WithoutIatMustNotLiveLongerThanADay) {
  Json all = maker.bound_claims(binding);
  all.erase("iat");
  all["exp"] = to_unix(now) + 24 * 3600 + 1;
  EXPECT_EQ(refusal(maker.as_cwt ? Json{{"cwt", jose::base64url(maker.cwt(all))}}
                                 : Json{{"token", maker.jwt(all)}}),
            Code::eat_lifetime);
}

TEST_P(EitherResult, ThatDoesNotAffirmIsRefused) {
  for (const int status : {0, 1, -1, 32, -33, 96, 127, -97, -128})
    EXPECT_EQ(refusal([&](Json& c) { c["submods"]["device"]["ear_status"] = status; }),
              Code::eat_status)
        << status;
  for (const int status : {2, 31, -2, -32}) {
    maker.claims["submods"]["device"]["ear_status"] = status;
    EXPECT_TRUE(checked()) << status;
  }
  EXPECT_EQ(refusal([](Json& c) { c["ear_status"] = 96; }), Code::eat_status);
}

TEST_P(EitherResult, WhoseVectorIsWorseThanItsStatusIsRefused) {
  for (const int value : {32, 96, -40})
    EXPECT_EQ(refusal([&](Json& c) { vector_of(c)["executables"] = value; }), Code::eat_status);
}

TEST_P(EitherResult, OfStatusWarningIsTakenByNameAlone) {
  maker.claims["submods"]["device"]["ear_status"] = 32;
  vector_of(maker.claims)["hardware"] = 32;
  EXPECT_EQ(refusal(), Code::eat_status);
  options.warning = true;
  const auto verdict = checked();
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->facts().more.at("attester_status"), FactValue(std::string("warning")));
  EXPECT_EQ(verdict->facts().proves, (std::vector<std::string>{"boot_state"}));
  EXPECT_EQ(refusal([](Json& c) { c["submods"]["device"]["ear_status"] = 96; }), Code::eat_status);
  EXPECT_EQ(refusal([](Json& c) { c["submods"]["device"]["ear_status"] = 0; }), Code::eat_status);
}

TEST_P(EitherResult, WithOneSubmoduleThatDoesNotHoldIsRefused) {
  EXPECT_EQ(refusal([](Json& c) {
              c["submods"]["realm"] = {{"ear_status", 96}};
            }),
            Code::eat_status);
  EXPECT_EQ(refusal([](Json& c) { c["submods"]["realm"] = Json::object(); }), Code::eat_submods);
  EXPECT_EQ(refusal([](Json& c) { c["submods"]["realm"] = {"JWT", "a.b.c"}; }), Code::eat_submods);
  EXPECT_EQ(refusal([](Json& c) {
              c["submods"]["device"]["submods"] = {{"inner", {{"ear_status", 96}}}};
            }),
            Code::eat_status);
  EXPECT_EQ(refusal([](Json& c) { c.erase("submods"); }), Code::eat_submods);
  EXPECT_EQ(refusal([](Json& c) { c["submods"] = Json::object(); }), Code::eat_submods);
  EXPECT_EQ(refusal([](Json& c) { c["submods"] = "a"; }), Code::eat_submods);
  EXPECT_EQ(refusal([](Json& c) {
              for (int i = 0; i < 32; ++i)
                c["submods"][std::to_string(i)] = {{"ear_status", "affirming"}};
            }),
            Code::eat_submods);
}

TEST_P(EitherResult, WithAVectorOrStatusOfAnotherShapeIsRefused) {
  EXPECT_EQ(refusal([](Json& c) { vector_of(c)["hardware"] = 128; }), Code::eat_malformed);
  EXPECT_EQ(refusal([](Json& c) { vector_of(c)["hardware"] = "2"; }), Code::eat_malformed);
  EXPECT_EQ(refusal([](Json& c) { vector_of(c)["other"] = 2; }), Code::eat_malformed);
  EXPECT_EQ(refusal([](Json& c) { vector_of(c) = 2; }), Code::eat_malformed);
  EXPECT_EQ(refusal([](Json& c) { c["submods"]["device"]["ear_status"] = "good"; }),
            Code::eat_malformed);
}

TEST_P(EitherResult, WithClaimsOfAnEarAndWithoutItsProfileIsRefused) {
  EXPECT_EQ(refusal([](Json& c) { c.erase("eat_profile"); }), Code::eat_profile);
  for (const char* profile : {"tag:ietf.org,2026:rats/ear", "http://arm.com/psa/2.0.0", ""})
    EXPECT_EQ(refusal([&](Json& c) { c["eat_profile"] = profile; }), Code::eat_profile);
}

TEST_P(EitherResult, ThatIsAPlainEatIsTakenAndProvesNothing) {
  maker.claims.erase("submods");
  maker.claims["eat_profile"] = "http://arm.com/psa/2.0.0";
  const auto verdict = checked();
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_TRUE(verdict->facts().proves.empty());
  EXPECT_EQ(verdict->facts().more.count("attester_status"), 0U);
}

TEST_P(EitherResult, WithDebuggingEnabledAnywhereIsRefused) {
  const Json enabled = maker.as_cwt ? Json(0) : Json("enabled");
  const Json disabled = maker.as_cwt ? Json(4) : Json("disabled-fully-and-permanently");
  EXPECT_EQ(refusal([&](Json& c) { c["dbgstat"] = enabled; }), Code::eat_debug);
  EXPECT_EQ(refusal([&](Json& c) { c["submods"]["device"]["dbgstat"] = enabled; }),
            Code::eat_debug);
  EXPECT_EQ(refusal([&](Json& c) { c["dbgstat"] = 5; }), Code::eat_malformed);
  maker.claims["dbgstat"] = disabled;
  EXPECT_TRUE(checked());
}

TEST_P(EitherResult, SignedByAnotherKeyIsRefused) {
  EatMaker other;
  other.at = now;
  other.as_cwt = maker.as_cwt;
  EXPECT_EQ(refusal(other.evidence(binding, key.public_key())), Code::eat_key_unknown);
  Json jwk = Json::parse(options.keys)["keys"][0];
  jwk["kid"] = other.key().jkt();
  options.keys = Json{{"keys", {jwk}}}.dump();
  EXPECT_EQ(refusal(other.evidence(binding, key.public_key())), Code::eat_signature);
}

TEST_P(EitherResult, WithAnyCharacterChangedIsRefused) {
  Json evidence = maker.evidence(binding, key.public_key());
  const char* member = maker.as_cwt ? "cwt" : "token";
  const auto good = evidence[member].get<std::string>();
  for (std::size_t i = 0; i < good.size(); i += 7) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    evidence[member] = bad;
    EXPECT_FALSE(checked(evidence)) << i;
    evidence[member] = good.substr(0, i);
    EXPECT_FALSE(checked(evidence)) << i;
  }
  evidence[member] = good + "A";
  EXPECT_FALSE(checked(evidence));
}

TEST_F(ForeignResult, OfEachAlgorithmIsTakenByItsOwnKeyAlone) {
  for (const auto& [algorithm, cose] :
       {std::pair{jose::Algorithm::es256, std::vector<std::int64_t>{-7, -9}},
        std::pair{jose::Algorithm::es384, std::vector<std::int64_t>{-35, -51}},
        std::pair{jose::Algorithm::rs256, std::vector<std::int64_t>{-257}},
        std::pair{jose::Algorithm::ps256, std::vector<std::int64_t>{-37}},
        std::pair{jose::Algorithm::ed25519, std::vector<std::int64_t>{-8, -19}}}) {
    EatMaker other(algorithm);
    other.at = now;
    options.keys = other.keys();
    EXPECT_TRUE(checked(other.evidence(binding, key.public_key()))) << name_of(algorithm);
    for (const std::int64_t number : {-7, -9, -35, -51, -257, -37, -8, -19, -65535, 5}) {
      other.as_cwt = true;
      other.cose_algorithm = number;
      const bool own = std::find(cose.begin(), cose.end(), number) != cose.end();
      const auto verdict = checked(other.evidence(binding, key.public_key()));
      EXPECT_EQ(verdict.has_value(), own) << name_of(algorithm) << number;
      if (!verdict) {
        EXPECT_EQ(verdict.error().code, Code::eat_alg);
      }
    }
  }
}

TEST_F(ForeignResult, WhoseHeaderAsksForAnotherAlgorithmOrTypeIsRefused) {
  for (const char* alg : {"none", "HS256", "ES384", "RS256"}) {
    maker.header["alg"] = alg;
    EXPECT_EQ(refusal(), Code::eat_alg) << alg;
  }
  maker.header["alg"] = "ES256";
  for (const char* typ : {"dpop+jwt", "at+jwt", "ear", "application/cwt"}) {
    maker.header["typ"] = typ;
    EXPECT_EQ(refusal(), Code::eat_typ) << typ;
  }
  for (const char* typ : {"JWT", "eat+jwt", "application/eat+jwt"}) {
    maker.header["typ"] = typ;
    EXPECT_TRUE(checked()) << typ;
  }
  maker.header["crit"] = {"x"};
  EXPECT_EQ(refusal(), Code::jws_crit_unknown);
}

TEST_F(ForeignResult, ThatNamesNoKeyIsTakenWhereThereIsOneAlone) {
  maker.header.erase("kid");
  EXPECT_TRUE(checked());
  Json other = test::SoftKey().public_key().to_jwk();
  other["kid"] = "other";
  options.keys = Json{{"keys", {maker.jwk(), other}}}.dump();
  options.issuers = {"https://verifier.test"};
  EXPECT_EQ(refusal(), Code::eat_key_unknown);
  maker.header["kid"] = maker.key().jkt();
  EXPECT_TRUE(checked());
  maker.header["kid"] = "other";
  EXPECT_EQ(refusal(), Code::eat_signature);
}

TEST_F(ForeignResult, WithAClaimUnderItsOldAndItsNewNameIsRefused) {
  EXPECT_EQ(refusal([](Json& c) { c["submods"]["device"]["ear.status"] = "affirming"; }),
            Code::eat_malformed);
}

TEST_F(ForeignResult, OfACwtWithItsTagOrTypeIsTakenAndWithAnotherTypeRefused) {
  maker.as_cwt = true;
  maker.cwt_tag = true;
  EXPECT_TRUE(checked());
  const auto typed = [&](const Bytes& typ) {
    const Bytes header =
        write::map({{write::number(1), write::number(-7)}, {write::number(16), typ}});
    return refusal(Json{{"cwt", jose::base64url(maker.cwt_of(write::map({}), header))}});
  };
  // Of a type that is taken the next refusal is of the claims, which are none.
  for (const Bytes& good : {write::number(61), write::number(263), write::text("eat+cwt"),
                            write::text("application/CWT")})
    EXPECT_EQ(typed(good), Code::eat_nonce);
  for (const Bytes& bad : {write::number(60), write::text("jwt"), write::null()})
    EXPECT_EQ(typed(bad), Code::eat_typ);
}

TEST_F(ForeignResult, OfACwtWhosePayloadIsNoMapIsRefused) {
  const Bytes header = write::map({{write::number(1), write::number(-7)}});
  const auto with = [&](const Bytes& payload) {
    return refusal(Json{{"cwt", jose::base64url(maker.cwt_of(payload, header))}});
  };
  EXPECT_EQ(with(write::array({})), Code::eat_malformed);
  EXPECT_EQ(with({}), Code::cbor_malformed);
}

TEST_F(ForeignResult, WithEvidenceOfAnotherShapeIsRefused) {
  for (const Json& evidence :
       {Json::object(), Json{{"token", 1}}, Json{{"cwt", 1}}, Json{{"cwt", "=="}},
        Json{{"token", ""}}, Json{{"token", "a"}, {"cwt", "AA"}}})
    EXPECT_EQ(refusal(evidence), Code::evidence_member) << evidence;
  EXPECT_EQ(refusal(Json{{"token", "a.b"}}), Code::eat_malformed);
  EXPECT_EQ(refusal(Json{{"cwt", "AA"}}), Code::cose_malformed);
}

// --- from files ---

class ForeignFiles : public ForeignResult {
 protected:
  offline::Judgement judged(std::vector<Bytes> files) {
    question.format = "eat";
    question.files = std::move(files);
    question.at = now;
    return offline::judge(question).value();
  }
  Bytes jwt() { return to_bytes(as_bytes(maker.jwt(maker.bound_claims(binding)))); }
  Bytes keys() { return to_bytes(as_bytes(maker.keys())); }
  offline::Question question;
};
using Answer = offline::Judgement::Verdict;

TEST_F(ForeignFiles, AreParsedAloneAndJudgedWithTheirKeys) {
  EXPECT_EQ(judged({jwt()}).verdict, Answer::parse);
  EXPECT_EQ(judged({jwt(), keys()}).verdict, Answer::accept);
  EXPECT_EQ(judged({keys(), maker.cwt(maker.bound_claims(binding))}).verdict, Answer::accept);
  const Bytes others = to_bytes(as_bytes(EatMaker().keys()));
  EXPECT_EQ(judged({jwt(), others}).refusal->code, Code::eat_key_unknown);
}

TEST_F(ForeignFiles, AreHeldAgainstWhatIsExpectedOfThem) {
  question.challenge = Bytes(binding.begin(), binding.end());
  question.expected = {{"issuer", "https://verifier.test"}};
  EXPECT_EQ(judged({jwt(), keys()}).verdict, Answer::accept);
  question.expected = {{"audience", "https://issuer.test"}};
  EXPECT_EQ(judged({jwt(), keys()}).refusal->code, Code::eat_audience);
  question.expected = {{"issuer", "https://other.test"}};
  EXPECT_EQ(judged({jwt(), keys()}).refusal->code, Code::eat_issuer);
  question.expected.clear();
  question.challenge = Bytes(32);
  EXPECT_EQ(judged({jwt(), keys()}).refusal->code, Code::eat_nonce);
}

TEST_F(ForeignFiles, WhoseIssuerIsNoTextAreRefusedWhetherOneIsExpectedOrNot) {
  maker.claims["iss"] = 7;
  EXPECT_EQ(judged({jwt()}).refusal->code, Code::eat_malformed);
  EXPECT_EQ(judged({jwt(), keys()}).refusal->code, Code::eat_malformed);
  question.expected = {{"issuer", "https://verifier.test"}};
  EXPECT_EQ(judged({jwt()}).refusal->code, Code::eat_malformed);
}

TEST_F(ForeignFiles, OfSeveralKeysAreJudgedByTheIssuerThatIsExpectedOfThem) {
  const Bytes both = to_bytes(as_bytes(Json{{"keys", {maker.jwk(), EatMaker().jwk()}}}.dump()));
  EXPECT_EQ(judged({jwt(), both}).refusal->code, Code::eat_keys_unreadable);
  question.expected = {{"issuer", "https://verifier.test"}};
  EXPECT_EQ(judged({jwt(), both}).verdict, Answer::accept);
}

TEST_F(ForeignFiles, OfWarningOrDebugAreGoodButRefusedUnlessAllowed) {
  maker.claims["submods"]["device"]["ear_status"] = "warning";
  maker.claims["dbgstat"] = "enabled";
  const auto debug = judged({jwt(), keys()});
  EXPECT_TRUE(debug.crypto_good);
  EXPECT_EQ(debug.refusal->code, Code::eat_debug);
  question.allowed = {"debug"};
  EXPECT_EQ(judged({jwt(), keys()}).refusal->code, Code::eat_status);
  question.allowed = {"debug", "warning"};
  EXPECT_EQ(judged({jwt(), keys()}).verdict, Answer::accept);
  maker.claims["exp"] = to_unix(now);
  EXPECT_TRUE(judged({jwt(), keys()}).crypto_good);
}

TEST_F(ForeignFiles, ThatAreNoTokenOrTwoAreRefused) {
  EXPECT_EQ(judged({keys()}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({jwt(), jwt()}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({jwt(), keys(), keys()}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({Bytes{}}).refusal->code, Code::evidence_files);
  EXPECT_EQ(judged({jwt(), maker.cwt(maker.bound_claims(binding))}).refusal->code,
            Code::evidence_files);
}

}  // namespace
}  // namespace mintmark::attest::eat
