#include <set>

#include "attest/eventlog/event_types.h"
#include "attest/eventlog/facts.h"
#include "attest/eventlog/pcr7.h"
#include "attest/eventlog/signatures.h"
#include "attest/eventlog/text.h"

namespace mintmark::attest::eventlog {
namespace {

constexpr std::array facts_of_pcr7 = {"secure_boot", "pk", "kek", "db", "dbx"};

// Also of what was read already.
void nothing_known(BootFacts& facts, const std::string& why) {
  facts.secure_boot.reset();
  for (auto* const list : {&facts.pk, &facts.kek, &facts.db, &facts.dbx}) list->clear();
  for (const char* const fact : facts_of_pcr7) facts.not_known[fact] = why;
}

std::string fact_named(const std::string& variable) {
  if (variable == "SecureBoot") return "secure_boot";
  if (variable == "PK") return "pk";
  return variable == "KEK" ? "kek" : variable;
}

// A variable that is not there is measured with no content (TCG PC Client PFP §3.3.4.8).
std::optional<bool> state_of(BytesView content) {
  if (content.empty()) return false;
  if (content.size() != 1 || content.front() > 1) return std::nullopt;
  return content.front() == 1;
}

// Whoever held the debugger could change what the firmware measured (TCG PC Client PFP §3.3.4.8).
bool tells_of_debugging(const Seen& seen) {
  return seen.hashed_whole() &&
         as_text(without_terminators(seen.proven.octets)) == "UEFI Debug Mode";
}

class Reading {
 public:
  explicit Reading(BootFacts& facts) : facts_(facts) {}

  void take(const Seen& seen, const Variable& variable, bool after_separator) {
    const std::string fact = fact_named(variable.name);
    const std::string event = "event " + std::to_string(seen.event->number);
    if (after_separator)
      facts_.not_known[fact] = event + " measures " + variable.name + " after PCR 7's separator";
    else if (!met_.insert(fact).second)
      facts_.not_known[fact] = event + " measures " + variable.name + " a second time";
    else if (!variable.exact || !read(fact, variable.content))
      facts_.not_known[fact] = event + ": the content of " + variable.name + " is malformed";
  }

  void finish() {
    for (const char* const fact : facts_of_pcr7) {
      if (met_.count(fact) == 0 && facts_.not_known.count(fact) == 0)
        facts_.not_known[fact] = "not measured before PCR 7's separator";
      if (facts_.not_known.count(fact) != 0) forget(fact);
    }
  }

 private:
  bool read(const std::string& fact, BytesView content) {
    if (fact == "secure_boot") {
      facts_.secure_boot = state_of(content);
      return facts_.secure_boot.has_value();
    }
    auto entries = read_signatures(content);
    if (entries) *list(fact) = std::move(*entries);
    return entries.has_value();
  }
  void forget(const std::string& fact) {
    if (fact == "secure_boot")
      facts_.secure_boot.reset();
    else
      list(fact)->clear();
  }
  std::vector<SignatureEntry>* list(const std::string& fact) {
    if (fact == "pk") return &facts_.pk;
    if (fact == "kek") return &facts_.kek;
    return fact == "db" ? &facts_.db : &facts_.dbx;
  }

  BootFacts& facts_;
  std::set<std::string> met_;
};

}  // namespace

void add_secure_boot(const View& view, BootFacts& facts) {
  const auto events = view.of_pcr(7);
  if (const std::string why = why_not_proven(view, events); !why.empty())
    return nothing_known(facts, why);
  Reading reading(facts);
  bool separated = false;
  for (const Seen* const seen : events) {
    const Separator separator = separator_of(*seen, *view.bank);
    if (separator == Separator::error)
      return nothing_known(facts, "event " + std::to_string(seen->event->number) +
                                      ": the firmware reported an error in PCR 7");
    separated = separated || separator == Separator::normal;
    if (tells_of_debugging(*seen)) {
      return nothing_known(facts, "event " + std::to_string(seen->event->number) +
                                      ": the firmware was in UEFI debug mode");
    }
    const auto variable = configuration_in(*seen);
    if (variable) reading.take(*seen, *variable, separated);
  }
  if (!separated) return nothing_known(facts, "PCR 7 has no separator");
  reading.finish();
}

}  // namespace mintmark::attest::eventlog
