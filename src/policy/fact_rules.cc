#include "policy/fact_rules.h"

#include <algorithm>

#include "attest/vocabulary.h"
#include "base/bytes.h"
#include "policy/texts.h"

namespace mintmark::policy {
namespace {

using config::ObjectReader;
using Texts = std::vector<std::string>;

constexpr std::int64_t least_number = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t most_number = std::numeric_limits<std::int64_t>::max();

bool among(const Texts& texts, const std::string& one) {
  return std::find(texts.begin(), texts.end(), one) != texts.end();
}

// Hexadecimal comes in either case from people; facts have it in lower case.
Texts hex_in_lower_case(Texts texts) {
  for (std::string& text : texts) {
    const bool digest =
        text.size() >= 40 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    if (digest) text = in_lower_case(std::move(text));
  }
  return texts;
}

Texts one_or_some(ObjectReader& facts, const char* name) {
  if (!facts.is_text(name))
    return hex_in_lower_case(checked_texts(facts, name, wrong_with_nothing));
  return hex_in_lower_case({facts.text(name)});
}

void read_range(ObjectReader& facts, const char* name, FactCondition& condition) {
  facts.object(name, true, [&](ObjectReader& range) {
    condition.least = range.integer("at_least", 0, most_number, least_number);
    condition.most = range.integer("at_most", 0, most_number, most_number);
    if (!range.failed() && range.size() == 0)
      range.refuse_here(R"(must say "at_least", "at_most" or both: {"at_least": 202501})");
    if (!range.failed() && condition.least > condition.most)
      range.refuse("at_most", "must not be below at_least");
  });
}

void read_texts(ObjectReader& facts, const char* name, FactCondition& condition) {
  if (!facts.is_object(name)) {
    condition.any = one_or_some(facts, name);
    return;
  }
  facts.object(name, true, [&](ObjectReader& object) {
    condition.only = hex_in_lower_case(object.texts("only"));
  });
}

FactCondition read_condition(ObjectReader& facts, const attest::FactName& fact) {
  FactCondition condition;
  switch (fact.kind) {
    case attest::FactKind::boolean:
      condition.is = facts.boolean(fact.name);
      break;
    case attest::FactKind::number:
      read_range(facts, fact.name, condition);
      break;
    case attest::FactKind::texts:
      read_texts(facts, fact.name, condition);
      break;
    case attest::FactKind::text:
      condition.any = one_or_some(facts, fact.name);
      break;
  }
  return condition;
}

std::string joined(const Texts& texts, const char* between) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : between) + printable(text, 128);
  return all;
}

}  // namespace

bool FactCondition::holds(const attest::FactValue& value) const {
  if (const auto* text = std::get_if<std::string>(&value)) return among(any, *text);
  if (const auto* boolean = std::get_if<bool>(&value)) return is == *boolean;
  if (const auto* number = std::get_if<std::int64_t>(&value))
    return !is && any.empty() && !only && *number >= least && *number <= most;
  const auto& texts = std::get<Texts>(value);
  if (only)
    return std::all_of(texts.begin(), texts.end(),
                       [this](const std::string& one) { return among(*only, one); });
  return std::any_of(texts.begin(), texts.end(),
                     [this](const std::string& one) { return among(any, one); });
}

std::string FactCondition::text() const {
  if (is) return *is ? "true" : "false";
  if (only) return only->empty() ? "none" : "only " + joined(*only, ", ");
  if (!any.empty()) return joined(any, " or ");
  std::string words;
  if (least != least_number) words = "at least " + std::to_string(least);
  if (most != most_number)
    words += (words.empty() ? "at most " : ", at most ") + std::to_string(most);
  return words;
}

std::string fact_text(const attest::FactValue& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    return text->empty() ? "nothing" : printable(*text, 128);
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  const auto& texts = std::get<Texts>(value);
  return texts.empty() ? "none" : joined(texts, ", ");
}

FactConditions read_facts(ObjectReader& match) {
  FactConditions conditions;
  match.object("facts", false, [&](ObjectReader& facts) {
    for (const std::string& name : facts.names()) {
      const attest::FactName* fact = attest::fact_named(name);
      if (fact == nullptr) {
        std::string known;
        for (const attest::FactName& one : attest::fact_names())
          known += (known.empty() ? "" : ", ") + std::string(one.name);
        facts.refuse(name.c_str(), "is no fact that any format tells; these are: " + known);
        return;
      }
      conditions.emplace(name, read_condition(facts, *fact));
    }
    if (conditions.empty())
      facts.refuse_here(R"(must hold at least one fact: {"security_level": "strongbox"})");
  });
  return conditions;
}

}  // namespace mintmark::policy
