#include "attest/eventlog/pcr7.h"

#include <algorithm>

#include "attest/eventlog/event_types.h"
#include "attest/eventlog/signatures.h"

namespace mintmark::attest::eventlog {
namespace {

// "SecureBoot" as firmware measures it: absent, off, on.
bool measures_secure_boot(const Seen& seen, const Bank& bank) {
  // GUID, lengths of name and content, name (TCG PC Client PFP §10.2.6).
  const Bytes head = *from_hex("61dfe48bca93d211aa0d00e098032b8c0a00000000000000");
  const Bytes name = *from_hex("53006500630075007200650042006f006f007400");
  for (const Bytes& content : {Bytes{}, Bytes{0}, Bytes{1}}) {
    Bytes whole = head;
    whole.push_back(static_cast<std::uint8_t>(content.size()));
    whole.resize(whole.size() + 7);
    whole.insert(whole.end(), name.begin(), name.end());
    whole.insert(whole.end(), content.begin(), content.end());
    if (seen.digest == to_hex(bank.digest(whole))) return true;
  }
  return false;
}

bool is_list(BytesView content) { return read_signatures(content).has_value(); }

}  // namespace

std::string why_not_proven(const View& view, const std::vector<const Seen*>& events) {
  if (events.empty()) return "PCR 7 has no event";
  if (!events.front()->covered) return "PCR 7 was not quoted";
  for (const Seen* const seen : events) {
    if (seen->hashed_whole() || separator_of(*seen, *view.bank) != Separator::none) continue;
    if (view.of_td && !measures_secure_boot(*seen, *view.bank)) continue;
    return "event " + std::to_string(seen->event->number) + " (" + type_name(seen->event->type) +
           ") in PCR 7: its data are not what was hashed";
  }
  return {};
}

std::optional<Variable> variable_in(const Seen& seen) {
  return seen.hashed_whole() ? read_variable(seen.proven.octets) : std::nullopt;
}

std::optional<Variable> configuration_in(const Seen& seen) {
  auto variable = variable_in(seen);
  if (!variable) return std::nullopt;
  const std::string& name = variable->name;
  if (variable->guid == efi_global_variable &&
      (name == "SecureBoot" || name == "PK" || name == "KEK"))
    return variable;
  if (variable->guid != image_security_database) return std::nullopt;
  // Authorities are entries of db under db's name; db itself is a list of them.
  if (name == "dbx" || (name == "db" && is_list(variable->content))) return variable;
  return std::nullopt;
}

}  // namespace mintmark::attest::eventlog
