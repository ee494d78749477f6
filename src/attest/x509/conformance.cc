#include "attest/x509/conformance.h"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string_view>

#include "attest/x509/extension.h"

namespace mintmark::attest::x509 {
namespace {

constexpr long version_1 = 0;
constexpr long version_3 = 2;
constexpr std::size_t ipv4_and_mask = 8;
constexpr std::size_t ipv6_and_mask = 32;

bool has(const X509* certificate, int nid) {
  return X509_get_ext_by_NID(certificate, nid, -1) >= 0;
}

std::string_view text_of(const ASN1_STRING* string) {
  return as_text({ASN1_STRING_get0_data(string),
                  static_cast<std::size_t>(std::max(0, ASN1_STRING_length(string)))});
}

bool has_no_empty_label(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find("..") == std::string_view::npos;
}

// A quoted local part may hold any number of "@" (RFC 5321 §4.1.2).
bool is_mailbox(std::string_view name) {
  return !name.empty() && (name.front() == '"' || std::count(name.begin(), name.end(), '@') == 1);
}

std::string objection_to_name(const GENERAL_NAME* name) {
  if (name->type != GEN_DNS && name->type != GEN_EMAIL && name->type != GEN_URI) return {};
  const std::string_view text = text_of(name->d.ia5);
  if (text.find('\0') != std::string_view::npos) return "has a name with an octet 0 in it";
  if (text.empty()) return "has an alternative name that is empty";
  if (name->type == GEN_DNS && !has_no_empty_label(text))
    return "has a DNS name with an empty label";
  if (name->type == GEN_EMAIL && !is_mailbox(text)) return "has a mail address that is none";
  return {};
}

std::string objection_to_names(const X509* certificate) {
  if (!has(certificate, NID_subject_alt_name)) return {};
  const auto names = extension<GENERAL_NAMES>(certificate, NID_subject_alt_name);
  if (!names) return "has alternative names that cannot be read";
  if (sk_GENERAL_NAME_num(names.get()) == 0) return "has alternative names, and none in them";
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (auto why = objection_to_name(sk_GENERAL_NAME_value(names.get(), i)); !why.empty())
      return why;
  }
  return {};
}

// RFC 4632 §5.1: ones, then zeros.
bool is_prefix(BytesView mask) {
  bool ended = false;
  for (const std::uint8_t octet : mask) {
    const int ones = std::countl_one(octet);
    if (ended ? octet != 0 : std::popcount(octet) != ones) return false;
    ended = ended || ones < 8;
  }
  return true;
}

std::string objection_to_subtree(const GENERAL_SUBTREE* subtree) {
  const GENERAL_NAME* base = subtree->base;
  if (base->type == GEN_X400 || base->type == GEN_EDIPARTY)
    return "constrains names of a kind that nobody compares";
  if (base->type == GEN_IPADD) {
    const BytesView range = as_bytes(text_of(base->d.ip));
    if (range.size() != ipv4_and_mask && range.size() != ipv6_and_mask)
      return "constrains addresses of no such length";
    return is_prefix(range.subspan(range.size() / 2)) ? "" : "constrains addresses by no prefix";
  }
  if (base->type != GEN_DNS && base->type != GEN_EMAIL && base->type != GEN_URI) return {};
  const std::string_view text = text_of(base->d.ia5);
  if (text.empty()) return "has a name constraint that is empty";
  return text.front() == '@' ? "has a name constraint that is no name" : "";
}

std::string objection_to_subtrees(const STACK_OF(GENERAL_SUBTREE) * subtrees) {
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); ++i) {
    if (auto why = objection_to_subtree(sk_GENERAL_SUBTREE_value(subtrees, i)); !why.empty())
      return why;
  }
  return {};
}

std::string objection_to_constraints(X509* certificate) {
  if (!has(certificate, NID_name_constraints)) return {};
  if ((X509_get_extension_flags(certificate) & EXFLAG_CA) == 0)
    return "has name constraints and is no authority";
  const auto constraints = extension<NAME_CONSTRAINTS>(certificate, NID_name_constraints);
  if (!constraints) return "has name constraints that cannot be read";
  if (sk_GENERAL_SUBTREE_num(constraints->permittedSubtrees) <= 0 &&
      sk_GENERAL_SUBTREE_num(constraints->excludedSubtrees) <= 0)
    return "has name constraints, and none in them";
  auto why = objection_to_subtrees(constraints->permittedSubtrees);
  return why.empty() ? objection_to_subtrees(constraints->excludedSubtrees) : why;
}

std::string objection_to_version(const X509* certificate) {
  const long version = X509_get_version(certificate);
  if (version < version_1 || version > version_3) return "has a version that there is not";
  if (version != version_3 && X509_get_ext_count(certificate) > 0)
    return "has extensions, which its version has not";
  const ASN1_BIT_STRING* issuer = nullptr;
  const ASN1_BIT_STRING* subject = nullptr;
  X509_get0_uids(certificate, &issuer, &subject);
  if (version == version_1 && (issuer != nullptr || subject != nullptr))
    return "has unique identifiers, which its version has not";
  return {};
}

// Known to OpenSSL, so not "unhandled"; but its verification reads only some of them.
bool can_be_read(X509_EXTENSION* critical) {
  if (X509V3_EXT_get(critical) == nullptr) return true;  // Then it is unhandled, which is an error.
  const auto* method = X509V3_EXT_get(critical);
  void* value = X509V3_EXT_d2i(critical);
  if (value == nullptr) return false;
  if (method->it != nullptr)
    ASN1_item_free(static_cast<ASN1_VALUE*>(value), ASN1_ITEM_ptr(method->it));
  else
    method->ext_free(value);
  return true;
}

std::string objection_to_critical(const X509* certificate) {
  for (int i = 0; i < X509_get_ext_count(certificate); ++i) {
    X509_EXTENSION* one = X509_get_ext(certificate, i);
    if (X509_EXTENSION_get_critical(one) == 1 && !can_be_read(one))
      return "has a critical extension that cannot be read";
  }
  return {};
}

std::string first_objection(X509* certificate, Place place) {
  if (place != Place::leaf && X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0)
    return "is an authority without a name";
  if (place == Place::anchor) return {};
  if (auto why = objection_to_version(certificate); !why.empty()) return why;
  if (auto why = objection_to_critical(certificate); !why.empty()) return why;
  if (auto why = objection_to_constraints(certificate); !why.empty()) return why;
  return objection_to_names(certificate);
}

/// RFC 5280 §4.1.2.2.
void look_at_serial(const ASN1_INTEGER* serial, std::vector<std::string>& odd) {
  constexpr int longest = 20;
  const BytesView octets = as_bytes(text_of(serial));
  if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER) odd.emplace_back("serial number is negative");
  if (std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; }))
    odd.emplace_back("serial number is zero");
  const bool sign_octet = !octets.empty() && (octets.front() & 0x80U) != 0;
  if (ASN1_STRING_length(serial) + (sign_octet ? 1 : 0) > longest)
    odd.emplace_back("serial number is longer than 20 octets");
}

Bytes der_of(const X509_NAME_ENTRY* entry) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509_NAME_ENTRY(entry, &octets);
  Bytes der(octets, octets + std::max(0, length));
  OPENSSL_free(octets);
  return der;
}

/// X.690 §11.6: the members of a SET OF ascend.
bool is_in_order(const X509_NAME* name) {
  for (int i = 1; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* before = X509_NAME_get_entry(name, i - 1);
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    if (X509_NAME_ENTRY_set(before) == X509_NAME_ENTRY_set(entry) && der_of(entry) < der_of(before))
      return false;
  }
  return true;
}

bool is_critical(const X509* certificate, int nid) {
  const int at = X509_get_ext_by_NID(certificate, nid, -1);
  return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(certificate, at)) == 1;
}

/// RFC 5280 §4.2.1.1, §4.2.1.2.
void look_at_key_identifiers(X509* certificate, bool authority, std::vector<std::string>& odd) {
  const bool self_issued = (X509_get_extension_flags(certificate) & EXFLAG_SI) != 0;
  if (!self_issued && !has(certificate, NID_authority_key_identifier))
    odd.emplace_back("names no key of its issuer");
  if (authority && !has(certificate, NID_subject_key_identifier))
    odd.emplace_back("is an authority that does not name its key");
}

void look_at_criticality(const X509* certificate, bool authority, std::vector<std::string>& odd) {
  if (authority && !is_critical(certificate, NID_basic_constraints))
    odd.emplace_back("is an authority whose basic constraints are not critical");
  for (const int nid : {NID_policy_constraints, NID_name_constraints, NID_inhibit_any_policy}) {
    if (has(certificate, nid) && !is_critical(certificate, nid))
      odd.push_back(std::string(OBJ_nid2ln(nid)) + " are not critical");
  }
  if (X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0 &&
      !is_critical(certificate, NID_subject_alt_name))
    odd.emplace_back("has no subject, and no critical alternative name");
}

}  // namespace

std::string objection_to(X509* certificate, Place place) {
  std::string why = first_objection(certificate, place);
  ERR_clear_error();
  return why;
}

std::vector<std::string> oddities_of(const X509* certificate) {
  constexpr std::array of_lists{NID_crl_number,
                                NID_crl_reason,
                                NID_delta_crl,
                                NID_issuing_distribution_point,
                                NID_certificate_issuer,
                                NID_invalidity_date,
                                NID_hold_instruction_code};
  std::vector<std::string> odd;
  auto* cached = const_cast<X509*>(certificate);  // OpenSSL's own caches alone change.
  const bool authority = (X509_get_extension_flags(cached) & EXFLAG_CA) != 0;
  look_at_serial(X509_get0_serialNumber(certificate), odd);
  for (const int nid : of_lists) {
    if (has(certificate, nid))
      odd.push_back(std::string("has an extension of revocation lists: ") + OBJ_nid2ln(nid));
  }
  if (X509_get_version(certificate) == version_3) {
    look_at_key_identifiers(cached, authority, odd);
    look_at_criticality(certificate, authority, odd);
  }
  if (!authority && (X509_get_extension_flags(cached) & EXFLAG_KUSAGE) != 0 &&
      (X509_get_key_usage(cached) & KU_KEY_CERT_SIGN) != 0)
    odd.emplace_back("may sign certificates, and is no authority");
  if (!is_in_order(X509_get_subject_name(certificate)) ||
      !is_in_order(X509_get_issuer_name(certificate)))
    odd.emplace_back("has a name whose members are out of order");
  ERR_clear_error();
  return odd;
}

std::vector<std::string> oddities_of(const X509_CRL* crl) {
  constexpr std::array of_certificates{
      NID_subject_alt_name,     NID_basic_constraints,      NID_key_usage,
      NID_ext_key_usage,        NID_name_constraints,       NID_subject_key_identifier,
      NID_certificate_policies, NID_policy_mappings,        NID_policy_constraints,
      NID_inhibit_any_policy,   NID_crl_distribution_points};
  std::vector<std::string> odd;
  for (const int nid : of_certificates) {
    if (X509_CRL_get_ext_by_NID(crl, nid, -1) >= 0)
      odd.push_back(std::string("has an extension of certificates: ") + OBJ_nid2ln(nid));
  }
  return odd;
}

}  // namespace mintmark::attest::x509
