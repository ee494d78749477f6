// What is pure: events in CAEP's words, subjects, where may be pushed to, what an answer means.
#include "revoke/signals/mapping.h"

#include <gtest/gtest.h>

#include "revoke/signals/endpoint_rules.h"
#include "revoke/signals/pusher.h"
#include "revoke/signals/set.h"
#include "revoke/signals/subjects.h"

namespace mintmark::revoke::signals {
namespace {

const std::string issuer = "https://issuer.example";
const Json device_1 = {{"format", "iss_sub"}, {"iss", issuer}, {"sub", "device-1"}};
const Json of_device_1 = {{"format", "complex"}, {"device", device_1}};

std::vector<Signal> mapped(Json entry, const TokenLookup& lookup = {}) {
  entry["seq"] = 7;
  entry["at"] = 1'800'000'000;
  return signals_of(entry, issuer, lookup);
}

Signal only(const std::vector<Signal>& signals) {
  EXPECT_EQ(signals.size(), 1U);
  return signals.empty() ? Signal{} : signals.front();
}

TEST(Mapping, OfATokenIsItsSessionAndItsDevice) {
  const Signal signal = only(mapped({{"type", "token"}, {"jti", "j1"}, {"sub", "device-1"}}));
  EXPECT_EQ(signal.type, session_revoked);
  EXPECT_EQ(signal.token, "j1");
  EXPECT_EQ(signal.subject, Json({{"format", "complex"},
                                  {"session", {{"format", "opaque"}, {"id", "j1"}}},
                                  {"device", device_1}}));
  EXPECT_EQ(signal.event["event_timestamp"], 1'800'000'000);
  EXPECT_FALSE(signal.event["reason_admin"]["en"].get<std::string>().empty());
  EXPECT_FALSE(signal.event.contains("initiating_entity")) << "its holder may have asked for it";
}

TEST(Mapping, OfManyTokensIsOneSessionEachWithTheDeviceThatIsKnown) {
  const auto signals = mapped({{"type", "tokens"}, {"jtis", {"j1", "j2"}}}, [](auto jti) {
    return jti == "j2" ? std::optional(TokenFacts{"aud", "device-1"}) : std::nullopt;
  });
  ASSERT_EQ(signals.size(), 2U);
  EXPECT_FALSE(signals[0].subject.contains("device"));
  EXPECT_EQ(signals[1].subject["device"], device_1);
  EXPECT_EQ(signals[1].subject["session"]["id"], "j2");
}

TEST(Mapping, OfADevicesTokensIsEverySessionOfThatDevice) {
  const Signal signal = only(mapped({{"type", "device"}, {"sub", "device-1"}, {"before", 5}}));
  EXPECT_EQ(signal.type, session_revoked);
  EXPECT_EQ(signal.subject, of_device_1);
  EXPECT_TRUE(signal.token.empty());
}

TEST(Mapping, OfEverybodysTokensIsTheIssuersTenantAndTheMoment) {
  const Signal signal = only(mapped({{"type", "issued_before"}, {"before", 5}}));
  EXPECT_EQ(signal.type, session_revoked);
  EXPECT_EQ(signal.subject["tenant"]["id"], issuer);
  EXPECT_EQ(signal.event["mintmark_issued_before"], 5);
}

TEST(Mapping, OfARevokedKeyNamesItsThumbprint) {
  const Signal signal = only(mapped({{"type", "key"}, {"kid", "abc"}}));
  EXPECT_EQ(signal.type, credential_change);
  EXPECT_EQ(signal.subject["uri"], "urn:ietf:params:oauth:jwk-thumbprint:sha-256:abc");
  EXPECT_EQ(signal.event["change_type"], "revoke");
  EXPECT_EQ(signal.event["credential_type"], "jwk");
  EXPECT_EQ(signal.event["initiating_entity"], "admin");
}

TEST(Mapping, OfOtherPublishedKeysNamesTheSet) {
  const Signal signal = only(mapped({{"type", "keys"}, {"epoch", 3}}));
  EXPECT_EQ(signal.event["change_type"], "update");
  EXPECT_EQ(signal.subject["uri"], issuer + "/.well-known/jwks.json");
}

TEST(Mapping, OfComplianceSaysWhatItWasAndWhatItIs) {
  const Signal bad = only(
      mapped({{"type", "compliance"}, {"sub", "device-1"}, {"compliant", false}, {"by", "admin"}}));
  EXPECT_EQ(bad.type, device_compliance_change);
  EXPECT_EQ(bad.subject, of_device_1);
  EXPECT_EQ(bad.event["previous_status"], "compliant");
  EXPECT_EQ(bad.event["current_status"], "not-compliant");
  EXPECT_EQ(bad.event["initiating_entity"], "admin");
  const Signal good =
      only(mapped({{"type", "compliance"}, {"sub", "device-1"}, {"compliant", true}}));
  EXPECT_EQ(good.event["previous_status"], "not-compliant");
  EXPECT_EQ(good.event["current_status"], "compliant");
  EXPECT_EQ(good.event["initiating_entity"], "policy");
}

TEST(Mapping, OfChangedClaimsSaysTheirNewValues) {
  const Json claims = {{"attestation", {{"key_protection", "hardware"}}}};
  const Signal signal = only(mapped({{"type", "claims"}, {"sub", "device-1"}, {"claims", claims}}));
  EXPECT_EQ(signal.type, token_claims_change);
  EXPECT_EQ(signal.event["claims"], claims);
}

TEST(Mapping, OfWhatMeansNothingToServicesIsNothing) {
  for (const Json& entry :
       {Json{{"type", "policy"}, {"epoch", 3}}, Json{{"type", "something"}}, Json{{"kid", "abc"}},
        Json{{"type", "token"}}, Json{{"type", "tokens"}, {"jtis", 5}}, Json{{"type", "key"}},
        Json{{"type", "device"}, {"sub", 5}}, Json{{"type", "claims"}, {"sub", "d"}},
        Json{{"type", "claims"}, {"sub", "d"}, {"claims", Json::object()}},
        Json{{"type", "compliance"}, {"sub", "d"}, {"compliant", "yes"}}})
    EXPECT_TRUE(mapped(entry).empty()) << entry;
  EXPECT_TRUE(signals_of(Json::array(), issuer, {}).empty());
}

TEST(Mapping, TakesNoOtherWordForWhoBeganIt) {
  const Json entry = {{"type", "key"}, {"kid", "abc"}, {"by", "the devil"}};
  EXPECT_EQ(only(mapped(entry)).event["initiating_entity"], "admin");
}

TEST(SetClaims, HaveOneEventAndNeitherSubNorExp) {
  const PlannedSet set{"id", "cause", {std::string(session_revoked), of_device_1, {{"a", 1}}, ""}};
  const Json claims = set_claims(set, issuer, {"alpha"}, from_unix(9));
  EXPECT_EQ(claims, Json({{"iss", issuer},
                          {"aud", "alpha"},
                          {"iat", 9},
                          {"jti", "id"},
                          {"txn", "cause"},
                          {"sub_id", of_device_1},
                          {"events", {{session_revoked, {{"a", 1}}}}}}));
  EXPECT_EQ(set_claims(set, issuer, {"a", "b"}, from_unix(9))["aud"], Json({"a", "b"}));
}

TEST(Subject, OfEachFormatIsTakenWithItsMembers) {
  for (const char* text :
       {R"({"format":"email","email":"a@b.example"})", R"({"format":"opaque","id":"x"})",
        R"({"format":"jwt_id","iss":"https://i","jti":"j"})",
        R"({"format":"ip-addresses","ip-addresses":["192.0.2.1"]})",
        R"({"format":"aliases","identifiers":[{"format":"opaque","id":"x"}]})",
        R"({"format":"complex","device":{"format":"iss_sub","iss":"i","sub":"s"}})"})
    EXPECT_TRUE(check_subject(Json::parse(text))) << text;
}

TEST(Subject, ThatNamesNobodyIsRefused) {
  for (const char* text :
       {"null", "5", "[]", "{}", R"({"format":5})", R"({"format":"colour","id":"x"})",
        R"({"format":"opaque"})", R"({"format":"opaque","id":""})", R"({"format":"opaque","id":5})",
        R"({"format":"opaque","id":"x","more":"y"})", R"({"format":"iss_sub","iss":"i"})",
        R"({"format":"complex"})", R"({"format":"complex","device":"d"})",
        R"({"format":"complex","device":{"format":"complex","user":{"format":"opaque","id":"x"}}})",
        R"({"format":"aliases","identifiers":[]})", R"({"format":"aliases"})",
        R"({"format":"aliases","identifiers":[{"format":"aliases","identifiers":[]}]})",
        R"({"format":"ip-addresses","ip-addresses":[]})",
        R"({"format":"ip-addresses","ip-addresses":[5]})"}) {
    const auto checked = check_subject(Json::parse(text));
    ASSERT_FALSE(checked) << text;
    EXPECT_EQ(checked.error().code, Code::ssf_subject_malformed);
  }
  EXPECT_FALSE(check_subject({{"format", "opaque"}, {"id", std::string(1024, 'x')}}));
}

TEST(RemovedSubject, TakesWhatIsItOrMoreThanIt) {
  const Json session = {{"format", "complex"},
                        {"session", {{"format", "opaque"}, {"id", "j"}}},
                        {"device", device_1}};
  EXPECT_TRUE(takes_away(of_device_1, of_device_1));
  EXPECT_TRUE(takes_away(of_device_1, session));
  EXPECT_TRUE(takes_away(device_1, device_1));
}

TEST(RemovedSubject, LeavesWhatConcernsOthersToo) {
  const Json tenant = {{"format", "complex"}, {"tenant", {{"format", "opaque"}, {"id", issuer}}}};
  Json other = of_device_1;
  other["device"]["sub"] = "device-2";
  EXPECT_FALSE(takes_away(of_device_1, tenant));
  EXPECT_FALSE(takes_away(of_device_1, other));
  EXPECT_FALSE(takes_away(device_1, of_device_1));
  EXPECT_FALSE(takes_away(of_device_1, device_1));
}

TEST(Endpoint, AtAPublicAddressOrANameIsTaken) {
  const EndpointRules rules({});
  for (const char* url : {"https://receiver.example/events", "https://receiver.example:8443/",
                          "https://9.9.9.9/e", "https://[2620:fe::fe]/e"})
    EXPECT_TRUE(rules.check(url)) << url;
}

TEST(Endpoint, InsideIsRefusedUnlessItsNetworkIsAllowed) {
  const EndpointRules strict({});
  const EndpointRules lenient({Network::parse("127.0.0.0/8").value()});
  for (const char* url : {"https://127.0.0.1/",
                          "https://127.8.8.8/",
                          "https://localhost/",
                          "https://a.localhost/",
                          "https://10.1.2.3/",
                          "https://172.16.0.1/",
                          "https://192.168.1.1/",
                          "https://169.254.169.254/",
                          "https://100.64.0.1/",
                          "https://0.0.0.0/",
                          "https://224.0.0.1/",
                          "https://255.255.255.255/",
                          "https://[::1]/",
                          "https://[::]/",
                          "https://[fe80::1]/",
                          "https://[fc00::1]/",
                          "https://[::ffff:127.0.0.1]/",
                          "https://[64:ff9b::7f00:1]/",
                          "https://[2002:7f00:1::]/",
                          "https://[2001:db8::1]/",
                          "https://[ff02::1]/",
                          "https://name./"}) {
    const auto checked = strict.check(url);
    ASSERT_FALSE(checked) << url;
    EXPECT_EQ(checked.error().code, Code::ssf_endpoint_refused);
  }
  EXPECT_TRUE(lenient.check("https://localhost:8443/e"));
  EXPECT_TRUE(lenient.check("https://127.0.0.1/"));
  EXPECT_FALSE(lenient.check("https://10.1.2.3/"));
}

TEST(Endpoint, ThatIsNoHttpsUrlIsRefused) {
  const EndpointRules rules({});
  for (const std::string& url :
       {std::string("http://receiver.example/"), std::string("ftp://receiver.example/"),
        std::string("receiver.example"), std::string(""), std::string("https://u:p@r.example/"),
        std::string("https://r.example/#f"), "https://r.example/" + std::string(1024, 'x')})
    EXPECT_EQ(rules.check(url).error().code, Code::ssf_endpoint_refused) << url;
}

TEST(Endpoint, IsJudgedByTheAddressThatItsNameLedTo) {
  const EndpointRules rules({});
  EXPECT_TRUE(rules.may_call("9.9.9.9"));
  EXPECT_FALSE(rules.may_call("127.0.0.1"));
  EXPECT_FALSE(rules.may_call("fe80::1%eth0")) << "a scope is no public address";
  EXPECT_FALSE(rules.may_call(""));
}

Result<void> judged(unsigned status, const std::string& body = "", const char* retry = nullptr) {
  http::Response answer;
  answer.status = status;
  answer.body = body;
  if (retry != nullptr) answer.headers.add("Retry-After", retry);
  return judge_push(answer);
}

TEST(PushAnswer, Of202AloneIsTaken) {
  EXPECT_TRUE(judged(202));
  for (const unsigned status : {200U, 204U, 301U, 302U, 307U, 401U, 403U, 404U, 429U, 500U, 503U})
    EXPECT_EQ(judged(status).error().code, Code::ssf_push_failed) << status;
  EXPECT_EQ(judge_push(fail(Code::tls_failed, "who?")).error().code, Code::ssf_push_failed);
}

TEST(PushAnswer, ThatRefusesTheSetGivesItUp) {
  for (const char* err :
       {"invalid_request", "invalid_key", "invalid_issuer", "invalid_audience", "invalid_state"}) {
    const auto answer = judged(400, Json({{"err", err}, {"description", "x"}}).dump());
    EXPECT_EQ(answer.error().code, Code::ssf_push_refused) << err;
  }
}

TEST(PushAnswer, ThatSpeaksOfTheSenderIsTriedAgain) {
  for (const char* body : {R"({"err":"authentication_failed"})", R"({"err":"access_denied"})", "",
                           "{}", "[]", R"({"err":5})", "<html>"})
    EXPECT_EQ(judged(400, body).error().code, Code::ssf_push_failed) << body;
}

TEST(PushAnswer, SaysWhenToComeAgainWithinAnHour) {
  EXPECT_EQ(judged(503, "", "17").error().retry_after, 17U);
  EXPECT_EQ(judged(429, "", "999999").error().retry_after, 3600U);
  EXPECT_EQ(judged(503, "", "Wed, 21 Oct").error().retry_after, 0U);
}

}  // namespace
}  // namespace mintmark::revoke::signals
