// What services ask of their streams (OpenID Shared Signals Framework 1.0 §7, §8).
#include "signals_fixture.h"

namespace mintmark::revoke::signals {
namespace {

const std::string receiver = "https://receiver.example/events";

class StreamEndpoint : public SignalsFixture {
 protected:
  static Json push_to(const std::string& url, const Json& more = Json::object()) {
    Json delivery = {{"method", push_method}, {"endpoint_url", url}};
    delivery.update(more);
    return {{"delivery", std::move(delivery)}};
  }
  Json read(const std::string& id) {
    return answered(call("GET", "/streams?stream_id=" + id), 200);
  }
  static std::string secret_of(const Streams& streams, const std::string& id) {
    const auto target = streams.target(id);
    if (!target || !target->authorization) return "";
    return std::string(as_text(target->authorization->view()));
  }
};

TEST_F(StreamEndpoint, IsFoundByTheMetadataBehindTheIssuersPath) {
  const auto response = begin("GET", "/.well-known/ssf-configuration/a", "", "").get();
  const Json json = answered(response, 200);
  EXPECT_EQ(*response.headers.find("Content-Type"), "application/json");
  EXPECT_EQ(json["spec_version"], "1_0");
  EXPECT_EQ(json["issuer"], own_issuer);
  EXPECT_EQ(json["jwks_uri"], own_issuer + "/.well-known/jwks.json");
  EXPECT_EQ(json["delivery_methods_supported"], Json({"urn:ietf:rfc:8935", "urn:ietf:rfc:8936"}));
  EXPECT_EQ(json["authorization_schemes"],
            Json::parse(R"([{"spec_urn":"urn:ietf:rfc:6749"},{"spec_urn":"urn:ietf:rfc:9449"}])"));
  EXPECT_EQ(json["default_subjects"], "ALL");
  for (const char* name : {"configuration_endpoint", "status_endpoint", "add_subject_endpoint",
                           "remove_subject_endpoint", "verification_endpoint"}) {
    const std::string url = json[name];
    EXPECT_EQ(url.rfind(own_issuer + "/ssf/", 0), 0U) << name;
    EXPECT_NE(
        begin("PUT", url.substr(std::string("https://issuer.example").size()), "", "").get().status,
        404U)
        << url;
  }
  EXPECT_FALSE(json.contains("critical_subject_members"));
}

TEST_F(StreamEndpoint, AnswersNobodyWhoIsNotLetIn) {
  const std::string id = make_stream();
  for (const auto& [method, target] :
       std::map<std::string, std::string>{{"POST", "/streams"},
                                          {"GET", "/streams"},
                                          {"PATCH", "/streams"},
                                          {"PUT", "/streams"},
                                          {"DELETE", "/streams?stream_id=" + id}})
    expect_refused(call(method, target, {}, ""), Code::token_missing);
  for (const std::string& target :
       {std::string("/status"), std::string("/subjects/add"), std::string("/subjects/remove"),
        std::string("/verify"), "/poll/" + id})
    expect_refused(call("POST", target, Json::object(), ""), Code::token_missing);
  expect_refused(call("GET", "/status?stream_id=" + id, {}, ""), Code::token_missing);
}

TEST_F(StreamEndpoint, MakesAStreamOfPollWhereNothingIsSaid) {
  const auto response = call("POST", "/streams", Json::object());
  const Json json = answered(response, 201);
  EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
  const std::string id = json["stream_id"];
  EXPECT_EQ(json["iss"], own_issuer);
  EXPECT_EQ(json["aud"], "alpha");
  EXPECT_EQ(json["delivery"], Json({{"method", "urn:ietf:rfc:8936"},
                                    {"endpoint_url", own_issuer + "/ssf/poll/" + id}}));
  EXPECT_EQ(json["events_supported"], Json(supported_events()));
  EXPECT_EQ(json["events_delivered"], Json(supported_events()));
  EXPECT_EQ(json["min_verification_interval"], 10);
  EXPECT_EQ(read(id), json);
}

TEST_F(StreamEndpoint, DeliversWhatIsBothSupportedAndRequested) {
  const Json json = answered(
      call("POST", "/streams",
           {{"events_requested", {"urn:example:unknown", session_revoked}}, {"description", "d"}}),
      201);
  EXPECT_EQ(json["events_delivered"], Json({session_revoked}));
  EXPECT_EQ(json["events_requested"], Json({"urn:example:unknown", session_revoked}));
  EXPECT_EQ(json["description"], "d");
}

TEST_F(StreamEndpoint, IsForAudiencesOfTheServiceAlone) {
  const Json json =
      answered(call("POST", "/streams", {{"aud", {"https://alpha.example", "alpha"}}}), 201);
  EXPECT_EQ(json["aud"], Json({"https://alpha.example", "alpha"}));
  for (const Json& aud : {Json("https://beta.example"), Json({"alpha", "https://beta.example"}),
                          Json::array(), Json(5), Json({5}), Json("")})
    expect_refused(call("POST", "/streams", {{"aud", aud}}), Code::ssf_stream_malformed);
}

TEST_F(StreamEndpoint, NeverShowsWhatAReceiverIsAuthorizedBy) {
  const Json wish = push_to(receiver, {{"authorization_header", "Bearer s3cret"}});
  const auto response = call("POST", "/streams", wish);
  const Json json = answered(response, 201);
  const std::string id = json["stream_id"];
  EXPECT_EQ(json["delivery"], push_to(receiver)["delivery"]);
  EXPECT_EQ(call("GET", "/streams").body.find("s3cret"), std::string::npos);
  EXPECT_EQ(secret_of(*streams, id), "Bearer s3cret");
  start();
  EXPECT_EQ(secret_of(*streams, id), "Bearer s3cret") << "it outlives a restart";
}

TEST_F(StreamEndpoint, KeepsAnAuthorizationForTheSameEndpointAlone) {
  const std::string id =
      make_stream(push_to(receiver, {{"authorization_header", "Bearer s3cret"}}));
  Json same = push_to(receiver);
  same["stream_id"] = id;
  answered(call("PATCH", "/streams", same), 200);
  EXPECT_EQ(secret_of(*streams, id), "Bearer s3cret");
  same["delivery"]["authorization_header"] = "";
  answered(call("PATCH", "/streams", same), 200);
  EXPECT_EQ(secret_of(*streams, id), "");
  same["delivery"]["authorization_header"] = "Bearer s3cret";
  answered(call("PATCH", "/streams", same), 200);
  Json other = push_to("https://elsewhere.example/");
  other["stream_id"] = id;
  answered(call("PATCH", "/streams", other), 200);
  EXPECT_EQ(secret_of(*streams, id), "") << "another receiver got the secret of the first";
}

TEST_F(StreamEndpoint, RefusesDeliveriesThatCannotBe) {
  for (const Json& delivery :
       {Json("push"), Json::object(), Json{{"method", 5}}, Json{{"method", push_method}},
        Json{{"method", push_method}, {"endpoint_url", 5}},
        Json{{"method", push_method},
             {"endpoint_url", receiver},
             {"authorization_header", "a\r\nHost: b"}},
        Json{{"method", push_method}, {"endpoint_url", receiver}, {"authorization_header", 5}},
        Json{{"method", push_method},
             {"endpoint_url", receiver},
             {"authorization_header", std::string(5000, 'x')}}})
    expect_refused(call("POST", "/streams", {{"delivery", delivery}}), Code::ssf_stream_malformed);
  expect_refused(call("POST", "/streams", {{"delivery", {{"method", "urn:ietf:rfc:9999"}}}}),
                 Code::ssf_delivery_unsupported);
  for (const char* url : {"http://receiver.example/", "https://10.0.0.1/",
                          "https://169.254.169.254/latest/meta-data"})
    expect_refused(call("POST", "/streams", push_to(url)), Code::ssf_endpoint_refused);
}

TEST_F(StreamEndpoint, RefusesWishesOfOtherShapes) {
  for (const Json& wish :
       {Json{{"events_requested", "all"}}, Json{{"events_requested", {5}}},
        Json{{"events_requested", {""}}}, Json{{"events_requested", std::vector<int>(65, 1)}},
        Json{{"description", 5}}, Json{{"description", std::string(600, 'x')}}})
    expect_refused(call("POST", "/streams", wish), Code::ssf_stream_malformed);
  expect_refused(call("POST", "/streams", Json::array()), Code::json_malformed);
}

TEST_F(StreamEndpoint, MakesNoMoreThanAServiceMayHave) {
  start({.of_service = 2});
  make_stream();
  make_stream();
  expect_refused(call("POST", "/streams", Json::object()), Code::ssf_stream_exists);
  make_stream(Json::object(), "beta");
}

TEST_F(StreamEndpoint, ListsTheStreamsOfTheServiceAlone) {
  EXPECT_EQ(answered(call("GET", "/streams"), 200), Json::array());
  const std::string id = make_stream();
  make_stream(Json::object(), "beta");
  const Json list = answered(call("GET", "/streams"), 200);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["stream_id"], id);
}

TEST_F(StreamEndpoint, DoesNotExistForOthers) {
  const std::string id = make_stream();
  const Json named = {{"stream_id", id},
                      {"status", "paused"},
                      {"subject", {{"format", "opaque"}, {"id", "x"}}},
                      {"delivery", {{"method", poll_method}}}};
  for (const auto& [method, target] :
       std::vector<std::pair<std::string, std::string>>{{"GET", "/streams?stream_id=" + id},
                                                        {"PATCH", "/streams"},
                                                        {"PUT", "/streams"},
                                                        {"DELETE", "/streams?stream_id=" + id},
                                                        {"GET", "/status?stream_id=" + id},
                                                        {"POST", "/status"},
                                                        {"POST", "/subjects/add"},
                                                        {"POST", "/subjects/remove"},
                                                        {"POST", "/verify"}})
    expect_refused(call(method, target, named, "beta"), Code::ssf_stream_unknown);
  expect_refused(call("POST", "/poll/" + id, Json::object(), "beta"), Code::ssf_stream_unknown);
  EXPECT_EQ(read(id)["stream_id"], id);
  EXPECT_EQ(answered(call("GET", "/status?stream_id=" + id), 200)["status"], "enabled");
}

TEST_F(StreamEndpoint, WantsToKnowWhichStreamIsMeant) {
  for (const char* target : {"/status", "/status?stream=x"})
    expect_refused(call("GET", target), Code::ssf_stream_malformed);
  expect_refused(call("DELETE", "/streams"), Code::ssf_stream_malformed);
  expect_refused(call("GET", "/streams?stream_id=a&stream_id=b"), Code::parameter_repeated);
  expect_refused(call("GET", "/streams?stream_id=%zz"), Code::http_malformed);
  expect_refused(call("PATCH", "/streams", {{"stream_id", 5}}), Code::ssf_stream_malformed);
  expect_refused(call("POST", "/verify", Json::object()), Code::ssf_stream_malformed);
  expect_refused(call("GET", "/streams?stream_id=none"), Code::ssf_stream_unknown);
}

TEST_F(StreamEndpoint, ChangesWhatIsNamedAndLeavesTheRest) {
  const std::string id = make_stream({{"description", "before"}});
  const Json json = answered(
      call("PATCH", "/streams", {{"stream_id", id}, {"events_requested", {credential_change}}}),
      200);
  EXPECT_EQ(json["description"], "before");
  EXPECT_EQ(json["events_delivered"], Json({credential_change}));
  start();
  EXPECT_EQ(read(id), json);
}

TEST_F(StreamEndpoint, ReplacesAllThatIsTheServices) {
  const std::string id =
      make_stream({{"description", "before"}, {"events_requested", {credential_change}}});
  const Json json = answered(
      call("PUT", "/streams", {{"stream_id", id}, {"delivery", {{"method", poll_method}}}}), 200);
  EXPECT_FALSE(json.contains("description"));
  EXPECT_FALSE(json.contains("events_requested"));
  EXPECT_EQ(json["aud"], "alpha");
  expect_refused(call("PUT", "/streams", {{"stream_id", id}, {"description", "d"}}),
                 Code::ssf_stream_malformed);
}

TEST_F(StreamEndpoint, LeavesWhatIsTheIssuersToSay) {
  const std::string id = make_stream();
  Json whole = read(id);
  answered(call("PUT", "/streams", whole), 200);
  answered(call("PATCH", "/streams", whole), 200);
  for (const char* name :
       {"iss", "aud", "events_supported", "events_delivered", "min_verification_interval"}) {
    Json other = whole;
    other[name] = "something else";
    expect_refused(call("PATCH", "/streams", other), Code::ssf_stream_malformed);
    expect_refused(call("PUT", "/streams", other), Code::ssf_stream_malformed);
  }
}

TEST_F(StreamEndpoint, IsDeletedForGood) {
  const std::string id = make_stream();
  const auto response = call("DELETE", "/streams?stream_id=" + id);
  EXPECT_EQ(response.status, 204U);
  EXPECT_TRUE(response.body.empty());
  expect_refused(call("DELETE", "/streams?stream_id=" + id), Code::ssf_stream_unknown);
  start();
  expect_refused(call("GET", "/streams?stream_id=" + id), Code::ssf_stream_unknown);
}

TEST_F(StreamEndpoint, HasAStatusThatItsServiceSets) {
  const std::string id = make_stream();
  const Json wish = {{"stream_id", id}, {"status", "paused"}, {"reason", "maintenance"}};
  EXPECT_EQ(answered(call("POST", "/status", wish), 200), wish);
  start();
  EXPECT_EQ(answered(call("GET", "/status?stream_id=" + id), 200), wish);
  for (const Json& status : {Json("asleep"), Json(5), Json()})
    expect_refused(call("POST", "/status", {{"stream_id", id}, {"status", status}}),
                   Code::ssf_stream_malformed);
  expect_refused(call("POST", "/status", {{"stream_id", id}}), Code::ssf_stream_malformed);
  expect_refused(call("POST", "/status",
                      {{"stream_id", id}, {"status", "paused"}, {"reason", std::string(600, 'x')}}),
                 Code::ssf_stream_malformed);
}

TEST_F(StreamEndpoint, TakesSubjectsAwayAndBack) {
  const std::string id = make_stream();
  const Json subject = {
      {"format", "complex"},
      {"device", {{"format", "iss_sub"}, {"iss", own_issuer}, {"sub", "device-1"}}}};
  const Json wish = {{"stream_id", id}, {"subject", subject}};
  EXPECT_EQ(call("POST", "/subjects/remove", wish).status, 204U);
  EXPECT_EQ(call("POST", "/subjects/remove", wish).status, 204U);
  start();
  say_device("device-1");
  say_device("device-2");
  EXPECT_EQ(poll(id).size(), 1U);
  const auto added = call("POST", "/subjects/add", wish);
  EXPECT_EQ(added.status, 200U);
  EXPECT_TRUE(added.body.empty());
  say_device("device-1");
  EXPECT_EQ(poll(id).size(), 2U);
}

TEST_F(StreamEndpoint, RefusesSubjectsThatAreNone) {
  start({.removed_subjects = 1});
  const std::string id = make_stream();
  for (const char* target : {"/subjects/add", "/subjects/remove"}) {
    expect_refused(call("POST", target, {{"stream_id", id}}), Code::ssf_subject_malformed);
    expect_refused(call("POST", target, {{"stream_id", id}, {"subject", {{"format", "x"}}}}),
                   Code::ssf_subject_malformed);
  }
  Json wish = {{"stream_id", id}, {"subject", {{"format", "opaque"}, {"id", "1"}}}};
  wish["verified"] = "yes";
  expect_refused(call("POST", "/subjects/add", wish), Code::ssf_subject_malformed);
  EXPECT_EQ(call("POST", "/subjects/remove", wish).status, 204U);
  wish["subject"]["id"] = "2";
  expect_refused(call("POST", "/subjects/remove", wish), Code::ssf_subject_malformed);
}

TEST_F(StreamEndpoint, IsVerifiedWithTheStateThatWasGiven) {
  const std::string id = make_stream({{"events_requested", {credential_change}}});
  const auto response = call("POST", "/verify", {{"stream_id", id}, {"state", "VGhpcw=="}});
  EXPECT_EQ(response.status, 204U);
  EXPECT_TRUE(response.body.empty());
  const auto sets = poll(id);
  ASSERT_EQ(sets.size(), 1U);
  const Json& claims = sets.begin()->second;
  EXPECT_EQ(event_in(claims, verification), Json({{"state", "VGhpcw=="}}));
  EXPECT_EQ(claims["sub_id"], Json({{"format", "opaque"}, {"id", id}}));
  EXPECT_EQ(claims["aud"], "alpha");
  start();
  EXPECT_EQ(poll(id).count(sets.begin()->first), 1U) << "it outlives a restart";
  EXPECT_TRUE(poll(id, {{"ack", {sets.begin()->first}}}).empty());
}

TEST_F(StreamEndpoint, IsVerifiedNoMoreOftenThanItSays) {
  const std::string id = make_stream();
  const Json wish = {{"stream_id", id}};
  EXPECT_EQ(call("POST", "/verify", wish).status, 204U);
  clock.advance(std::chrono::seconds(4));
  const auto often = call("POST", "/verify", wish);
  expect_refused(often, Code::ssf_rate);
  EXPECT_EQ(*often.headers.find("Retry-After"), "6");
  clock.advance(std::chrono::seconds(6));
  EXPECT_EQ(call("POST", "/verify", wish).status, 204U);
  EXPECT_FALSE(event_in(poll(id).begin()->second, verification).contains("state"));
}

TEST_F(StreamEndpoint, KeepsAFewVerificationsThatNobodyTakes) {
  start({.notices = 2, .between_verifications = std::chrono::seconds(0)});
  const std::string id = make_stream();
  const Json wish = {{"stream_id", id}};
  EXPECT_EQ(call("POST", "/verify", wish).status, 204U);
  EXPECT_EQ(call("POST", "/verify", wish).status, 204U);
  expect_refused(call("POST", "/verify", wish), Code::ssf_queue_full);
  expect_refused(call("POST", "/verify", {{"stream_id", id}, {"state", std::string(2000, 'x')}}),
                 Code::ssf_stream_malformed);
}

TEST_F(StreamEndpoint, SendsNothingToVerifyWhereItIsDisabled) {
  const std::string id = make_stream();
  answered(call("POST", "/status", {{"stream_id", id}, {"status", "disabled"}}), 200);
  expect_refused(call("POST", "/verify", {{"stream_id", id}}), Code::ssf_stream_malformed);
}

TEST_F(StreamEndpoint, HasAFileThatNobodyElsesIs) {
  streams.reset();
  directory.write("other.db", "no database at all, but long enough to be looked at as one");
  EXPECT_FALSE(store::open_signal_store(directory.path() / "other.db"));
}

}  // namespace
}  // namespace mintmark::revoke::signals
