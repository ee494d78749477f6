#include "hsm/result_profile.h"
#include "rules_fixture.h"

namespace mintmark::hsm::signer {
namespace {

class AccessTokenRules : public Rules {
 protected:
  AccessTokenRules() : Rules(Purpose::access_token) {
    header = {{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", key.kid()}};
    claims = {{"iss", issuer},
              {"aud", "https://service.example"},
              {"sub", "device"},
              {"client_id", "device"},
              {"iat", now},
              {"exp", now + 300},
              {"jti", "a"},
              {"scope", "read"},
              {"cnf", {{"jkt", device.jkt()}}}};
  }
};

class ClientAttestationRules : public Rules {
 protected:
  ClientAttestationRules() : Rules(Purpose::client_attestation) {
    header = {{"typ", "oauth-client-attestation+jwt"}, {"alg", "ES256"}, {"kid", key.kid()}};
    claims = {{"sub", "device"},
              {"iat", now},
              {"exp", now + 86400},
              {"cnf", {{"jwk", device.public_key().to_jwk()}}}};
  }
};

class ResultRules : public Rules {
 protected:
  ResultRules() : Rules(Purpose::result) {
    header = {{"typ", "eat+jwt"}, {"alg", "ES256"}, {"kid", key.kid()}};
    claims = {{"eat_profile", ear_profile},
              {"iss", issuer},
              {"sub", "device"},
              {"iat", now},
              {"exp", now + 600},
              {"jti", "a"},
              {"cnf", {{"jkt", device.jkt()}}},
              {"ear_status", "affirming"},
              {"ear_verifier_id", {{"developer", "Mintmark"}, {"build", "mintd"}}},
              {"submods", {{"tpm2", {{"ear_status", "affirming"}}}}}};
  }
};

TEST_F(AccessTokenRules, SignATokenBoundToACertificateAloneOrToBoth) {
  claims["cnf"] = {{"x5t#S256", device.jkt()}};
  EXPECT_TRUE(check());
  claims["cnf"]["jkt"] = device.jkt();
  EXPECT_TRUE(check());
}

TEST_F(AccessTokenRules, RefuseABindingToNothingOrToSomethingElse) {
  claims["cnf"] = Json::object();
  expect_refused("cnf is empty: nothing is signed that is bound to no key");
  claims["cnf"] = {{"jkt", device.jkt()}, {"jwk", Json::object()}};
  expect_refused("cnf may have jkt and x5t#S256, not jwk");
  claims["cnf"] = {{"kid", device.jkt()}};
  expect_refused("cnf may have jkt and x5t#S256, not kid");
}

TEST_F(AccessTokenRules, RefuseACertificateThatIsNoThumbprint) {
  for (const Json& wrong : {Json(""), Json("YWJj"), Json(1), Json(device.jkt() + "="),
                            Json(device.jkt().substr(1)), Json(device.jkt() + "AA")}) {
    claims["cnf"] = {{"jkt", device.jkt()}, {"x5t#S256", wrong}};
    expect_refused("cnf.x5t#S256 is no thumbprint");
  }
}

TEST_F(AccessTokenRules, GrantWhatTheIssuerMints) { EXPECT_TRUE(check()); }

TEST_F(ClientAttestationRules, GrantWhatTheIssuerMints) { EXPECT_TRUE(check()); }

TEST_F(ResultRules, GrantWhatTheIssuerMints) { EXPECT_TRUE(check()); }

TEST_F(ClientAttestationRules, GrantOurIssuer) {
  claims["iss"] = issuer;
  EXPECT_TRUE(check());
}

TEST_F(AccessTokenRules, GrantTheEdgesOfTheSkew) {
  for (const std::int64_t off : {-60, 60}) {
    claims["iat"] = now + off;
    claims["exp"] = now + off + 300;
    EXPECT_TRUE(check()) << off;
  }
}

constexpr const char* token_typ = "typ must be at+jwt for a key of purpose access_token";
constexpr const char* attestation_typ =
    "typ must be oauth-client-attestation+jwt for a key of purpose client_attestation";

TEST_F(AccessTokenRules, RefuseAnotherTyp) {
  for (const Json& typ : {Json("JWT"), Json("AT+JWT"), Json("application/at+jwt"), Json("dpop+jwt"),
                          Json("oauth-client-attestation+jwt"), Json("")}) {
    header["typ"] = typ;
    expect_refused(token_typ);
  }
  for (const Json& typ : {Json(7), Json(nullptr)}) {
    header["typ"] = typ;
    expect_refused(typ_is_no_text);
  }
  header.erase("typ");
  expect_refused(token_typ);
}

TEST_F(ClientAttestationRules, RefuseAnotherTyp) {
  header["typ"] = "at+jwt";
  expect_refused(attestation_typ);
  header.erase("typ");
  expect_refused(attestation_typ);
}

TEST_F(AccessTokenRules, RefuseWhatTheOtherPurposeSigns) {
  key.purpose = Purpose::client_attestation;
  expect_refused(attestation_typ);
}

TEST_F(AccessTokenRules, RefuseAnotherAlg) {
  for (const char* alg : {"none", "ES384", "HS256", "es256", ""}) {
    header["alg"] = alg;
    expect_refused("alg is not the key's");
  }
  header.erase("alg");
  expect_refused("alg is not the key's");
}

TEST_F(AccessTokenRules, RefuseAnotherKid) {
  header["kid"] = device.jkt();
  expect_refused("kid is not the key's");
  header.erase("kid");
  expect_refused("kid is not the key's");
}

TEST_F(AccessTokenRules, RefuseAHeaderThatSaysMore) {
  for (const char* name : {"jwk", "jku", "x5c", "x5u", "cty", "zip"}) {
    Json longer = header;
    longer[name] = "https://elsewhere.example";
    expect_refused(check(jose::signing_input(longer, claims)),
                   std::string("the header may have alg, kid and typ, not ") + name);
  }
}

TEST_F(AccessTokenRules, RefuseExtensions) {
  header["crit"] = Json::array({"exp"});
  EXPECT_FALSE(check());
  header.erase("crit");
  header["b64"] = false;
  const auto outcome = check();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::purpose_refused);
}

TEST_F(AccessTokenRules, RefuseAnotherIssuer) {
  for (const Json& iss : {Json("https://other.example"), Json(issuer + "/"), Json(""),
                          Json::array({issuer}), Json(nullptr)}) {
    claims["iss"] = iss;
    expect_refused("iss is not this issuer");
  }
  claims.erase("iss");
  expect_refused("iss is not this issuer");
}

TEST_F(ClientAttestationRules, RefuseAnotherIssuer) {
  for (const Json& iss : {Json("https://other.example"), Json(nullptr)}) {
    claims["iss"] = iss;
    expect_refused("iss is not this issuer");
  }
}

TEST_F(AccessTokenRules, RefuseAnIatThatIsMissingOrNoTime) {
  for (const Json& iat : {Json("1800000000"), Json(-1), Json(1.5), Json(nullptr)}) {
    claims["iat"] = iat;
    expect_refused("iat is missing, or no time");
  }
  claims.erase("iat");
  expect_refused("iat is missing, or no time");
}

TEST_F(AccessTokenRules, RefuseAnIatFarFromTheClock) {
  for (const std::int64_t iat : {now - 61, now + 61, std::int64_t{0}, std::int64_t{1} << 53}) {
    claims["iat"] = iat;
    claims["exp"] = iat;  // Not what is looked at first.
    expect_refused("iat is not near the signer's clock");
  }
}

TEST_F(AccessTokenRules, RefuseAnExpThatIsMissingOrNoTime) {
  for (const Json& exp : {Json("1800000300"), Json(-1), Json(1.8e9), Json(nullptr)}) {
    claims["exp"] = exp;
    expect_refused("exp is missing, or no time");
  }
  claims.erase("exp");
  expect_refused("exp is missing, or no time");
}

TEST_F(AccessTokenRules, RefuseAnExpNotAfterIat) {
  for (const std::int64_t exp : {now, now - 1}) {
    claims["exp"] = exp;
    expect_refused("exp is not after iat");
  }
}

TEST_F(AccessTokenRules, RefuseALifeLongerThanThePurposes) {
  claims["exp"] = now + 301;
  expect_refused("the life is longer than 300 s");
  claims["exp"] = std::int64_t{1} << 53;
  expect_refused("the life is longer than 300 s");
}

TEST_F(AccessTokenRules, RefuseALifeStretchedByAnEarlyIat) {
  claims["iat"] = now - 60;
  claims["exp"] = now + 241;
  expect_refused("the life is longer than 300 s");
}

TEST_F(ClientAttestationRules, RefuseALifeLongerThanThePurposes) {
  claims["exp"] = now + 86401;
  expect_refused("the life is longer than 86400 s");
}

TEST_F(AccessTokenRules, RefuseAPurposeThatHasNoLife) {
  PurposeRules other = rules;
  other.longest_life.erase(Purpose::access_token);
  expect_refused(check_purpose(other, key, jose::signing_input(header, claims), from_unix(now)),
                 "this purpose signs nothing");
}

constexpr const char* unbound = "cnf is missing: nothing is signed that is bound to no key";

TEST_F(AccessTokenRules, RefuseATokenBoundToNothing) {
  claims.erase("cnf");
  expect_refused(unbound);
  claims["cnf"] = device.jkt();
  expect_refused(unbound);
}

TEST_F(AccessTokenRules, RefuseAJktThatIsNoThumbprint) {
  for (const Json& jkt : {Json(""), Json(device.jkt().substr(1)), Json(device.jkt() + "A"),
                          Json(device.jkt() + "="), Json(std::string(43, '*')), Json(43)}) {
    claims["cnf"] = {{"jkt", jkt}};
    expect_refused("cnf.jkt is no thumbprint");
  }
  claims["cnf"] = {{"jwk", device.public_key().to_jwk()}};
  expect_refused("cnf may have jkt and x5t#S256, not jwk");
}

TEST_F(ClientAttestationRules, RefuseOneBoundToNothing) {
  claims.erase("cnf");
  expect_refused(unbound);
  claims["cnf"] = {{"jkt", device.jkt()}};
  expect_refused("cnf.jwk is missing");
}

TEST_F(ClientAttestationRules, RefuseAPrivateKey) {
  claims["cnf"]["jwk"]["d"] = std::string(43, 'A');
  const auto outcome = check();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::purpose_refused);
  EXPECT_EQ(outcome.error().detail.find("cnf.jwk: "), 0U) << outcome.error().detail;
  EXPECT_EQ(outcome.error().detail.find(std::string(43, 'A')), std::string::npos);
}

TEST_F(ClientAttestationRules, RefuseAKeyOffTheCurve) {
  claims["cnf"]["jwk"]["x"] = claims["cnf"]["jwk"]["y"];
  const auto outcome = check();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::purpose_refused);
}

constexpr const char* result_typ = "typ must be eat+jwt for a key of purpose result";

TEST_F(ResultRules, RefuseAnotherTyp) {
  for (const Json& typ : {Json("at+jwt"), Json("oauth-client-attestation+jwt"), Json("JWT"),
                          Json("eat+cwt"), Json("EAT+JWT")}) {
    header["typ"] = typ;
    expect_refused(result_typ);
  }
  header["typ"] = nullptr;
  expect_refused(typ_is_no_text);
  header.erase("typ");
  expect_refused(result_typ);
}

TEST_F(ResultRules, RefuseWhatTheOtherPurposesSign) {
  key.purpose = Purpose::access_token;
  expect_refused(token_typ);
  key.purpose = Purpose::client_attestation;
  expect_refused(attestation_typ);
}

TEST_F(AccessTokenRules, RefuseWhatAKeyOfResultsIsAskedFor) {
  key.purpose = Purpose::result;
  expect_refused(result_typ);
  header["typ"] = "eat+jwt";  // The claims of a token in a result's clothes.
  expect_refused("eat_profile must be " + std::string(ear_profile));
}

TEST_F(ClientAttestationRules, RefuseWhatAKeyOfResultsIsAskedFor) {
  key.purpose = Purpose::result;
  expect_refused(result_typ);
}

TEST_F(ResultRules, RefuseAnotherAlgAndAnotherKid) {
  Json other = header;
  other["alg"] = "none";
  expect_refused(check(jose::signing_input(other, claims)), "alg is not the key's");
  header["kid"] = device.jkt();
  expect_refused("kid is not the key's");
}

TEST_F(ResultRules, RefuseAHeaderThatSaysMore) {
  header["jku"] = "https://elsewhere.example";
  expect_refused("the header may have alg, kid and typ, not jku");
}

TEST_F(ResultRules, RefuseAnotherIssuer) {
  for (const Json& iss : {Json("https://other.example"), Json(""), Json(nullptr)}) {
    claims["iss"] = iss;
    expect_refused("iss is not this issuer");
  }
  claims.erase("iss");
  expect_refused("iss is not this issuer");
}

TEST_F(ResultRules, RefuseAnIatFarFromTheClock) {
  for (const std::int64_t iat : {now - 61, now + 61}) {
    claims["iat"] = iat;
    expect_refused("iat is not near the signer's clock");
  }
  claims.erase("iat");
  expect_refused("iat is missing, or no time");
}

TEST_F(ResultRules, RefuseALifeLongerThanThePurposes) {
  claims["exp"] = now + 601;
  expect_refused("the life is longer than 600 s");
  claims["exp"] = now;
  expect_refused("exp is not after iat");
  claims.erase("exp");
  expect_refused("exp is missing, or no time");
}

TEST_F(ResultRules, RefuseAllWhereNoResultsAreGiven) {
  PurposeRules none = rules;
  none.longest_life.erase(Purpose::result);
  expect_refused(check_purpose(none, key, jose::signing_input(header, claims), from_unix(now)),
                 "this purpose signs nothing");
}

TEST_F(ResultRules, RefuseAnotherProfile) {
  for (const Json& profile :
       {Json("tag:ietf.org,2026:rats/ear#03"), Json("tag:github.com,2023:veraison/ear"), Json(""),
        Json(nullptr), Json::array({ear_profile})}) {
    claims["eat_profile"] = profile;
    expect_refused("eat_profile must be " + std::string(ear_profile));
  }
  claims.erase("eat_profile");
  expect_refused("eat_profile must be " + std::string(ear_profile));
}

TEST_F(ResultRules, RefuseOneAboutNobody) {
  for (const Json& sub : {Json(""), Json(7), Json(nullptr)}) {
    claims["sub"] = sub;
    expect_refused("sub is missing");
  }
  claims.erase("sub");
  expect_refused("sub is missing");
}

TEST_F(ResultRules, RefuseOneWithoutAnAppraisal) {
  for (const Json& submods : {Json::object(), Json::array({Json::object()}), Json("tpm2")}) {
    claims["submods"] = submods;
    expect_refused("submods must be an object that is not empty");
  }
  claims.erase("submods");
  expect_refused("submods must be an object that is not empty");
}

TEST_F(ResultRules, RefuseAnAppraisalThatIsNone) {
  for (const Json& appraisal : {Json("affirming"), Json::object(), Json{{"ear_status", ""}},
                                Json{{"ear_status", 2}}, Json::array()}) {
    claims["submods"]["other"] = appraisal;
    expect_refused("each of submods must be an appraisal with ear_status");
  }
}

TEST_F(ResultRules, RefuseWhatWouldMakeItAToken) {
  for (const char* name : {"aud", "scope", "client_id", "azp"}) {
    Json more = claims;
    more[name] = "https://service.example";
    expect_refused(check(jose::signing_input(header, more)),
                   std::string("a result has no ") + name);
    more[name] = nullptr;
    expect_refused(check(jose::signing_input(header, more)),
                   std::string("a result has no ") + name);
  }
}

TEST_F(ResultRules, RefuseOneTiedToNoKey) {
  claims.erase("cnf");
  expect_refused(unbound);
  claims["cnf"] = device.jkt();
  expect_refused(unbound);
  claims["cnf"] = {{"jkt", device.jkt().substr(1)}};
  expect_refused("cnf.jkt is no thumbprint");
}

TEST_F(ResultRules, RefuseAKeyThatIsWhole) {
  const Json jwk = device.public_key().to_jwk();
  claims["cnf"] = {{"jwk", jwk}};
  expect_refused("cnf.jkt is no thumbprint");
  claims["cnf"] = {{"jkt", device.jkt()}, {"jwk", jwk}};
  expect_refused("cnf may have jkt alone");
}

TEST_F(AccessTokenRules, RefuseWhatIsNoSigningInput) {
  const std::string good = jose::signing_input(header, claims);
  const std::string twice = "eyJhbGciOiJFUzI1NiIsImFsZyI6Im5vbmUifQ";  // alg named twice.
  for (const std::string& input :
       {std::string(), std::string("."), std::string("a.b"), std::string("not a token"),
        good + ".AAAA", good.substr(0, good.find('.')), good + "=",
        twice + good.substr(good.find('.')), std::string(20'000, 'A') + "." + good}) {
    const auto outcome = check(input);
    ASSERT_FALSE(outcome) << input;
    EXPECT_EQ(outcome.error().code, Code::purpose_refused);
    EXPECT_EQ(outcome.error().detail.find("no JWS signing input: "), 0U) << outcome.error().detail;
  }
}

TEST_F(AccessTokenRules, RefuseADigestInDisguise) {
  // What a front would want signed to escape the rules: 32 octets that are a hash of its choice.
  EXPECT_FALSE(check(std::string(32, '\xA5')));
}

}  // namespace
}  // namespace mintmark::hsm::signer
