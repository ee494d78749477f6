#include "attest/webauthn/authenticator_data.h"

#include <algorithm>

namespace mintmark::attest::webauthn {
namespace {

constexpr std::size_t fixed_part = 37;
constexpr std::size_t longest_credential_id = 1023;
constexpr std::uint8_t flag_backup_eligible = 0x08;
constexpr std::uint8_t flag_backed_up = 0x10;
constexpr std::uint8_t flag_attested = 0x40;
constexpr std::uint8_t flag_extensions = 0x80;

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(Code::webauthn_auth_data, "the authenticator data " + why);
}

/// Takes the credential from the front of `rest`.
Result<AttestedCredential> take_credential(BytesView& rest) {
  AttestedCredential credential;
  constexpr std::size_t header = std::tuple_size_v<Aaguid> + 2;
  if (rest.size() < header) return malformed("ends inside the attested credential");
  std::copy_n(rest.begin(), credential.aaguid.size(), credential.aaguid.begin());
  const std::size_t length = static_cast<std::size_t>(rest[header - 2]) << 8U | rest[header - 1];
  if (length == 0 || length > longest_credential_id)
    return fail(Code::webauthn_credential_id, "a credential id has 1 to 1023 octets");
  if (rest.size() - header < length) return malformed("ends inside the credential id");
  credential.id = to_bytes(rest.subspan(header, length));
  rest = rest.subspan(header + length);
  auto item = cbor::parse_first(rest);
  if (!item) return fail(Code::webauthn_key_malformed, "credential key: " + item.error().detail);
  auto key = cbor::parse_key(item->first);
  if (!key) return fail(Code::webauthn_key_malformed, "credential key: " + key.error().detail);
  credential.key = std::move(*key);
  credential.spki = cbor::spki_of(credential.key.key.get());
  rest = rest.subspan(item->second);
  return credential;
}

}  // namespace

std::string uuid_of(const Aaguid& aaguid) {
  std::string text = to_hex(aaguid);
  for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, "-");
  return text;
}

Result<AuthenticatorData> parse_fixed_part(BytesView octets) {
  if (octets.size() < fixed_part) return malformed("is shorter than 37 octets");
  AuthenticatorData data;
  std::copy_n(octets.begin(), data.rp_id_hash.size(), data.rp_id_hash.begin());
  data.flags = octets[32];
  for (const std::uint8_t octet : octets.subspan(33, 4))
    data.sign_count = data.sign_count << 8U | octet;
  return data;
}

Result<AuthenticatorData> parse_authenticator_data(BytesView octets) {
  auto data = parse_fixed_part(octets);
  if (!data) return data;
  // §6.1: what cannot be backed up is not backed up.
  if ((data->flags & flag_backed_up) != 0 && (data->flags & flag_backup_eligible) == 0)
    return malformed("says that its key is backed up and cannot be");
  BytesView rest = octets.subspan(fixed_part);
  if ((data->flags & flag_attested) != 0) {
    auto credential = take_credential(rest);
    if (!credential) return pass_on(credential);
    data->credential = std::move(*credential);
  }
  if ((data->flags & flag_extensions) != 0) {
    auto extensions = cbor::parse_first(rest);
    if (!extensions) return malformed("has extensions that are none: " + extensions.error().detail);
    if (!extensions->first.is_map()) return malformed("has extensions that are no map");
    rest = rest.subspan(extensions->second);
  }
  if (!rest.empty()) return malformed("has octets after its end");
  return data;
}

}  // namespace mintmark::attest::webauthn
