#include "issuer/boot_judge.h"

#include "attest/boot_record.h"
#include "issuer/devices.h"
#include "telemetry/log.h"

namespace mintmark::issuer {
namespace {

std::optional<attest::BootRecord> record_in(const store::Boot* boot) {
  if (boot == nullptr) return std::nullopt;
  const auto json = parse_json(boot->record, boot_record_limits);
  auto record = json ? attest::boot_record_from_json(*json)
                     : Result<attest::BootRecord>(tl::unexpected<Error>(json.error()));
  return record ? std::optional(std::move(*record)) : std::nullopt;
}

// As boot rules see a device.
attest::RecordedDevice as_judged(const attest::Facts& facts, const store::DeviceRecord* known) {
  attest::RecordedDevice device;
  if (known != nullptr) {
    // For its labels; a row that cannot be read has none.
    if (auto parsed = parse_record(*known)) device = std::move(*parsed);
  }
  device.facts = facts;
  return device;
}

bool passes_with_another_quote(const std::optional<attest::LogProblem>& problem) {
  return problem && facts_of(code_named(problem->code)).action == Action::retry_later;
}

// A log that is not what was quoted is refused by its own code, since the next quote may fit.
std::optional<Error> refusal_of(const policy::Appraisal& appraisal,
                                const attest::BootRecord& record) {
  if (!appraisal.refused()) return std::nullopt;
  for (const auto* problem : {&record.log_problem, &record.ima_problem}) {
    if (passes_with_another_quote(*problem))
      return Error{code_named((*problem)->code), (*problem)->text, 0};
  }
  return appraisal.refusal();
}

}  // namespace

Result<JudgedAgain> judge_again(const policy::Policy& policy, const store::DeviceRecord& device,
                                const store::Boots& boots) {
  if (!boots.last) return fail(Code::boot_record_missing, "no boot of this device is known");
  const auto known = parse_record(device);
  if (!known) return tl::unexpected<Error>(known.error());
  const auto last = record_in(&*boots.last);
  if (!last)
    return fail(Code::store_failed, "the boot record of device " + device.id + " cannot be read");
  const auto good = record_in(boots.good ? &*boots.good : nullptr);
  JudgedAgain judged{policy.appraise(*known, *last, good ? &*good : nullptr), std::nullopt};
  judged.refusal = refusal_of(judged.appraisal, *last);
  return judged;
}

BootJudge::BootJudge(std::shared_ptr<const policy::Policy> policy, const attest::Verdict& verdict)
    : policy_(std::move(policy)),
      facts_(verdict.facts()),
      record_(*verdict.boot()),
      at_(verdict.at()) {}

store::JudgedBoot BootJudge::judge(const store::DeviceRecord* known, const store::Boot* good) {
  const auto last_good = record_in(good);
  appraisal_ =
      policy_->appraise(as_judged(facts_, known), record_, last_good ? &*last_good : nullptr);
  const auto refused = refusal();
  return {{at_, refused ? std::string(facts_of(refused->code).name) : std::string(),
           policy::to_json(*appraisal_).dump(), attest::to_json(record_).dump()},
          appraisal_->attest_again.value_or(std::chrono::seconds{0}),
          appraisal_->would_refuse() ? "would_be_refused" : appraisal_->outcome(),
          refused && refused->action() == Action::retry_later};
}

std::optional<Error> BootJudge::refusal() const {
  return appraisal_ ? refusal_of(*appraisal_, record_) : std::nullopt;
}

void BootJudge::report(const std::string& device) const {
  if (!appraisal_) return;
  if (appraisal_->refused())
    return telemetry::log(telemetry::Level::warning, "boot_refused",
                          {{"device", device}, {"why", appraisal_->text()}});
  if (appraisal_->would_refuse())
    telemetry::log(telemetry::Level::warning, "boot_would_be_refused",
                   {{"device", device}, {"why", appraisal_->text()}});
}

}  // namespace mintmark::issuer
