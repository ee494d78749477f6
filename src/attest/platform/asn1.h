// X.509 attribute certificates (RFC 5755 §4.1) and the TCG's attributes in them, for OpenSSL's
// decoder. For this folder alone.
#pragma once

#include <openssl/asn1t.h>
#include <openssl/x509v3.h>

#include <memory>

#include "attest/x509/asn1.h"
#include "base/bytes.h"

namespace mintmark::attest::platform {

// NOLINTBEGIN: the shapes that OpenSSL's macros ask for.
struct AcIssuerSerial {
  GENERAL_NAMES* issuer;
  ASN1_INTEGER* serial;
  ASN1_BIT_STRING* uid;
};
struct AcHolder {
  AcIssuerSerial* base;
  GENERAL_NAMES* entity;
  STACK_OF(ASN1_TYPE) * digest;
};
struct AcIssuer {
  GENERAL_NAMES* names;
  AcIssuerSerial* base;
  STACK_OF(ASN1_TYPE) * digest;
};
struct AcValidity {
  ASN1_GENERALIZEDTIME* not_before;
  ASN1_GENERALIZEDTIME* not_after;
};
struct AcInfo {
  ASN1_ENCODING enc;
  ASN1_INTEGER* version;
  AcHolder* holder;
  AcIssuer* issuer;
  X509_ALGOR* signature;
  ASN1_INTEGER* serial;
  AcValidity* validity;
  STACK_OF(X509_ATTRIBUTE) * attributes;
  ASN1_BIT_STRING* uid;
  STACK_OF(X509_EXTENSION) * extensions;
};
struct AttributeCertificate {
  AcInfo* info;
  X509_ALGOR* algorithm;
  ASN1_BIT_STRING* signature;
};

// TCG Platform Certificate Profile 1.1, 3.1.
struct TcgVersion {
  ASN1_INTEGER* major;
  ASN1_INTEGER* minor;
  ASN1_INTEGER* revision;
};
struct TcgSpecification {
  TcgVersion* version;
  ASN1_TYPE* platform_class;
};
struct TcgUri {
  ASN1_IA5STRING* uri;
  ASN1_TYPE* algorithm;
  ASN1_BIT_STRING* hash;
};
struct TcgCommonCriteria {
  ASN1_IA5STRING* version;
  ASN1_ENUMERATED* level;
  ASN1_ENUMERATED* status;
  ASN1_BOOLEAN plus;
  ASN1_ENUMERATED* strength;      // [0]
  ASN1_ENUMERATED* old_strength;  // As Intel wrote it before the profile: without its tag.
  ASN1_OBJECT* profile;
  TcgUri* profile_uri;
  ASN1_OBJECT* target;
  TcgUri* target_uri;
};
struct TcgFips {
  ASN1_IA5STRING* version;
  ASN1_ENUMERATED* level;
  ASN1_BOOLEAN plus;
};
struct TcgAssertions {
  ASN1_INTEGER* version;
  TcgCommonCriteria* criteria;
  TcgCommonCriteria* old_criteria;
  TcgFips* fips;
  ASN1_ENUMERATED* rtm;
  ASN1_ENUMERATED* old_rtm;
  ASN1_BOOLEAN iso9000;
  ASN1_IA5STRING* iso9000_uri;
};
struct TcgAddress {
  ASN1_OBJECT* type;
  ASN1_UTF8STRING* value;
};
struct TcgComponent {
  ASN1_OCTET_STRING* old_class;
  STACK_OF(ASN1_TYPE) * registered_class;
  ASN1_UTF8STRING* manufacturer;
  ASN1_UTF8STRING* model;
  ASN1_UTF8STRING* serial;
  ASN1_UTF8STRING* revision;
  ASN1_OCTET_STRING* manufacturer_id;  // The content of an OBJECT IDENTIFIER, or what stands there.
  ASN1_BOOLEAN replaceable;
  STACK_OF(TcgAddress) * addresses;
  STACK_OF(ASN1_TYPE) * certificate;
  STACK_OF(ASN1_TYPE) * certificate_uri;
  ASN1_ENUMERATED* status;
};
struct TcgProperty {
  ASN1_UTF8STRING* name;
  ASN1_UTF8STRING* value;
  ASN1_ENUMERATED* status;
};
struct TcgConfiguration {  // 2.23.133.5.1.7.1
  STACK_OF(TcgComponent) * components;
  STACK_OF(TcgProperty) * properties;
  TcgUri* properties_uri;
};
struct TcgConfiguration2 {  // 2.23.133.5.1.7.2
  STACK_OF(TcgComponent) * components;
  TcgUri* components_uri;
  STACK_OF(TcgProperty) * properties;
  TcgUri* properties_uri;
};
DEFINE_STACK_OF(TcgAddress)
DEFINE_STACK_OF(TcgComponent)
DEFINE_STACK_OF(TcgProperty)

DECLARE_ASN1_ITEM(AttributeCertificate)
DECLARE_ASN1_ITEM(AcInfo)
DECLARE_ASN1_ITEM(TcgSpecification)
DECLARE_ASN1_ITEM(TcgAssertions)
DECLARE_ASN1_ITEM(TcgConfiguration)
DECLARE_ASN1_ITEM(TcgConfiguration2)
// NOLINTEND

using x509::decode;
using x509::FreeItem;
using x509::Item;

}  // namespace mintmark::attest::platform
