// Any octets as an event log: refused with a code, or judged good against what they themselves
// replay to, with a record that JSON can hold.
#include "attest/eventlog/judge.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

void judge_in(const attest::eventlog::Log& log, const std::string& bank) {
  const auto pcrs = attest::eventlog::replay(log, bank);
  const auto record = attest::eventlog::judge(log, bank, pcrs);
  require(record.has_value());
  require(record->events.size() == log.events.size());
  const Json json = to_json(*record);
  require(!json.dump().empty());
  const auto read = attest::boot_record_from_json(json);
  require(read.has_value() && to_json(*read) == json);
  for (const auto& [pcr, value] : pcrs) {
    auto other = pcrs;
    other[pcr][0] = static_cast<std::uint8_t>(value[0] ^ 1U);
    const bool decides = pcr <= 9 || (pcr >= 12 && pcr <= 14);
    require(attest::eventlog::judge(log, bank, other).has_value() != decides);
  }
}

void run_eventlog(BytesView octets) {
  const auto log = attest::eventlog::parse(octets);
  if (!log) {
    require(log.error().code == Code::eventlog_malformed ||
            log.error().code == Code::eventlog_too_long);
    return;
  }
  for (const auto& algorithm : log->algorithms) {
    if (algorithm.bank != nullptr) judge_in(*log, std::string(algorithm.bank->name));
  }
}

const Registered eventlog_target{{"eventlog", &run_eventlog, {"tpm_eventlogs"}}};

}  // namespace
}  // namespace mintmark::fuzz
