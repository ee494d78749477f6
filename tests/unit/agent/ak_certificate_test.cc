// An AK that an attestation authority certified: nothing is activated, the rest is as ever.
#include "agent/ak_certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "attest/tpm2/binding.h"
#include "fake_issuer.h"
#include "hsm/tpm2/public_area.h"
#include "jose/base64url.h"

namespace mintmark::agent {
namespace {

constexpr std::uint32_t handle = 0x81000003;
constexpr std::uint32_t nv_index = 0x01C101D0;
const std::string begin_url = "https://issuer.example/attest/tpm2/begin";
const std::string finish_url = "https://issuer.example/attest/tpm2/finish";

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Certificate parsed(const Bytes& der) {
  const std::uint8_t* at = der.data();
  return {d2i_X509(nullptr, &at, static_cast<long>(der.size())), &X509_free};
}

Bytes spki_of(const Bytes& der) {
  std::uint8_t* encoded = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(parsed(der).get()), &encoded);
  Bytes spki(encoded, encoded + size);
  OPENSSL_free(encoded);
  return spki;
}

std::string pem_of(const Bytes& der) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(bio.get(), parsed(der).get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

class CertifiedAttestationKey : public testing::Test {
 protected:
  CertifiedAttestationKey() {
    bench_.tpm.persist_attestation_key(handle);
    bench_.tpm.certificates[nv_index] = certificate_;
    for (const char* member : {"credential_blob", "encrypted_secret"})
      bench_.issuer.challenge.erase(member);
  }

  Result<Enrolment> enroll(const std::string& place = "nv:0x01C101D0", std::uint32_t at = handle) {
    ByTpm way{"a-tpm", std::nullopt, {}, CertifiedAk{{at}, place}};
    return bench_.agent().enroll(
        {.issuer = bench_.issuer.issuer, .ca_file = "", .way = std::move(way)});
  }
  void expect_refused(Result<Enrolment> enrolment, Code code) {
    ASSERT_FALSE(enrolment);
    EXPECT_EQ(enrolment.error().code, code) << enrolment.error().to_string();
    EXPECT_TRUE(bench_.issuer.seen_at(begin_url).empty());
  }
  [[nodiscard]] Json sent(const std::string& url) const {
    return Json::parse(bench_.issuer.seen_at(url).back().body);
  }

  Bench bench_;
  Bytes certificate_ = self_signed_certificate();
};

TEST_F(CertifiedAttestationKey, IsShownInPlaceOfAnEkAndNothingIsActivated) {
  const auto enrolment = enroll();
  ASSERT_TRUE(enrolment) << enrolment.error().to_string();
  for (const std::string& url : {begin_url, finish_url}) {
    EXPECT_EQ(sent(url)["ak_certificate"], jose::base64url(certificate_));
    EXPECT_EQ(sent(url)["ak_public"], jose::base64url(bench_.tpm.persistent[handle]));
    for (const char* member : {"ek_certificate", "ak_chain", "activation_secret"})
      EXPECT_FALSE(sent(url).contains(member)) << member;
  }
  EXPECT_EQ(bench_.tpm.keys_made, 1);
}

TEST_F(CertifiedAttestationKey, BindsItsEvidenceToItsCertificatesKey) {
  ASSERT_TRUE(enroll());
  const auto identity = bench_.state().identity().value();
  const auto& key = std::get<TpmKey>(identity.key);
  const auto name = [](const Bytes& area) { return hsm::tpm2::name_of_public(area).value(); };
  const Sha256 binding = attest::tpm2::binding_of(
      bench_.issuer.issuer, "the-ticket", spki_of(certificate_),
      name(bench_.tpm.persistent[handle]), name(key.device_key.public_area));
  EXPECT_EQ(bench_.tpm.last_quote_binding, to_bytes(binding));
  EXPECT_EQ(bench_.tpm.last_certify_binding, to_bytes(binding));
  EXPECT_EQ(key.ek_fingerprint, to_hex(sha256(spki_of(certificate_))));
}

TEST_F(CertifiedAttestationKey, IsShownAgainAtTheNextAttestation) {
  ASSERT_TRUE(enroll());
  const Json first = sent(begin_url);
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_EQ(sent(begin_url), first);
  EXPECT_EQ(bench_.tpm.keys_made, 1);
}

TEST_F(CertifiedAttestationKey, ComesFromAFileWithItsChain) {
  const Bytes authority = self_signed_certificate();
  const auto file = bench_.directory.write("ak.pem", pem_of(certificate_) + pem_of(authority));
  ASSERT_TRUE(enroll(file.string()));
  EXPECT_EQ(sent(finish_url)["ak_certificate"], jose::base64url(certificate_));
  EXPECT_EQ(sent(finish_url)["ak_chain"], Json::array({jose::base64url(authority)}));

  const auto der = bench_.directory.write("ak.der", std::string(as_text(certificate_)));
  ASSERT_TRUE(enroll(der.string()));
  EXPECT_EQ(sent(finish_url)["ak_certificate"], jose::base64url(certificate_));
}

TEST_F(CertifiedAttestationKey, ThatDoesNotPersistIsRefusedBeforeTheIssuerHearsOfIt) {
  expect_refused(enroll("nv:0x01C101D0", 0x81000004), Code::tpm_key_lost);
}

TEST_F(CertifiedAttestationKey, WithoutACertificateIsRefused) {
  expect_refused(enroll("nv:0x01C101D1"), Code::not_found);
  expect_refused(enroll((bench_.directory.path() / "nothing").string()), Code::io_failed);
  expect_refused(enroll(bench_.directory.write("text", "text").string()),
                 Code::ak_certificate_malformed);
  expect_refused(enroll(bench_.directory.write("empty", "").string()),
                 Code::ak_certificate_malformed);
  expect_refused(enroll(bench_.directory
                            .write("broken",
                                   "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                   "-----END CERTIFICATE-----\n")
                            .string()),
                 Code::ak_certificate_malformed);
}

TEST_F(CertifiedAttestationKey, WithAnEndlessChainIsRefused) {
  std::string pem;
  for (int i = 0; i < 9; ++i) pem += pem_of(certificate_);
  expect_refused(enroll(bench_.directory.write("chain", pem).string()),
                 Code::ak_certificate_malformed);
  expect_refused(enroll(bench_.directory.write("long", pem + std::string(70'000, '\n')).string()),
                 Code::io_failed);
}

// The same AK would come again: nothing is promised of it.
TEST_F(CertifiedAttestationKey, OfATpmThatWentBackIsNotMendedByEnrollingAnew) {
  bench_.issuer.refuse_next(finish_url, Code::quote_went_back);
  const auto refused = enroll();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::quote_went_back);
  EXPECT_EQ(refused.error().detail.find("mint-agent enroll"), std::string::npos)
      << refused.error().detail;
}

TEST_F(CertifiedAttestationKey, IsInTheStatusInPlaceOfTheEk) {
  ASSERT_TRUE(enroll());
  const auto status = bench_.agent().status().value();
  EXPECT_FALSE(status.contains("ek"));
  EXPECT_EQ(status["ak"]["handle"], "0x81000003");
  EXPECT_EQ(status["ak"]["certificate"], "nv:0x01C101D0");
}

TEST_F(CertifiedAttestationKey, WithoutAChallengeForAnEkIsTheOnlyOneThatNeedsNone) {
  const auto by_ek = bench_.agent().enroll(
      {.issuer = bench_.issuer.issuer, .ca_file = "", .way = ByTpm{"t", std::nullopt, {}, {}}});
  ASSERT_FALSE(by_ek);
  EXPECT_EQ(by_ek.error().code, Code::issuer_answer_invalid);
}

TEST(Handles, AreReadByTheirKind) {
  EXPECT_EQ(persistent_handle_in("0x81000003").value(), 0x81000003U);
  EXPECT_EQ(nv_index_in("nv:0x01C101D0").value(), 0x01C101D0U);
  for (const char* wrong : {"", "0x", "81000003", "0x80000003", "0x8100000", "0x810000031",
                            "0x8100000g", "nv:0x81000003", "-0x81000003"})
    EXPECT_FALSE(persistent_handle_in(wrong)) << wrong;
  for (const char* wrong : {"", "nv:", "0x01C101D0", "nv:0x81000003", "nv:0x01C101D0 ", "nv:1"})
    EXPECT_FALSE(nv_index_in(wrong)) << wrong;
}

}  // namespace
}  // namespace mintmark::agent
