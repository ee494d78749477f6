#include "agent/session_key.h"

namespace mintmark::agent {

Result<std::shared_ptr<SessionKey>> SessionKey::make(std::chrono::seconds life, Moment now) {
  if (life <= std::chrono::seconds{0} || life > longest_session) {
    return fail(Code::agent_session_unfit, "a session key lives for 1 to " +
                                               std::to_string(longest_session.count()) +
                                               " seconds, not " + std::to_string(life.count()));
  }
  jose::SoftwarePair pair = jose::new_pair();
  auto public_key = pair ? jose::public_half(pair) : std::nullopt;
  if (!public_key) return fail(Code::internal, "OpenSSL made no EC P-256 key");
  return std::shared_ptr<SessionKey>(
      new SessionKey(std::move(pair), std::move(*public_key), now, now + life));
}

Result<Bytes> SessionKey::sign(BytesView octets) {
  auto signature = jose::sign_es256(pair_, octets);
  if (!signature) return fail(Code::internal, "OpenSSL made no signature with the session key");
  return std::move(*signature);
}

}  // namespace mintmark::agent
