// Proofs for one request each, by the device key or by a session key.
#pragma once

#include "agent/agent.h"

namespace mintmark::agent::serve {

/// Thread-safe as long as what `surroundings` opens is: Hardware's.
class Prover {
 public:
  Prover(StateDirectory state, Surroundings surroundings)
      : state_(std::move(state)), surroundings_(std::move(surroundings)) {}

  /// Errors of check_provable and of the key; `agent_session_unfit` where the session key is over.
  /// `session` null: by the device key.
  [[nodiscard]] Result<std::string> prove(const ProofContent& content, SessionKey* session) const;
  /// Who is enrolled now.
  [[nodiscard]] Result<Identity> identity() const { return state_.identity(); }

 private:
  StateDirectory state_;
  Surroundings surroundings_;
};

}  // namespace mintmark::agent::serve
