#include "agent/serve/prover.h"

namespace mintmark::agent::serve {

Result<std::string> Prover::prove(const ProofContent& content, SessionKey* session) const {
  if (session == nullptr) return Agent(state_, surroundings_).proof(content);
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  if (auto provable = check_provable(content, identity->issuer); !provable)
    return pass_on(provable);
  const Moment now = surroundings_.clock.now();
  if (session->is_over(now))
    return fail(Code::agent_session_unfit,
                "the session key of this token is over; ask for another");
  return make_proof(*session, content, now);
}

}  // namespace mintmark::agent::serve
