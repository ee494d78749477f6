#include "revoke/signals/set.h"

#include "jose/jws.h"

namespace mintmark::revoke::signals {

Json set_claims(const PlannedSet& set, const std::string& issuer,
                const std::vector<std::string>& audience, Moment now) {
  Json claims = {{"iss", issuer},
                 {"iat", to_unix(now)},
                 {"jti", set.jti},
                 {"txn", set.txn},
                 {"sub_id", set.signal.subject},
                 {"events", {{set.signal.type, set.signal.event}}}};
  claims["aud"] = audience.size() == 1 ? Json(audience.front()) : Json(audience);
  return claims;
}

SignSet sign_sets_by(SignEvent sign, std::chrono::milliseconds patience) {
  return [sign = std::move(sign), patience](Json claims, hsm::Done<std::string> done) {
    sign(
        [claims = std::move(claims)](std::string_view alg, std::string_view kid) {
          const Json header = {{"typ", set_typ}, {"alg", alg}, {"kid", kid}};
          return jose::signing_input(header, claims);
        },
        Deadline::in(patience), std::move(done));
  };
}

}  // namespace mintmark::revoke::signals
