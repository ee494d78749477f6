#include "hsm/libp11/request.h"

#include <openssl/pem.h>

#include "hsm/libp11/error.h"
#include "hsm/libp11/openssl.h"
#include "hsm/libp11/subject.h"

namespace mintmark::hsm::libp11 {
namespace {

Result<Owned<X509_NAME>> name_of(const std::string& subject) {
  auto parts = parse_subject(subject);
  if (!parts) return pass_on(parts);
  Owned<X509_NAME> name(X509_NAME_new());
  for (const auto& [type, value] : *parts) {
    if (X509_NAME_add_entry_by_txt(name.get(), type.c_str(), MBSTRING_UTF8, as_bytes(value).data(),
                                   static_cast<int>(value.size()), -1, 0) == 1)
      continue;
    ERR_clear_error();
    return fail(Code::invalid_argument, "--subject: \"" + printable(type) +
                                            "\" takes no such value, or is no type of name "
                                            "that OpenSSL knows (C, O, OU, CN, …)");
  }
  return name;
}

/// False without memory: a name that was asked for must not be missing.
bool add(GENERAL_NAMES* names, int type, Owned<ASN1_STRING> value) {
  Owned<GENERAL_NAME> name(GENERAL_NAME_new());
  if (names == nullptr || !name || !value) return false;
  GENERAL_NAME_set0_value(name.get(), type, value.release());
  if (sk_GENERAL_NAME_push(names, name.get()) == 0) return false;
  (void)name.release();
  return true;
}

Owned<ASN1_STRING> ia5_string(const std::string& text) {
  Owned<ASN1_STRING> string(ASN1_IA5STRING_new());
  const int size = static_cast<int>(text.size());
  if (string && ASN1_STRING_set(string.get(), text.data(), size) != 1) return nullptr;
  return string;
}

Result<Owned<GENERAL_NAMES>> names_of(const RequestSpec& spec) {
  Owned<GENERAL_NAMES> names(GENERAL_NAMES_new());
  for (const std::string& dns : spec.dns) {
    if (auto good = require_dns_name(dns); !good) return pass_on(good);
    if (!add(names.get(), GEN_DNS, ia5_string(dns))) return fail_in("the DNS names");
  }
  for (const std::string& address : spec.addresses) {
    Owned<ASN1_STRING> octets(a2i_IPADDRESS(address.c_str()));
    if (!octets) {
      ERR_clear_error();
      return fail(Code::invalid_argument,
                  "--ip must be an IP address, not \"" + printable(address) + "\"");
    }
    if (!add(names.get(), GEN_IPADD, std::move(octets))) return fail_in("the IP addresses");
  }
  return names;
}

Result<void> add_names(X509_REQ* request, const RequestSpec& spec) {
  if (spec.dns.empty() && spec.addresses.empty()) return {};
  auto names = names_of(spec);
  if (!names) return pass_on(names);
  X509_EXTENSIONS* list = nullptr;
  const int added =
      X509V3_add1_i2d(&list, NID_subject_alt_name, names->get(), 0, X509V3_ADD_DEFAULT);
  const Owned<X509_EXTENSIONS> extensions(list);
  if (added != 1 || X509_REQ_add_extensions(request, list) != 1)
    return fail_in("the subject alternative names");
  return {};
}

const EVP_MD* digest_for(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "EC") != 1 || EVP_PKEY_get_bits(key) <= 256) return EVP_sha256();
  return EVP_PKEY_get_bits(key) <= 384 ? EVP_sha384() : EVP_sha512();
}

}  // namespace

Result<void> check(const RequestSpec& spec) {
  if (auto name = name_of(spec.subject); !name) return pass_on(name);
  if (auto names = names_of(spec); !names) return pass_on(names);
  return {};
}

Result<std::string> sign_request(evp_pkey_st* key, BytesView public_key, const RequestSpec& spec) {
  auto subject = name_of(spec.subject);
  if (!subject) return pass_on(subject);
  const auto* at = public_key.data();
  const Owned<EVP_PKEY> shown(d2i_PUBKEY(nullptr, &at, static_cast<long>(public_key.size())));
  const Owned<X509_REQ> request(X509_REQ_new());
  if (!shown || !request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_subject_name(request.get(), subject->get()) != 1 ||
      X509_REQ_set_pubkey(request.get(), shown.get()) != 1)
    return fail_in("the certificate request");
  if (auto added = add_names(request.get(), spec); !added) return pass_on(added);
  if (X509_REQ_sign(request.get(), key, digest_for(shown.get())) <= 0)
    return fail_in("signing the certificate request");
  if (X509_REQ_verify(request.get(), shown.get()) != 1) {
    ERR_clear_error();
    return fail(Code::hsm_signature_wrong,
                "the token's signature does not fit the public key beside it");
  }
  const Owned<BIO> memory(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509_REQ(memory.get(), request.get()) != 1)
    return fail_in("the certificate request");
  return content_of(memory.get());
}

}  // namespace mintmark::hsm::libp11
