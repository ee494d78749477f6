// Firmware and IMA logs; their judges are attest/eventlog and attest/ima.
#include "attest/offline/parts.h"

namespace mintmark::attest::offline {

Judgement judge_event_log(const Material& material, const Question& /*question*/) {
  if (material.event_logs.empty())
    return refused({Code::evidence_files, "there is no event log among the files"}, {});
  return parsed({{"event_log", {{"octets", material.event_logs[0].size()}}}});
}

Judgement judge_ima_log(const Material& material, const Question& /*question*/) {
  if (material.ima_logs.empty())
    return refused({Code::evidence_files, "there is no IMA log among the files"}, {});
  return parsed({{"ima_log", {{"octets", material.ima_logs[0].size()}}}});
}

Result<Json> judge_logs(const Material& material, const std::string& /*bank*/,
                        const tpm2::PcrValues& /*quoted*/) {
  Json facts = Json::object();
  if (!material.event_logs.empty())
    facts["event_log"] = {{"octets", material.event_logs[0].size()}};
  if (!material.ima_logs.empty()) facts["ima_log"] = {{"octets", material.ima_logs[0].size()}};
  return facts;
}

}  // namespace mintmark::attest::offline
