// What keys of status lists and of events may sign.
#include "cbor/cose.h"
#include "cbor/cwt.h"
#include "cbor/write.h"
#include "rules_fixture.h"

namespace mintmark::hsm::signer {
namespace {

namespace cwt = cbor::cwt;

class StatusListRules : public Rules {
 protected:
  StatusListRules() : Rules(Purpose::status_list) {
    header = {{"typ", "statuslist+jwt"}, {"alg", "ES256"}, {"kid", key.kid()}};
    claims = {
        {"iss", issuer},
        {"sub", issuer + "/status/1"},
        {"iat", now},
        {"exp", now + 300},
        {"ttl", 60},
        {"status_list",
         {{"bits", 1}, {"lst", "eNrbuRgAAhcBXQ"}, {"aggregation_uri", issuer + "/statuslists"}}}};
  }
};

constexpr const char* list_typ = "typ must be statuslist+jwt for a key of purpose status_list";

TEST_F(StatusListRules, GrantWhatTheIssuerMakes) {
  EXPECT_TRUE(check());
  claims["status_list"].erase("aggregation_uri");
  EXPECT_TRUE(check()) << "that one is optional";
}

TEST_F(StatusListRules, GrantAListOfAMillionThatDoNotCompress) {
  claims["status_list"]["lst"] = std::string(175'000, 'x');
  EXPECT_TRUE(check());
}

TEST_F(StatusListRules, RefuseOneThatIsLongerThanAMessage) {
  claims["status_list"]["lst"] = std::string(200'000, 'x');
  const auto outcome = check();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::purpose_refused);
}

TEST_F(StatusListRules, RefuseAnotherTyp) {
  for (const Json& typ : {Json("at+jwt"), Json("secevent+jwt"), Json("statuslist+cwt"),
                          Json("application/statuslist+cwt"), Json("JWT")}) {
    header["typ"] = typ;
    expect_refused(list_typ);
  }
  header["typ"] = nullptr;
  expect_refused(typ_is_no_text);
}

TEST_F(StatusListRules, RefuseATokenAndATokensKeyAList) {
  Json token = claims;
  token["cnf"] = {{"jkt", device.jkt()}};
  header["typ"] = "at+jwt";
  expect_refused(check(jose::signing_input(header, token)), list_typ);
  header["typ"] = "statuslist+jwt";
  key.purpose = Purpose::access_token;
  expect_refused("typ must be at+jwt for a key of purpose access_token");
  key.purpose = Purpose::event;
  expect_refused(
      "typ must be mintmark-frontier+jwt or secevent+jwt or token-introspection+jwt for a key of "
      "purpose event");
}

TEST_F(StatusListRules, RefuseWhatWouldMakeItAToken) {
  for (const char* name : {"aud", "scope", "client_id", "azp", "cnf", "jti", "status"}) {
    Json more = claims;
    more[name] = "x";
    expect_refused(
        check(jose::signing_input(header, more)),
        std::string("a status list may have iss, sub, iat, exp, ttl and status_list, not ") + name);
  }
}

TEST_F(StatusListRules, RefuseAnothersList) {
  for (const Json& sub :
       {Json("https://other.example/status/1"), Json(issuer + "/status/"),
        Json(issuer + "/other/1"), Json(issuer), Json(""), Json(1), Json(nullptr)}) {
    claims["sub"] = sub;
    expect_refused("sub must be one of this issuer's status lists");
  }
  claims["iss"] = "https://other.example";
  expect_refused("iss is not this issuer");
}

TEST_F(StatusListRules, RefuseTimesThatDoNotFit) {
  Json other = claims;
  other["exp"] = now + 301;
  expect_refused(check(jose::signing_input(header, other)), "the life is longer than 300 s");
  other.erase("exp");
  expect_refused(check(jose::signing_input(header, other)), "exp is missing, or no time");
  for (const Json& ttl : {Json(), Json(0), Json("60"), Json(-1)}) {
    other = claims;
    other["ttl"] = ttl;
    expect_refused(check(jose::signing_input(header, other)), "ttl is missing, or no time");
  }
  claims["ttl"] = 301;
  expect_refused("ttl is longer than the list is good");
}

TEST_F(StatusListRules, RefuseAListThatIsNone) {
  for (const Json& list : {Json(), Json("x"), Json::array()}) {
    claims["status_list"] = list;
    expect_refused("status_list is missing");
  }
  for (const Json& bits : {Json(), Json(0), Json(3), Json(16), Json("1"), Json(-1)}) {
    claims["status_list"] = {{"bits", bits}, {"lst", "eNrbuRgAAhcBXQ"}};
    expect_refused("status_list.bits must be 1, 2, 4 or 8");
  }
  for (const Json& lst : {Json(), Json(""), Json("***"), Json(1)}) {
    claims["status_list"] = {{"bits", 1}, {"lst", lst}};
    expect_refused("status_list.lst is missing, or no list");
  }
  claims["status_list"] = {{"bits", 1}, {"lst", "eNrbuRgAAhcBXQ"}, {"more", 1}};
  expect_refused("status_list may have bits, lst and aggregation_uri, not more");
  claims["status_list"] = {
      {"bits", 1}, {"lst", "eNrbuRgAAhcBXQ"}, {"aggregation_uri", "https://other.example/"}};
  expect_refused("status_list.aggregation_uri must be this issuer's");
}

/// A CWT as the issuer makes it: label and encoded value, by the claim's or parameter's number.
class StatusListCwtRules : public Rules {
 protected:
  using Map = std::map<std::int64_t, Bytes>;

  StatusListCwtRules() : Rules(Purpose::status_list) {
    parameters = {{cwt::alg, cbor::number(-7)},
                  {cwt::kid, cbor::octets(as_bytes(key.kid()))},
                  {cwt::typ, cbor::text("application/statuslist+cwt")}};
    told = {{cwt::iss, cbor::text(issuer)}, {cwt::sub, cbor::text(issuer + "/status/1")},
            {cwt::iat, cbor::number(now)},  {cwt::exp, cbor::number(now + 300)},
            {cwt::ttl, cbor::number(60)},   {cwt::status_list, list(1, Bytes{0x78, 0xDA})}};
  }
  static Bytes list(std::int64_t bits, const Bytes& lst) {
    return cbor::map({{cbor::text("bits"), cbor::number(bits)},
                      {cbor::text("lst"), cbor::octets(lst)},
                      {cbor::text("aggregation_uri"), cbor::text(issuer + "/statuslists")}});
  }
  static Bytes encoded(const Map& map) {
    cbor::Members members;
    for (const auto& [label, value] : map) members.emplace_back(cbor::number(label), value);
    return cbor::map(members);
  }
  [[nodiscard]] std::string input() const {
    return std::string(as_text(cbor::sig_structure(encoded(parameters), encoded(told))));
  }
  [[nodiscard]] Result<void> check_cwt() const { return check(input()); }
  void refused(const std::string& why) const { expect_refused(check_cwt(), why); }
  /// With one value changed alone; nothing: without it.
  void refused_with(Map& in, std::int64_t label, const std::optional<Bytes>& value,
                    const std::string& why) const {
    const Map whole = in;
    in.erase(label);
    if (value) in[label] = *value;
    refused(why);
    in = whole;
  }

  Map parameters;
  Map told;
};

TEST_F(StatusListCwtRules, GrantWhatTheIssuerMakes) {
  const auto outcome = check_cwt();
  EXPECT_TRUE(outcome) << outcome.error().to_string();
}

TEST_F(StatusListCwtRules, GrantAListOfAMillionThatDoNotCompress) {
  told[cwt::status_list] = list(1, Bytes(131'200, 7));
  EXPECT_TRUE(check_cwt());
  told[cwt::status_list] = list(1, Bytes(262'144, 7));
  EXPECT_FALSE(check_cwt()) << "longer than a message";
}

TEST_F(StatusListCwtRules, RefuseAnotherTypAlgorithmOrKid) {
  const std::string typ = "typ must be application/statuslist+cwt for a key of purpose status_list";
  for (const std::optional<Bytes>& wrong :
       {std::optional<Bytes>(), std::optional(cbor::text("statuslist+jwt")),
        std::optional(cbor::text("application/eat+cwt")), std::optional(cbor::number(1))})
    refused_with(parameters, cwt::typ, wrong, typ);
  for (const std::optional<Bytes>& wrong :
       {std::optional<Bytes>(), std::optional(cbor::number(-35)), std::optional(cbor::number(5)),
        std::optional(cbor::text("ES256"))})
    refused_with(parameters, cwt::alg, wrong, "alg is not the key's");
  for (const std::optional<Bytes>& wrong :
       {std::optional<Bytes>(), std::optional(cbor::octets(as_bytes(device.jkt()))),
        std::optional(cbor::number(5))})
    refused_with(parameters, cwt::kid, wrong, "kid is not the key's");
}

TEST_F(StatusListCwtRules, RefuseMoreThanAListHas) {
  refused_with(parameters, 33, cbor::octets(Bytes{1}),
               "the header may have alg, kid and typ, not label 33");
  refused_with(parameters, 2, cbor::array({cbor::number(4)}),
               "the header may have alg, kid and typ, not label 2");
  for (const std::int64_t label : {3, 5, 7, 8, 9, 65535}) {
    refused_with(told, label, cbor::text("x"),
                 "a status list may have iss, sub, iat, exp, ttl and status_list, not label " +
                     std::to_string(label));
  }
}

TEST_F(StatusListCwtRules, RefuseAnothersList) {
  refused_with(told, cwt::iss, cbor::text("https://other.example"), "iss is not this issuer");
  refused_with(told, cwt::iss, std::nullopt, "iss is not this issuer");
  for (const std::optional<Bytes>& wrong :
       {std::optional<Bytes>(), std::optional(cbor::text("https://other.example/status/1")),
        std::optional(cbor::octets(as_bytes(issuer + "/status/1")))})
    refused_with(told, cwt::sub, wrong, "sub must be one of this issuer's status lists");
}

TEST_F(StatusListCwtRules, RefuseTimesThatDoNotFit) {
  refused_with(told, cwt::iat, std::nullopt, "iat is missing, or no time");
  refused_with(told, cwt::iat, cbor::number(now - 61), "iat is not near the signer's clock");
  refused_with(told, cwt::exp, std::nullopt, "exp is missing, or no time");
  refused_with(told, cwt::exp, cbor::number(now + 301), "the life is longer than 300 s");
  refused_with(told, cwt::ttl, std::nullopt, "ttl is missing, or no time");
  refused_with(told, cwt::ttl, cbor::number(0), "ttl is missing, or no time");
  refused_with(told, cwt::ttl, cbor::number(301), "ttl is longer than the list is good");
}

TEST_F(StatusListCwtRules, RefuseAListThatIsNone) {
  refused_with(told, cwt::status_list, std::nullopt, "status_list is missing");
  refused_with(told, cwt::status_list, cbor::octets(Bytes{1}), "status_list is missing");
  refused_with(told, cwt::status_list, list(3, Bytes{1}), "status_list.bits must be 1, 2, 4 or 8");
  refused_with(told, cwt::status_list, list(1, Bytes{}), "status_list.lst is missing, or no list");
  refused_with(told, cwt::status_list,
               cbor::map({{cbor::text("bits"), cbor::number(1)},
                          {cbor::text("lst"), cbor::map({{cbor::text("a"), cbor::number(1)}})}}),
               "status_list.lst is missing, or no list");
  refused_with(told, cwt::status_list, cbor::map({{cbor::number(1), cbor::number(1)}}),
               "status_list may have bits, lst and aggregation_uri, not ?");
}

TEST_F(StatusListCwtRules, RefuseWhatIsNoSigStructure) {
  const std::string good = input();
  const Bytes protected_header = encoded(parameters);
  const Bytes payload = encoded(told);
  const Bytes word = cbor::text("Signature1");
  for (const Bytes& wrong :
       {cbor::array({cbor::text("Signature"), cbor::octets(protected_header), cbor::octets({}),
                     cbor::octets(payload)}),
        cbor::array({cbor::text("MAC0"), cbor::octets(protected_header), cbor::octets({}),
                     cbor::octets(payload)}),
        cbor::array(
            {word, cbor::octets(protected_header), cbor::octets(Bytes{1}), cbor::octets(payload)}),
        cbor::array({word, cbor::octets(protected_header), cbor::octets({})}),
        cbor::array({word, protected_header, cbor::octets({}), cbor::octets(payload)}),
        cbor::sig_structure(Bytes{}, payload), cbor::sig_structure(protected_header, Bytes{}),
        cbor::sig_structure(protected_header, cbor::text("x")),
        cbor::sign1(protected_header, payload, Bytes(64)), to_bytes(as_bytes(good + "x")),
        to_bytes(as_bytes(good.substr(0, good.size() - 1))), Bytes(32, 0xA5)}) {
    const auto outcome = check(std::string(as_text(wrong)));
    ASSERT_FALSE(outcome) << to_hex(wrong);
    EXPECT_EQ(outcome.error().code, Code::purpose_refused);
  }
}

TEST_F(StatusListCwtRules, RefuseItWithAnyOtherKey) {
  for (const Purpose purpose : {Purpose::access_token, Purpose::client_attestation, Purpose::result,
                                Purpose::event, Purpose::tls}) {
    key.purpose = purpose;
    const auto outcome = check_cwt();
    ASSERT_FALSE(outcome) << name_of(purpose);
    EXPECT_EQ(outcome.error().code, Code::purpose_refused);
  }
}

class EventRules : public Rules {
 protected:
  EventRules() : Rules(Purpose::event) {
    header = {{"typ", "secevent+jwt"}, {"alg", "ES256"}, {"kid", key.kid()}};
    claims = {{"iss", issuer}, {"iat", now}, {"jti", "a"}, {"aud", "https://service.example"}};
  }
  void as(const char* typ, const char* content, const Json& value) {
    header["typ"] = typ;
    claims[content] = value;
  }
};

const Json some_event = {{"https://schemas.example/session-revoked", Json::object()}};

TEST_F(EventRules, GrantSecurityEventsAndAnswersWithoutAnEnd) {
  as("secevent+jwt", "events", some_event);
  EXPECT_TRUE(check());
  claims.erase("events");
  as("token-introspection+jwt", "token_introspection", {{"active", false}});
  EXPECT_TRUE(check());
  claims["exp"] = now + 3600;
  EXPECT_TRUE(check()) << "it may have one";
}

TEST_F(EventRules, GrantAFrontierThatEnds) {
  as("mintmark-frontier+jwt", "head", "x");
  expect_refused("exp is missing, or no time");
  claims["exp"] = now + 3600;
  EXPECT_TRUE(check());
}

TEST_F(EventRules, RefuseAnEndThatIsNoneOrTooLate) {
  as("secevent+jwt", "events", some_event);
  claims["exp"] = now + 3601;
  expect_refused("the life is longer than 3600 s");
  claims["exp"] = now;
  expect_refused("exp is not after iat");
  for (const Json& exp : {Json(), Json("x")}) {
    claims["exp"] = exp;
    expect_refused("exp is missing, or no time");
  }
}

TEST_F(EventRules, RefuseAnIatFarFromTheClockAndAnotherIssuer) {
  as("secevent+jwt", "events", some_event);
  claims["iat"] = now - 61;
  expect_refused("iat is not near the signer's clock");
  claims["iat"] = now;
  claims["iss"] = "https://other.example";
  expect_refused("iss is not this issuer");
}

TEST_F(EventRules, RefuseWhatWouldMakeItAToken) {
  as("secevent+jwt", "events", some_event);
  for (const char* name : {"cnf", "scope", "client_id", "azp"}) {
    Json more = claims;
    more[name] = "x";
    expect_refused(check(jose::signing_input(header, more)),
                   std::string("an event has no ") + name);
  }
}

TEST_F(EventRules, RefuseATypWithoutItsContent) {
  expect_refused("events must be an object that is not empty");
  as("secevent+jwt", "events", Json::object());
  expect_refused("events must be an object that is not empty");
  claims["events"] = some_event;
  header["typ"] = "token-introspection+jwt";
  expect_refused("token_introspection must be an object that is not empty");
  header["typ"] = "mintmark-frontier+jwt";
  claims["exp"] = now + 60;
  expect_refused("head is missing");
}

TEST_F(EventRules, RefuseOtherTypsAndOtherPurposesTheirs) {
  as("secevent+jwt", "events", some_event);
  const std::string none =
      "typ must be mintmark-frontier+jwt or secevent+jwt or token-introspection+jwt for a key of "
      "purpose event";
  for (const char* typ : {"at+jwt", "statuslist+jwt", "eat+jwt", "JWT", ""}) {
    header["typ"] = typ;
    expect_refused(none);
  }
  header["typ"] = "secevent+jwt";
  key.purpose = Purpose::access_token;
  expect_refused("typ must be at+jwt for a key of purpose access_token");
  key.purpose = Purpose::status_list;
  expect_refused(list_typ);
}

}  // namespace
}  // namespace mintmark::hsm::signer
