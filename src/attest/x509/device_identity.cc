#include "attest/x509/device_identity.h"

#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "attest/x509/extension.h"
#include "base/text.h"

namespace mintmark::attest::x509 {
namespace {

constexpr const char* oid_hardware_module_name = "1.3.6.1.5.5.7.8.4";
constexpr std::size_t longest_serial = 256;
constexpr std::size_t longest_organisation = 128;
constexpr int most_names = 32;
constexpr int least_rsa_bits = 2048;

// RFC 4108 §5: HardwareModuleName ::= SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING
// }
struct ModuleName {
  ASN1_OBJECT* type;
  ASN1_OCTET_STRING* serial;
};
// NOLINTBEGIN: OpenSSL's macros.
ASN1_SEQUENCE(ModuleName) =
    {
        ASN1_SIMPLE(ModuleName, type, ASN1_OBJECT),
        ASN1_SIMPLE(ModuleName, serial, ASN1_OCTET_STRING),
} static_ASN1_SEQUENCE_END(ModuleName)
    // NOLINTEND

    struct Free {
  void operator()(ModuleName* name) const {
    ASN1_item_free(reinterpret_cast<ASN1_VALUE*>(name), ASN1_ITEM_rptr(ModuleName));
  }
};

std::optional<HardwareModule> module_in(const ASN1_STRING* sequence) {
  const std::uint8_t* at = ASN1_STRING_get0_data(sequence);
  const std::uint8_t* end = at + ASN1_STRING_length(sequence);
  const std::unique_ptr<ModuleName, Free> name(reinterpret_cast<ModuleName*>(
      ASN1_item_d2i(nullptr, &at, ASN1_STRING_length(sequence), ASN1_ITEM_rptr(ModuleName))));
  ERR_clear_error();
  if (!name || at != end) return std::nullopt;
  const BytesView serial{ASN1_STRING_get0_data(name->serial),
                         static_cast<std::size_t>(ASN1_STRING_length(name->serial))};
  if (serial.size() > longest_serial) return std::nullopt;
  const bool text = std::all_of(serial.begin(), serial.end(),
                                [](std::uint8_t octet) { return octet >= 0x20 && octet < 0x7F; });
  return HardwareModule{dotted(name->type), text ? std::string(as_text(serial)) : to_hex(serial)};
}

Result<void> check_key(const X509* leaf) {
  const EVP_PKEY* key = X509_get0_pubkey(leaf);
  ERR_clear_error();
  if (key != nullptr && EVP_PKEY_is_a(key, "ED25519") == 1) return {};
  const bool rsa =
      key != nullptr && (EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1);
  if (rsa && EVP_PKEY_get_bits(key) >= least_rsa_bits && has_bounded_key(leaf)) return {};
  if (key != nullptr && EVP_PKEY_is_a(key, "EC") == 1) {
    std::array<char, 64> group{};
    EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                   nullptr);
    for (const char* known : {SN_X9_62_prime256v1, SN_secp384r1, SN_secp521r1}) {
      if (std::strcmp(group.data(), known) == 0) return {};
    }
  }
  return fail(
      Code::certificate_key_unsupported,
      "the key is neither RSA of 2048 to 4096 bits nor ECC on P-256, P-384 or P-521 nor Ed25519");
}

Result<void> check_usage(X509* leaf) {
  if (is_authority(leaf))
    return fail(Code::certificate_is_ca, "a device's certificate is no authority's");
  if ((X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) != 0 &&
      (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) == 0)
    return fail(Code::certificate_usage, "key usage must hold digitalSignature");
  return {};
}

std::string organisation_of(const X509* leaf) {
  const X509_NAME* name = X509_get_subject_name(leaf);
  const int at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
  if (at < 0) return {};
  std::uint8_t* octets = nullptr;
  const int length =
      ASN1_STRING_to_UTF8(&octets, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  ERR_clear_error();
  if (length < 0) return {};
  std::string text(as_text({octets, static_cast<std::size_t>(length)}));
  OPENSSL_free(octets);
  return is_utf8(text) ? printable(text, longest_organisation) : std::string();
}

}  // namespace

std::optional<HardwareModule> hardware_module_of(const X509* certificate) {
  const auto names = extension<GENERAL_NAMES>(certificate, NID_subject_alt_name);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()) && i < most_names; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_OTHERNAME ||
        dotted(name->d.otherName->type_id) != oid_hardware_module_name)
      continue;
    const ASN1_TYPE* value = name->d.otherName->value;
    if (value == nullptr || value->type != V_ASN1_SEQUENCE) return std::nullopt;
    return module_in(value->value.sequence);
  }
  return std::nullopt;
}

std::vector<std::string> policies_of(const X509* certificate) {
  const auto policies = extension<CERTIFICATEPOLICIES>(certificate, NID_certificate_policies);
  std::vector<std::string> found;
  for (int i = 0; policies && i < sk_POLICYINFO_num(policies.get()) && i < most_names; ++i)
    found.push_back(dotted(sk_POLICYINFO_value(policies.get(), i)->policyid));
  return found;
}

Result<DeviceIdentity> check_device_identity(BytesView der, const std::vector<Bytes>& offered,
                                             const Trust& trust, Moment now) {
  std::string why;
  const Certificate leaf = parse_certificate(der, &why);
  if (!leaf) return fail(Code::certificate_chain_invalid, why);
  auto helpers =
      parse_offered(offered, Code::certificate_chain_invalid, Code::certificate_chain_invalid);
  if (!helpers) return pass_on(helpers);
  if (auto key = check_key(leaf.get()); !key) return pass_on(key);
  auto chain = check_chain(leaf.get(), *helpers, trust, now, ExpiredAuthorities::refuse);
  if (!chain) return fail(code_of(chain.error().fault), chain.error().reason);
  if (auto usage = check_usage(leaf.get()); !usage) return pass_on(usage);
  DeviceIdentity identity{spki_of(leaf.get()),
                          digest_of(leaf.get()),
                          name_text(X509_get_subject_name(leaf.get())),
                          organisation_of(leaf.get()),
                          std::move(*chain),
                          hardware_module_of(leaf.get()),
                          policies_of(leaf.get())};
  if (!identity.module && X509_NAME_entry_count(X509_get_subject_name(leaf.get())) == 0)
    return fail(Code::certificate_names,
                "the certificate names no device: neither a subject nor a hardwareModuleName");
  return identity;
}

}  // namespace mintmark::attest::x509
