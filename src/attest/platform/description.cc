#include <openssl/objects.h>

#include <algorithm>
#include <array>

#include "attest/platform/certificate.h"

namespace mintmark::attest::platform {
namespace {

Json numbers_of(const std::string& dotted) {
  if (dotted.empty()) return nullptr;
  Json numbers = Json::array();
  for (std::size_t at = 0; at < dotted.size();) {
    const std::size_t end = std::min(dotted.find('.', at), dotted.size());
    numbers.push_back(std::strtoull(dotted.substr(at, end - at).c_str(), nullptr, 10));
    at = end + 1;
  }
  return numbers;
}

struct Known {
  const char* oid;
  const char* member;
};
constexpr std::array lists = {Known{"2.5.4.6", "Country"},
                              Known{"2.5.4.10", "Organization"},
                              Known{"2.5.4.11", "OrganizationalUnit"},
                              Known{"2.5.4.7", "Locality"},
                              Known{"2.5.4.8", "Province"},
                              Known{"2.5.4.9", "StreetAddress"},
                              Known{"2.5.4.17", "PostalCode"}};
constexpr std::array texts = {Known{"2.5.4.5", "SerialNumber"}, Known{"2.5.4.3", "CommonName"}};

Json name_json(const std::vector<NamePart>& parts) {
  Json name = {{"Names", nullptr}, {"ExtraNames", nullptr}};
  for (const Known& known : lists) name[known.member] = nullptr;
  for (const Known& known : texts) name[known.member] = "";
  for (const NamePart& part : parts) {
    name["Names"].push_back({{"Type", numbers_of(part.type)}, {"Value", part.value}});
    for (const Known& known : lists) {
      if (part.type == known.oid) name[known.member].push_back(part.value);
    }
    for (const Known& known : texts) {
      if (part.type == known.oid) name[known.member] = part.value;
    }
  }
  return name;
}

// crypto/x509's numbers.
int algorithm_of(int nid) {
  constexpr std::array numbers = {
      std::pair{NID_sha1WithRSAEncryption, 3},   std::pair{NID_sha256WithRSAEncryption, 4},
      std::pair{NID_sha384WithRSAEncryption, 5}, std::pair{NID_sha512WithRSAEncryption, 6},
      std::pair{NID_ecdsa_with_SHA1, 9},         std::pair{NID_ecdsa_with_SHA256, 10},
      std::pair{NID_ecdsa_with_SHA384, 11},      std::pair{NID_ecdsa_with_SHA512, 12}};
  for (const auto& [known, number] : numbers) {
    if (known == nid) return number;
  }
  return 0;
}

Json criteria_json(const CommonCriteria& criteria) {
  // There no URI of a profile or target is read, nor the target's number behind one.
  const bool behind_uri = !criteria.profile_uri.empty();
  return {{"Version", criteria.version},
          {"AssuranceLevel", criteria.level},
          {"EvaluationStatus", criteria.status},
          {"Plus", criteria.plus},
          {"StrengthOfFunction", criteria.strength},
          {"ProfileOid", numbers_of(criteria.profile)},
          {"ProfileURI", ""},
          {"TargetOid", behind_uri ? Json() : numbers_of(criteria.target)},
          {"TargetURI", nullptr}};
}

Json assertions_json(const SecurityAssertions& assertions) {
  return {{"Version", assertions.version},
          {"CcInfo", criteria_json(assertions.criteria)},
          {"FipsLevel",
           {{"Version", assertions.fips_version},
            {"Level", assertions.fips_level},
            {"Plus", assertions.fips_plus}}},
          {"RtmType", assertions.rtm},
          {"Iso9000Certified", assertions.iso9000},
          {"Iso9000URI", assertions.iso9000_uri}};
}

std::uint64_t number_of(const Bytes& octets) {
  std::uint64_t number = 0;
  for (const std::uint8_t octet : octets) number = number << 8U | octet;
  return number;
}

Json components_json(const std::vector<Component>& components) {
  Json all;
  for (const Component& component : components) {
    Json addresses;
    for (const NamePart& address : component.addresses)
      addresses.push_back(
          {{"AddressType", numbers_of(address.type)}, {"AddressValue", address.value}});
    all.push_back({{"Manufacturer", component.manufacturer},
                   {"Model", component.model},
                   {"Serial", component.serial},
                   {"Revision", component.revision},
                   {"ManufacturerID", number_of(component.manufacturer_id)},
                   {"FieldReplaceable", component.replaceable},
                   {"Addresses", std::move(addresses)}});
  }
  return all;
}

Json properties_json(const std::vector<Property>& properties) {
  Json all;
  for (const Property& property : properties)
    all.push_back({{"PropertyName", property.name},
                   {"PropertyValue", property.value},
                   {"Status", property.status}});
  return all;
}

}  // namespace

Json to_json(const PlatformCertificate& of) {
  Json json = {
      {"SignatureAlgorithm", algorithm_of(of.signature_nid)},
      {"Version", of.version},
      {"SerialNumber", of.serial_number},
      {"Holder", {{"Issuer", name_json(of.holder_issuer_parts)}, {"Serial", of.holder_serial}}},
      {"Issuer", name_json(of.issuer_parts)},
      {"Subject", name_json({})},
      {"NotBefore", of.not_before},
      {"NotAfter", of.not_after},
      {"TBBSecurityAssertions", assertions_json(of.assertions)},
      {"PlatformManufacturer", of.manufacturer},
      {"PlatformModel", of.model},
      {"PlatformVersion", of.version_text},
      {"PlatformSerial", of.serial},
      {"CredentialSpecification", ""},
      {"Components", components_json(of.components)},
      {"Properties", properties_json(of.properties)},
      {"PropertiesURI", of.properties_uri}};
  json["TCGPlatformSpecification"]["Version"] = {{"MajorVersion", of.specification_major},
                                                 {"MinorVersion", of.specification_minor},
                                                 {"Revision", of.specification_revision}};
  json["UserNotice"] = {
      {"NoticeRef",
       {{"Organization", of.notice_organization},
        {"NoticeNumbers", of.notice_numbers ? Json(*of.notice_numbers) : Json()}}},
      {"ExplicitText", of.notice_text}};
  return json;
}

}  // namespace mintmark::attest::platform
