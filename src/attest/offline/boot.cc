// Firmware and IMA logs; their judges are attest/eventlog and attest/ima.
#include "attest/eventlog/judge.h"
#include "attest/ima/ima.h"
#include "attest/offline/parts.h"

namespace mintmark::attest::offline {
namespace {

constexpr unsigned pcr_of_ima = 10;

Json replayed(const eventlog::Log& log) {
  Json banks = Json::object();
  for (const eventlog::Algorithm& algorithm : log.algorithms) {
    if (algorithm.bank == nullptr) continue;
    Json pcrs = Json::object();
    for (const auto& [index, value] : eventlog::replay(log, algorithm.bank->name))
      pcrs[std::to_string(index)] = to_hex(value);
    banks[std::string(algorithm.bank->name)] = std::move(pcrs);
  }
  return banks;
}

// What the log is, whoever vouches for it.
Json description_of(const eventlog::Log& log) {
  Json algorithms = Json::array();
  for (const eventlog::Algorithm& algorithm : log.algorithms) {
    if (algorithm.bank != nullptr) algorithms.push_back(std::string(algorithm.bank->name));
  }
  return {{"format", log.crypto_agile ? "crypto-agile" : "legacy-sha1"},
          {"of_td", log.of_td},
          {"algorithms", std::move(algorithms)},
          {"event_count", log.events.size()},
          {"trailing_padding_bytes", log.padding},
          {"startup_locality", log.startup_locality ? Json(*log.startup_locality) : Json(nullptr)},
          {"replayed_pcrs", replayed(log)}};
}

/// Against every bank of values that was given beside it.
Result<Json> against_values(const eventlog::Log& log, const Material& material) {
  Json boots = Json::object();
  for (const Values& values : material.values) {
    for (const auto& [bank, pcrs] : values.banks) {
      const std::string name = bank.empty() ? "sha256" : bank;
      const auto record = eventlog::judge(log, name, pcrs);
      if (!record) return tl::unexpected<Error>(record.error());
      boots[name] = to_json(record->facts);
    }
  }
  return boots;
}

Result<Json> ima_json(const Bytes& octets, const std::string& bank, BytesView quoted) {
  const auto log = ima::parse(octets);
  if (!log) return tl::unexpected<Error>(log.error());
  const auto summary = ima::judge(*log, bank, quoted);
  if (!summary) return tl::unexpected<Error>(summary.error());
  return Json{{"template", summary->log_template},
              {"covered", summary->covered},
              {"later", summary->later},
              {"violations", summary->violations}};
}

}  // namespace

Judgement judge_event_log(const Material& material, const Question& /*question*/) {
  if (material.event_logs.empty())
    return refused({Code::evidence_files, "there is no event log among the files"}, {});
  const auto log = eventlog::parse(material.event_logs[0]);
  if (!log) return refused(log.error(), {});
  Json facts = {{"event_log", description_of(*log)}};
  auto boots = against_values(*log, material);
  if (!boots) return refused(boots.error(), std::move(facts));
  if (!boots->empty()) facts["boot"] = std::move(*boots);
  return accepted(std::move(facts));
}

Judgement judge_ima_log(const Material& material, const Question& /*question*/) {
  if (material.ima_logs.empty())
    return refused({Code::evidence_files, "there is no IMA log among the files"}, {});
  for (const Values& values : material.values) {
    for (const auto& [bank, pcrs] : values.banks) {
      const auto quoted = pcrs.find(pcr_of_ima);
      if (quoted == pcrs.end()) continue;
      auto json = ima_json(material.ima_logs[0], bank.empty() ? "sha256" : bank, quoted->second);
      return json ? accepted({{"ima_log", std::move(*json)}}) : refused(json.error(), {});
    }
  }
  const auto log = ima::parse(material.ima_logs[0]);
  if (!log) return refused(log.error(), {});
  return parsed({{"ima_log", {{"entries", log->entries.size()}, {"cut", log->cut}}}});
}

Result<Json> judge_logs(const Material& material, const std::string& bank,
                        const tpm2::PcrValues& quoted) {
  Json facts = Json::object();
  if (!material.event_logs.empty()) {
    const auto log = eventlog::parse(material.event_logs[0]);
    if (!log) return tl::unexpected<Error>(log.error());
    const auto record = eventlog::judge(*log, bank, quoted);
    if (!record) return tl::unexpected<Error>(record.error());
    facts["event_log"] = description_of(*log);
    facts["boot"] = to_json(record->facts);
  }
  const auto pcr10 = quoted.find(pcr_of_ima);
  if (!material.ima_logs.empty() && pcr10 != quoted.end()) {
    auto json = ima_json(material.ima_logs[0], bank, pcr10->second);
    if (!json) return pass_on(json);
    facts["ima_log"] = std::move(*json);
  }
  return facts;
}

}  // namespace mintmark::attest::offline
