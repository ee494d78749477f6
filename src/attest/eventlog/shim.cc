#include "attest/eventlog/event_types.h"
#include "attest/eventlog/facts.h"
#include "attest/eventlog/pcr7.h"
#include "attest/eventlog/text.h"

namespace mintmark::attest::eventlog {
namespace {

std::string value_text(BytesView content) {
  if (is_plain_text(content)) {
    std::string text(as_text(without_terminators(content)));
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return for_people(text, 512);
  }
  if (content.size() == 1) return std::to_string(content.front());
  return to_hex(sha256(content));
}

}  // namespace

void add_shim(const View& view, BootFacts& facts) {
  const auto in_pcr7 = view.of_pcr(7);
  const bool proven = why_not_proven(view, in_pcr7).empty();
  for (const Seen* const seen : in_pcr7) {
    const auto variable = proven ? variable_in(*seen) : std::nullopt;
    if (variable && variable->guid == shim_lock && variable->name != "Shim")
      facts.shim.emplace(for_people(variable->name), value_text(variable->content));
  }
  for (const Seen* const seen : view.of_pcr(14)) {
    const BytesView name = without_terminators(seen->event->data);
    if (!seen->covered || seen->event->type != ev_ipl || name.size() > 64 || !is_plain_text(name))
      continue;
    facts.shim.emplace(for_people(as_text(name)), seen->digest);
  }
}

}  // namespace mintmark::attest::eventlog
