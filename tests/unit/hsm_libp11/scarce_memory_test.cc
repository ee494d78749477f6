// Requests and certificates where OpenSSL gets no memory: whole, or none.
#include "support/scarce_memory.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "hsm/libp11/certificate.h"
#include "hsm/libp11/request.h"
#include "support/issued_certificate.h"

namespace mintmark::hsm::libp11 {
namespace {

// RSA, so that the same request has the same signature.
TEST(ScarceMemory, ARequestHasEveryNameThatWasAskedForOrIsNotGiven) {
  const auto key = test::new_pair("RSA");
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  const Bytes spki(der, der + size);
  OPENSSL_free(der);
  const RequestSpec spec{.subject = "/O=Example/CN=issuer.example",
                         .dns = {"issuer.example", "*.issuer.example"},
                         .addresses = {"192.0.2.7"}};
  EXPECT_GT(test::expect_closed_without_memory(
                {"request", [&] { return sign_request(key.get(), spki, spec); }}),
            0U);
}

TEST(ScarceMemory, ACertificateIsReadRightlyOrNotAtAll) {
  const auto key = test::new_pair("P-256");
  const auto certificate =
      test::issue({.subject = {{"O", "Example"}, {"CN", "a"}}, .key = key}, {.key = key});
  const std::string pem = test::pem_text_of(certificate.get());
  EXPECT_GT(test::expect_closed_without_memory({"certificate",
                                                [&]() -> Result<std::string> {
                                                  const auto facts = read_certificate(pem);
                                                  if (!facts)
                                                    return tl::unexpected<Error>(facts.error());
                                                  return facts->subject + " " + facts->issuer +
                                                         " " + facts->serial + " " +
                                                         std::to_string(facts->not_before) + " " +
                                                         std::to_string(facts->not_after) + " " +
                                                         to_hex(facts->public_key) + " " +
                                                         to_hex(facts->der);
                                                }}),
            0U);
}

}  // namespace
}  // namespace mintmark::hsm::libp11
