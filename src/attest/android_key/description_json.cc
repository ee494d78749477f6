// A KeyDescription in the words of Google's verifier.
#include "attest/android_key/fields.h"
#include "attest/android_key/key_description.h"
#include "base/text.h"
#include "jose/base64url.h"

namespace mintmark::attest::android_key {
namespace {

Json integers(const std::vector<Decimal>& all) {
  Json json = Json::array();
  for (const Decimal& one : all) json.push_back(one.digits);
  return json;
}

// KeyOrigin of KeyMint; the number where it is none.
std::string origin_name(const Decimal& origin) {
  static const std::vector<std::string> names = {"GENERATED", "DERIVED", "IMPORTED", "RESERVED",
                                                 "SECURELY_IMPORTED"};
  const auto number = origin.number();
  const bool known = number && *number >= 0 && *number < static_cast<std::int64_t>(names.size());
  return known ? names[static_cast<std::size_t>(*number)] : origin.digits;
}

Json to_json(const ApplicationId& id) {
  Json json = {{"packages", Json::array()}, {"signatures", Json::array()}};
  for (const auto& package : id.packages)
    json["packages"].push_back({{"name", package.name}, {"version", package.version.digits}});
  for (const Bytes& signature : id.signatures)
    json["signatures"].push_back(jose::base64(signature));
  return json;
}

// Null where Google's verifier reads nothing either: a text that is none, a date that is none.
Json value_of(const Field& field, const AuthorizationList& list) {
  const AuthorizationList::Value& value = list.fields.at(field.tag);
  switch (field.kind) {
    case Kind::nothing:
      return true;
    case Kind::integer:
      return std::get<Decimal>(value).digits;
    case Kind::integers:
      return integers(std::get<std::vector<Decimal>>(value));
    case Kind::octets:
      return jose::base64(std::get<Bytes>(value));
    case Kind::text:
      return is_utf8(as_text(std::get<Bytes>(value))) ? Json(list.text(field.tag)) : Json();
    case Kind::origin:
      return origin_name(std::get<Decimal>(value));
    case Kind::patch_level:
      return list.patch_level(field.tag) ? Json(std::get<Decimal>(value).digits) : Json();
    case Kind::root_of_trust:
      return to_json(std::get<RootOfTrust>(value));
    case Kind::application_id:
      return to_json(std::get<ApplicationId>(value));
  }
  return {};
}

Json to_json(const AuthorizationList& list) {
  Json json = Json::object();
  for (const auto& [tag, value] : list.fields) {
    const Field* field = field_of(static_cast<std::uint32_t>(tag));
    if (field == nullptr) continue;
    if (Json one = value_of(*field, list); !one.is_null()) json[field->name] = std::move(one);
  }
  json["areTagsOrdered"] = list.in_order;
  if (!list.unknown.empty()) json["unknownTags"] = list.unknown;
  return json;
}

const char* googles_name_of(BootState state) {
  switch (state) {
    case BootState::verified:
      return "VERIFIED";
    case BootState::self_signed:
      return "SELF_SIGNED";
    case BootState::unverified:
      return "UNVERIFIED";
    default:
      return "FAILED";
  }
}

}  // namespace

const char* googles_name_of(SecurityLevel level) {
  switch (level) {
    case SecurityLevel::trusted_environment:
      return "TRUSTED_ENVIRONMENT";
    case SecurityLevel::strongbox:
      return "STRONG_BOX";
    default:
      return "SOFTWARE";
  }
}

Json to_json(const RootOfTrust& root) {
  Json json = {{"verifiedBootKey", jose::base64(root.verified_boot_key)},
               {"deviceLocked", root.device_locked},
               {"verifiedBootState", googles_name_of(root.verified_boot_state)}};
  if (root.verified_boot_hash) json["verifiedBootHash"] = jose::base64(*root.verified_boot_hash);
  return json;
}

Json to_json(const KeyDescription& description) {
  return {{"attestationVersion", std::to_string(description.attestation_version)},
          {"attestationSecurityLevel", googles_name_of(description.attestation_security_level)},
          {"keyMintVersion", std::to_string(description.keymint_version)},
          {"keyMintSecurityLevel", googles_name_of(description.keymint_security_level)},
          {"attestationChallenge", jose::base64(description.attestation_challenge)},
          {"uniqueId", jose::base64(description.unique_id)},
          {"softwareEnforced", to_json(description.software_enforced)},
          {"hardwareEnforced", to_json(description.hardware_enforced)}};
}

}  // namespace mintmark::attest::android_key
