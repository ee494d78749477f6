#include <algorithm>

#include "attest/eventlog/device_path.h"
#include "attest/eventlog/event_types.h"
#include "attest/eventlog/facts.h"
#include "attest/eventlog/text.h"

namespace mintmark::attest::eventlog {
namespace {

constexpr std::size_t longest_words = 256;

// Separators, and what actions say. Other data that hash to the digest do not count: who knows the
// octets that an image's hash is taken over could log them as data.
bool is_words(const Seen& seen, const Bank& bank) {
  if (separator_of(seen, bank) != Separator::none) return true;
  return seen.proven.proof == Proof::whole && seen.event->data.size() <= longest_words &&
         is_plain_text(seen.event->data);
}

// PCR 2 and 4 are where images go; elsewhere, and in a TD's registers, the log's word is taken.
bool is_image(const View& view, const Seen& seen) {
  const Event& event = *seen.event;
  if (!event.extends() || seen.digest.empty()) return false;
  if (view.of_td || (event.pcr != 2 && event.pcr != 4)) return is_image_type(event.type);
  return !is_words(seen, *view.bank);
}

void tell_if_not_quoted(const View& view, unsigned pcr, const char* fact, BootFacts& facts) {
  const auto events = view.of_pcr(pcr);
  if (events.empty())
    facts.not_known[fact] = "PCR " + std::to_string(pcr) + " has no event";
  else if (!events.front()->covered)
    facts.not_known[fact] = "PCR " + std::to_string(pcr) + " was not quoted";
}

}  // namespace

void add_images(const View& view, BootFacts& facts) {
  for (const Seen& seen : view.events) {
    if (!seen.covered || !is_image(view, seen)) continue;
    const Event& event = *seen.event;
    facts.images.push_back({event.number, event.pcr, type_name(event.type),
                            is_image_type(event.type) ? image_path(event.data) : std::string(),
                            seen.digest});
  }
  tell_if_not_quoted(view, 4, "images", facts);
  tell_if_not_quoted(view, 2, "drivers", facts);
}

}  // namespace mintmark::attest::eventlog
