#include "attest/webauthn/attestation_object.h"

#include <algorithm>

#include "base/json.h"
#include "jose/base64url.h"

namespace mintmark::attest::webauthn {
namespace {

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(Code::webauthn_object_malformed, "the attestation object " + why);
}

Result<std::string> member(const Json& client, const char* name) {
  const auto found = client.find(name);
  if (found == client.end() || !found->is_string())
    return fail(Code::webauthn_client_data,
                std::string("client data must have a text \"") + name + "\"");
  return found->get<std::string>();
}

}  // namespace

Result<AttestationObject> parse_attestation_object(BytesView octets) {
  auto whole = cbor::parse(octets);
  if (!whole) return pass_on(whole);
  const auto format = whole->find("fmt");
  const auto statement = whole->find("attStmt");
  const auto data = whole->find("authData");
  if (!format || !format->text()) return malformed("must have a text \"fmt\"");
  if (!statement || !statement->is_map()) return malformed("must have a map \"attStmt\"");
  if (!data || !data->octets()) return malformed("must have octets \"authData\"");
  auto parsed = parse_authenticator_data(*data->octets());
  if (!parsed) return pass_on(parsed);
  return AttestationObject{std::string(*format->text()), *statement, to_bytes(*data->octets()),
                           std::move(*parsed)};
}

Result<ClientData> parse_client_data(BytesView json) {
  auto parsed = parse_json(as_text(json));
  if (!parsed || !parsed->is_object())
    return fail(Code::webauthn_client_data,
                "client data is no JSON object" + (parsed ? "" : ": " + parsed.error().detail));
  ClientData client;
  for (const auto& [name, into] : {std::pair{"type", &client.type},
                                   {"challenge", &client.challenge},
                                   {"origin", &client.origin}}) {
    auto text = member(*parsed, name);
    if (!text) return pass_on(text);
    *into = std::move(*text);
  }
  const Json cross = parsed->value("crossOrigin", Json(false));
  if (!cross.is_boolean())
    return fail(Code::webauthn_client_data, "\"crossOrigin\" must be true or false");
  client.cross_origin = cross.get<bool>() || parsed->contains("topOrigin");
  client.hash = sha256(json);
  return client;
}

Result<void> check_client_data(const ClientData& client, const Expected& expected) {
  if (client.type != "webauthn.create")
    return fail(Code::webauthn_type, "client data is of type " + printable(client.type) +
                                         "; a credential is made with webauthn.create");
  if (expected.challenge && !equal_in_constant_time(as_bytes(client.challenge),
                                                    as_bytes(jose::base64url(*expected.challenge))))
    return fail(Code::webauthn_challenge,
                "the challenge must be base64url of the binding of this ticket");
  if (!expected.origins.empty() && std::find(expected.origins.begin(), expected.origins.end(),
                                             client.origin) == expected.origins.end())
    return fail(Code::webauthn_origin,
                "the origin " + printable(client.origin) + " is none that is taken here");
  if (client.cross_origin)
    return fail(Code::webauthn_cross_origin, "the credential was made in a frame of another site");
  return {};
}

Result<std::string> check_authenticator_data(const AuthenticatorData& data,
                                             const Expected& expected) {
  const auto found = std::find_if(
      expected.rp_ids.begin(), expected.rp_ids.end(),
      [&](const std::string& id) { return equal_in_constant_time(sha256(id), data.rp_id_hash); });
  if (!expected.rp_ids.empty() && found == expected.rp_ids.end())
    return fail(Code::webauthn_rp_id, "the credential is for no relying party that is known here");
  if (!data.user_present())
    return fail(Code::webauthn_user_presence, "the authenticator saw no user (flag UP)");
  if (!data.credential)
    return fail(Code::webauthn_attested_data, "there is no attested credential (flag AT)");
  return found == expected.rp_ids.end() ? std::string() : *found;
}

}  // namespace mintmark::attest::webauthn
