// Who may have what at the agent's socket: the configuration, its schema, and the rules.
#include <gtest/gtest.h>

#include <regex>

#include "agent/serve/access.h"
#include "agent/serve/accounts.h"
#include "agent/session_key.h"
#include "base/file.h"
#include "base/json.h"

namespace mintmark::agent::serve {
namespace {

using Pointer = Json::json_pointer;

const std::string sample_text = R"({
  // Who and what.
  "socket": {"path": "agent.sock", "mode": "0660", "group": "33"},
  "session": {"life_seconds": 1800},
  "destinations": [
    {"url": "https://api.example", "audience": "urn:api", "ca": "roots.pem", "mtls": true},
    {"url": "https://other.example:8443", "audience": "urn:api"},
    {"url": "http://localhost:8080", "audience": "urn:local"}
  ],
  "users": [
    {"user": "1001", "group": "33", "grants": [{"audience": "urn:api", "scopes": ["read"], "destinations": ["https://api.example"]}]},
    {"user": "1001", "grants": [{"audience": "urn:api", "scopes": ["list"]}]},
    {"user": "1002", "grants": [{"audience": "urn:api", "scopes": ["write"], "destinations": ["https://other.example:8443"]},
                                {"audience": "urn:local", "scopes": ["read"]}]},
    {"group": "50", "grants": [{"audience": "urn:local", "scopes": ["read", "write"]}]}
  ],
  "limits": {"threads": 2, "waiting": 3, "waiting_ms": 400, "hardware_waiting": 4, "hardware_ms": 500, "token_ms": 600, "answer_ms": 700,
             "body_octets": 800, "answer_octets": 900, "connections": 10},
  "log": {"level": "warning"}
})";

Json sample() { return Json::parse(sample_text, nullptr, true, true); }
Result<Settings> parsed(const Json& document) {
  return parse_settings("/etc/mintmark/agent.json", document.dump());
}
Json with(const std::string& at, const Json& value) {
  Json document = sample();
  document[Pointer(at)] = value;
  return document;
}

// --- the configuration ---

TEST(ServeSettings, AreReadWhole) {
  const auto read = parse_settings("/etc/mintmark/agent.json", sample_text);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->socket.path, "/etc/mintmark/agent.sock");
  EXPECT_EQ(read->socket.mode, 0660U);
  EXPECT_EQ(read->socket.group, gid_t{33});
  EXPECT_EQ(read->session_life, std::chrono::seconds{1800});
  EXPECT_EQ(read->destinations.at(0).ca_file, "/etc/mintmark/roots.pem");
  EXPECT_EQ(read->users.size(), 4U);
  EXPECT_EQ(read->limits.hardware.count(), 500);
  EXPECT_EQ(read->log_level, "warning");
}

TEST(ServeSettings, ThatAreWrongAreRefusedWithFileLineAndKey) {
  const std::vector<std::pair<std::string, Json>> wrong = {
      {"/socket/mode", "660"},
      {"/socket/mode", "0888"},
      {"/socket/mode", "rw-rw----"},
      {"/socket/path", std::string(200, 'a')},
      {"/socket/group", "no-such-group-here"},
      {"/socket/colour", "red"},
      {"/destinations/2/mtls", true},
      {"/session/life_seconds", 3601},
      {"/users/0/user", "no-such-user-here"},
      {"/users/0/user", "4294967295"},
      {"/users/0/group", "no-such-group-here"},
      {"/users/0/grants/0/scopes", Json::array()},
      {"/users/0/grants/0/scopes/0", "two words"},
      {"/users/0/grants/0/scopes/0", "quo\"te"},
      {"/users/0/grants/0/destinations/0", "https://elsewhere.example"},
      {"/users/0/grants/0/destinations/0", "http://localhost:8080"},
      {"/users/0/grants/0/password", "x"},
      {"/passwords", Json::array()}};
  for (const auto& [at, value] : wrong) {
    const auto read = parsed(with(at, value));
    ASSERT_FALSE(read) << at << " " << value;
    EXPECT_EQ(read.error().code, Code::config_invalid) << at;
    EXPECT_TRUE(std::regex_search(read.error().detail, std::regex("^/etc/mintmark/agent.json:1:")))
        << read.error().detail;
  }
}

Result<Settings> with_destinations(const std::vector<std::string>& urls) {
  Json document = {
      {"socket", {{"path", "a.sock"}}}, {"destinations", Json::array()}, {"users", Json::array()}};
  for (const std::string& url : urls)
    document["destinations"].push_back({{"url", url}, {"audience", "urn:api"}});
  return parsed(document);
}

TEST(ServeSettings, HaveDestinationsByHttpsOrOnThisMachine) {
  for (const char* url : {"https://api.example", "https://api.example:8443", "https://localhost:1",
                          "http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080"})
    EXPECT_TRUE(with_destinations({url})) << url;
  for (const char* url :
       {"http://api.example", "http://10.0.0.1", "https://api.example/path",
        "https://api.example?query", "https://user@api.example", "ftp://api.example",
        "https://localhost", "http://localhost", "http://localhost:80", "api.example"}) {
    const auto read = with_destinations({url});
    ASSERT_FALSE(read) << url;
    EXPECT_NE(read.error().detail.find("destinations[0].url"), std::string::npos)
        << read.error().detail;
  }
}

TEST(ServeSettings, HaveEachDestinationOnce) {
  for (const char* again :
       {"https://api.example", "https://API.example:443", "https://api.example."}) {
    const auto read = with_destinations({"https://api.example", again});
    ASSERT_FALSE(read) << again;
    EXPECT_NE(read.error().detail.find("twice"), std::string::npos) << read.error().detail;
  }
  EXPECT_TRUE(with_destinations({"https://api.example", "https://api.example:8443"}));
}

TEST(ServeSettings, OfAUserMustSayWhom) {
  Json document = sample();
  document["users"][3].erase("group");
  const auto read = parsed(document);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().detail.find("user"), std::string::npos);
}

TEST(ServeSettings, NeverSendAnythingToTheIssuer) {
  const auto read = parsed(sample());
  ASSERT_TRUE(read);
  EXPECT_TRUE(check_against_issuer(*read, "https://issuer.example"));
  for (const char* issuer : {"https://api.example", "https://api.example/tenant",
                             "https://other.example:8443", "https://API.example."}) {
    const auto fit = check_against_issuer(*read, issuer);
    ASSERT_FALSE(fit) << issuer;
    EXPECT_EQ(fit.error().code, Code::config_invalid);
  }
}

TEST(ServeSettings, WithoutAFileAreForOneUserAlone) {
  const auto simple = simple_settings({.socket = "/run/a.sock",
                                       .audience = "urn:api",
                                       .scope = "write read",
                                       .destinations = {"https://api.example"},
                                       .session = true},
                                      1001);
  ASSERT_TRUE(simple) << simple.error().to_string();
  EXPECT_EQ(simple->socket.mode, 0600U);
  EXPECT_EQ(simple->session_life, longest_session);
  const Access access(*simple);
  const http::LocalPeer owner{1001, {1001}};
  const http::LocalPeer root{0, {0}};
  EXPECT_EQ(*access.to_audience(&owner, "")->scope_for(""), "read write");
  EXPECT_FALSE(access.all_of(&root));
  EXPECT_FALSE(simple_settings({"/run/a.sock", "urn:api", "", {}}, 1001));
  EXPECT_FALSE(simple_settings({"", "urn:api", "read", {}}, 1001));
}

// --- its schema ---

Json schema() {
  const auto text = read_file(MINTMARK_SOURCE "/docs/mint-agent.schema.json");
  if (!text) throw std::runtime_error(text.error().to_string());
  return Json::parse(*text);
}

std::set<std::string> known_keys(const Pointer& object) {
  Json document = sample();
  document[object / std::string(60, 'z')] = 1;
  const auto read = parsed(document);
  std::set<std::string> keys;
  if (read) return keys;
  const std::string& detail = read.error().detail;
  const std::regex quoted("\"([^\"]+)\"");
  const std::size_t list = std::min(detail.find("known here: "), detail.size());
  for (std::sregex_iterator found(detail.begin() + static_cast<std::ptrdiff_t>(list), detail.end(),
                                  quoted);
       found != std::sregex_iterator(); ++found)
    keys.insert((*found)[1]);
  return keys;
}

/// Calls `look` with each node of the schema and where the sample has it.
using Look = std::function<void(const Json& node, const Pointer& at)>;
void walk(const Json& node, const Pointer& at, const Look& look) {
  ASSERT_TRUE(sample().contains(at)) << at << ": the sample lacks it";
  look(node, at);
  if (node.contains("properties")) {
    for (const auto& [name, below] : node["properties"].items()) walk(below, at / name, look);
  }
  if (node.contains("items")) walk(node["items"], at / 0, look);
}

void expect(bool taken, const Pointer& at, const Json& document, const std::string& why) {
  const auto read = parsed(document);
  EXPECT_EQ(read.has_value(), taken) << at << " " << why;
}

TEST(ServeSchema, HasTheReadersKeysAndSaysWhatTheyAreFor) {
  std::size_t objects = 0;
  walk(schema(), Pointer(), [&](const Json& node, const Pointer& at) {
    if (node.value("type", "") != "object") return;
    ++objects;
    std::set<std::string> names;
    for (const auto& [name, property] : node["properties"].items()) {
      names.insert(name);
      EXPECT_GT(property.value("description", "").size(), 3U) << at / name;
    }
    EXPECT_EQ(names, known_keys(at)) << at;
    EXPECT_EQ(node.value("additionalProperties", Json()), false) << at;
  });
  EXPECT_EQ(objects, 8U);
}

TEST(ServeSchema, RequiresWhatTheReaderRequires) {
  walk(schema(), Pointer(), [&](const Json& node, const Pointer& at) {
    if (node.value("type", "") != "object") return;
    const Json required = node.value("required", Json::array());
    for (const auto& [name, property] : node["properties"].items()) {
      Json lacking = sample();
      lacking[at].erase(name);
      if (at == Pointer() && name == "destinations") lacking["users"] = Json::array();
      const bool is_required = std::find(required.begin(), required.end(), name) != required.end();
      expect(!is_required, at / name, lacking, "left out");
    }
  });
}

TEST(ServeSchema, HasTheReadersTypesRangesAndWords) {
  const std::map<std::string, Json> others{
      {"string", 1}, {"boolean", "true"}, {"integer", "1"}, {"object", 1}, {"array", "a"}};
  std::size_t ranges = 0;
  walk(schema(), Pointer(), [&](const Json& node, const Pointer& at) {
    if (at == Pointer()) return;
    const auto put = [&](const Json& value) {
      Json document = sample();
      document[at] = value;
      return document;
    };
    if (node.contains("enum")) {
      for (const Json& word : node["enum"]) expect(true, at, put(word), word.dump());
      return expect(false, at, put("no-such-word"), "a foreign word");
    }
    expect(false, at, put(others.at(node.at("type"))), "of another type");
    if (node.at("type") != "integer") return;
    ++ranges;
    expect(true, at, put(node["minimum"]), "the least");
    expect(true, at, put(node["maximum"]), "the most");
    expect(false, at, put(node["minimum"].get<int>() - 1), "below");
    expect(false, at, put(node["maximum"].get<int>() + 1), "beyond");
  });
  EXPECT_EQ(ranges, 11U);
}

TEST(ServeSchema, NamesTheReadersDefaults) {
  const auto absent =
      parsed(Json::parse(R"({"socket": {"path": "s"}, "session": {}, "users": []})"));
  ASSERT_TRUE(absent) << absent.error().to_string();
  const Json whole = schema();
  const auto said = [&](const std::string& pointer) {
    return whole.at(Pointer("/properties/" + pointer))["default"];
  };
  const std::string limits = "limits/properties/";
  EXPECT_EQ(said(limits + "threads"), absent->limits.threads);
  EXPECT_EQ(said(limits + "waiting"), absent->limits.waiting);
  EXPECT_EQ(said(limits + "waiting_ms"), absent->limits.thread.count());
  EXPECT_EQ(said(limits + "hardware_waiting"), absent->limits.hardware_waiting);
  EXPECT_EQ(said(limits + "hardware_ms"), absent->limits.hardware.count());
  EXPECT_EQ(said(limits + "token_ms"), absent->limits.token.count());
  EXPECT_EQ(said(limits + "answer_ms"), absent->limits.answer.count());
  EXPECT_EQ(said(limits + "body_octets"), absent->limits.body_octets);
  EXPECT_EQ(said(limits + "answer_octets"), absent->limits.answer_octets);
  EXPECT_EQ(said(limits + "connections"), absent->limits.connections);
  EXPECT_EQ(whole.at(Pointer("/properties/destinations/items/properties/mtls"))["default"], false);
  EXPECT_EQ(said("session/properties/life_seconds"), absent->session_life->count());
  EXPECT_EQ(said("socket/properties/mode"), "0660");
  EXPECT_EQ(absent->socket.mode, 0660U);
  EXPECT_EQ(said("log/properties/level"), absent->log_level);
}

// --- the rules ---

class ServeAccess : public testing::Test {
 protected:
  Settings settings = *parse_settings("/etc/mintmark/agent.json", sample_text);
  Access access{settings};
  http::LocalPeer both{1001, {1001, 33}};
  http::LocalPeer user_alone{1001, {1001}};
  http::LocalPeer other{1002, {1002}};
  http::LocalPeer by_group{7, {7, 50}};
  http::LocalPeer stranger{1003, {1003}};
  http::LocalPeer root{0, {0}};
};

TEST_F(ServeAccess, IsForWhomTheRulesNameAndForNobodyElse) {
  EXPECT_TRUE(access.all_of(&both));
  EXPECT_TRUE(access.all_of(&by_group));
  for (const http::LocalPeer* peer : {&stranger, &root}) {
    const auto all = access.all_of(peer);
    ASSERT_FALSE(all);
    EXPECT_EQ(all.error().code, Code::agent_user_refused);
  }
}

TEST_F(ServeAccess, IsForNobodyWhomTheKernelDoesNotName) {
  EXPECT_EQ(access.all_of(nullptr).error().code, Code::agent_user_refused);
  EXPECT_EQ(access.to_audience(nullptr, "urn:api").error().code, Code::agent_user_refused);
  EXPECT_EQ(access.to_host(nullptr, "api.example").error().code, Code::agent_user_refused);
}

TEST_F(ServeAccess, OfARuleWithUserAndGroupNeedsBoth) {
  EXPECT_EQ(access.to_audience(&both, "urn:api")->shares.size(), 2U);
  const auto alone = access.to_audience(&user_alone, "urn:api");
  ASSERT_EQ(alone->shares.size(), 1U);
  EXPECT_EQ(alone->shares[0].scopes, (std::set<std::string>{"list"}));
  const http::LocalPeer group_alone{1003, {33}};
  EXPECT_FALSE(access.all_of(&group_alone));
}

TEST_F(ServeAccess, ToAnotherAudienceIsRefused) {
  EXPECT_EQ(access.to_audience(&both, "urn:local").error().code, Code::agent_audience_refused);
  EXPECT_EQ(access.to_audience(&both, "urn:ap").error().code, Code::agent_audience_refused);
  EXPECT_EQ(access.to_audience(&by_group, "urn:api").error().code, Code::agent_audience_refused);
}

TEST_F(ServeAccess, WithoutAnAudienceIsToTheOnlyOne) {
  EXPECT_EQ(access.to_audience(&both, "")->audience, "urn:api");
  EXPECT_EQ(access.to_audience(&other, "").error().code, Code::agent_audience_refused);
}

TEST_F(ServeAccess, ToScopesIsToThoseOfTheGrantAndNoMore) {
  const auto allowed = access.to_audience(&by_group, "urn:local");
  EXPECT_EQ(*allowed->scope_for(""), "read write");
  EXPECT_EQ(*allowed->scope_for("write  read write"), "read write");
  EXPECT_EQ(*allowed->scope_for("read"), "read");
  for (const char* wish : {"admin", "read admin", "rea", "READ", " "}) {
    const auto scope = allowed->scope_for(wish);
    ASSERT_FALSE(scope) << wish;
    EXPECT_EQ(scope.error().code, Code::agent_scope_refused);
  }
}

TEST_F(ServeAccess, ToAHostIsToADestinationOfTheGrant) {
  EXPECT_EQ(access.to_host(&both, "api.example")->destination->url.origin(), "https://api.example");
  EXPECT_EQ(access.to_host(&both, "API.example:443")->destination->url.origin(),
            "https://api.example");
  EXPECT_EQ(access.to_host(&other, "localhost:8080")->audience, "urn:local");
  for (const char* host : {"api.example", "other.example", "other.example:443", "elsewhere.example",
                           "localhost", "localhost:8081", "", "bad host", "api.example:80"}) {
    const auto reach = access.to_host(&other, host);
    ASSERT_FALSE(reach) << host;
    EXPECT_EQ(reach.error().code, Code::agent_destination_refused) << host;
  }
}

TEST_F(ServeAccess, RefusesWhatIsThereForOthersAsWhatIsNot) {
  const auto refused = access.to_host(&by_group, "api.example").error();
  const auto unknown = access.to_host(&by_group, "nowhere.example").error();
  EXPECT_EQ(refused.code, unknown.code);
  EXPECT_EQ(refused.detail.substr(refused.detail.find(' ')),
            unknown.detail.substr(unknown.detail.find(' ')));
}

TEST_F(ServeAccess, ToAUrlIsToADestinationOfItsAudience) {
  const auto url = [](const char* text) { return http::parse_url(text).value(); };
  EXPECT_TRUE(access.to_url(&both, "urn:api", url("https://api.example/a?b")));
  for (const char* text : {"http://api.example/a", "https://api.example:444/", "https://x.example/",
                           "http://localhost:8080/"}) {
    const auto reach = access.to_url(&both, "urn:api", url(text));
    ASSERT_FALSE(reach) << text;
    EXPECT_EQ(reach.error().code, Code::agent_destination_refused) << text;
  }
  EXPECT_EQ(access.to_url(&other, "urn:api", url("https://api.example/")).error().code,
            Code::agent_destination_refused);
  EXPECT_EQ(access.to_url(&by_group, "urn:api", url("https://api.example/")).error().code,
            Code::agent_audience_refused);
}

TEST_F(ServeAccess, UnitesWhatSeveralRulesGiveAtOneDestination) {
  const http::LocalPeer two_rules{1002, {50}};
  EXPECT_EQ(*access.to_audience(&two_rules, "urn:local")->scope_for(""), "read write");
  EXPECT_EQ(*access.to_host(&both, "api.example")->scope_for(""), "list read");
  // The rule for read is for the other destination alone.
  EXPECT_EQ(*access.to_host(&both, "other.example:8443")->scope_for(""), "list");
}

TEST_F(ServeAccess, ToScopesOfSeveralDestinationsAtOnceIsRefused) {
  for (auto& rule : settings.users) {
    if (rule.user == uid_t{1001} && !rule.group)
      rule.grants[0].destinations = {"https://other.example:8443"};
  }
  const auto allowed = access.to_audience(&both, "urn:api");
  EXPECT_EQ(*allowed->scope_for("read"), "read");
  EXPECT_EQ(*allowed->scope_for("list"), "list");
  for (const char* wish : {"", "list read"}) {
    const auto scope = allowed->scope_for(wish);
    ASSERT_FALSE(scope) << wish;
    EXPECT_EQ(scope.error().code, Code::agent_scope_refused);
  }
  EXPECT_EQ(access.to_host(&both, "api.example")->scope_for("list").error().code,
            Code::agent_scope_refused);
}

TEST(ServeAccounts, HaveOneNumberForEverybodyWhomAUserNamespaceDoesNotKnow) {
  const std::string all = "         0          0 4294967295\n";
  EXPECT_FALSE(stands_for_others(65534, "65534\n", all));
  for (const char* map :
       {"0 1000 1\n", "0 100000 65536\n", "1 1 4294967294\n", "0 0 1\n1 100000 65536\n", ""}) {
    EXPECT_TRUE(stands_for_others(65534, "65534\n", map)) << map;
    EXPECT_TRUE(stands_for_others(65534, "", map)) << map;
    EXPECT_TRUE(stands_for_others(7, "7\n", map)) << map;
    EXPECT_FALSE(stands_for_others(1000, "65534\n", map)) << map;
  }
}

}  // namespace
}  // namespace mintmark::agent::serve
