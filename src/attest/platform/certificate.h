// TCG platform certificates (TCG Platform Certificate Profile 1.0 and 1.1, and Intel's from
// before): a maker's word about the machine around a TPM. Read and kept as facts; nothing is
// decided by one. Pure; thread-safe.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"

namespace mintmark::attest::platform {

struct AttributeCertificate;  // asn1.h

/// An attribute of a distinguished name.
struct NamePart {
  std::string type;  ///< Dotted number.
  std::string value;
};

struct CommonCriteria {
  std::string version;
  std::int64_t level = 0;
  std::int64_t status = 0;
  bool plus = false;
  std::int64_t strength = 0;
  std::string profile;  ///< Dotted number, or "".
  std::string profile_uri;
  std::string target;
  std::string target_uri;
};

struct SecurityAssertions {
  std::int64_t version = 0;
  CommonCriteria criteria;
  std::string fips_version;
  std::int64_t fips_level = 0;
  bool fips_plus = false;
  std::int64_t rtm = 0;
  bool iso9000 = false;
  std::string iso9000_uri;
};

struct Component {
  std::string manufacturer;
  std::string model;
  std::string serial;
  std::string revision;
  Bytes manufacturer_id;  ///< At most 8 octets are kept.
  bool replaceable = false;
  std::vector<NamePart> addresses;
};

struct Property {
  std::string name;
  std::string value;
  std::int64_t status = 0;
};

struct PlatformCertificate {
  std::string serial_number;  ///< Decimal
  int version = 0;            ///< 2: v2
  std::string issuer;         ///< RFC 4514
  std::vector<NamePart> issuer_parts;
  std::string holder_issuer;  ///< Of the EK certificate that it belongs to; RFC 4514.
  std::vector<NamePart> holder_issuer_parts;
  std::string holder_serial;      ///< Decimal
  std::string holder_serial_hex;  ///< Of the integer's octets.
  std::string not_before;         ///< "2017-08-20T15:53:44Z"
  std::string not_after;
  std::string manufacturer;
  std::string model;
  std::string version_text;
  std::string serial;
  std::int64_t specification_major = 0;
  std::int64_t specification_minor = 0;
  std::int64_t specification_revision = 0;
  SecurityAssertions assertions;
  std::string notice_organization;
  std::optional<std::vector<std::int64_t>> notice_numbers;
  std::string notice_text;
  std::vector<Component> components;
  std::vector<Property> properties;
  std::string properties_uri;
  int signature_nid = 0;
  Bytes signed_octets;
  Bytes signature;
  std::shared_ptr<const AttributeCertificate> encoded;
};

/// One attribute certificate of at most 16 KiB, padding apart (0xFF or 0x00, as in NV), with at
/// most 256 components and properties; texts longer than 256 octets are cut.
/// `platform_certificate_malformed`.
[[nodiscard]] Result<PlatformCertificate> parse(BytesView der);

enum class Signature : std::uint8_t {
  issuer_unknown,  ///< None of the certificates is the issuer's.
  wrong,
  weak,  ///< Right, but by SHA-1 or RSA below 2048 bits: worth nothing today.
  good
};
[[nodiscard]] const char* name_of(Signature signature);
/// By the certificates of that name among these, which the caller trusts; keys are bounded here.
[[nodiscard]] Signature check_signature(const PlatformCertificate& certificate,
                                        const std::vector<X509*>& issuers);

/// In the words of go-attestation's attributecert, so that both can be compared.
[[nodiscard]] Json to_json(const PlatformCertificate& certificate);

}  // namespace mintmark::attest::platform
