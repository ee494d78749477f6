// Platform certificates of real machines: every field as go-attestation reads it.
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "attest/platform/certificate.h"
#include "support/artefacts.h"

namespace mintmark::test {
namespace {

namespace platform = attest::platform;

Bytes from_base64(const std::string& text) {
  Bytes out(text.size() / 4 * 3);
  const int length = EVP_DecodeBlock(out.data(), reinterpret_cast<const std::uint8_t*>(text.data()),
                                     static_cast<int>(text.size()));
  const auto padding = static_cast<std::size_t>(std::count(text.begin(), text.end(), '='));
  out.resize(static_cast<std::size_t>(length) - padding);
  return out;
}

TEST(PlatformArtefacts, HaveTheFieldsThatAreExpected) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t read = 0;
  for (const Artefact& artefact : artefacts_of("tpm_platform_certs")) {
    SCOPED_TRACE(artefact.id);
    for (Json expected : artefact.expected_fields) {
      const auto certificate = platform::parse(artefact.contents().at(0));
      ASSERT_TRUE(certificate) << certificate.error().to_string();
      EXPECT_EQ(from_base64(expected["Raw"].get<std::string>()), artefact.contents().at(0));
      EXPECT_EQ(from_base64(expected["RawTBSAttributeCertificate"].get<std::string>()),
                certificate->signed_octets);
      EXPECT_EQ(from_base64(expected["Signature"].get<std::string>()), certificate->signature);
      for (const char* raw : {"Raw", "RawTBSAttributeCertificate", "Signature"})
        expected.erase(raw);
      const Json fields = platform::to_json(*certificate);
      for (const auto& [name, value] : expected.items()) EXPECT_EQ(fields[name], value) << name;
      EXPECT_EQ(fields.size(), expected.size());
      ++read;
    }
  }
  test::expect_some(read);
}

TEST(PlatformArtefacts, CutAnywhereOrOneOctetLongerAreNone) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  for (const Artefact& artefact : artefacts_of("tpm_platform_certs")) {
    Bytes der = artefact.contents().at(0);
    for (std::size_t length = 0; length < der.size(); ++length)
      EXPECT_FALSE(platform::parse(BytesView(der).first(length))) << artefact.id << length;
    der.push_back(1);
    EXPECT_FALSE(platform::parse(der)) << artefact.id;
  }
}

TEST(PlatformArtefacts, WithAnyOctetChangedAreReadOrRefusedAndNeverSignedByTheirIssuer) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  std::vector<attest::x509::Certificate> owned;
  for_each_entry("tpm_platform_certs", [&owned](const Json& entry) {
    if (entry.at("expect").at("answer") != "anchor") return;
    for (const Json& file : entry.at("files")) {
      for (auto& one : attest::x509::certificates_in(data_file(file.get<std::string>())))
        owned.push_back(std::move(one));
    }
  });
  std::vector<X509*> issuers;
  for (const auto& one : owned) issuers.push_back(one.get());
  for (const Artefact& artefact : artefacts_of("tpm_platform_certs")) {
    const Bytes good = artefact.contents().at(0);
    for (std::size_t at = 0; at < good.size(); ++at) {
      Bytes bad = good;
      bad[at] ^= 0x21U;
      const auto certificate = platform::parse(bad);
      if (!certificate) continue;
      const auto signature = platform::check_signature(*certificate, issuers);
      EXPECT_TRUE(signature == platform::Signature::wrong ||
                  signature == platform::Signature::issuer_unknown)
          << artefact.id << " " << at;
    }
  }
}

}  // namespace
}  // namespace mintmark::test
