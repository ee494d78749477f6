#include "attest/eventlog/judge.h"

#include "attest/eventlog/event_types.h"
#include "attest/eventlog/facts.h"

namespace mintmark::attest::eventlog {
namespace {

constexpr unsigned pcr_count = 24;

// Firmware and boot loaders extend these and are done when the kernel runs; 10 is IMA's, 11 and 15
// systemd's, 16 and 23 anybody's, 17 to 22 a dynamic launch's.
bool belongs_to_boot(unsigned pcr) { return pcr <= 9 || (pcr >= 12 && pcr <= 14); }

Result<const Bank*> bank_in(const Log& log, const std::string& name) {
  for (const Algorithm& algorithm : log.algorithms) {
    if (algorithm.bank != nullptr && algorithm.bank->name == name) return algorithm.bank;
  }
  std::string there;
  for (const Algorithm& algorithm : log.algorithms) {
    if (algorithm.bank != nullptr) there += " " + std::string(algorithm.bank->name);
  }
  return fail(Code::eventlog_bank, "the event log has no digests of bank \"" + printable(name, 20) +
                                       "\"; its header declares:" + there);
}

Bytes expected_value(const Log& log, const Bank& bank, const std::map<unsigned, Bytes>& replayed,
                     unsigned pcr) {
  const auto found = replayed.find(pcr);
  if (found != replayed.end()) return found->second;
  Bytes initial = initial_pcr(bank, pcr);
  if (pcr == 0 && log.startup_locality)
    initial.back() = static_cast<std::uint8_t>(*log.startup_locality);
  return initial;
}

// A running systemd goes on extending PCR 11, by words that are known.
bool came_by_phases(const Bank& bank, Bytes value, const Bytes& quoted, std::size_t first) {
  for (std::size_t i = first; i < systemd_phases.size(); ++i) {
    value = bank.extend(value, bank.digest(as_bytes(systemd_phases[i])));
    if (value == quoted) return true;
  }
  return false;
}

bool is_as_logged(const Bank& bank, unsigned pcr, const Bytes& expected, const Bytes& quoted) {
  if (pcr >= pcr_count || quoted.size() != bank.size) return false;
  if (quoted == expected) return true;
  if (pcr != 11) return false;
  // With an initrd, and without.
  return came_by_phases(bank, expected, quoted, 0) || came_by_phases(bank, expected, quoted, 2);
}

Result<Covered> compare(const Log& log, const Bank& bank, const std::map<unsigned, Bytes>& quoted) {
  const auto replayed = replay(log, bank.name);
  Covered covered;
  for (const auto& [pcr, value] : quoted) {
    const Bytes expected = expected_value(log, bank, replayed, pcr);
    const bool same = is_as_logged(bank, pcr, expected, value);
    if (!same && belongs_to_boot(pcr)) {
      return fail(Code::eventlog_replay,
                  "PCR " + std::to_string(pcr) + " (" + std::string(bank.name) + ") is " +
                      to_hex(value) + "; the event log makes it " + to_hex(expected) +
                      (replayed.count(pcr) == 0 ? " (it has no event for it)" : ""));
    }
    covered[pcr] = same;
  }
  return covered;
}

MeasuredEvent measured(const Seen& seen) {
  const bool attested = seen.covered && (seen.hashed_whole() || seen.proven.proof == Proof::text);
  return {seen.event->number, seen.event->pcr,       type_name(seen.event->type),
          seen.digest,        describe(*seen.event), attested};
}

// What stands in `covered` as true is believed; with none given, everything.
BootRecord record_of(const Log& log, const Bank& bank, const Covered* covered, bool of_td) {
  View view{&bank, of_td, {}, covered};
  view.events.reserve(log.events.size());
  for (const Event& event : log.events) {
    view.events.push_back(
        {&event, proof_of(event, bank), to_hex(event.digest(bank)), view.covers(event.pcr)});
  }
  BootRecord record;
  record.bank = bank.name;
  record.log_given = true;
  record.events.reserve(view.events.size());
  for (const Seen& seen : view.events) record.events.push_back(measured(seen));
  add_firmware(view, record.facts);
  add_secure_boot(view, record.facts);
  add_authorities(view, record.facts);
  add_images(view, record.facts);
  add_loader(view, record.facts);
  add_shim(view, record.facts);
  record.facts.startup_locality = log.startup_locality;
  return record;
}

}  // namespace

Result<BootRecord> judge(const Log& log, const std::string& bank,
                         const std::map<unsigned, Bytes>& quoted) {
  auto algorithm = bank_in(log, bank);
  if (!algorithm) return pass_on(algorithm);
  const auto covered = compare(log, **algorithm, quoted);
  if (!covered) return tl::unexpected<Error>(covered.error());
  BootRecord record = record_of(log, **algorithm, &*covered, false);
  for (const auto& [pcr, value] : quoted) record.pcrs[pcr] = to_hex(value);
  // The locality is what PCR 0 began with: without that PCR, only a word.
  const auto pcr0 = covered->find(0);
  if (pcr0 == covered->end() || !pcr0->second) record.facts.startup_locality.reset();
  return record;
}

Result<BootRecord> as_it_says(const Log& log, const std::string& bank) {
  auto algorithm = bank_in(log, bank);
  if (!algorithm) return pass_on(algorithm);
  BootRecord record = record_of(log, **algorithm, nullptr, log.of_td);
  for (const auto& [pcr, value] : replay(log, bank)) record.pcrs[pcr] = to_hex(value);
  return record;
}

}  // namespace mintmark::attest::eventlog
