// docs/mintd.schema.json says what config::parse does: the same keys, the same ranges, the same
// words, the same that must be there. Asked of the parser itself, key by key.
#include <gtest/gtest.h>

#include <functional>
#include <regex>
#include <set>

#include "base/file.h"
#include "config/config.h"
#include "sample.h"

namespace mintmark::config {
namespace {

using Pointer = Json::json_pointer;

const std::string foreign(60, 'z');

Json schema() {
  const auto text = read_file(MINTMARK_SOURCE "/docs/mintd.schema.json");
  if (!text) throw std::runtime_error(text.error().to_string());
  return Json::parse(*text);
}

Json sample_document() { return Json::parse(test::sample, nullptr, true, true); }

Result<Config> parse_document(const Json& document) {
  return parse("/etc/mintmark/mintd.json", document.dump());
}

/// The schema's node with what it refers to merged in.
Json resolved(const Json& whole, const Json& node) {
  if (!node.contains("$ref")) return node;
  Json merged = whole.at(Pointer(node["$ref"].get<std::string>().substr(1)));
  merged.update(node);
  return merged;
}

/// Of alternatives the one that the sample takes.
Json taken_of(const Json& whole, const Json& node, const Json& sample) {
  if (!node.contains("oneOf")) return node;
  for (const Json& one : node["oneOf"]) {
    const Json option = resolved(whole, one);
    if (option.value("type", "") != sample.type_name()) continue;
    Json taken = option;
    taken["one of several"] = true;
    return taken;
  }
  throw std::runtime_error("the sample takes none of the alternatives");
}

/// The properties' names.
std::set<std::string> properties_of(const Json& node) {
  std::set<std::string> names;
  if (!node.contains("properties")) return names;
  for (const auto& [name, property] : node["properties"].items()) names.insert(name);
  return names;
}

/// Calls `look` with each node of the schema and where the sample has it.
using Look = std::function<void(const Json& node, const Pointer& at)>;
void walk(const Json& whole, const Json& reference, const Pointer& at, const Look& look) {
  const Json document = sample_document();
  if (!document.contains(at)) return;  // One of several choices, which the sample did not take.
  const Json node = taken_of(whole, resolved(whole, reference), document.at(at));
  look(node, at);
  for (const std::string& name : properties_of(node))
    walk(whole, node["properties"][name], at / name, look);
  const Json map = node.value("additionalProperties", Json(false));
  if (map.is_object()) {
    ASSERT_FALSE(document.at(at).empty()) << at;
    walk(whole, map, at / document.at(at).items().begin().key(), look);
  }
  if (node.contains("items")) walk(whole, node["items"], at / 0, look);
}
void walk(const Look& look) {
  const Json whole = schema();
  walk(whole, whole, Pointer(), look);
}

/// The sample with another value at that place.
Json with(const Pointer& at, const Json& value) {
  Json document = sample_document();
  document[at] = value;
  return document;
}
Json without(const Pointer& at) {
  Json document = sample_document();
  document.at(at.parent_pointer()).erase(at.back());
  return document;
}

void expect_refused(const Json& document, const Pointer& at, const std::string& why) {
  const auto config = parse_document(document);
  ASSERT_FALSE(config) << at << " " << why;
  EXPECT_EQ(config.error().code, Code::config_invalid);
}
void expect_taken(const Json& document, const Pointer& at, const std::string& why) {
  const auto config = parse_document(document);
  EXPECT_TRUE(config) << at << " " << why << ": " << config.error().to_string();
}

/// What the parser names when it meets a foreign key there.
std::set<std::string> known_keys(const Pointer& object) {
  const auto config = parse_document(with(object / foreign, 1));
  if (config) return {};
  const std::string& detail = config.error().detail;
  const auto list = detail.find("known here: ");
  if (list == std::string::npos) {
    ADD_FAILURE() << object << ": " << detail;
    return {};
  }
  std::set<std::string> keys;
  const std::regex quoted("\"([^\"]+)\"");
  for (std::sregex_iterator found(detail.begin() + static_cast<std::ptrdiff_t>(list), detail.end(),
                                  quoted);
       found != std::sregex_iterator(); ++found)
    keys.insert((*found)[1]);
  return keys;
}

TEST(ConfigSchema, SampleIsGoodAndHasEveryKeyButChoices) {
  expect_taken(sample_document(), Pointer(), "the sample");
  std::size_t leaves = 0;
  walk([&](const Json&, const Pointer&) { ++leaves; });
  EXPECT_GT(leaves, 50U);
}

TEST(ConfigSchema, HasExactlyTheKeysThatTheParserKnows) {
  std::size_t objects = 0;
  walk([&](const Json& node, const Pointer& at) {
    if (!node.contains("properties")) return;
    ++objects;
    EXPECT_EQ(properties_of(node), known_keys(at)) << "of " << at;
    EXPECT_EQ(node.value("additionalProperties", Json()), Json(false)) << at;
  });
  EXPECT_GT(objects, 10U);
}

TEST(ConfigSchema, SampleHasEveryKeyOfTheSchemaThatIsNoChoice) {
  const Json document = sample_document();
  walk([&](const Json& node, const Pointer& at) {
    if (node.contains("maxProperties")) return;
    for (const std::string& name : properties_of(node)) {
      if (name == "tpm" && document.contains(at / "module")) continue;  // Instead of a module.
      const bool of_proxy = name == "certificate_header" || name == "trusted_networks";
      if (of_proxy && document.contains("tls")) continue;
      EXPECT_TRUE(document.contains(at / name)) << at / name << ": the other tests pass it over";
    }
  });
}

/// The sample with its store's keys in a TPM.
Json tpm_sample() {
  Json document = sample_document();
  Json& store = document["hsm"]["stores"]["main"];
  for (const char* key : {"profile", "module", "token", "attestation"}) store.erase(key);
  store["tpm"] = {{"tcti", "device:/dev/tpmrm0"},
                  {"blobs", "blobs"},
                  {"owner", {{"file", "owner"}}},
                  {"boot_policy", {{"authority", "boot.pem"}, {"approved", "boot.json"}}}};
  return document;
}

TEST(ConfigSchema, HasTheKeysOfATpm) {
  const Pointer tpm("/hsm/stores/main/tpm");
  const Json node =
      schema().at(Pointer("/properties/hsm/properties/stores/additionalProperties/properties/tpm"));
  const Json document = tpm_sample();
  expect_taken(document, tpm, "whole");
  EXPECT_EQ(properties_of(node), (std::set<std::string>{"tcti", "blobs", "owner", "boot_policy"}));
  for (const std::string& name : properties_of(node)) {
    Json lacking = document;
    lacking.at(tpm).erase(name);
    if (node["required"].front() == name)
      expect_refused(lacking, tpm / name, "left out");
    else
      expect_taken(lacking, tpm / name, "left out");
    Json wrong = document;
    wrong[tpm / name] = 7;
    expect_refused(wrong, tpm / name, "of another type");
  }
  Json unknown = document;
  unknown[tpm / "colour"] = "red";
  expect_refused(unknown, tpm, "with a foreign key");
  Json attested = document;
  attested["hsm"]["stores"]["main"]["attestation"] = {{"kind", "yubihsm-attestation"},
                                                      {"directory", "attestations"}};
  expect_refused(attested, Pointer("/hsm/stores/main/attestation"), "beside a TPM");
}

TEST(ConfigSchema, SaysOfEveryKeyWhatItIsFor) {
  const Json whole = schema();
  walk([&](const Json& node, const Pointer&) {
    for (const std::string& name : properties_of(node))
      EXPECT_GT(node["properties"][name].value("description", "").size(), 3U) << name;
  });
}

TEST(ConfigSchema, RequiresWhatTheParserRequires) {
  walk([&](const Json& node, const Pointer& at) {
    Json required = node.value("required", Json::array());
    const Json dependent = node.value("dependentRequired", Json::object());
    for (const auto& [name, names] : dependent.items()) {
      if (sample_document().contains(at / name))
        required.insert(required.end(), names.begin(), names.end());
    }
    for (const std::string& name : properties_of(node)) {
      const Pointer place = at / name;
      if (!sample_document().contains(place)) continue;
      const bool is_required =
          std::find(required.begin(), required.end(), name) != required.end() ||
          place == Pointer("/tls") || node.contains("minProperties");
      if (is_required)
        expect_refused(without(place), place, "left out");
      else
        expect_taken(without(place), place, "left out");
    }
  });
}

TEST(ConfigSchema, HasTheParsersRanges) {
  std::size_t ranges = 0;
  walk([&](const Json& node, const Pointer& at) {
    if (node.value("type", "") != "integer") return;
    ++ranges;
    const auto least = node["minimum"].get<std::int64_t>();
    const auto most = node["maximum"].get<std::int64_t>();
    expect_refused(with(at, least - 1), at, "below");
    expect_taken(with(at, least == 0 && at.parent_pointer().back() == "pcrs" ? 2 : least), at,
                 "the least");
    expect_taken(with(at, most), at, "the most");
    expect_refused(with(at, most + 1), at, "beyond");
    expect_refused(with(at, std::to_string(least)), at, "text");
  });
  EXPECT_GT(ranges, 15U);
}

TEST(ConfigSchema, HasTheParsersWords) {
  std::size_t choices = 0;
  walk([&](const Json& node, const Pointer& at) {
    if (!node.contains("enum")) return;
    ++choices;
    for (const Json& word : node["enum"]) expect_taken(with(at, word), at, word.dump());
    const auto refused = parse_document(with(at, "no-such-word"));
    ASSERT_FALSE(refused) << at;
    for (const Json& word : node["enum"])
      EXPECT_NE(refused.error().detail.find(word.dump()), std::string::npos) << at;
    const auto quotes =
        std::count(refused.error().detail.begin(), refused.error().detail.end(), '"');
    EXPECT_EQ(static_cast<std::size_t>(quotes), 2 + 2 * node["enum"].size())
        << at << " takes a word that the schema does not name: " << refused.error().detail;
  });
  EXPECT_GE(choices, 4U);
}

TEST(ConfigSchema, HasTheParsersTypes) {
  const std::map<std::string, Json> others{{"string", 1},
                                           {"integer", true},
                                           {"boolean", "true"},
                                           {"object", Json::array({1})},
                                           {"array", Json("a")}};
  walk([&](const Json& node, const Pointer& at) {
    if (at == Pointer() || !node.contains("type")) return;
    // A number is none of the alternatives.
    const Json other = node.contains("one of several") ? Json(1) : others.at(node["type"]);
    expect_refused(with(at, other), at, "of another type");
    expect_refused(with(at, nullptr), at, "null");
  });
}

TEST(ConfigSchema, NamesTheParsersDefaults) {
  const Config absent = *parse_document(Json::parse(R"({
    "issuer": "https://a.example", "listen": [{"address": "::", "port": 1}],
    "plain_http_behind_trusted_proxy": true, "admin": {"socket": "s"}, "state_directory": "d",
    "hsm": {"stores": {"main": {"module": "m", "token": "t", "pin": {"file": "p"}}}},
    "enrolment": {"mode": "open", "tpm2": {"roots": "r"}}, "policy": "p"})"));
  const Json whole = schema();
  const auto said = [&](const std::string& pointer) {
    return whole.at(Pointer(pointer))["default"].get<std::int64_t>();
  };
  const std::string http = "/properties/http/properties/";
  EXPECT_EQ(said(http + "request_line_octets"), absent.http.request_line_octets);
  EXPECT_EQ(said(http + "header_octets"), absent.http.header_octets);
  EXPECT_EQ(said(http + "header_fields"), absent.http.header_fields);
  EXPECT_EQ(said(http + "body_octets"), absent.http.body_octets);
  EXPECT_EQ(said(http + "evidence_octets"), absent.http.evidence_octets);
  EXPECT_EQ(said(http + "evidence_at_once"), absent.http.evidence_at_once);
  EXPECT_EQ(said(http + "handshake_ms"), absent.http.handshake.count());
  EXPECT_EQ(said(http + "header_ms"), absent.http.header.count());
  EXPECT_EQ(said(http + "body_ms"), absent.http.body.count());
  EXPECT_EQ(said(http + "idle_ms"), absent.http.idle.count());
  EXPECT_EQ(said(http + "write_ms"), absent.http.write.count());
  EXPECT_EQ(said(http + "connections"), absent.http.connections);
  EXPECT_EQ(said(http + "connections_per_address"), absent.http.connections_per_address);
  EXPECT_EQ(said(http + "handshake_threads"), absent.http.handshake_threads);
  EXPECT_EQ(said(http + "handshakes_waiting"), absent.http.handshakes_waiting);
  const std::string store = "/properties/hsm/properties/stores/additionalProperties/properties/";
  EXPECT_EQ(said(store + "sessions"), absent.stores[0].sessions);
  EXPECT_EQ(said(store + "queue"), absent.stores[0].queue);
  EXPECT_EQ(said(store + "call_deadline_ms"), absent.stores[0].call_deadline.count());
  EXPECT_EQ(said(store + "start_up_ms"), absent.stores[0].start_up.count());
  EXPECT_EQ(said(store + "key_change_ms"), absent.stores[0].key_change.count());
  const Json& sandbox = whole.at(Pointer(store + "sandbox"))["properties"];
  EXPECT_EQ(sandbox["network"]["default"], absent.stores[0].sandbox.network ? "host" : "none");
  EXPECT_EQ(sandbox["seccomp"]["default"], absent.stores[0].sandbox.seccomp);
  EXPECT_EQ(said("/properties/tokens/properties/longest_life_seconds"),
            absent.longest_token_life.count());
  EXPECT_EQ(said("/properties/results/properties/life_seconds"), absent.results.life.count());
  EXPECT_FALSE(absent.results.enabled);
  EXPECT_EQ(whole.at(Pointer("/properties/results/properties/enabled"))["default"], false);
  EXPECT_EQ(said("/properties/enrolment/properties/freshness_seconds"),
            absent.enrolment.freshness.count());
  const std::string revocation = "/properties/revocation/properties/";
  EXPECT_EQ(said(revocation + "bound_seconds"), absent.revocation.bound.count());
  EXPECT_EQ(said(revocation + "status_bits"), absent.revocation.status_bits);
  EXPECT_EQ(said(revocation + "list_entries"), absent.revocation.list_entries);
  EXPECT_EQ(said(revocation + "list_ttl_seconds"), absent.revocation.list_ttl.count());
  EXPECT_EQ(said(revocation + "list_life_seconds"), absent.revocation.list_life.count());
  EXPECT_EQ(said(revocation + "subscribers"), absent.revocation.subscribers);
  EXPECT_EQ(said(revocation + "keep_issued_seconds"), absent.revocation.keep_issued.count());
  const std::string pending = "/properties/enrolment/properties/pending/properties/";
  EXPECT_EQ(said(pending + "per_root"), absent.enrolment.pending.per_root);
  EXPECT_EQ(said(pending + "per_address"), absent.enrolment.pending.per_address);
  EXPECT_EQ(said(pending + "keep_seconds"), absent.enrolment.pending.keep.count());
  EXPECT_EQ(said("/properties/front/properties/threads"), absent.front_threads);
  const std::string acknowledge = "/properties/keys/properties/acknowledge/properties/";
  EXPECT_EQ(said(acknowledge + "deadline_seconds"), absent.keys.acknowledge.deadline.count());
  EXPECT_EQ(said(acknowledge + "forget_seconds"), absent.keys.acknowledge.forget.count());
}

}  // namespace
}  // namespace mintmark::config
