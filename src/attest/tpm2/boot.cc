#include "attest/tpm2/boot.h"

#include "attest/eventlog/judge.h"
#include "attest/ima/ima.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr unsigned pcr_of_ima = 10;

LogProblem problem_of(const Error& error) {
  return {std::string(facts_of(error.code).name), error.detail};
}

Result<BootRecord> judge_event_log(const Logs& logs, const std::string& bank,
                                   const PcrValues& values) {
  const auto log = eventlog::parse(logs.event_log);
  if (!log) return tl::unexpected<Error>(log.error());
  return eventlog::judge(*log, bank, values);
}

Result<ImaSummary> judge_ima(const Logs& logs, const std::string& bank, const PcrValues& values) {
  const auto quoted = values.find(pcr_of_ima);
  if (quoted == values.end())
    return fail(Code::ima_replay, "PCR 10 was not quoted, which the IMA log is measured into");
  const auto log = ima::parse(logs.ima_log);
  if (!log) return tl::unexpected<Error>(log.error());
  return ima::judge(*log, bank, quoted->second);
}

}  // namespace

BootRecord boot_record_of(const TPMS_ATTEST& quoted, const PcrSelection& selection,
                          const PcrValues& values, const Logs& logs) {
  BootRecord record;
  if (!logs.event_log.empty()) {
    auto judged = judge_event_log(logs, selection.bank, values);
    if (judged)
      record = std::move(*judged);
    else
      record.log_problem = problem_of(judged.error());
  }
  if (!logs.ima_log.empty()) {
    auto judged = judge_ima(logs, selection.bank, values);
    if (judged)
      record.ima = std::move(*judged);
    else
      record.ima_problem = problem_of(judged.error());
  }
  record.bank = selection.bank;
  for (const auto& [index, value] : values) record.pcrs[index] = to_hex(value);
  record.clock_safe = quoted.clockInfo.safe == TPM2_YES;
  record.clock = quoted.clockInfo.clock;
  record.reset_count = quoted.clockInfo.resetCount;
  record.restart_count = quoted.clockInfo.restartCount;
  record.firmware = quoted.firmwareVersion;
  return record;
}

}  // namespace mintmark::attest::tpm2
