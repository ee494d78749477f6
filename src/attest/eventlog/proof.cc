#include "attest/eventlog/proof.h"

#include <algorithm>

#include "attest/eventlog/event_types.h"
#include "attest/eventlog/text.h"
#include "attest/eventlog/variable.h"

namespace mintmark::attest::eventlog {
namespace {

bool hashes_to(const Bank& bank, BytesView octets, BytesView digest) {
  const Bytes computed = bank.digest(octets);
  return std::equal(computed.begin(), computed.end(), digest.begin(), digest.end());
}

// GRUB hashes what stands behind its prefix, without the terminator that it logs.
Proven grub_text(BytesView data, const Bank& bank, BytesView digest) {
  const BytesView text = data.subspan(grub_prefix(data).size());
  if (hashes_to(bank, without_terminators(text), digest))
    return {Proof::text, without_terminators(text)};
  if (hashes_to(bank, text, digest)) return {Proof::text, text};
  return {};
}

// systemd-stub logs a section's name as UTF-16 and hashes it as ASCII, terminator included.
Proven section_name(BytesView data, const Bank& bank, BytesView digest) {
  const auto name = utf16_text(data);
  if (!name || name->empty() || name->size() > 64) return {};
  std::string hashed = *name;
  hashed += '\0';
  if (hashes_to(bank, as_bytes(hashed), digest)) return {Proof::text, data};
  return {};
}

Proven ipl_text(const Event& event, const Bank& bank, BytesView digest) {
  if (const Proven grub = grub_text(event.data, bank, digest); grub.proof != Proof::nothing)
    return grub;
  return section_name(event.data, bank, digest);
}

}  // namespace

std::string_view grub_prefix(BytesView data) {
  // The last two are Red Hat's before GRUB 2.06.
  for (const std::string_view prefix : {"grub_cmd: ", "kernel_cmdline: ", "module_cmdline: ",
                                        "grub_cmd ", "grub_kernel_cmdline "}) {
    if (as_text(data).starts_with(prefix)) return prefix;
  }
  return {};
}

Proven proof_of(const Event& event, const Bank& bank) {
  const BytesView digest = event.digest(bank);
  if (digest.empty() || !event.extends()) return {};
  if (hashes_to(bank, event.data, digest)) return {Proof::whole, event.data};
  if (event.type == ev_ipl) return ipl_text(event, bank, digest);
  if (event.type == ev_efi_variable_authority && !event.data.empty()) {
    const BytesView all_but_last = event.data.first(event.data.size() - 1);
    if (hashes_to(bank, all_but_last, digest)) return {Proof::all_but_last, all_but_last};
  }
  if (is_variable_type(event.type)) {
    const auto variable = read_variable(event.data);
    if (variable && hashes_to(bank, variable->content, digest))
      return {Proof::content, variable->content};
  }
  return {};
}

}  // namespace mintmark::attest::eventlog
