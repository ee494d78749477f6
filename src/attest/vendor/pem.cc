#include "attest/vendor/pem.h"
#include "base/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

namespace mintmark::attest::vendor {
namespace {

constexpr std::size_t longest_certificate = 8192;

Bytes der_of(const X509* certificate) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509(certificate, &octets);
  Bytes der(octets, octets + std::max(0, length));
  OPENSSL_free(octets);
  return der;
}

}  // namespace

Result<std::vector<Bytes>> certificates_in_pem(std::string_view text) {
  std::vector<Bytes> found;
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free);
  while (X509* read = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)) {
    const tpm2::Certificate certificate(read);
    found.push_back(der_of(certificate.get()));
  }
  const bool to_the_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!to_the_end || found.empty() || found.size() > most_certificates)
    return fail(Code::vendor_attestation_malformed,
                "must hold 1 to " + std::to_string(most_certificates) +
                    " certificates (PEM), none of them damaged");
  return found;
}

Result<tpm2::Certificate> certificate_in(BytesView der) {
  if (der.empty() || der.size() > longest_certificate)
    return fail(Code::vendor_attestation_malformed, "a certificate has an impossible size");
  const std::uint8_t* at = der.data();
  tpm2::Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  const bool whole = certificate && at == der.data() + der.size() &&
                     (X509_get_extension_flags(certificate.get()) & EXFLAG_INVALID) == 0;
  ERR_clear_error();
  if (!whole) return fail(Code::vendor_attestation_malformed, "not one DER certificate");
  return certificate;
}

}  // namespace mintmark::attest::vendor
