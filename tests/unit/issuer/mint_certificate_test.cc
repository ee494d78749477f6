// Mutual TLS at the token endpoint (RFC 8705 §2): a certificate on the device's registered key, and
// no other.
#include <openssl/x509.h>

#include "jose/base64url.h"
#include "mint_fixture.h"
#include "support/issued_certificate.h"
#include "support/openssl_pair.h"

namespace mintmark::issuer {
namespace {

const auto client_auth =
    std::pair("2.5.29.37", test::der_sequence({test::der_oid("1.3.6.1.5.5.7.3.2")}));

class MintByCertificate : public MintFixture {
 protected:
  MintByCertificate() {
    device.jkt = test::public_half(pair.get(), jose::Algorithm::es256).thumbprint();
    device.public_jwk = test::public_half(pair.get(), jose::Algorithm::es256).to_jwk().dump();
    devices.put(device);
    serve({.self_signed = true, .authorities = authorities()});
    call.credentials = {};
    call.credentials.client_id = "device-1";
    show(self_signed(ordinary));
  }

  void serve(MutualTls taken, bool challenges_required = false) {
    issuer.emplace(
        MintOptions{.issuer = issuer_url,
                    .token_url = issuer_url + "/token",
                    .challenges_required = challenges_required,
                    .mutual_tls = std::move(taken)},
        Issuer::Parts{minting, keyring, devices, stores, policies, gate, ledger_parts()});
    clock.advance(first_taken);
  }
  std::shared_ptr<const attest::x509::Trust> authorities() {
    X509_up_ref(ca.get());
    std::vector<attest::x509::Certificate> roots;
    roots.emplace_back(ca.get());
    return std::make_shared<const attest::x509::Trust>(
        attest::x509::Trust::from_certificates(std::move(roots), {}).value());
  }
  void show(const std::shared_ptr<X509>& certificate) {
    call.credentials.client_certificate =
        std::make_shared<const Bytes>(test::der_of(certificate.get()));
  }
  [[nodiscard]] std::shared_ptr<X509> self_signed(const test::IssuedCertificate& of) const {
    return test::issue(of, {.key = of.key});
  }
  [[nodiscard]] std::shared_ptr<X509> certified(const test::IssuedCertificate& of) const {
    return test::issue(of, {.certificate = ca, .key = ca_key});
  }
  Json claims_of(const IssuedToken& issued) {
    auto jws = jose::UnverifiedJws::parse(issued.token);
    return std::move(*jws).verify(token_key.public_key).value().claims();
  }
  std::string thumbprint() const {
    return jose::base64url(sha256(*call.credentials.client_certificate));
  }

  const test::Pair pair = test::new_pair("P-256");
  const test::Pair ca_key = test::new_pair("P-256");
  const std::shared_ptr<X509> ca = test::issue({.subject = {{"CN", "Devices"}},
                                                .key = ca_key,
                                                .ca = true,
                                                .key_usage = "critical,keyCertSign"},
                                               {.key = ca_key});
  const test::IssuedCertificate ordinary{.subject = {{"CN", "device-1"}},
                                         .key = pair,
                                         .key_usage = "critical,digitalSignature",
                                         .extensions = {client_auth}};
};

TEST_F(MintByCertificate, GivesATokenBoundToTheCertificateAlone) {
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_STREQ(issued->token_type, "Bearer");
  const Json claims = claims_of(*issued);
  EXPECT_EQ(claims["cnf"], Json({{"x5t#S256", thumbprint()}}));
  EXPECT_EQ(claims["key_protection"], "hardware");
  EXPECT_EQ(claims["client_id"], "device-1");
}

TEST_F(MintByCertificate, TakesAHandshakeAgainAndAgain) {
  ASSERT_TRUE(mint());
  EXPECT_TRUE(mint()) << "nothing of it is remembered";
}

TEST_F(MintByCertificate, AsksForNoNonce) {
  serve({.self_signed = true}, true);
  EXPECT_TRUE(mint());
}

TEST_F(MintByCertificate, TakesACertificateThatSaysNothingOfItsUse) {
  auto plain = ordinary;
  plain.key_usage = "";
  plain.extensions.clear();
  plain.subject = {{"CN", "whatever"}};
  show(self_signed(plain));
  EXPECT_TRUE(mint());
  plain.ca = true;  // As `openssl req -x509` makes them.
  show(self_signed(plain));
  EXPECT_TRUE(mint());
}

TEST_F(MintByCertificate, RefusesACertificateThatIsNone) {
  call.credentials.client_certificate = std::make_shared<const Bytes>(Bytes{0x30, 0x02, 5, 0});
  expect_refusal(Code::client_certificate_malformed);
  Bytes cut = test::der_of(self_signed(ordinary).get());
  cut.pop_back();
  call.credentials.client_certificate = std::make_shared<const Bytes>(cut);
  expect_refusal(Code::client_certificate_malformed);
}

// Another thumbprint each, for one certificate.
TEST_F(MintByCertificate, RefusesACertificateThatIsPadded) {
  for (const std::uint8_t filler : Bytes{0x00, 0xFF}) {
    Bytes padded = test::der_of(self_signed(ordinary).get());
    padded.push_back(filler);
    call.credentials.client_certificate = std::make_shared<const Bytes>(padded);
    expect_refusal(Code::client_certificate_malformed);
  }
}

TEST_F(MintByCertificate, GivesNoTokenThatOutlivesItsCertificate) {
  const auto usual = mint();
  ASSERT_TRUE(usual) << usual.error().to_string();
  for (const bool by_authority : {false, true}) {
    auto ending = ordinary;
    ending.not_after = clock.now() + std::chrono::seconds(17);
    show(by_authority ? certified(ending) : self_signed(ending));
    const auto issued = mint();
    ASSERT_TRUE(issued) << issued.error().to_string();
    EXPECT_LT(issued->expires_in, usual->expires_in);
    EXPECT_EQ(issued->expires_in, std::chrono::seconds(17));
    EXPECT_EQ(claims_of(*issued)["exp"], to_unix(ending.not_after));
  }
}

TEST_F(MintByCertificate, RefusesAnotherKeyThanTheRegisteredOneWhoeverSignedIt) {
  auto other = ordinary;
  other.key = test::new_pair("P-256");
  show(self_signed(other));
  expect_refusal(Code::client_certificate_key);
  show(certified(other));
  expect_refusal(Code::client_certificate_key);
  other.key = test::new_pair("RSA");
  show(self_signed(other));
  expect_refusal(Code::client_certificate_key);
}

TEST_F(MintByCertificate, RefusesTheCertificateOfAnotherDevice) {
  attest::RecordedDevice other = device;
  other.id = "device-2";
  other.jkt = device_key.jkt();
  other.public_jwk = device_key.public_key().to_jwk().dump();
  devices.put(other);
  call.credentials.client_id = "device-2";
  expect_refusal(Code::client_certificate_key);
}

TEST_F(MintByCertificate, RefusesACertificateBeforeAndAfterItsTime) {
  for (const bool by_authority : {false, true}) {
    auto other = ordinary;
    other.not_after = clock.now() - std::chrono::seconds(1);
    show(by_authority ? certified(other) : self_signed(other));
    expect_refusal(Code::client_certificate_time);
    other = ordinary;
    other.not_before = clock.now() + std::chrono::seconds(60);
    show(by_authority ? certified(other) : self_signed(other));
    expect_refusal(Code::client_certificate_time);
  }
}

TEST_F(MintByCertificate, RefusesACertificateForOtherUses) {
  auto other = ordinary;
  other.key_usage = "critical,keyAgreement";
  show(self_signed(other));
  expect_refusal(Code::client_certificate_usage);
  other = ordinary;
  other.extensions = {{"2.5.29.37", test::der_sequence({test::der_oid("1.3.6.1.5.5.7.3.1")})}};
  show(self_signed(other));
  expect_refusal(Code::client_certificate_usage);
  show(certified(other));
  expect_refusal(Code::client_certificate_usage);
  other = ordinary;
  other.ca = true;
  show(certified(other));
  expect_refusal(Code::client_certificate_usage);
}

TEST_F(MintByCertificate, RefusesACertificateThatNamesItselfAndAnotherSigned) {
  show(test::issue(ordinary, {.key = ca_key}));
  expect_refusal(Code::client_certificate_signature);
}

TEST_F(MintByCertificate, RefusesASelfSignedOneWhereAuthoritiesMustSign) {
  serve({.self_signed = false, .authorities = authorities()});
  expect_refusal(Code::client_certificate_untrusted);
  show(certified(ordinary));
  EXPECT_TRUE(mint());
}

TEST_F(MintByCertificate, RefusesACertifiedOneWhereNoAuthorityIsKnown) {
  serve({.self_signed = true, .authorities = nullptr});
  show(certified(ordinary));
  expect_refusal(Code::client_certificate_untrusted);
}

TEST_F(MintByCertificate, RefusesWhatAnotherAuthorityOfThatNameSigned) {
  const auto key = test::new_pair("P-256");
  const auto other = test::issue(
      {.subject = {{"CN", "Devices"}}, .key = key, .ca = true, .key_usage = "critical,keyCertSign"},
      {.key = key});
  show(test::issue(ordinary, {.certificate = other, .key = key}));
  expect_refusal(Code::client_certificate_signature);
  const auto stranger =
      test::issue({.subject = {{"CN", "Others"}}, .key = key, .ca = true}, {.key = key});
  show(test::issue(ordinary, {.certificate = stranger, .key = key}));
  expect_refusal(Code::client_certificate_untrusted);
}

TEST_F(MintByCertificate, TakesTheSubjectThatAnAuthorityNames) {
  show(certified(ordinary));
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_EQ(claims_of(*issued)["cnf"], Json({{"x5t#S256", thumbprint()}}));
  for (const std::uint8_t kind : Bytes{0x86, 0x82}) {  // URI, DNS.
    auto named = ordinary;
    named.subject = {{"O", "Fleet"}};
    Bytes name{kind, 8};
    for (const char c : std::string("device-1")) name.push_back(static_cast<std::uint8_t>(c));
    named.extensions.emplace_back("2.5.29.17", test::der_sequence({name}));
    show(certified(named));
    EXPECT_TRUE(mint()) << int{kind};
  }
}

TEST_F(MintByCertificate, RefusesAnotherSubjectThanTheClient) {
  const std::string address = "device-1@example.org";
  Bytes mail{0x81, static_cast<std::uint8_t>(address.size())};
  for (const char c : address) mail.push_back(static_cast<std::uint8_t>(c));
  const auto by_mail = std::pair("2.5.29.17", test::der_sequence({mail}));
  for (const auto& subject : std::vector<std::vector<std::pair<std::string, std::string>>>{
           {{"CN", "device-2"}},
           {{"CN", "device-1 "}},
           {{"CN", "DEVICE-1"}},
           {{"CN", "device-1"}, {"CN", "device-2"}},
           {{"CN", "device-2"}, {"CN", "device-1"}},
           {{"O", "device-1"}}}) {
    auto other = ordinary;
    other.subject = subject;
    other.extensions.emplace_back(by_mail);
    show(certified(other));
    expect_refusal(Code::client_certificate_subject);
  }
}

TEST_F(MintByCertificate, RefusesAClientWithoutACertificate) {
  call.credentials.client_certificate = nullptr;
  expect_refusal(Code::client_certificate_missing);
}

TEST_F(MintByCertificate, RefusesACertificateThatNamesNoClient) {
  call.credentials.client_id.reset();
  expect_refusal(Code::client_unauthenticated);
}

TEST_F(MintByCertificate, RefusesEveryCertificateWhereItIsOff) {
  serve({});
  expect_refusal(Code::mutual_tls_off);
}

TEST_F(MintByCertificate, RefusesAClientThatIsNotKnown) {
  call.credentials.client_id = "device-9";
  expect_refusal(Code::device_unknown);
}

TEST_F(MintByCertificate, RefusesARevokedDeviceAndStaleEvidence) {
  device.attested_at = clock.now() - std::chrono::hours(1000);
  devices.put(device);
  expect_refusal(Code::evidence_stale);
  device.state = "revoked";
  devices.put(device);
  expect_refusal(Code::device_revoked);
}

TEST_F(MintByCertificate, BindsToBothWhereAProofComesToo) {
  const std::string jwk = device.public_jwk;
  const std::string input =
      jose::signing_input({{"typ", "dpop+jwt"}, {"alg", "ES256"}, {"jwk", Json::parse(jwk)}},
                          test::proof_claims(content()));
  call.credentials.proof =
      jose::compact(input, test::sign_as_jws(pair.get(), jose::Algorithm::es256, as_bytes(input)));
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_STREQ(issued->token_type, "DPoP");
  EXPECT_EQ(claims_of(*issued)["cnf"], Json({{"jkt", device.jkt}, {"x5t#S256", thumbprint()}}));
  expect_refusal(Code::proof_replayed);
}

TEST_F(MintByCertificate, RefusesAProofByAnotherKey) {
  call.credentials.proof = proof_by(device_key);
  expect_refusal(Code::proof_key_mismatch);
}

TEST_F(MintByCertificate, RefusesAProofWithoutTheNonceThatIsRequired) {
  serve({.self_signed = true}, true);
  const std::string input = jose::signing_input(
      {{"typ", "dpop+jwt"}, {"alg", "ES256"}, {"jwk", Json::parse(device.public_jwk)}},
      test::proof_claims(content()));
  call.credentials.proof =
      jose::compact(input, test::sign_as_jws(pair.get(), jose::Algorithm::es256, as_bytes(input)));
  expect_refusal(Code::dpop_nonce_required);
}

// Whoever authenticates otherwise is bound by his proof; a proxy beside him may show what it likes.
TEST_F(MintByCertificate, LooksAtNoCertificateWhereSomethingElseSpeaksForTheClient) {
  device.jkt = device_key.jkt();
  device.public_jwk = device_key.public_key().to_jwk().dump();
  devices.put(device);
  call.credentials.client_attestation = attestation();
  call.credentials.proof = proof();
  const auto issued = mint();
  ASSERT_TRUE(issued) << issued.error().to_string();
  EXPECT_EQ(claims_of(*issued)["cnf"], Json({{"jkt", device_key.jkt()}}));
}

}  // namespace
}  // namespace mintmark::issuer
