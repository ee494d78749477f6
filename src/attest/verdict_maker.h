// For the formats inside attest/ alone: the key to Verdict.
#pragma once

#include "attest/facts.h"

namespace mintmark::attest {

class VerdictMaker {
 public:
  [[nodiscard]] static Verdict make(Facts facts, std::optional<BootRecord> boot,
                                    jose::PublicKey device_key, std::string identity, Moment at) {
    return Verdict(std::move(facts), std::move(boot), std::move(device_key), std::move(identity),
                   at);
  }
};

}  // namespace mintmark::attest
