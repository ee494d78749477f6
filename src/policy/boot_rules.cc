#include "policy/boot_rules.h"

#include <algorithm>

namespace mintmark::policy {
namespace {

using config::ObjectReader;

constexpr std::int64_t least_again = 60;
constexpr std::int64_t most_again = 30 * 86'400;

void read_boot_rule(ObjectReader& reader, ReferenceFiles& files, std::vector<BootRule>& rules) {
  BootRule rule;
  rule.index = rules.size();
  rule.name = reader.text("name");
  const bool taken = std::any_of(rules.begin(), rules.end(),
                                 [&](const BootRule& other) { return other.name == rule.name; });
  if (taken) reader.refuse("name", "is another boot rule's name too; each must have its own");
  if (rule.name.size() > 64) reader.refuse("name", "must be at most 64 octets long");
  rule.match = read_match(reader, MatchOf::boot);
  rule.mode = reader.choice("mode", {"monitor", "enforce"}) == "monitor" ? BootMode::monitor
                                                                         : BootMode::enforce;
  rule.expect = read_expect(reader, files);
  const bool limited = reader.has("attest_again_seconds");
  const auto again = reader.integer("attest_again_seconds", least_again, most_again, most_again);
  if (limited) rule.attest_again = std::chrono::seconds(again);
  rules.push_back(std::move(rule));
}

}  // namespace

template <typename File, typename Read>
std::shared_ptr<const File> ReferenceFiles::file(
    std::map<std::string, std::shared_ptr<const File>>& known, ObjectReader& reader,
    const char* key, Read read) {
  const std::string name = reader.text(key);
  if (reader.failed()) return nullptr;
  if (const auto found = known.find(name); found != known.end()) return found->second;
  const auto text = read_(name);
  if (!text) {
    reader.refuse(key, "names a file that cannot be had: " + text.error().detail);
    not_to_be_had_ = true;
    return nullptr;
  }
  auto content = read(name, *text);
  if (!content) {
    reader.refuse(key, "names a file that is not good");
    not_good_ = std::move(content.error());
    return nullptr;
  }
  return known[name] = std::make_shared<const File>(std::move(*content));
}

std::shared_ptr<const Reference> ReferenceFiles::reference(ObjectReader& reader, const char* key) {
  return file(references_, reader, key, read_reference);
}

std::shared_ptr<const ImaReference> ReferenceFiles::ima_reference(ObjectReader& reader,
                                                                  const char* key) {
  return file(ima_references_, reader, key, read_ima_reference);
}

Error ReferenceFiles::told(Error of_document) const {
  if (not_good_) return *not_good_;
  if (not_to_be_had_) of_document.code = Code::reference_invalid;
  return of_document;
}

std::vector<BootRule> read_boot_rules(ObjectReader& root, ReferenceFiles& files) {
  std::vector<BootRule> rules;
  root.objects("boot", false, [&](ObjectReader& rule) { read_boot_rule(rule, files, rules); });
  return rules;
}

}  // namespace mintmark::policy
