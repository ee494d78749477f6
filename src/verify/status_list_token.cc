#include "verify/status_list_token.h"

#include "cbor/cose.h"
#include "cbor/cwt.h"
#include "cbor/write.h"
#include "jose/jws.h"

namespace mintmark::verify {
namespace {

namespace cwt = cbor::cwt;
using std::chrono::seconds;

constexpr std::int64_t latest_time = std::int64_t{1} << 53U;
constexpr std::uint64_t tag_sign1 = 18;

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(Code::status_list_malformed, "the status list token: " + why);
}

/// The claims that both forms have.
struct Claims {
  std::optional<std::string> iss;
  std::optional<std::string> sub;
  std::optional<std::int64_t> iat;
  std::optional<std::int64_t> nbf;
  std::optional<std::int64_t> exp;
  std::optional<std::int64_t> ttl;
};

Result<void> check_times(const Claims& claims, const WantedStatusList& wanted) {
  const auto is_to_come = [&](std::int64_t at) { return from_unix(at) > wanted.now + wanted.skew; };
  if (is_to_come(*claims.iat) || (claims.nbf && is_to_come(*claims.nbf)))
    return fail(Code::status_list_expired, "the status list token is not good yet");
  // §13.7: past it nothing of the list may be relied upon.
  if (claims.exp && from_unix(*claims.exp) <= wanted.now)
    return fail(Code::status_list_expired, "the status list token has expired");
  return {};
}

Result<void> check_claims(const Claims& claims, const WantedStatusList& wanted) {
  if (!claims.sub) return malformed("sub is missing");
  if (!claims.iat) return malformed("iat is missing");
  if (claims.ttl && *claims.ttl <= 0) return malformed("ttl is not positive");
  if (*claims.sub != wanted.uri)
    return fail(Code::status_list_subject, "the status list is that of " + printable(*claims.sub));
  if (claims.iss && *claims.iss != wanted.issuer)
    return fail(Code::status_list_subject, "the status list is by " + printable(*claims.iss));
  return check_times(claims, wanted);
}

Result<StatusListToken> made_of(const Claims& claims, Result<StatusList> list) {
  if (!list) return pass_on(list);
  StatusListToken token{from_unix(*claims.iat), std::nullopt, std::nullopt, std::move(*list)};
  if (claims.exp) token.expires_at = from_unix(*claims.exp);
  if (claims.ttl) token.ttl = seconds(*claims.ttl);
  return token;
}

Result<const jose::PublicKey*> key_of(const KeySet& keys, std::string_view kid) {
  if (const jose::PublicKey* key = keys.find(kid); key != nullptr) return key;
  return fail(Code::status_list_key_unknown,
              "the issuer has published no key of status lists of this kid");
}

Result<void> read_text(const Json& json, const char* name, std::optional<std::string>& into) {
  auto text = jose::string_claim(json, name);
  if (!text) return malformed(text.error().detail);
  into = std::move(*text);
  return {};
}

Result<void> read_time(const Json& json, const char* name, std::optional<std::int64_t>& into) {
  auto time = jose::time_claim(json, name);
  if (!time) return malformed(time.error().detail);
  into = *time;
  return {};
}

Result<Claims> claims_of(const Json& json) {
  Claims claims;
  for (const auto& read :
       {read_text(json, "iss", claims.iss), read_text(json, "sub", claims.sub),
        read_time(json, "iat", claims.iat), read_time(json, "nbf", claims.nbf),
        read_time(json, "exp", claims.exp), read_time(json, "ttl", claims.ttl)}) {
    if (!read) return tl::unexpected<Error>(read.error());
  }
  return claims;
}

Result<void> read_text(const cbor::Value& map, std::int64_t label,
                       std::optional<std::string>& into) {
  const auto value = map.find(label);
  if (!value) return {};
  if (!value->text()) return malformed("claim " + std::to_string(label) + " is no text");
  into = std::string(*value->text());
  return {};
}

Result<void> read_time(const cbor::Value& map, std::int64_t label,
                       std::optional<std::int64_t>& into) {
  const auto value = map.find(label);
  if (!value) return {};
  const auto number = value->integer();
  if (!number || *number < 0 || *number > latest_time)
    return malformed("claim " + std::to_string(label) + " is no whole number of seconds");
  into = *number;
  return {};
}

Result<Claims> claims_of(const cbor::Value& map) {
  Claims claims;
  for (const auto& read :
       {read_text(map, cwt::iss, claims.iss), read_text(map, cwt::sub, claims.sub),
        read_time(map, cwt::iat, claims.iat), read_time(map, cwt::nbf, claims.nbf),
        read_time(map, cwt::exp, claims.exp), read_time(map, cwt::ttl, claims.ttl)}) {
    if (!read) return tl::unexpected<Error>(read.error());
  }
  return claims;
}

/// §5.2: the type stands in the protected header.
Result<void> check_type(const cbor::Sign1& message) {
  const auto header = cbor::parse(message.protected_header);
  if (!header) return malformed(header.error().detail);
  const auto type = header->find(cwt::typ);
  if (type && type->text() == status_list_cwt_type) return {};
  return fail(Code::status_list_typ, "typ is not " + std::string(status_list_cwt_type));
}

Result<cbor::Value> verified_payload(BytesView token, const KeySet& keys) {
  const auto message = cbor::parse_sign1(token, longest_status_list_token);
  if (!message) return malformed(message.error().detail);
  if (!message->tagged) return malformed("it has not COSE_Sign1's tag, 18");
  if (auto type = check_type(*message); !type) return pass_on(type);
  auto key = key_of(keys, as_text(message->kid));
  if (!key) return pass_on(key);
  if (const auto good = cbor::check_sign1(*message, **key); !good)
    return fail(Code::status_list_signature, good.error().detail);
  auto payload = cbor::parse(message->payload, longest_status_list_token);
  if (!payload) return malformed(payload.error().detail);
  if (!payload->is_map()) return malformed("its payload is no map");
  return payload;
}

Bytes protected_header(const jose::PublicKey& key) {
  return cbor::map({{cbor::number(cwt::alg), cbor::number(static_cast<std::int64_t>(
                                                 cbor::cose_algorithm(key.algorithm())))},
                    {cbor::number(cwt::kid), cbor::octets(as_bytes(key.thumbprint()))},
                    {cbor::number(cwt::typ), cbor::text(status_list_cwt_type)}});
}

}  // namespace

Result<StatusListToken> read_status_list_jwt(std::string_view token, const KeySet& keys,
                                             const WantedStatusList& wanted) {
  auto jws = jose::UnverifiedJws::parse(token, {.octets = longest_status_list_token});
  if (!jws) return malformed(jws.error().detail);
  if ("application/" + jws->typ() != status_list_jwt_type)
    return fail(Code::status_list_typ, "typ is not statuslist+jwt");
  auto key = key_of(keys, jws->kid());
  if (!key) return pass_on(key);
  const auto verified = std::move(*jws).verify(**key);
  if (!verified) return fail(Code::status_list_signature, verified.error().detail);
  auto claims = claims_of(verified->claims());
  if (!claims) return pass_on(claims);
  if (auto good = check_claims(*claims, wanted); !good) return pass_on(good);
  const auto list = verified->claims().find("status_list");
  if (list == verified->claims().end()) return malformed("status_list is missing");
  return made_of(*claims, StatusList::from_json(*list));
}

Result<StatusListToken> read_status_list_cwt(BytesView token, const KeySet& keys,
                                             const WantedStatusList& wanted) {
  auto payload = verified_payload(token, keys);
  if (!payload) return pass_on(payload);
  auto claims = claims_of(*payload);
  if (!claims) return pass_on(claims);
  if (auto good = check_claims(*claims, wanted); !good) return pass_on(good);
  const auto list = payload->find(cwt::status_list);
  if (!list) return malformed("status_list is missing");
  return made_of(*claims, StatusList::from_cbor(*list));
}

std::string status_list_jwt_input(const StatusListClaims& claims, const jose::PublicKey& key) {
  const Json header = {{"typ", "statuslist+jwt"},
                       {"alg", jose::name_of(key.algorithm())},
                       {"kid", key.thumbprint()}};
  const std::int64_t issued_at = to_unix(claims.issued_at);
  return jose::signing_input(
      header,
      {{"iss", claims.issuer},
       {"sub", claims.uri},
       {"iat", issued_at},
       {"exp", issued_at + claims.life.count()},
       {"ttl", claims.ttl.count()},
       {"status_list", status_list_json(claims.bits, claims.compressed, claims.aggregation_uri)}});
}

std::string status_list_cwt_input(const StatusListClaims& claims, const jose::PublicKey& key) {
  const std::int64_t issued_at = to_unix(claims.issued_at);
  const Bytes payload =
      cbor::map({{cbor::number(cwt::iss), cbor::text(claims.issuer)},
                 {cbor::number(cwt::sub), cbor::text(claims.uri)},
                 {cbor::number(cwt::exp), cbor::number(issued_at + claims.life.count())},
                 {cbor::number(cwt::iat), cbor::number(issued_at)},
                 {cbor::number(cwt::status_list),
                  status_list_cbor(claims.bits, claims.compressed, claims.aggregation_uri)},
                 {cbor::number(cwt::ttl), cbor::number(claims.ttl.count())}});
  return std::string(as_text(cbor::sig_structure(protected_header(key), payload)));
}

std::string status_list_cwt(std::string_view input, BytesView signature) {
  // Our own: it has been written here.
  const auto parts = cbor::parse_sig_structure(as_bytes(input), input.size()).value();
  return std::string(as_text(
      cbor::tagged(tag_sign1, cbor::sign1(parts.protected_header, parts.payload, signature))));
}

}  // namespace mintmark::verify
