#include <algorithm>
#include <array>

#include "attest/eventlog/facts.h"
#include "attest/eventlog/pcr7.h"
#include "attest/eventlog/signatures.h"

namespace mintmark::attest::eventlog {
namespace {

// Configuration beside that of Secure Boot's own variables.
bool is_other_configuration(const Variable& variable) {
  constexpr std::array names = {"AuditMode", "DeployedMode", "SetupMode",  "dbt",
                                "dbr",       "PKDefault",    "KEKDefault", "VendorKeys"};
  return std::find(names.begin(), names.end(), variable.name) != names.end();
}

}  // namespace

void add_authorities(const View& view, BootFacts& facts) {
  const auto events = view.of_pcr(7);
  if (const std::string why = why_not_proven(view, events); !why.empty()) {
    facts.not_known["authorities"] = why;
    return;
  }
  for (const Seen* const seen : events) {
    const auto variable = variable_in(*seen);
    if (!variable || configuration_in(*seen) || is_other_configuration(*variable)) continue;
    facts.authorities.push_back(
        {seen->event->number, variable->name, read_authority(variable->content)});
  }
}

}  // namespace mintmark::attest::eventlog
