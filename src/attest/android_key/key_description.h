// What Android's Keystore says of a key that it holds: the certificate extension KeyDescription of
// Keymaster 2 and later and of KeyMint, versions 1 to 4 and from 100 on
// (source.android.com/docs/security/features/keystore/attestation#schema). Pure; thread-safe.
#pragma once

#include <openssl/x509.h>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::attest::android_key {

inline constexpr const char* key_description_oid = "1.3.6.1.4.1.11129.2.1.17";

enum class SecurityLevel : std::uint8_t { software = 0, trusted_environment = 1, strongbox = 2 };
enum class BootState : std::uint8_t { verified = 0, self_signed = 1, unverified = 2, failed = 3 };
/// "software", "trusted_environment", "strongbox"
[[nodiscard]] const char* name_of(SecurityLevel level);
/// "verified", "self_signed", "unverified", "failed"
[[nodiscard]] const char* name_of(BootState state);

/// The tags of AuthorizationList (KeyMint's Tag.aidl).
enum class Tag : std::uint16_t {
  purpose = 1,
  algorithm = 2,
  key_size = 3,
  block_mode = 4,
  digest = 5,
  padding = 6,
  caller_nonce = 7,
  min_mac_length = 8,
  ec_curve = 10,
  ml_dsa_variant = 11,
  rsa_public_exponent = 200,
  mgf_digest = 203,
  rollback_resistance = 303,
  early_boot_only = 305,
  active_date_time = 400,
  origination_expire_date_time = 401,
  usage_expire_date_time = 402,
  usage_count_limit = 405,
  user_secure_id = 502,
  no_auth_required = 503,
  user_auth_type = 504,
  auth_timeout = 505,
  allow_while_on_body = 506,
  trusted_user_presence_required = 507,
  trusted_confirmation_required = 508,
  unlocked_device_required = 509,
  all_applications = 600,
  creation_date_time = 701,
  origin = 702,
  rollback_resistant = 703,  ///< Of versions 1 and 2; later `rollback_resistance`.
  root_of_trust = 704,
  os_version = 705,
  os_patch_level = 706,
  attestation_application_id = 709,
  id_brand = 710,
  id_device = 711,
  id_product = 712,
  id_serial = 713,
  id_imei = 714,
  id_meid = 715,
  id_manufacturer = 716,
  id_model = 717,
  vendor_patch_level = 718,
  boot_patch_level = 719,
  device_unique_attestation = 720,
  id_second_imei = 723,
  module_hash = 724,
};

inline constexpr std::int64_t purpose_sign = 2;      ///< KeyPurpose::SIGN
inline constexpr std::int64_t origin_generated = 0;  ///< KeyOrigin::GENERATED

struct RootOfTrust {
  Bytes verified_boot_key;
  bool device_locked = false;
  BootState verified_boot_state = BootState::failed;
  std::optional<Bytes> verified_boot_hash;
};

/// An ASN.1 INTEGER of at most 128 bits, decimal.
struct Decimal {
  std::string digits;
  /// Nothing beyond 64 bits.
  [[nodiscard]] std::optional<std::int64_t> number() const;
};

/// Android cuts an ApplicationId to 1 KiB, which holds fewer; facts keep what is here.
inline constexpr std::size_t most_of_an_application = 64;

/// Who asked for the key, as the system says (not the TEE): read where software-enforced. At most
/// `most_of_an_application` packages, and as many signatures.
struct ApplicationId {
  struct Package {
    std::string name;  ///< Visible UTF-8, at most 256 octets.
    Decimal version;
  };
  std::vector<Package> packages;
  std::vector<Bytes> signatures;  ///< SHA-256 of the certificates that signed them.
};

/// What the key may be used for, and where it came from.
class AuthorizationList {
 public:
  /// Fields without a value (NULL) are `true`.
  using Value =
      std::variant<bool, Decimal, std::vector<Decimal>, Bytes, RootOfTrust, ApplicationId>;

  [[nodiscard]] bool has(Tag tag) const { return fields.count(tag) != 0; }
  /// The field where it is there, and one integer of 64 bits.
  [[nodiscard]] std::optional<std::int64_t> number(Tag tag) const;
  /// Whether a field that is a set of integers holds this one.
  [[nodiscard]] bool holds(Tag tag, std::int64_t number) const;
  /// A field that is text, of one line and at most 256 octets, where it is UTF-8; else "".
  [[nodiscard]] std::string text(Tag tag) const;
  /// YYYYMM or YYYYMMDD; nothing where it is no such date.
  [[nodiscard]] std::optional<std::int64_t> patch_level(Tag tag) const;
  [[nodiscard]] const RootOfTrust* root_of_trust() const;
  [[nodiscard]] const ApplicationId* application_id() const;

  std::map<Tag, Value> fields;
  std::vector<std::uint32_t> unknown;  ///< Tags that are not known here: read over.
  bool in_order = true;                ///< DER wants tags to ascend; not every TEE obeys.
};

struct KeyDescription {
  std::int64_t attestation_version = 0;
  SecurityLevel attestation_security_level = SecurityLevel::software;
  std::int64_t keymint_version = 0;
  SecurityLevel keymint_security_level = SecurityLevel::software;
  Bytes attestation_challenge;
  Bytes unique_id;
  AuthorizationList software_enforced;
  AuthorizationList hardware_enforced;
};

/// The extension's content, DER, and nothing behind it. A field of a tag that is known and whose
/// value is none of its type, or that stands twice, is an error; an unknown tag is none, whatever
/// the version: makers and later versions add some. Errors: `android_extension_malformed`,
/// `android_version_unknown`.
[[nodiscard]] Result<KeyDescription> parse_key_description(BytesView der);

/// The extension's content in a certificate; nothing where it has none, no octets where it stands
/// twice (which parse_key_description refuses).
[[nodiscard]] std::optional<Bytes> key_description_in(const X509* certificate);

/// In the words and shapes of Google's verifier (android/keyattestation): integers as decimal
/// text, octets as base64 with padding, "TRUSTED_ENVIRONMENT"; beside them "unknownTags" where
/// there are any.
[[nodiscard]] Json to_json(const KeyDescription& description);
[[nodiscard]] Json to_json(const RootOfTrust& root);
/// "SOFTWARE", "TRUSTED_ENVIRONMENT", "STRONG_BOX"
[[nodiscard]] const char* googles_name_of(SecurityLevel level);

}  // namespace mintmark::attest::android_key
