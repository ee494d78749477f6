// What the configuration says of keys, in the keyring's words.
#pragma once

#include <algorithm>

#include "config/config.h"
#include "keyring/rotation.h"
#include "programs/mintd/algorithms.h"

namespace mintmark::mintd {

[[nodiscard]] inline keyring::RotationPlan rotation_plan(const config::Config& config,
                                                         const config::HsmStore& store) {
  keyring::RotationPlan plan;
  plan.wanted = signing_algorithms(config).wanted();
  plan.period = config.keys.rotation;
  for (const auto& [name, period] : config.keys.rotation_by_purpose) {
    if (const auto purpose = hsm::purpose_named(name)) plan.period_of[*purpose] = period;
  }
  plan.longest_life = {{hsm::Purpose::access_token, config.longest_token_life},
                       {hsm::Purpose::client_attestation, config.enrolment.freshness}};
  plan.lead = 2 * config.keys.max_age;
  // A call may be made again once, and the clock has whole seconds.
  plan.drain =
      std::chrono::ceil<std::chrono::seconds>(2 * store.call_deadline) + std::chrono::seconds(1);
  plan.generate = config.keys.generate;
  if (!config.keys.acknowledge.verifiers.empty())
    plan.wait_for_verifiers = config.keys.acknowledge.deadline;
  return plan;
}

}  // namespace mintmark::mintd
