#include "attest/android_key/fields.h"

#include <openssl/bn.h>

#include <algorithm>
#include <array>

#include "attest/android_key/asn1.h"
#include "base/text.h"

namespace mintmark::attest::android_key {
namespace {

constexpr int longest_integer = 16;
constexpr int longest_name = 256;

using Value = AuthorizationList::Value;
using MaybeValue = std::optional<Value>;

constexpr std::array fields{
    Field{Tag::purpose, Kind::integers, "purposes"},
    Field{Tag::algorithm, Kind::integer, "algorithms"},
    Field{Tag::key_size, Kind::integer, "keySize"},
    Field{Tag::block_mode, Kind::integers, "blockModes"},
    Field{Tag::digest, Kind::integers, "digests"},
    Field{Tag::padding, Kind::integers, "paddings"},
    Field{Tag::caller_nonce, Kind::nothing, "callerNonce"},
    Field{Tag::min_mac_length, Kind::integer, "minMacLength"},
    Field{Tag::ec_curve, Kind::integer, "ecCurve"},
    Field{Tag::ml_dsa_variant, Kind::integer, "mlDsaVariant"},
    Field{Tag::rsa_public_exponent, Kind::integer, "rsaPublicExponent"},
    Field{Tag::mgf_digest, Kind::integers, "rsaOaepMgfDigests"},
    Field{Tag::rollback_resistance, Kind::nothing, "rollbackResistance"},
    Field{Tag::early_boot_only, Kind::nothing, "earlyBootOnly"},
    Field{Tag::active_date_time, Kind::integer, "activeDateTime"},
    Field{Tag::origination_expire_date_time, Kind::integer, "originationExpireDateTime"},
    Field{Tag::usage_expire_date_time, Kind::integer, "usageExpireDateTime"},
    Field{Tag::usage_count_limit, Kind::integer, "usageCountLimit"},
    Field{Tag::user_secure_id, Kind::integer, "userSecureId"},
    Field{Tag::no_auth_required, Kind::nothing, "noAuthRequired"},
    Field{Tag::user_auth_type, Kind::integer, "userAuthType"},
    Field{Tag::auth_timeout, Kind::integer, "authTimeout"},
    Field{Tag::allow_while_on_body, Kind::nothing, "allowWhileOnBody"},
    Field{Tag::trusted_user_presence_required, Kind::nothing, "trustedUserPresenceRequired"},
    Field{Tag::trusted_confirmation_required, Kind::nothing, "trustedConfirmationRequired"},
    Field{Tag::unlocked_device_required, Kind::nothing, "unlockedDeviceRequired"},
    Field{Tag::all_applications, Kind::nothing, "allApplications"},
    Field{Tag::creation_date_time, Kind::integer, "creationDateTime"},
    Field{Tag::origin, Kind::origin, "origin"},
    Field{Tag::rollback_resistant, Kind::nothing, "rollbackResistant"},
    Field{Tag::root_of_trust, Kind::root_of_trust, "rootOfTrust"},
    Field{Tag::os_version, Kind::integer, "osVersion"},
    Field{Tag::os_patch_level, Kind::patch_level, "osPatchLevel"},
    Field{Tag::attestation_application_id, Kind::application_id, "attestationApplicationId"},
    Field{Tag::id_brand, Kind::text, "attestationIdBrand"},
    Field{Tag::id_device, Kind::text, "attestationIdDevice"},
    Field{Tag::id_product, Kind::text, "attestationIdProduct"},
    Field{Tag::id_serial, Kind::text, "attestationIdSerial"},
    Field{Tag::id_imei, Kind::text, "attestationIdImei"},
    Field{Tag::id_meid, Kind::text, "attestationIdMeid"},
    Field{Tag::id_manufacturer, Kind::text, "attestationIdManufacturer"},
    Field{Tag::id_model, Kind::text, "attestationIdModel"},
    Field{Tag::vendor_patch_level, Kind::patch_level, "vendorPatchLevel"},
    Field{Tag::boot_patch_level, Kind::patch_level, "bootPatchLevel"},
    Field{Tag::device_unique_attestation, Kind::nothing, "deviceUniqueAttestation"},
    Field{Tag::id_second_imei, Kind::text, "attestationIdSecondImei"},
    Field{Tag::module_hash, Kind::octets, "moduleHash"},
};

struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
};

std::optional<Decimal> decimal_of(const ASN1_INTEGER* integer) {
  if (ASN1_STRING_length(integer) > longest_integer) return std::nullopt;
  const std::unique_ptr<BIGNUM, FreeNumber> number(ASN1_INTEGER_to_BN(integer, nullptr));
  if (!number) return std::nullopt;
  char* text = BN_bn2dec(number.get());
  if (text == nullptr) return std::nullopt;
  Decimal decimal{text};
  OPENSSL_free(text);
  return decimal;
}

Bytes octets_of(const ASN1_STRING* string) {
  const std::uint8_t* data = ASN1_STRING_get0_data(string);
  return {data, data + ASN1_STRING_length(string)};
}

MaybeValue integer_in(BytesView der) {
  const auto item = decode<ASN1_INTEGER>(der, ASN1_ITEM_rptr(ASN1_INTEGER));
  if (!item) return std::nullopt;
  auto decimal = decimal_of(item.get());
  if (!decimal) return std::nullopt;
  return Value(std::move(*decimal));
}

MaybeValue integers_in(BytesView der) {
  const auto item = decode<STACK_OF(ASN1_INTEGER)>(der, ASN1_ITEM_rptr(IntegerSet));
  if (!item) return std::nullopt;
  std::vector<Decimal> all;
  for (int i = 0; i < sk_ASN1_INTEGER_num(item.get()); ++i) {
    auto decimal = decimal_of(sk_ASN1_INTEGER_value(item.get(), i));
    if (!decimal) return std::nullopt;
    all.push_back(std::move(*decimal));
  }
  return Value(std::move(all));
}

MaybeValue octets_in(BytesView der) {
  const auto item = decode<ASN1_OCTET_STRING>(der, ASN1_ITEM_rptr(ASN1_OCTET_STRING));
  if (!item) return std::nullopt;
  return Value(octets_of(item.get()));
}

MaybeValue root_of_trust_in(BytesView der) {
  const auto item = decode<RootOfTrustSequence>(der, ASN1_ITEM_rptr(RootOfTrustSequence));
  if (!item) return std::nullopt;
  std::int64_t state = 0;
  if (ASN1_ENUMERATED_get_int64(&state, item->verified_boot_state) != 1 || state < 0 ||
      state > static_cast<std::int64_t>(BootState::failed))
    return std::nullopt;
  RootOfTrust root;
  root.verified_boot_key = octets_of(item->verified_boot_key);
  root.device_locked = item->device_locked != 0;
  root.verified_boot_state = static_cast<BootState>(state);
  if (item->verified_boot_hash != nullptr)
    root.verified_boot_hash = octets_of(item->verified_boot_hash);
  return Value(std::move(root));
}

std::optional<ApplicationId::Package> package_of(const PackageSequence* package) {
  if (ASN1_STRING_length(package->name) > longest_name) return std::nullopt;
  const Bytes octets = octets_of(package->name);
  const std::string name(as_text(octets));
  auto version = decimal_of(package->version);
  if (!version || !is_utf8(name) || printable(name, longest_name) != name) return std::nullopt;
  return ApplicationId::Package{name, std::move(*version)};
}

MaybeValue application_id_in(BytesView der) {
  const auto outer = octets_in(der);
  if (!outer) return std::nullopt;
  const auto item =
      decode<ApplicationIdSequence>(std::get<Bytes>(*outer), ASN1_ITEM_rptr(ApplicationIdSequence));
  if (!item) return std::nullopt;
  constexpr auto most = static_cast<int>(most_of_an_application);
  if (sk_PackageSequence_num(item->packages) > most ||
      sk_SignatureDigest_num(item->signatures) > most)
    return std::nullopt;
  ApplicationId id;
  for (int i = 0; i < sk_PackageSequence_num(item->packages); ++i) {
    auto package = package_of(sk_PackageSequence_value(item->packages, i));
    if (!package) return std::nullopt;
    id.packages.push_back(std::move(*package));
  }
  for (int i = 0; i < sk_SignatureDigest_num(item->signatures); ++i)
    id.signatures.push_back(octets_of(sk_SignatureDigest_value(item->signatures, i)));
  return Value(std::move(id));
}

MaybeValue nothing_in(BytesView der) {
  constexpr std::array<std::uint8_t, 2> null{V_ASN1_NULL, 0};
  if (!std::equal(der.begin(), der.end(), null.begin(), null.end())) return std::nullopt;
  return Value(true);
}

}  // namespace

const Field* field_of(std::uint32_t tag) {
  const auto* const found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) {
    return static_cast<std::uint32_t>(field.tag) == tag;
  });
  return found == fields.end() ? nullptr : found;
}

std::optional<Value> read_value(Kind kind, BytesView der) {
  switch (kind) {
    case Kind::nothing:
      return nothing_in(der);
    case Kind::integer:
    case Kind::origin:
    case Kind::patch_level:
      return integer_in(der);
    case Kind::integers:
      return integers_in(der);
    case Kind::octets:
    case Kind::text:
      return octets_in(der);
    case Kind::root_of_trust:
      return root_of_trust_in(der);
    case Kind::application_id:
      return application_id_in(der);
  }
  return std::nullopt;
}

}  // namespace mintmark::attest::android_key
