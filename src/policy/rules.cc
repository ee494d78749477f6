#include "policy/rules.h"

#include <algorithm>

#include "config/reader.h"
#include "policy/names.h"
#include "policy/texts.h"

namespace mintmark::policy {
namespace {

using config::ObjectReader;

constexpr std::int64_t day = 86400;

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
  rule.standing_tokens_end =
      reader.choice("standing_tokens", {"keep", "revoke"}, "keep") == "revoke";
  rules.push_back(std::move(rule));
}

}  // namespace

const AudienceGrant* Rule::grant_for(const std::string& audience) const {
  const std::string& wanted = audience.empty() ? default_audience : audience;
  const auto found = std::find_if(grants.begin(), grants.end(), [&](const AudienceGrant& grant) {
    return grant.audience == wanted;
  });
  return found == grants.end() ? nullptr : &*found;
}

Result<Rules> read_rules(const std::string& file, std::string_view text, const ReadNamed& read) {
  const auto document = parse_json_document(file, text);
  if (!document) return fail(Code::policy_invalid, document.error().detail);
  ObjectReader root(*document, Code::policy_invalid);
  Rules rules;
  ReferenceFiles files(read);
  root.objects("rules", true, [&](ObjectReader& rule) { read_rule(rule, rules.tokens); });
  rules.boot = read_boot_rules(root, files);
  if (auto done = root.finish(); !done)
    return tl::unexpected<Error>(files.told(std::move(done.error())));
  return rules;
}

}  // namespace mintmark::policy
