#include "policy/needed_pcrs.h"

#include <algorithm>
#include <set>
#include <string>

namespace mintmark::policy {
namespace {

using Pcrs = std::set<unsigned>;

/// Calls `add` with each condition's key and its PCRs, as the judges of facts have them
/// (attest/eventlog, attest/ima).
template <typename Add>
void each_condition(const Expect& expect, const Add& add) {
  for (const auto& [pcr, values] : expect.pcrs) add("pcrs", Pcrs{pcr});
  if (expect.reference) add("reference", expect.reference->named());
  if (expect.baseline) add("baseline", expect.baseline->named());
  const auto add_if = [&](bool stands, const char* key, const Pcrs& pcrs) {
    if (stands) add(key, pcrs);
  };
  add_if(expect.secure_boot, "secure_boot", {7});
  add_if(!expect.dbx_contains.empty(), "dbx_contains", {7});
  add_if(!expect.db_only.empty(), "db_only", {7});
  add_if(!expect.kek_only.empty(), "kek_only", {7});
  add_if(!expect.pk_only.empty(), "pk_only", {7});
  add_if(!expect.boot_signers.empty(), "boot_signers", {7});
  add_if(!expect.boot_applications.empty(), "boot_applications", {4});
  const bool drivers_alone = expect.boot_applications.empty();
  add_if(!expect.drivers.empty(), "drivers", drivers_alone ? Pcrs{2, 4} : Pcrs{2});
  add_if(!expect.firmware_versions.empty(), "firmware_version", {0});
  add_if(expect.exit_boot_services, "exit_boot_services", {5});
  const CommandLineExpect& line = expect.kernel_command_line;
  add_if(!line.contains.empty() || !line.lacks.empty() || !line.is.empty(), "kernel_command_line",
         {8, 12});
  add_if(expect.ima.has_value(), "ima", {10});
}

}  // namespace

NeededPcrs needed_pcrs_of(const Rules& rules) {
  NeededPcrs needed;
  for (const Rule& rule : rules.tokens) {
    // Other formats bring the PCRs that they have.
    const auto& formats = rule.match.formats;
    if (!formats.empty() && std::find(formats.begin(), formats.end(), "tpm2") == formats.end())
      continue;
    for (const auto& [pcr, values] : rule.match.pcrs)
      needed[pcr].push_back("rule \"" + rule.name + "\": pcrs");
  }
  for (const BootRule& rule : rules.boot) {
    each_condition(rule.expect, [&](const char* key, const Pcrs& pcrs) {
      for (const unsigned pcr : pcrs)
        needed[pcr].push_back("boot rule \"" + rule.name + "\": " + key);
    });
  }
  return needed;
}

}  // namespace mintmark::policy
