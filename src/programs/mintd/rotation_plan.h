// What the configuration says of keys, in the keyring's words.
#pragma once

#include <algorithm>

#include "config/config.h"
#include "keyring/rotation.h"
#include "programs/mintd/algorithms.h"

namespace mintmark::mintd {

[[nodiscard]] inline keyring::RotationPlan rotation_plan(const config::Config& config) {
  keyring::RotationPlan plan;
  plan.wanted = signing_algorithms(config).wanted();
  plan.period = config.keys.rotation;
  for (const auto& [name, period] : config.keys.rotation_by_purpose) {
    if (const auto purpose = hsm::purpose_named(name)) plan.period_of[*purpose] = period;
  }
  plan.longest_life = longest_lives(config);
  plan.lead = 2 * config.keys.max_age;
  // A request may ask two stores one after the other, and the clock has whole seconds.
  std::chrono::milliseconds longest{0};
  for (const config::HsmStore& store : config.stores)
    longest = std::max(longest, store.call_deadline);
  plan.drain = std::chrono::ceil<std::chrono::seconds>(2 * longest) + std::chrono::seconds(1);
  plan.generate = config.keys.generate;
  if (!config.keys.acknowledge.verifiers.empty())
    plan.wait_for_verifiers = config.keys.acknowledge.deadline;
  return plan;
}

}  // namespace mintmark::mintd
