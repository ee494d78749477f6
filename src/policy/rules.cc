#include "policy/rules.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "config/reader.h"
#include "policy/names.h"

namespace mintmark::policy {
namespace {

using config::ObjectReader;
using Check = std::string (*)(std::string_view);

constexpr std::int64_t day = 86400;

/// A list with at least one text, each good by `wrong_with`, none twice.
std::vector<std::string> checked_texts(ObjectReader& reader, const char* key, Check wrong_with) {
  std::vector<std::string> all = reader.texts(key);
  if (reader.failed()) return {};
  if (all.empty()) reader.refuse(key, "must hold at least one text");
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string wrong = wrong_with(all[i]);
    if (!wrong.empty()) reader.refuse_element(key, i, wrong);
    if (!seen.insert(all[i]).second) reader.refuse_element(key, i, "stands twice");
  }
  return all;
}

std::vector<std::string> condition(ObjectReader& match, const char* key, Check wrong_with) {
  // Asked for also when absent, so that the key is known.
  return match.has(key) ? checked_texts(match, key, wrong_with)
                        : match.texts(key, std::vector<std::string>{});
}

std::vector<std::string> in_lower_case(std::vector<std::string> all) {
  for (auto& text : all) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  }
  return all;
}

std::string wrong_with_nothing(std::string_view /*text*/) { return ""; }

std::optional<std::string> word(ObjectReader& match, const char* key, const char* only) {
  const std::string value = match.choice(key, {only}, "");
  return value.empty() ? std::nullopt : std::optional(value);
}

void read_labels(ObjectReader& match_reader, Match& match) {
  match_reader.text_members("labels", [&](const std::string& name, const std::string& value) {
    match.labels.emplace(name, value);
  });
  if (match_reader.has("labels") && match.labels.empty()) {
    match_reader.refuse("labels", R"(must hold at least one label: {"site": "berlin"})");
  }
}

void read_pcrs(ObjectReader& match_reader, Match& match) {
  match_reader.object("pcrs", false, [&](ObjectReader& pcrs) {
    for (const std::string& name : pcrs.names()) {
      const auto index = pcr_index(name);
      if (!index) {
        pcrs.refuse(name.c_str(), "must be the number of a PCR, from 0 to 23");
        return;
      }
      match.pcrs[*index] = in_lower_case(checked_texts(pcrs, name.c_str(), wrong_with_sha256));
    }
    if (match.pcrs.empty()) pcrs.refuse_here(R"(must hold at least one PCR: {"7": ["HEX"]})");
  });
}

Match read_match(ObjectReader& rule) {
  Match match;
  rule.object("match", true, [&](ObjectReader& reader) {
    if (reader.size() == 0) {
      reader.refuse_here(
          R"(must not be empty, since it would match every device; write {"format": "tpm2"} at least)");
    }
    match.format = word(reader, "format", "tpm2");
    match.key_protection = word(reader, "key_protection", "hardware");
    match.manufacturers = in_lower_case(condition(reader, "manufacturer", wrong_with_manufacturer));
    match.roots = in_lower_case(condition(reader, "root", wrong_with_sha256));
    match.models = condition(reader, "model", wrong_with_nothing);
    read_labels(reader, match);
    read_pcrs(reader, match);
  });
  return match;
}

void read_grant(ObjectReader& reader, Rule& rule) {
  AudienceGrant grant;
  grant.audience = reader.text("audience");
  if (!reader.failed()) {
    const std::string wrong = wrong_with_audience(grant.audience);
    if (!wrong.empty()) reader.refuse("audience", wrong);
    if (rule.grant_for(grant.audience) != nullptr) {
      reader.refuse("audience",
                    "stands in an earlier grant of this rule; put all its scopes into one");
    }
  }
  grant.scopes = checked_texts(reader, "scopes", wrong_with_scope);
  const bool limited = reader.has("longest_life_seconds");
  const std::int64_t life = reader.integer("longest_life_seconds", 1, day, day);
  if (limited) grant.longest_life = std::chrono::seconds(life);
  rule.grants.push_back(std::move(grant));
}

void read_grants(ObjectReader& reader, Rule& rule) {
  reader.objects("grant", true, [&](ObjectReader& grant) { read_grant(grant, rule); });
  rule.default_audience = reader.text("default_audience", "");
  if (reader.failed()) return;
  if (rule.grants.empty()) {
    reader.refuse("grant", R"(must hold at least one {"audience": …, "scopes": […]})");
  }
  if (!rule.default_audience.empty() && rule.grant_for(rule.default_audience) == nullptr) {
    reader.refuse("default_audience", "must be an audience that this rule grants");
  }
}

void read_rule(ObjectReader& reader, std::vector<Rule>& rules) {
  Rule rule;
  rule.name = reader.text("name");
  const bool taken = std::any_of(rules.begin(), rules.end(),
                                 [&](const Rule& other) { return other.name == rule.name; });
  if (taken) reader.refuse("name", "is another rule's name too; each rule must have its own");
  if (rule.name.size() > 64) reader.refuse("name", "must be at most 64 octets long");
  rule.match = read_match(reader);
  read_grants(reader, rule);
  rules.push_back(std::move(rule));
}

}  // namespace

Result<std::vector<Rule>> read_rules(const std::string& file, std::string_view text) {
  const auto document = parse_json_document(file, text);
  if (!document) return fail(Code::policy_invalid, document.error().detail);
  ObjectReader root(*document, Code::policy_invalid);
  std::vector<Rule> rules;
  root.objects("rules", true, [&](ObjectReader& rule) { read_rule(rule, rules); });
  if (auto read = root.finish(); !read) return pass_on(read);
  return rules;
}

}  // namespace mintmark::policy
