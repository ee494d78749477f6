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

std::string set_input(const Json& claims, const jose::PublicKey& key) {
  const Json header = {
      {"typ", set_typ}, {"alg", jose::name_of(key.algorithm())}, {"kid", key.thumbprint()}};
  return jose::signing_input(header, claims);
}

}  // namespace mintmark::revoke::signals
