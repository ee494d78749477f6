#include "verify/signed_frontier.h"

namespace mintmark::verify {

Result<jose::UnverifiedJws> parse_frontier(std::string_view text) {
  auto jws = jose::UnverifiedJws::parse(text);
  if (!jws) return fail(Code::frontier_malformed, "a frontier: " + jws.error().detail);
  // An event of another kind by the same key must never pass for one (RFC 8725 §3.11).
  if (jws->typ() != frontier_typ) {
    return fail(Code::frontier_malformed, "a frontier's typ is \"" + std::string(frontier_typ) +
                                              "\", not \"" + printable(jws->typ(), 40) + "\"");
  }
  return jws;
}

Result<Frontier> check_frontier(jose::UnverifiedJws jws, const KeySet& keys,
                                const std::string& issuer) {
  const jose::PublicKey* key = keys.find(jws.kid());
  if (key == nullptr) {
    return fail(Code::frontier_key_unknown, "a frontier is by the key \"" +
                                                printable(jws.kid(), 64) +
                                                "\", which the issuer does not publish for events");
  }
  auto verified = std::move(jws).verify(*key);
  if (!verified) return fail(Code::frontier_signature, "a frontier: " + verified.error().detail);
  const auto named = jose::string_claim(verified->claims(), "iss");
  if (!named || *named != issuer)
    return fail(Code::frontier_malformed, "a frontier is not of our issuer, " + issuer);
  return read_frontier(verified->claims());
}

}  // namespace mintmark::verify
