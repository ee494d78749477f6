// Certificates on the device key, and tokens that are bound to them.
#include "agent/certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "agent/held_key.h"
#include "base/file.h"
#include "fake_issuer.h"
#include "http/tls.h"
#include "support/soft_key.h"

namespace mintmark::agent {
namespace {

using std::chrono::hours;

const std::string token_url = "https://issuer.example/token";
const TokenRequest by_certificate{"https://service.example", "read", true};

std::shared_ptr<X509> parsed(const std::string& pem) {
  BIO* reader = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  std::shared_ptr<X509> certificate(PEM_read_bio_X509(reader, nullptr, nullptr, nullptr),
                                    &X509_free);
  BIO_free(reader);
  return certificate;
}

class Certificate : public testing::Test {
 protected:
  [[nodiscard]] HeldDeviceKey held() const {
    return hold(key_.public_key(), [this](BytesView octets) { return key_.sign(octets); }).value();
  }
  [[nodiscard]] std::string made(hours life = hours(24)) const {
    return make_certificate({held().key.get(), key_.public_key(), id_}, life, now_).value();
  }

  const test::SoftKey key_;
  const std::string id_ = "device-1";
  const Moment now_ = from_unix(1'800'000'000);
};

TEST_F(Certificate, IsSignedByTheKeyItIsOnAndForClientsAlone) {
  const auto certificate = parsed(made());
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_verify(certificate.get(), X509_get0_pubkey(certificate.get())), 1);
  EXPECT_EQ(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_CLIENT, 0), 1);
  EXPECT_NE(X509_check_purpose(certificate.get(), X509_PURPOSE_SSL_SERVER, 0), 1);
  EXPECT_NE(X509_check_ca(certificate.get()), 1);
  std::array<char, 32> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                            name.size());
  EXPECT_STREQ(name.data(), "device-1");
  EXPECT_GE(ASN1_STRING_length(X509_get0_serialNumber(certificate.get())), 15);
}

TEST_F(Certificate, IsAnotherOneEachTimeOnTheSameKey) {
  const auto first = read_certificate(made(), key_.jkt());
  const auto second = read_certificate(made(), key_.jkt());
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->thumbprint, second->thumbprint);
  EXPECT_EQ(first->thumbprint.size(), 43U);
  EXPECT_EQ(*public_key_of(*first), key_.public_key());
}

TEST_F(Certificate, IsGoodAsLongAsAskedAndEndingATenthOrAnHourBefore) {
  const auto day = read_certificate(made(), key_.jkt()).value();
  EXPECT_TRUE(is_good(day, now_));
  EXPECT_TRUE(is_good(day, now_ - std::chrono::minutes(5))) << "clocks are apart";
  EXPECT_FALSE(is_good(day, now_ - std::chrono::minutes(6)));
  EXPECT_FALSE(is_good(day, now_ + hours(24)));
  EXPECT_FALSE(is_ending(day, now_ + hours(23) - std::chrono::seconds(1)));
  EXPECT_TRUE(is_ending(day, now_ + hours(23)));
  const auto hour = read_certificate(made(hours(1)), key_.jkt()).value();
  EXPECT_FALSE(is_ending(hour, now_ + std::chrono::minutes(53)));
  EXPECT_TRUE(is_ending(hour, now_ + std::chrono::minutes(54)));
}

TEST_F(Certificate, ThatIsNoneOrOnAnotherKeyIsUnfit) {
  const std::string good = made();
  for (const std::string& pem :
       {std::string(), std::string("no certificate"), good.substr(0, good.size() / 2),
        good + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    const auto read = read_certificate(pem, key_.jkt());
    ASSERT_FALSE(read) << pem;
    EXPECT_EQ(read.error().code, Code::agent_certificate_unfit);
  }
  EXPECT_EQ(read_certificate(good, test::SoftKey().jkt()).error().code,
            Code::agent_certificate_unfit);
}

TEST_F(Certificate, IsNotMadeWithAKeyThatDoesNotSignOrSignsAsAnother) {
  const auto failing = hold(key_.public_key(), [](BytesView) -> Result<Bytes> {
                         return fail(Code::tpm_failed, "the TPM is away");
                       }).value();
  auto made = make_certificate({failing.key.get(), key_.public_key(), id_}, hours(1), now_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::agent_certificate_failed);
  ASSERT_TRUE(*failing.trouble);
  EXPECT_EQ((*failing.trouble)->code, Code::tpm_failed);

  const test::SoftKey other;
  const auto wrong = hold(key_.public_key(), [&](BytesView octets) -> Result<Bytes> {
                       return other.sign(octets);
                     }).value();
  made = make_certificate({wrong.key.get(), key_.public_key(), id_}, hours(1), now_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::agent_certificate_failed);
}

TEST_F(Certificate, IsNotMadeForANameThatIsTooLong) {
  const std::string long_name(65, 'a');
  const auto made =
      make_certificate({held().key.get(), key_.public_key(), long_name}, hours(1), now_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::agent_certificate_failed);
}

TEST_F(Certificate, IsRequestedWithAProofOfItsKey) {
  const auto pem = make_certificate_request({held().key.get(), key_.public_key(), id_});
  ASSERT_TRUE(pem) << pem.error().to_string();
  BIO* reader = BIO_new_mem_buf(pem->data(), -1);
  const std::shared_ptr<X509_REQ> request(PEM_read_bio_X509_REQ(reader, nullptr, nullptr, nullptr),
                                          &X509_REQ_free);
  BIO_free(reader);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(X509_REQ_verify(request.get(), X509_REQ_get0_pubkey(request.get())), 1);
}

class CertificateToken : public testing::Test {
 protected:
  CertificateToken() {
    EXPECT_TRUE(bench_.enroll_by_code());
    bench_.issuer.token["token_type"] = "Bearer";
  }
  Result<std::string> fetch() { return bench_.agent().token(by_certificate); }
  [[nodiscard]] std::size_t token_calls() const { return bench_.issuer.seen_at(token_url).size(); }
  /// On the device key, by nobody in particular.
  [[nodiscard]] std::string certified() { return *bench_.agent().certificate(); }
  [[nodiscard]] std::filesystem::path installed() const {
    return bench_.state().path() / "installed-certificate.pem";
  }

  Bench bench_;
};

TEST_F(CertificateToken, IsAskedForByTheClientIdOverAConnectionWithTheCertificate) {
  const auto token = fetch();
  ASSERT_TRUE(token) << token.error().to_string();
  const SeenRequest request = bench_.issuer.seen_at(token_url).at(0);
  EXPECT_EQ(request.headers.count("DPoP"), 0U);
  EXPECT_EQ(request.headers.count("OAuth-Client-Attestation"), 0U);
  EXPECT_EQ(*http::parse_form(request.body),
            (http::FormFields{{"grant_type", "client_credentials"},
                              {"scope", "read"},
                              {"resource", "https://service.example"},
                              {"client_id", "device-1"}}));
  ASSERT_NE(bench_.shown, nullptr);
  EXPECT_EQ(bench_.shown->chain_pem, certified());
}

TEST_F(CertificateToken, IsKeptBesideTheOneThatIsProvenByTheKey) {
  EXPECT_EQ(*fetch(), "token1");
  bench_.issuer.token["token_type"] = "DPoP";
  EXPECT_EQ(*bench_.agent().token({"https://service.example", "read"}), "token2");
  EXPECT_EQ(*fetch(), "token1");
  EXPECT_EQ(*bench_.agent().token({"https://service.example", "read"}), "token2");
  const Json status = bench_.agent().status().value();
  EXPECT_EQ(status["tokens"][0]["bound_to"], "certificate");
  EXPECT_EQ(status["tokens"][1]["bound_to"], "key");
}

TEST_F(CertificateToken, IsAskedForAnewWithANewCertificate) {
  EXPECT_EQ(*fetch(), "token1");
  const std::string first = certified();
  ASSERT_TRUE(bench_.agent().certificate(hours(2)));
  EXPECT_EQ(*fetch(), "token2");
  EXPECT_NE(bench_.shown->chain_pem, first);
  EXPECT_EQ(bench_.state().tokens()->size(), 1U) << "the other one is of no use any more";
}

TEST_F(CertificateToken, ComesWithANewCertificateWhereTheOldOneIsEnding) {
  ASSERT_TRUE(fetch());
  const std::string first = certified();
  bench_.clock.advance(hours(23));
  EXPECT_TRUE(fetch());
  EXPECT_NE(bench_.shown->chain_pem, first);
}

TEST_F(CertificateToken, OfAnotherTypeThanBearerIsRefused) {
  bench_.issuer.token["token_type"] = "DPoP";
  EXPECT_EQ(fetch().error().code, Code::issuer_answer_invalid);
  bench_.issuer.token["token_type"] = "Bearer";
  EXPECT_EQ(bench_.agent().token({"https://service.example", "read"}).error().code,
            Code::issuer_answer_invalid)
      << "a bearer's, where a proof was made";
}

TEST_F(CertificateToken, IsRefusedWithTheIssuersReason) {
  bench_.issuer.refuse_next(token_url, Code::mutual_tls_off);
  EXPECT_EQ(fetch().error().code, Code::mutual_tls_off);
}

TEST_F(CertificateToken, GoesAsBearerOverAConnectionWithTheCertificateToTheService) {
  const auto response = bench_.agent().call({.token = by_certificate,
                                             .method = "GET",
                                             .url = "https://service.example/things",
                                             .headers = {},
                                             .body = "",
                                             .ca_file = "ca.pem"});
  ASSERT_TRUE(response) << response.error().to_string();
  const SeenRequest request = bench_.issuer.seen_at("https://service.example/things").at(0);
  EXPECT_EQ(*request.headers.find("Authorization"), "Bearer token1");
  EXPECT_EQ(request.headers.count("DPoP"), 0U);
  EXPECT_EQ(bench_.last_ca_file, "ca.pem");
  EXPECT_EQ(bench_.shown->chain_pem, certified());
}

TEST_F(CertificateToken, IsNotCarriedToTheIssuerForAnybody) {
  const auto response = bench_.agent().call({.token = by_certificate,
                                             .method = "POST",
                                             .url = token_url,
                                             .headers = {},
                                             .body = "grant_type=client_credentials",
                                             .ca_file = ""});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, Code::agent_proof_for_issuer);
  EXPECT_EQ(token_calls(), 0U);
}

TEST_F(CertificateToken, IsBoundToTheInstalledCertificateWhereThereIsOne) {
  const std::string given = certified();
  ASSERT_TRUE(bench_.agent().certificate(hours(2)));
  ASSERT_TRUE(bench_.agent().install_certificate(given));
  struct stat facts {};
  ASSERT_EQ(stat(installed().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  ASSERT_TRUE(fetch());
  EXPECT_EQ(bench_.shown->chain_pem, given);
  EXPECT_EQ(bench_.agent().certificate(hours(1)).error().code, Code::agent_certificate_unfit);
  bench_.clock.advance(hours(24));
  EXPECT_EQ(fetch().error().code, Code::agent_certificate_unfit) << "none takes its place unasked";
  std::filesystem::remove(installed());
  EXPECT_TRUE(fetch());
}

TEST_F(CertificateToken, NeedsACertificateOnThisDevicesKeyThatIsGoodNow) {
  const std::string own = certified();
  Bench other;
  ASSERT_TRUE(other.enroll_by_code());
  EXPECT_EQ(other.agent().install_certificate(own).error().code, Code::agent_certificate_unfit);
  bench_.clock.advance(hours(24));
  EXPECT_EQ(bench_.agent().install_certificate(own).error().code, Code::agent_certificate_unfit);
  EXPECT_FALSE(std::filesystem::exists(installed()));
}

TEST_F(CertificateToken, IsMadeWithoutAFileThatHoldsAKey) {
  Bench tpm;
  tpm.enroll();
  const auto pem = tpm.agent().certificate();
  ASSERT_TRUE(pem) << pem.error().to_string();
  EXPECT_TRUE(read_certificate(*pem, tpm.state().identity()->jkt));
  tpm.tpm.open_error = Error{Code::tpm_failed, "away", 0};
  EXPECT_EQ(*tpm.agent().certificate(), *pem) << "the kept one needs no TPM";
  EXPECT_EQ(tpm.agent().certificate(hours(1)).error().code, Code::tpm_failed);
}

}  // namespace
}  // namespace mintmark::agent
