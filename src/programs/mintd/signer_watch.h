// Whether a signer hangs, from its vitals.
#pragma once

#include <memory>
#include <string>

#include "config/config.h"
#include "hsm/vitals.h"

namespace mintmark::mintd {

/// One signer process's. Not thread-safe.
class SignerWatch {
 public:
  using Clock = std::chrono::steady_clock;
  /// A signer bumps its heart this often; one that does not for `still_at_most`, while it opens
  /// nothing, is stuck or stopped.
  static constexpr std::chrono::milliseconds beat{200};
  static constexpr std::chrono::milliseconds still_at_most{3000};

  SignerWatch(const config::HsmStore& store, std::shared_ptr<const hsm::Vitals> vitals,
              Clock::time_point started)
      : store_(store), vitals_(std::move(vitals)), beat_at_(started) {}

  struct Finding {
    bool hung = false;
    /// A call that writes the token is under way, hung or not: this process must not be killed.
    bool writing = false;
    std::string what;  ///< "sign for 2130 ms"; "" if all is well.
  };
  [[nodiscard]] Finding look(Clock::time_point now);

 private:
  [[nodiscard]] std::chrono::milliseconds limit_of(hsm::Operation operation) const;

  const config::HsmStore& store_;
  std::shared_ptr<const hsm::Vitals> vitals_;
  std::uint64_t beats_ = 0;
  Clock::time_point beat_at_;
};

}  // namespace mintmark::mintd
