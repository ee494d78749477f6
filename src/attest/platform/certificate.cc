#include "attest/platform/certificate.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "attest/platform/asn1.h"
#include "attest/platform/attributes.h"
#include "attest/x509/certificate.h"

namespace mintmark::attest::platform {
namespace {

constexpr std::size_t longest_certificate = 16U << 10U;
constexpr int most_attributes = 32;
constexpr int least_rsa_bits = 2048;

// The platform's names in a subject alternative name: of the profile, and of what came before it.
constexpr std::array manufacturer_oids = {"2.23.133.5.1.1", "2.23.133.2.4"};
constexpr std::array model_oids = {"2.23.133.5.1.4", "2.23.133.2.5"};
constexpr std::array version_oids = {"2.23.133.5.1.5", "2.23.133.2.6"};
constexpr std::array serial_oids = {"2.23.133.5.1.6", "2.23.133.2.23"};

struct Free {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(X509_NAME* name) const { X509_NAME_free(name); }
  void operator()(STACK_OF(X509_ATTRIBUTE) * attributes) const {
    sk_X509_ATTRIBUTE_pop_free(attributes, &X509_ATTRIBUTE_free);
  }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> malformed(const std::string& why) {
  ERR_clear_error();
  return fail(Code::platform_certificate_malformed, why);
}

std::string decimal_of(const ASN1_INTEGER* number) {
  const Owned<BIGNUM> value(ASN1_INTEGER_to_BN(number, nullptr));
  char* text = value ? BN_bn2dec(value.get()) : nullptr;
  std::string decimal = text == nullptr ? "" : text;
  OPENSSL_free(text);
  return decimal;
}

std::string time_of(const ASN1_GENERALIZEDTIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

const X509_NAME* directory_in(const GENERAL_NAMES* names) {
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DIRNAME) return name->d.directoryName;
  }
  return nullptr;
}

template <typename Oids>
void take(const NamePart& part, const Oids& oids, std::string& into) {
  if (into.empty() && std::find(oids.begin(), oids.end(), part.type) != oids.end())
    into = part.value;
}

void read_names(const X509_NAME* name, PlatformCertificate& into) {
  for (const NamePart& part : parts_of(name)) {
    take(part, manufacturer_oids, into.manufacturer);
    take(part, model_oids, into.model);
    take(part, version_oids, into.version_text);
    take(part, serial_oids, into.serial);
  }
}

// Intel's first ones hold a Name where GeneralNames should stand.
void read_alternative_name(BytesView value, PlatformCertificate& into) {
  const std::uint8_t* at = value.data();
  const auto length = static_cast<long>(value.size());
  const Owned<GENERAL_NAMES> names(d2i_GENERAL_NAMES(nullptr, &at, length));
  if (names) {
    if (const X509_NAME* directory = directory_in(names.get())) read_names(directory, into);
    return;
  }
  at = value.data();
  const Owned<X509_NAME> bare(d2i_X509_NAME(nullptr, &at, length));
  if (bare) read_names(bare.get(), into);
}

bool read_attributes(const STACK_OF(X509_ATTRIBUTE) * attributes, PlatformCertificate& into) {
  if (sk_X509_ATTRIBUTE_num(attributes) > most_attributes) return false;
  for (int i = 0; i < sk_X509_ATTRIBUTE_num(attributes); ++i) {
    X509_ATTRIBUTE* attribute = sk_X509_ATTRIBUTE_value(attributes, i);
    if (!read_attribute(X509_ATTRIBUTE_get0_object(attribute),
                        X509_ATTRIBUTE_get0_type(attribute, 0), into))
      return false;
  }
  return true;
}

// Intel's first ones have their attributes in an extension.
bool read_directory_attributes(BytesView value, PlatformCertificate& into) {
  const ASN1_ITEM* item = ASN1_ITEM_rptr(X509_ATTRIBUTE);
  const std::uint8_t* at = value.data();
  STACK_OF(ASN1_TYPE)* all = d2i_ASN1_SEQUENCE_ANY(nullptr, &at, static_cast<long>(value.size()));
  if (all == nullptr || sk_ASN1_TYPE_num(all) > most_attributes) {
    sk_ASN1_TYPE_pop_free(all, &ASN1_TYPE_free);
    return false;
  }
  bool good = true;
  for (int i = 0; good && i < sk_ASN1_TYPE_num(all); ++i) {
    const ASN1_TYPE* one = sk_ASN1_TYPE_value(all, i);
    good = one->type == V_ASN1_SEQUENCE;
    if (!good) break;
    const ASN1_STRING* octets = one->value.sequence;
    const auto attribute = decode<X509_ATTRIBUTE>(
        {ASN1_STRING_get0_data(octets), static_cast<std::size_t>(ASN1_STRING_length(octets))},
        item);
    good = attribute && read_attribute(X509_ATTRIBUTE_get0_object(attribute.get()),
                                       X509_ATTRIBUTE_get0_type(attribute.get(), 0), into);
  }
  sk_ASN1_TYPE_pop_free(all, &ASN1_TYPE_free);
  return good;
}

bool read_extensions(const STACK_OF(X509_EXTENSION) * extensions, PlatformCertificate& into) {
  if (sk_X509_EXTENSION_num(extensions) > most_attributes) return false;
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    X509_EXTENSION* extension = sk_X509_EXTENSION_value(extensions, i);
    const ASN1_OCTET_STRING* octets = X509_EXTENSION_get_data(extension);
    const BytesView value{ASN1_STRING_get0_data(octets),
                          static_cast<std::size_t>(ASN1_STRING_length(octets))};
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
    if (nid == NID_subject_alt_name) read_alternative_name(value, into);
    if (nid == NID_subject_directory_attributes && !read_directory_attributes(value, into))
      return false;
  }
  return true;
}

void read_names_of(const AcInfo& info, PlatformCertificate& into) {
  if (const X509_NAME* issuer = directory_in(info.issuer->names)) {
    into.issuer = x509::name_text(issuer);
    into.issuer_parts = parts_of(issuer);
  }
  const AcIssuerSerial* holder = info.holder->base;
  if (holder == nullptr) return;
  if (const X509_NAME* issuer = directory_in(holder->issuer)) {
    into.holder_issuer = x509::name_text(issuer);
    into.holder_issuer_parts = parts_of(issuer);
  }
  into.holder_serial = decimal_of(holder->serial);
  into.holder_serial_hex = to_hex({ASN1_STRING_get0_data(holder->serial),
                                   static_cast<std::size_t>(ASN1_STRING_length(holder->serial))});
}

bool read_tbs(const AttributeCertificate& read, PlatformCertificate& into) {
  const AcInfo& info = *read.info;
  std::int64_t version = 0;
  if (ASN1_INTEGER_get_int64(&version, info.version) != 1 || version < 0 || version > 1)
    return false;
  into.version = static_cast<int>(version) + 1;
  into.serial_number = decimal_of(info.serial);
  into.not_before = time_of(info.validity->not_before);
  into.not_after = time_of(info.validity->not_after);
  if (into.not_before.empty() || into.not_after.empty()) return false;
  read_names_of(info, into);
  return read_attributes(info.attributes, into) && read_extensions(info.extensions, into);
}

}  // namespace

Result<PlatformCertificate> parse(BytesView padded) {
  const BytesView der = x509::without_padding(padded);
  if (der.empty() || der.size() > longest_certificate)
    return malformed("the platform certificate has an impossible size");
  auto read = decode<AttributeCertificate>(der, ASN1_ITEM_rptr(AttributeCertificate));
  if (!read) return malformed("not one DER attribute certificate");
  if (X509_ALGOR_cmp(read->algorithm, read->info->signature) != 0)
    return malformed("the attribute certificate names two signature algorithms");
  PlatformCertificate certificate;
  if (!read_tbs(*read, certificate))
    return malformed("a version, time or attribute of the platform certificate cannot be read");
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr, read->algorithm);
  certificate.signature_nid = OBJ_obj2nid(algorithm);
  certificate.signed_octets.assign(read->info->enc.enc, read->info->enc.enc + read->info->enc.len);
  certificate.signature.assign(
      ASN1_STRING_get0_data(read->signature),
      ASN1_STRING_get0_data(read->signature) + ASN1_STRING_length(read->signature));
  certificate.encoded =
      std::shared_ptr<const AttributeCertificate>(read.release(), [](const auto* owned) {
        FreeItem{ASN1_ITEM_rptr(AttributeCertificate)}(const_cast<AttributeCertificate*>(owned));
      });
  ERR_clear_error();
  return certificate;
}

const char* name_of(Signature signature) {
  switch (signature) {
    case Signature::good:
      return "good";
    case Signature::weak:
      return "weak";
    case Signature::wrong:
      return "wrong";
    default:
      return "issuer unknown";
  }
}

Signature check_signature(const PlatformCertificate& certificate,
                          const std::vector<X509*>& issuers) {
  Signature found = Signature::issuer_unknown;
  for (X509* issuer : issuers) {
    if (x509::name_text(X509_get_subject_name(issuer)) != certificate.issuer ||
        !x509::has_bounded_key(issuer))
      continue;
    EVP_PKEY* key = X509_get0_pubkey(issuer);
    const AttributeCertificate& encoded = *certificate.encoded;
    const bool right = ASN1_item_verify(ASN1_ITEM_rptr(AcInfo), encoded.algorithm,
                                        encoded.signature, encoded.info, key) == 1;
    ERR_clear_error();
    if (!right) {
      found = std::max(found, Signature::wrong);
      continue;
    }
    int digest = NID_undef;
    OBJ_find_sigid_algs(certificate.signature_nid, &digest, nullptr);
    const bool weak = digest == NID_sha1 || digest == NID_md5 ||
                      (EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) < least_rsa_bits);
    return weak ? Signature::weak : Signature::good;
  }
  return found;
}

}  // namespace mintmark::attest::platform
