// Google's JSON of a KeyDescription as DER: written apart from the reader, so that the two hold one
// another.
#include <openssl/bn.h>

#include <stdexcept>

#include "jose/base64url.h"
#include "support/android_chain.h"

namespace mintmark::test {
namespace {

enum class Kind : std::uint8_t {
  nothing,
  integer,
  integers,
  octets,
  text,
  origin,
  root,
  application
};
struct Field {
  const char* name;
  unsigned tag;
  Kind kind;
};
constexpr Field fields[] = {
    {"purposes", 1, Kind::integers},
    {"algorithms", 2, Kind::integer},
    {"keySize", 3, Kind::integer},
    {"blockModes", 4, Kind::integers},
    {"digests", 5, Kind::integers},
    {"paddings", 6, Kind::integers},
    {"ecCurve", 10, Kind::integer},
    {"mlDsaVariant", 11, Kind::integer},
    {"rsaPublicExponent", 200, Kind::integer},
    {"rsaOaepMgfDigests", 203, Kind::integers},
    {"rollbackResistance", 303, Kind::nothing},
    {"earlyBootOnly", 305, Kind::nothing},
    {"activeDateTime", 400, Kind::integer},
    {"originationExpireDateTime", 401, Kind::integer},
    {"usageExpireDateTime", 402, Kind::integer},
    {"usageCountLimit", 405, Kind::integer},
    {"noAuthRequired", 503, Kind::nothing},
    {"userAuthType", 504, Kind::integer},
    {"authTimeout", 505, Kind::integer},
    {"allowWhileOnBody", 506, Kind::nothing},
    {"trustedUserPresenceRequired", 507, Kind::nothing},
    {"trustedConfirmationRequired", 508, Kind::nothing},
    {"unlockedDeviceRequired", 509, Kind::nothing},
    {"allApplications", 600, Kind::nothing},
    {"creationDateTime", 701, Kind::integer},
    {"origin", 702, Kind::origin},
    {"rollbackResistant", 703, Kind::nothing},
    {"rootOfTrust", 704, Kind::root},
    {"osVersion", 705, Kind::integer},
    {"osPatchLevel", 706, Kind::integer},
    {"attestationApplicationId", 709, Kind::application},
    {"attestationIdBrand", 710, Kind::text},
    {"attestationIdDevice", 711, Kind::text},
    {"attestationIdProduct", 712, Kind::text},
    {"attestationIdSerial", 713, Kind::text},
    {"attestationIdImei", 714, Kind::text},
    {"attestationIdMeid", 715, Kind::text},
    {"attestationIdManufacturer", 716, Kind::text},
    {"attestationIdModel", 717, Kind::text},
    {"vendorPatchLevel", 718, Kind::integer},
    {"bootPatchLevel", 719, Kind::integer},
    {"deviceUniqueAttestation", 720, Kind::nothing},
    {"attestationIdSecondImei", 723, Kind::text},
    {"moduleHash", 724, Kind::octets},
};

constexpr std::uint8_t boolean = 0x01;
constexpr std::uint8_t integer = 0x02;
constexpr std::uint8_t octet_string = 0x04;
constexpr std::uint8_t enumerated = 0x0A;
constexpr std::uint8_t sequence = 0x30;
constexpr std::uint8_t set = 0x31;

void add_length(Bytes& out, std::size_t length) {
  if (length >= 0x100) {
    out.insert(out.end(), {0x82, static_cast<std::uint8_t>(length >> 8U)});
  } else if (length >= 0x80) {
    out.push_back(0x81);
  }
  out.push_back(static_cast<std::uint8_t>(length));
}

Bytes tlv(std::uint8_t tag, const Bytes& content) {
  Bytes out{tag};
  add_length(out, content.size());
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

Bytes under(unsigned tag, const Bytes& content) {
  Bytes out;
  if (tag < 31) {
    out.push_back(static_cast<std::uint8_t>(0xA0U | tag));
  } else {
    out.push_back(0xBF);
    if (tag >= 0x4000) out.push_back(static_cast<std::uint8_t>(0x80U | tag >> 14U));
    if (tag >= 0x80) out.push_back(static_cast<std::uint8_t>(0x80U | (tag >> 7U & 0x7FU)));
    out.push_back(static_cast<std::uint8_t>(tag & 0x7FU));
  }
  add_length(out, content.size());
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes number(std::uint8_t tag, const std::string& decimal) {
  BIGNUM* value = nullptr;
  if (BN_dec2bn(&value, decimal.c_str()) == 0 || BN_is_negative(value))
    throw std::runtime_error(decimal + " is no number");
  Bytes octets(static_cast<std::size_t>(BN_num_bytes(value)));
  BN_bn2bin(value, octets.data());
  BN_free(value);
  if (octets.empty() || (octets[0] & 0x80U) != 0) octets.insert(octets.begin(), 0);
  return tlv(tag, octets);
}

Bytes text(const std::string& value) { return tlv(octet_string, to_bytes(as_bytes(value))); }

Bytes base64(const Json& json) {
  return tlv(octet_string, jose::from_base64(json.get<std::string>()).value());
}

Bytes level(const Json& name) {
  if (name == "SOFTWARE") return number(enumerated, "0");
  if (name == "TRUSTED_ENVIRONMENT") return number(enumerated, "1");
  return number(enumerated, name == "STRONG_BOX" ? "2" : "9");
}

Bytes index_in(std::uint8_t tag, const std::vector<const char*>& names, const Json& name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (name == names[i]) return number(tag, std::to_string(i));
  }
  return number(tag, name.get<std::string>());
}

Bytes root_of_trust(const Json& root) {
  const std::uint8_t locked = root.at("deviceLocked").get<bool>() ? 0xFF : 0;
  return tlv(
      sequence,
      joined({base64(root.at("verifiedBootKey")), tlv(boolean, {locked}),
              index_in(enumerated, {"VERIFIED", "SELF_SIGNED", "UNVERIFIED", "FAILED"},
                       root.at("verifiedBootState")),
              root.contains("verifiedBootHash") ? base64(root["verifiedBootHash"]) : Bytes{}}));
}

Bytes application_id(const Json& id) {
  Bytes packages;
  for (const Json& package : id.at("packages")) {
    const Bytes one = tlv(sequence, joined({text(package.at("name").get<std::string>()),
                                            number(integer, package.at("version"))}));
    packages.insert(packages.end(), one.begin(), one.end());
  }
  Bytes signatures;
  for (const Json& signature : id.at("signatures")) {
    const Bytes one = base64(signature);
    signatures.insert(signatures.end(), one.begin(), one.end());
  }
  return tlv(octet_string, tlv(sequence, joined({tlv(set, packages), tlv(set, signatures)})));
}

Bytes integers(const Json& all) {
  Bytes content;
  for (const Json& one : all) {
    const Bytes octets = number(integer, one.get<std::string>());
    content.insert(content.end(), octets.begin(), octets.end());
  }
  return tlv(set, content);
}

Bytes value_of(Kind kind, const Json& value) {
  switch (kind) {
    case Kind::nothing:
      return {0x05, 0x00};
    case Kind::integer:
      return number(integer, value.get<std::string>());
    case Kind::integers:
      return integers(value);
    case Kind::octets:
      return base64(value);
    case Kind::text:
      return text(value.get<std::string>());
    case Kind::origin:
      return index_in(integer,
                      {"GENERATED", "DERIVED", "IMPORTED", "RESERVED", "SECURELY_IMPORTED"}, value);
    case Kind::root:
      return root_of_trust(value);
    case Kind::application:
      return application_id(value);
  }
  return {};
}

Bytes list(const Json& json) {
  Bytes content;
  std::size_t known = json.count("unknownTags") + json.count("areTagsOrdered");
  const auto add = [&](const Bytes& field) {
    content.insert(content.end(), field.begin(), field.end());
  };
  for (const Field& field : fields) {
    if (!json.contains(field.name)) continue;
    add(under(field.tag, value_of(field.kind, json[field.name])));
    ++known;
  }
  if (known != json.size()) throw std::runtime_error("a field that is not known: " + json.dump());
  for (const Json& tag : json.value("unknownTags", Json::array()))
    add(under(tag.get<unsigned>(), {0x05, 0x00}));
  return tlv(sequence, content);
}

}  // namespace

Bytes key_description_der(const Json& description) {
  return tlv(
      sequence,
      joined({number(integer, description.at("attestationVersion")),
              level(description.at("attestationSecurityLevel")),
              number(integer, description.at("keyMintVersion")),
              level(description.at("keyMintSecurityLevel")),
              base64(description.at("attestationChallenge")), base64(description.at("uniqueId")),
              list(description.at("softwareEnforced")), list(description.at("hardwareEnforced"))}));
}

Json good_key_description() {
  const std::string key = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=";
  return {{"attestationVersion", "300"},
          {"attestationSecurityLevel", "TRUSTED_ENVIRONMENT"},
          {"keyMintVersion", "300"},
          {"keyMintSecurityLevel", "TRUSTED_ENVIRONMENT"},
          {"attestationChallenge", ""},
          {"uniqueId", ""},
          {"softwareEnforced",
           {{"creationDateTime", "1750000000000"},
            {"attestationApplicationId",
             {{"packages", {{{"name", "org.example.agent"}, {"version", "7"}}}},
              {"signatures", {"VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVU="}}}}}},
          {"hardwareEnforced",
           {{"purposes", {"2"}},
            {"algorithms", "3"},
            {"keySize", "256"},
            {"digests", {"4"}},
            {"ecCurve", "1"},
            {"noAuthRequired", true},
            {"origin", "GENERATED"},
            {"rootOfTrust",
             {{"verifiedBootKey", key},
              {"deviceLocked", true},
              {"verifiedBootState", "VERIFIED"},
              {"verifiedBootHash", key}}},
            {"osVersion", "140000"},
            {"osPatchLevel", "202408"},
            {"attestationIdManufacturer", "Example"},
            {"attestationIdModel", "Handset 1"},
            {"vendorPatchLevel", "20240805"},
            {"bootPatchLevel", "20240806"}}}};
}

}  // namespace mintmark::test
