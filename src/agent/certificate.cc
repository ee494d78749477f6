#include "agent/certificate.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "attest/x509/bundle.h"
#include "attest/x509/certificate.h"
#include "attest/x509/times.h"
#include "hsm/tls/key.h"
#include "jose/base64url.h"

namespace mintmark::agent {
namespace {

namespace x509 = attest::x509;

constexpr std::chrono::minutes clocks_apart{5};
constexpr std::chrono::hours longest_margin{1};
constexpr int serial_octets = 16;
constexpr std::size_t most_certificates = 1 + x509::most_offered;

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_REQ* request) const { X509_REQ_free(request); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(X509_EXTENSIONS* all) const {
    sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
  }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> unfit(const std::string& what) {
  return fail(Code::agent_certificate_unfit, what);
}

tl::unexpected<Error> failed(const char* what) {
  ERR_clear_error();
  return fail(Code::agent_certificate_failed, std::string("OpenSSL makes no ") + what);
}

Owned<EVP_PKEY> shown(const jose::PublicKey& key) {
  const Bytes spki = key.to_spki();
  const std::uint8_t* at = spki.data();
  return Owned<EVP_PKEY>(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
}

bool set_subject(X509_NAME* name, const std::string& client_id) {
  return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, as_bytes(client_id).data(),
                                    static_cast<int>(client_id.size()), -1, 0) == 1;
}

struct Extension {
  int kind;
  const char* value;
};
constexpr Extension extensions[] = {{NID_basic_constraints, "critical,CA:FALSE"},
                                    {NID_key_usage, "critical,digitalSignature"},
                                    {NID_ext_key_usage, "clientAuth"}};

Owned<X509_EXTENSION> made(const Extension& of) {
  return Owned<X509_EXTENSION>(X509V3_EXT_conf_nid(nullptr, nullptr, of.kind, of.value));
}

bool set_serial(X509* certificate) {
  const Owned<BIGNUM> serial(BN_new());
  // RFC 5280 §4.1.2.2: positive, at most 20 octets.
  return serial &&
         BN_rand(serial.get(), 8 * serial_octets - 1, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool set_times(X509* certificate, std::chrono::hours life, Moment now) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), to_unix(now - clocks_apart)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), to_unix(now + life)) != nullptr;
}

template <typename T>
Result<std::string> pem_of(const T* value, int (*write)(BIO*, const T*)) {
  const Owned<BIO> memory(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (!memory || write(memory.get(), value) != 1) return failed("PEM");
  const long length = BIO_get_mem_data(memory.get(), &text);
  return std::string(text, static_cast<std::size_t>(length));
}

}  // namespace

Result<DeviceCertificate> read_certificate(const std::string& pem, const std::string& jkt) {
  const auto all = x509::der_of_all(as_bytes(pem), most_certificates);
  if (all.empty() || pem.find("-----BEGIN CERTIFICATE-----") == std::string::npos)
    return unfit("there is no certificate in PEM, or one that cannot be read");
  std::string why;
  const auto leaf = x509::parse_certificate(all.front(), &why);
  if (!leaf) return unfit("the first certificate: " + why);
  const auto key = jose::PublicKey::from_spki(x509::spki_of(leaf.get()));
  if (!key || key->thumbprint() != jkt) {
    return unfit(
        "the first certificate is on another key than the device's; request one with mint-agent "
        "certificate --request");
  }
  return DeviceCertificate{.pem = pem,
                           .thumbprint = jose::base64url(sha256(all.front())),
                           .not_before = x509::moment_of(X509_get0_notBefore(leaf.get())),
                           .not_after = x509::moment_of(X509_get0_notAfter(leaf.get()))};
}

Result<jose::PublicKey> public_key_of(const DeviceCertificate& certificate) {
  const auto all = x509::der_of_all(as_bytes(certificate.pem), most_certificates);
  const auto leaf = all.empty() ? nullptr : x509::parse_certificate(all.front());
  if (!leaf) return unfit("there is no certificate");
  return jose::PublicKey::from_spki(x509::spki_of(leaf.get()));
}

bool is_good(const DeviceCertificate& certificate, Moment now) {
  return now >= certificate.not_before && now < certificate.not_after;
}

bool is_ending(const DeviceCertificate& certificate, Moment now) {
  const std::chrono::seconds life = certificate.not_after - certificate.not_before;
  return now >= certificate.not_after - std::min<std::chrono::seconds>(longest_margin, life / 10);
}

Result<std::string> make_certificate(const CertificateOwner& owner, std::chrono::hours life,
                                     Moment now) {
  const Owned<X509> certificate(X509_new_ex(hsm::tls::library(), hsm::tls::library_properties));
  const auto public_half = shown(owner.public_key);
  X509_NAME* subject = certificate ? X509_get_subject_name(certificate.get()) : nullptr;
  if (!public_half || subject == nullptr || !set_subject(subject, owner.client_id) ||
      X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      X509_set_issuer_name(certificate.get(), subject) != 1 || !set_serial(certificate.get()) ||
      !set_times(certificate.get(), life, now) ||
      X509_set_pubkey(certificate.get(), public_half.get()) != 1)
    return failed("certificate for this client id");
  for (const Extension& one : extensions) {
    if (X509_add_ext(certificate.get(), made(one).get(), -1) != 1) return failed("extension");
  }
  if (X509_sign(certificate.get(), owner.key, EVP_sha256()) <= 0)
    return failed("signature with the device key");
  // The hardware may have another key than the one that is recorded.
  if (X509_verify(certificate.get(), public_half.get()) != 1)
    return failed("signature that fits the device key");
  return pem_of<X509>(certificate.get(), &PEM_write_bio_X509);
}

Result<std::string> make_certificate_request(const CertificateOwner& owner) {
  const Owned<X509_REQ> request(X509_REQ_new_ex(hsm::tls::library(), hsm::tls::library_properties));
  const auto public_half = shown(owner.public_key);
  if (!public_half || !request ||
      !set_subject(X509_REQ_get_subject_name(request.get()), owner.client_id) ||
      X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), public_half.get()) != 1)
    return failed("certificate request for this client id");
  X509_EXTENSIONS* list = sk_X509_EXTENSION_new_null();
  const Owned<X509_EXTENSIONS> asked(list);
  for (const Extension& one : extensions) sk_X509_EXTENSION_push(list, made(one).release());
  if (X509_REQ_add_extensions(request.get(), list) != 1) return failed("extension");
  if (X509_REQ_sign(request.get(), owner.key, EVP_sha256()) <= 0)
    return failed("signature with the device key");
  if (X509_REQ_verify(request.get(), public_half.get()) != 1)
    return failed("signature that fits the device key");
  return pem_of<X509_REQ>(request.get(), &PEM_write_bio_X509_REQ);
}

}  // namespace mintmark::agent
