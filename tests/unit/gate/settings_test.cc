// The gate's configuration: what is taken, what is refused and where, and that
// docs/mint-gate.schema.json says the same as the reader.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "gate/answers.h"
#include "gate/settings.h"
#include "support/document_blocks.h"

namespace mintmark::gate {
namespace {

using Pointer = Json::json_pointer;

/// Good in every member; tests break one thing each.
const char* const sample = R"({
  // Whose tokens.
  "issuer": "https://issuer.example",
  "ca": "roots.pem",
  "instance": "gate-1",
  "revocation": {"client": {"id": "gate-1", "key": "client.pem"}},
  "listen": [
    {"dialect": "envoy", "address": "127.0.0.1", "port": 9080, "path_prefix": "/check",
     "tls": {"certificate": "gate.pem", "key": "gate.key"}, "plain_http_behind_trusted_proxy": false,
     "trusted_networks": ["127.0.0.1", "10.0.0.0/8"], "client_certificate": "none"},
    {"dialect": "caddy", "socket": "gate.sock", "mode": "0600", "trusted_users": ["caddy"],
     "client_certificate": "Client-Cert"}
  ],
  "services": [
    {"origins": ["https://api.example", "https://api.example:8443"],
     "rules": [
       {"path": "/orders/*", "methods": ["GET", "POST"], "audience": "https://api.example",
        "scopes": ["read"], "binding": "bound", "key_protection": ["hardware"],
        "attestation": {"formats": ["tpm2"], "max_age_seconds": 86400}}]}
  ],
  "nonces": "always",
  "memory": {"proofs": 2000, "tokens": 100},
  "keys": {"grace_seconds": 60, "longest_seconds": 600},
  "metrics": {"address": "127.0.0.1", "port": 9081},
  "threads": 2,
  "log": {"level": "warning"}
})";

Json document() { return Json::parse(sample, nullptr, true, true); }
Result<Settings> parse(const Json& json) {
  return parse_settings("/etc/mintmark/mint-gate.json", json.dump());
}
Json with(const std::string& at, const Json& value) {
  Json json = document();
  json[Pointer(at)] = value;
  return json;
}
Json without(const Pointer& at) {
  Json json = document();
  json.at(at.parent_pointer()).erase(at.back());
  return json;
}

TEST(GateSettings, AreReadWhole) {
  const auto read = parse_settings("/etc/mintmark/mint-gate.json", sample);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->ca, "/etc/mintmark/roots.pem");
  ASSERT_EQ(read->listeners.size(), 2U);
  EXPECT_EQ(read->listeners[0].door.dialect, Dialect::envoy);
  EXPECT_EQ(read->listeners[0].door.peers.networks.size(), 2U);
  EXPECT_EQ(read->listeners[0].tls->key, "/etc/mintmark/gate.key");
  EXPECT_EQ(read->listeners[1].socket, "/etc/mintmark/gate.sock");
  EXPECT_EQ(read->listeners[1].mode, 0600U);
  EXPECT_EQ(read->listeners[1].door.certificate, CertificateFrom::client_cert);
  EXPECT_EQ(read->nonces, ProofNonces::always);
  ASSERT_TRUE(read->subscriber);
  EXPECT_EQ(read->subscriber->client_id, "gate-1");
  EXPECT_EQ(read->subscriber->key, "/etc/mintmark/client.pem");
  const auto place = read->services.find("https", "api.example:8443");
  ASSERT_TRUE(place);
  const auto demand = (*place)->rules->find("POST", "/orders/7");
  ASSERT_TRUE(demand);
  EXPECT_EQ((*demand)->binding, Binding::bound);
  EXPECT_EQ((*demand)->attestation_age, std::chrono::seconds{86400});
  EXPECT_EQ((*demand)->key_protections, std::vector<std::string>{"hardware"});
}

TEST(GateSettings, OfTheDocumentAreTaken) {
  int examples = 0;
  for (const auto& [language, text] : test::blocks_in(MINTMARK_SOURCE "/docs/gate.md")) {
    if (language != "json") continue;
    ++examples;
    const auto taken = parse_settings("/etc/mintmark/mint-gate.json", text);
    EXPECT_TRUE(taken) << taken.error().to_string();
  }
  EXPECT_EQ(examples, 1);
}

TEST(GateSettings, AreRefusedWithFileAndLine) {
  std::string text = sample;
  text.replace(text.find("bound"), 5, "bearer");
  const auto read = parse_settings("/etc/mintmark/mint-gate.json", text);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::config_invalid);
  EXPECT_TRUE(read.error().detail.starts_with("/etc/mintmark/mint-gate.json:18: "))
      << read.error().detail;
}

TEST(GateSettings, ThatWouldLetInNobodyOrTheWrongOnesAreRefused) {
  const std::string rule = "/services/0/rules/0";
  const std::vector<std::pair<std::string, Json>> wrong{
      {"/issuer", "http://issuer.example"},
      {"/instance", "a b"},
      {"/listen", Json::array()},
      {"/listen/0/address", "localhost"},
      {"/listen/0/trusted_networks", Json::array()},
      {"/listen/0/trusted_networks/0", "10.0.0.1/8"},
      {"/listen/0/plain_http_behind_trusted_proxy", true},
      {"/listen/0/path_prefix", "/check/"},
      {"/listen/0/path_prefix", "check"},
      {"/listen/0/trusted_users", {"caddy"}},
      {"/listen/1/path_prefix", "/check"},
      {"/listen/1/client_certificate", "tls"},
      {"/listen/1/client_certificate", "nginx"},
      {"/listen/0/client_certificate", "Client-Cert"},
      {"/listen/0/client_certificate", "nginx"},
      {"/listen/1/dialect", "traefik"},
      {"/listen/1/dialect", "nginx"},
      {"/listen/1/address", "127.0.0.1"},
      {"/listen/1/trusted_users", Json::array()},
      {"/listen/1/mode", "660"},
      {"/listen/1/mode", "0999"},
      {"/listen/1/socket", std::string(200, 'a')},
      {"/services", Json::array()},
      {"/services/0/rules", Json::array()},
      {"/services/0/origins", Json::array()},
      {"/services/0/origins/1", "https://api.example"},
      {"/services/0/origins/0", "http://api.example"},
      {"/services/0/origins/0", "https://api.example/"},
      {"/services/0/origins/0", "https://API.example"},
      {"/services/0/origins/0", "https://api.example:443"},
      {rule + "/path", "orders"},
      {rule + "/path", "/orders*"},
      {rule + "/path", "/*/orders"},
      {rule + "/path", "/a/../b"},
      {rule + "/path", "//a"},
      {rule + "/path", "/a;b"},
      {rule + "/path", "/a?b"},
      {rule + "/path", "/a%2fb"},
      {rule + "/methods", Json::array()},
      {rule + "/methods/0", "GE T"},
      {rule + "/methods/1", "GET"},
      {rule + "/binding", "bearer"},
      {rule + "/scopes/0", "read write"},
      {rule + "/key_protection", Json::array()},
      {rule + "/key_protection/0", "strong"},
      {rule + "/attestation/formats", Json::array()}};
  for (const auto& [at, value] : wrong) {
    const auto read = parse(with(at, value));
    ASSERT_FALSE(read) << at << " " << value;
    EXPECT_EQ(read.error().code, Code::config_invalid) << at;
  }
}

TEST(GateSettings, NeedTlsOrTheOperatorsWordThatNobodyListens) {
  Json json = document();
  json["listen"][0].erase("tls");
  EXPECT_FALSE(parse(json));
  json["listen"][0]["plain_http_behind_trusted_proxy"] = true;
  EXPECT_TRUE(parse(json));
}

TEST(GateSettings, SayByNameWhereNobodyTellsWhatWasRevoked) {
  const auto none = parse(with("/revocation", {{"none", true}}));
  ASSERT_TRUE(none) << none.error().detail;
  EXPECT_FALSE(none->subscriber);
  for (const Json& refused : {without(Pointer("/revocation")), with("/revocation", Json::object()),
                              with("/revocation", {{"none", false}}),
                              with("/revocation/none", true), with("/revocation", "none")}) {
    const auto read = parse(refused);
    ASSERT_FALSE(read) << refused["revocation"];
    EXPECT_EQ(read.error().code, Code::config_invalid);
    EXPECT_NE(read.error().detail.find("revocation"), std::string::npos) << read.error().detail;
  }
  EXPECT_NE(parse(without(Pointer("/revocation"))).error().detail.find("until they expire"),
            std::string::npos);
}

TEST(GateSettings, SayWhatNeedsAnotherStart) {
  const auto fixed = [](const Json& json) { return parse(json)->fixed; };
  const std::string own = fixed(document());
  EXPECT_EQ(own, fixed(with("/nonces", "never")));
  EXPECT_EQ(own, fixed(with("/services/0/rules/0/methods/0", "PUT")));
  EXPECT_EQ(own, fixed(with("/log/level", "debug")));
  EXPECT_NE(own, fixed(with("/listen/0/port", 1)));
  EXPECT_NE(own, fixed(with("/memory/proofs", 4000)));
  EXPECT_NE(own, fixed(with("/revocation/client/id", "gate-2")));
  EXPECT_NE(own, fixed(with("/issuer", "https://other.example")));
}

// ---- the schema ----

Json schema() {
  const auto text = read_file(MINTMARK_SOURCE "/docs/mint-gate.schema.json");
  if (!text) throw std::runtime_error(text.error().to_string());
  return Json::parse(*text);
}

using Look = std::function<void(const Json& node, const Pointer& at)>;
/// Each node of the schema, and each place where the sample has it.
void walk(const Json& whole, const Json& reference, const Pointer& at, const Look& look) {
  const Json json = document();
  if (!json.contains(at)) return;
  const Json node = reference.contains("$ref")
                        ? whole.at(Pointer(reference["$ref"].get<std::string>().substr(1)))
                        : reference;
  look(node, at);
  const Json properties = node.value("properties", Json::object());
  for (const auto& [name, property] : properties.items()) walk(whole, property, at / name, look);
  if (!node.contains("items")) return;
  for (std::size_t i = 0; i < json.at(at).size(); ++i) walk(whole, node["items"], at / i, look);
}
void walk(const Look& look) {
  const Json whole = schema();
  walk(whole, whole, Pointer(), look);
}
std::set<std::string> names_of(const Json& properties) {
  std::set<std::string> names;
  for (const auto& [name, property] : properties.items()) names.insert(name);
  return names;
}

/// What the reader names when it meets a foreign key there.
std::set<std::string> known_keys(const Pointer& at) {
  const std::string foreign(60, 'z');
  const auto read = parse(with((at / foreign).to_string(), 1));
  if (read) return {};
  const std::string list = read.error().detail.substr(read.error().detail.find("known here: "));
  std::set<std::string> keys;
  const std::regex quoted("\"([^\"]+)\"");
  for (std::sregex_iterator found(list.begin(), list.end(), quoted), end; found != end; ++found)
    keys.insert((*found)[1]);
  return keys;
}

TEST(GateSchema, HasTheReadersKeysAndSaysWhatEachIsFor) {
  std::size_t objects = 0;
  walk([&](const Json& node, const Pointer& at) {
    if (!node.contains("properties")) return;
    ++objects;
    EXPECT_EQ(names_of(node["properties"]), known_keys(at)) << "of " << at;
    EXPECT_EQ(node.value("additionalProperties", Json()), Json(false)) << at;
    for (const auto& [name, property] : node["properties"].items())
      EXPECT_GT(property.value("description", "").size(), 3U) << at << name;
  });
  EXPECT_GE(objects, 13U);
}

TEST(GateSchema, RequiresWhatTheReaderRequires) {
  walk([&](const Json& node, const Pointer& at) {
    const Json required = node.value("required", Json::array());
    const Json properties = node.value("properties", Json::object());
    for (const auto& [name, property] : properties.items()) {
      if (!document().contains(at / name)) continue;
      // Of one of the two kinds of a listener alone; said in words.
      static const std::set<std::string> by_kind{"address",          "port",          "socket",
                                                 "trusted_networks", "trusted_users", "tls"};
      const bool listener = at.parent_pointer() == Pointer("/listen");
      const bool must = std::find(required.begin(), required.end(), name) != required.end() ||
                        (listener && by_kind.count(name) != 0) ||
                        at / name == Pointer("/revocation/client");  // Or none.
      EXPECT_EQ(!parse(without(at / name)), must) << at / name;
    }
  });
}

TEST(GateSchema, HasTheReadersRangesWordsAndTypes) {
  std::size_t numbers = 0;
  std::size_t choices = 0;
  walk([&](const Json& node, const Pointer& at) {
    const std::string place = at.to_string();
    if (node.value("type", "") == "integer") {
      ++numbers;
      EXPECT_TRUE(parse(with(place, node["minimum"]))) << place;
      EXPECT_TRUE(parse(with(place, node["maximum"]))) << place;
      EXPECT_FALSE(parse(with(place, node["minimum"].get<std::int64_t>() - 1))) << place;
      EXPECT_FALSE(parse(with(place, node["maximum"].get<std::int64_t>() + 1))) << place;
    }
    if (node.contains("enum")) {
      ++choices;
      EXPECT_FALSE(parse(with(place, "no-such-word"))) << place;
    }
    if (place.empty()) return;
    EXPECT_FALSE(parse(with(place, nullptr))) << place;
  });
  EXPECT_GE(numbers, 8U);
  EXPECT_GE(choices, 6U);
}

TEST(GateSchema, NamesTheReadersWords) {
  walk([&](const Json& node, const Pointer& at) {
    const Json words = node.value("enum", Json::array());
    for (const Json& word : words) {
      const auto read = parse(with(at.to_string(), word));
      // Words that go with another kind of listener are refused for that, not as unknown.
      const std::string why = read ? "" : read.error().detail;
      EXPECT_EQ(why.find("must be \""), std::string::npos) << at << word << why;
    }
  });
}

TEST(GateSchema, NamesTheReadersDefaults) {
  Json bare = document();
  for (const char* key :
       {"nonces", "memory", "keys", "threads", "log", "metrics", "instance", "ca"})
    bare.erase(key);
  const auto read = parse(bare);
  ASSERT_TRUE(read) << read.error().detail;
  const Json whole = schema();
  const auto said = [&](const std::string& at) { return whole.at(Pointer(at))["default"]; };
  EXPECT_EQ(said("/properties/memory/properties/proofs"), read->proofs_remembered);
  EXPECT_EQ(said("/properties/memory/properties/tokens"), read->tokens_remembered);
  EXPECT_EQ(said("/properties/keys/properties/grace_seconds"), read->keys_grace.count());
  EXPECT_EQ(said("/properties/keys/properties/longest_seconds"), read->keys_longest.count());
  EXPECT_EQ(said("/properties/threads"), read->threads);
  EXPECT_EQ(said("/properties/log/properties/level"), read->log_level);
  EXPECT_EQ(said("/properties/nonces"), "when_unsure");
  EXPECT_EQ(read->nonces, ProofNonces::when_unsure);
}

// ---- the snippets ----

/// Without comments, in lower case.
std::string snippet(const std::string& name) {
  const auto text = read_file(MINTMARK_SOURCE "/provisioning/proxies/" + name);
  if (!text) throw std::runtime_error(text.error().to_string());
  static const std::regex comment("(^|\n)[ \t]*#[^\n]*");
  std::string plain = std::regex_replace(*text, comment, "$1");
  for (char& c : plain) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return plain;
}
std::string lower(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}
std::string as_parameter(std::string_view name) {
  std::string text = "http_" + lower(name);
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// What no client may say to a service, whichever proxy stands before it.
const std::vector<std::string> of_no_client{"Authorization",     "DPoP",
                                            "Client-Cert",       "X-SSL-Client-Escaped-Cert",
                                            "Forwarded",         "X-Forwarded-Method",
                                            "X-Forwarded-Uri",   "X-Forwarded-Prefix",
                                            "X-Forwarded-Port",  "X-Forwarded-Server",
                                            "X-Real-IP",         "X-Original-Method",
                                            "X-Original-Scheme", "X-Original-Host",
                                            "X-Original-URI",    "X-HTTP-Method-Override",
                                            "X-HTTP-Method",     "X-Method-Override",
                                            "X-Original-URL",    "X-Rewrite-URL"};

TEST(Snippets, OfNginxReplaceEachHeaderForEachKindOfService) {
  const std::vector<std::pair<std::string, std::string>> files{{"location", "proxy_set_header "},
                                                               {"grpc", "grpc_set_header "},
                                                               {"fastcgi", "fastcgi_param "},
                                                               {"uwsgi", "uwsgi_param "},
                                                               {"scgi", "scgi_param "}};
  for (const auto& [file, directive] : files) {
    const std::string text = "\n" + snippet("nginx/mint-gate-" + file + ".conf");
    const bool parameters = directive.ends_with("param ");
    const auto line = [&](std::string_view name, const std::string& value) {
      return "\n" + directive + (parameters ? as_parameter(name) : lower(name)) + " " + value;
    };
    for (const auto name : identity_headers())
      EXPECT_TRUE(has(text, line(name, "$gate_"))) << file << name;
    for (const std::string& name : of_no_client)
      EXPECT_TRUE(has(text, line(name, "\"\";\n"))) << file << name;
    for (const char* name : {"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"})
      EXPECT_TRUE(has(text, line(name, "$"))) << file << name;
  }
}

TEST(Snippets, OfCaddyTakesAwayAndCopiesEachHeader) {
  const std::string text = snippet("Caddyfile");
  static const std::regex taken("request_header -([a-z0-9_-]+)(\\*?)\n");
  const auto takes = [&](const std::string& name) {
    for (std::sregex_iterator found(text.begin(), text.end(), taken), end; found != end; ++found) {
      const std::string own = (*found)[1];
      if (name == own || ((*found)[2] == "*" && name.starts_with(own))) return true;
    }
    return false;
  };
  for (const auto name : identity_headers()) {
    EXPECT_TRUE(takes(lower(name))) << name;
    EXPECT_TRUE(has(text, "\n\t\t\t" + lower(name) + "\n")) << name;
  }
  for (const std::string& name : of_no_client) EXPECT_TRUE(takes(lower(name))) << name;
}

TEST(Snippets, OfEnvoyTakesAwayEachHeaderAndClosesWhereTheGateIsGone) {
  const std::string text = snippet("envoy.yaml");
  const auto takes = [&](std::string_view name) {
    return has(text, "- {remove: " + lower(name) + "}\n");
  };
  for (const auto name : identity_headers()) EXPECT_TRUE(takes(name)) << name;
  for (const std::string& name : of_no_client) {
    if (name == "Authorization" || name == "DPoP") continue;  // Behind the gate, which reads them.
    EXPECT_TRUE(takes(name)) << name;
  }
  EXPECT_TRUE(has(text, "request_headers_to_remove: [authorization, dpop]\n"));
  EXPECT_TRUE(has(text, "failure_mode_allow: false\n"));
  EXPECT_TRUE(has(text, "use_remote_address: true\n"));
  EXPECT_TRUE(has(text, "normalize_path: false\n"));
  EXPECT_TRUE(has(text, "headers_with_underscores_action: reject_request\n"));
  EXPECT_TRUE(has(text, "- {prefix: mintmark-, ignore_case: true}\n"));
  EXPECT_LT(text.find("http.header_mutation"), text.find("http.ext_authz"));
}

TEST(Snippets, OfTraefikTakesAwayEachHeaderAndBelievesNoClient) {
  const std::string text = snippet("traefik.yml");
  for (const auto name : identity_headers()) EXPECT_TRUE(name.starts_with("Mintmark")) << name;
  EXPECT_TRUE(has(text, "authresponseheadersregex: \"^mintmark\"\n"));
  for (const std::string& name : of_no_client) {
    // Traefik's own, for which it takes no client's word.
    if (name == "X-Forwarded-Port" || name == "X-Forwarded-Server") continue;
    EXPECT_TRUE(has(text, "\n          " + lower(name) + ": \"\"\n")) << name;
  }
  EXPECT_TRUE(has(text, "trustforwardheader: false\n"));
  EXPECT_TRUE(has(text, "authrequestheaders: [authorization, dpop]\n"));
  EXPECT_TRUE(has(text, "middlewares: [mint-gate, mint-gate-behind]\n"));
}

}  // namespace
}  // namespace mintmark::gate
