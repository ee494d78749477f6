#include "attest/platform/attributes.h"

#include <openssl/objects.h>

#include "attest/x509/certificate.h"

namespace mintmark::attest::platform {
namespace {

constexpr std::size_t longest_text = 256;
constexpr int most_parts = 64;
constexpr int most_entries = 256;
constexpr int longest_manufacturer_id = 8;
constexpr const char* oid_specification = "2.23.133.2.17";
constexpr const char* oid_assertions = "2.23.133.2.19";
constexpr const char* oid_configuration = "2.23.133.5.1.7.1";
constexpr const char* oid_configuration_2 = "2.23.133.5.1.7.2";
constexpr const char* oid_user_notice = "1.3.6.1.5.5.7.2.2";

// Out of range is 0: nobody decides by these.
std::int64_t number_of(const ASN1_INTEGER* number) {
  std::int64_t value = 0;
  return number != nullptr && ASN1_INTEGER_get_int64(&value, number) == 1 ? value : 0;
}
std::int64_t choice_of(const ASN1_ENUMERATED* number) {
  std::int64_t value = 0;
  return number != nullptr && ASN1_ENUMERATED_get_int64(&value, number) == 1 ? value : 0;
}
std::string dotted_of(const ASN1_OBJECT* object) {
  return object == nullptr ? std::string() : x509::dotted(object);
}
std::string uri_of(const TcgUri* uri) { return uri == nullptr ? "" : text_of(uri->uri); }

BytesView sequence_in(const ASN1_TYPE* value) {
  if (value == nullptr || value->type != V_ASN1_SEQUENCE) return {};
  const ASN1_STRING* octets = value->value.sequence;
  return {ASN1_STRING_get0_data(octets), static_cast<std::size_t>(ASN1_STRING_length(octets))};
}

bool read_specification(BytesView der, PlatformCertificate& into) {
  const auto read = decode<TcgSpecification>(der, ASN1_ITEM_rptr(TcgSpecification));
  if (!read) return false;
  into.specification_major = number_of(read->version->major);
  into.specification_minor = number_of(read->version->minor);
  into.specification_revision = number_of(read->version->revision);
  return true;
}

CommonCriteria criteria_of(const TcgCommonCriteria& read) {
  CommonCriteria criteria;
  criteria.version = text_of(read.version);
  criteria.level = choice_of(read.level);
  criteria.status = choice_of(read.status);
  criteria.plus = read.plus > 0;
  criteria.strength = choice_of(read.strength != nullptr ? read.strength : read.old_strength);
  criteria.profile = dotted_of(read.profile);
  criteria.profile_uri = uri_of(read.profile_uri);
  criteria.target = dotted_of(read.target);
  criteria.target_uri = uri_of(read.target_uri);
  return criteria;
}

bool read_assertions(BytesView der, PlatformCertificate& into) {
  const auto read = decode<TcgAssertions>(der, ASN1_ITEM_rptr(TcgAssertions));
  if (!read) return false;
  SecurityAssertions& assertions = into.assertions;
  assertions.version = number_of(read->version);
  if (const auto* criteria = read->criteria != nullptr ? read->criteria : read->old_criteria)
    assertions.criteria = criteria_of(*criteria);
  if (read->fips != nullptr) {
    assertions.fips_version = text_of(read->fips->version);
    assertions.fips_level = choice_of(read->fips->level);
    assertions.fips_plus = read->fips->plus > 0;
  }
  assertions.rtm = choice_of(read->rtm != nullptr ? read->rtm : read->old_rtm);
  assertions.iso9000 = read->iso9000 > 0;
  assertions.iso9000_uri = text_of(read->iso9000_uri);
  return true;
}

Component component_of(const TcgComponent& read) {
  Component component;
  component.manufacturer = text_of(read.manufacturer);
  component.model = text_of(read.model);
  component.serial = text_of(read.serial);
  component.revision = text_of(read.revision);
  if (const ASN1_OCTET_STRING* id = read.manufacturer_id;
      id != nullptr && ASN1_STRING_length(id) <= longest_manufacturer_id)
    component.manufacturer_id.assign(ASN1_STRING_get0_data(id),
                                     ASN1_STRING_get0_data(id) + ASN1_STRING_length(id));
  component.replaceable = read.replaceable > 0;
  for (int i = 0; i < sk_TcgAddress_num(read.addresses) && i < most_parts; ++i) {
    const TcgAddress* address = sk_TcgAddress_value(read.addresses, i);
    component.addresses.push_back({dotted_of(address->type), text_of(address->value)});
  }
  return component;
}

bool take_configuration(const STACK_OF(TcgComponent) * components,
                        const STACK_OF(TcgProperty) * properties, const TcgUri* uri,
                        PlatformCertificate& into) {
  if (sk_TcgComponent_num(components) > most_entries ||
      sk_TcgProperty_num(properties) > most_entries)
    return false;
  for (int i = 0; i < sk_TcgComponent_num(components); ++i)
    into.components.push_back(component_of(*sk_TcgComponent_value(components, i)));
  for (int i = 0; i < sk_TcgProperty_num(properties); ++i) {
    const TcgProperty* property = sk_TcgProperty_value(properties, i);
    into.properties.push_back(
        {text_of(property->name), text_of(property->value), choice_of(property->status)});
  }
  into.properties_uri = uri_of(uri);
  return true;
}

bool read_configuration(BytesView der, PlatformCertificate& into) {
  const auto read = decode<TcgConfiguration>(der, ASN1_ITEM_rptr(TcgConfiguration));
  return read && take_configuration(read->components, read->properties, read->properties_uri, into);
}

bool read_configuration_2(BytesView der, PlatformCertificate& into) {
  const auto read = decode<TcgConfiguration2>(der, ASN1_ITEM_rptr(TcgConfiguration2));
  return read && take_configuration(read->components, read->properties, read->properties_uri, into);
}

bool read_notice(BytesView der, PlatformCertificate& into) {
  const auto read = decode<USERNOTICE>(der, ASN1_ITEM_rptr(USERNOTICE));
  if (!read) return false;
  into.notice_text = text_of(read->exptext);
  if (read->noticeref == nullptr) return true;
  into.notice_organization = text_of(read->noticeref->organization);
  into.notice_numbers.emplace();
  for (int i = 0; i < sk_ASN1_INTEGER_num(read->noticeref->noticenos) && i < most_parts; ++i)
    into.notice_numbers->push_back(number_of(sk_ASN1_INTEGER_value(read->noticeref->noticenos, i)));
  return true;
}

}  // namespace

std::string text_of(const ASN1_STRING* text) {
  if (text == nullptr) return {};
  return printable(
      as_text({ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text))}),
      longest_text);
}

std::vector<NamePart> parts_of(const X509_NAME* name) {
  std::vector<NamePart> parts;
  for (int i = 0; i < X509_NAME_entry_count(name) && i < most_parts; ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    parts.push_back({x509::dotted(X509_NAME_ENTRY_get_object(entry)),
                     text_of(X509_NAME_ENTRY_get_data(entry))});
  }
  return parts;
}

bool read_attribute(const ASN1_OBJECT* type, const ASN1_TYPE* value, PlatformCertificate& into) {
  const std::string oid = x509::dotted(type);
  const BytesView der = sequence_in(value);
  if (oid == oid_specification) return read_specification(der, into);
  if (oid == oid_assertions) return read_assertions(der, into);
  if (oid == oid_configuration) return read_configuration(der, into);
  if (oid == oid_configuration_2) return read_configuration_2(der, into);
  if (oid == oid_user_notice) return read_notice(der, into);
  return true;
}

}  // namespace mintmark::attest::platform
