#include "hsm/signer/certificate_verify.h"

#include <gtest/gtest.h>

#include "hsm/signer/rules.h"
#include "jose/jws.h"
#include "support/soft_key.h"

namespace mintmark::hsm::signer {
namespace {

const std::string spaces(64, ' ');
const std::string server_context{"TLS 1.3, server CertificateVerify\0", 34};
const std::string sha256_hash(32, '\x01');
const std::string sha384_hash(48, '\x01');

constexpr const char* wrong_padding =
    "no TLS 1.3 server's CertificateVerify: it does not begin with 64 octets 0x20";
constexpr const char* wrong_context =
    "no TLS 1.3 server's CertificateVerify: its context is not the server's";
constexpr const char* wrong_hash =
    "no TLS 1.3 server's CertificateVerify: the transcript hash has neither 32 nor 48 octets";

void expect_refused(const Result<void>& outcome, const std::string& why) {
  ASSERT_FALSE(outcome) << "it would be signed";
  EXPECT_EQ(outcome.error().code, Code::purpose_refused);
  EXPECT_EQ(outcome.error().detail, why);
}

TEST(CertificateVerify, OfAServerIsGrantedWithEitherHash) {
  EXPECT_TRUE(check_certificate_verify(spaces + server_context + sha256_hash));
  EXPECT_TRUE(check_certificate_verify(spaces + server_context + sha384_hash));
}

// RFC 8446 §4.4.3's own example, the one octet of the hash repeated 32 times.
TEST(CertificateVerify, OfTheRfcsExampleIsGranted) {
  const auto example = from_hex(
      "2020202020202020202020202020202020202020202020202020202020202020"
      "2020202020202020202020202020202020202020202020202020202020202020"
      "544c5320312e332c207365727665722043657274696669636174655665726966"
      "7900"
      "0101010101010101010101010101010101010101010101010101010101010101");
  ASSERT_TRUE(example);
  EXPECT_TRUE(check_certificate_verify(as_text(*example)));
}

TEST(CertificateVerify, WithAnotherPaddingIsRefused) {
  for (const std::string& padding : {std::string(63, ' '), std::string(), std::string(64, '\0'),
                                     " " + std::string(63, '!'), std::string(63, ' ') + "\t"})
    expect_refused(check_certificate_verify(padding + server_context + sha256_hash), wrong_padding);
  expect_refused(check_certificate_verify(std::string(64, ' ').substr(1)), wrong_padding);
  expect_refused(check_certificate_verify(std::string(65, ' ') + server_context + sha256_hash),
                 wrong_context);
}

TEST(CertificateVerify, OfAClientOrWithoutItsSeparatorIsRefused) {
  const std::string client_context{"TLS 1.3, client CertificateVerify\0", 34};
  for (const std::string& context :
       {client_context, server_context.substr(0, 33), server_context.substr(0, 33) + "\x01",
        std::string("TLS 1.2, server CertificateVerify\0", 34), std::string()})
    expect_refused(check_certificate_verify(spaces + context + sha256_hash), wrong_context);
}

TEST(CertificateVerify, WithAHashOfAnotherLengthIsRefused) {
  for (const std::size_t octets : {0U, 1U, 20U, 31U, 33U, 47U, 49U, 64U, 4096U}) {
    expect_refused(check_certificate_verify(spaces + server_context + std::string(octets, 'h')),
                   wrong_hash);
  }
}

// Client and server random chosen to be spaces; then a named curve (RFC 8422 §5.4).
TEST(CertificateVerify, NeverIsAServerKeyExchangeOfTls12) {
  expect_refused(check_certificate_verify(spaces + std::string("\x03\x00\x17\x41\x04", 5) +
                                          std::string(64, 'p')),
                 wrong_context);
}

class TlsKeyRules : public ::testing::Test {
 protected:
  [[nodiscard]] Result<void> check(const std::string& input) const {
    return check_purpose(rules, key, input, from_unix(1'800'000'000));
  }

  test::SoftKey pair;
  KeyInfo key{random_key_id(), Purpose::tls, pair.public_key(), ""};
  PurposeRules rules{.issuer = "https://issuer.example",
                     .longest_life = {{Purpose::access_token, std::chrono::seconds(300)},
                                      {Purpose::tls, std::chrono::seconds(300)}},
                     .tls = true};
  const std::string handshake = spaces + server_context + sha256_hash;
};

TEST_F(TlsKeyRules, GrantAHandshake) { EXPECT_TRUE(check(handshake)); }

TEST_F(TlsKeyRules, RefuseAHandshakeWhereTheStoreIsNotForTls) {
  rules.tls = false;
  expect_refused(check(handshake), "this store's TLS keys sign nothing: \"tls\" does not name it");
}

TEST_F(TlsKeyRules, RefuseAnyJws) {
  for (const char* typ : {"at+jwt", "oauth-client-attestation+jwt", ""}) {
    const std::string jws = jose::signing_input(
        {{"typ", typ}, {"alg", "ES256"}, {"kid", key.kid()}},
        {{"iss", rules.issuer}, {"iat", 1'800'000'000}, {"exp", 1'800'000'060}});
    expect_refused(check(jws), wrong_padding);
  }
}

TEST_F(TlsKeyRules, LetNoOtherKeySignAHandshake) {
  for (const Purpose purpose : {Purpose::access_token, Purpose::client_attestation}) {
    key.purpose = purpose;
    const auto outcome = check(handshake);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Code::purpose_refused);
  }
}

}  // namespace
}  // namespace mintmark::hsm::signer
