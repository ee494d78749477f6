#include "attest/x509/bundle.h"

#include "attest/x509/trust.h"

namespace mintmark::attest::x509 {

std::vector<Bytes> der_of_all(BytesView content, std::size_t most) {
  constexpr std::size_t pem_of_one = 2 * longest_certificate;
  std::vector<Bytes> all;
  if (content.size() > most * pem_of_one) return all;
  const auto certificates = certificates_in(content);
  if (certificates.size() > most) return all;
  for (const Certificate& certificate : certificates) {
    std::uint8_t* octets = nullptr;
    const int length = i2d_X509(certificate.get(), &octets);
    if (length > 0) all.push_back(to_bytes({octets, static_cast<std::size_t>(length)}));
    OPENSSL_free(octets);
  }
  return all;
}

}  // namespace mintmark::attest::x509
