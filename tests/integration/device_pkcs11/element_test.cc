// A device's secure element, on a real module: SoftHSM in the place of the chip. Each test is a
// process of its own, since a module's logins are the process's.
#include <gtest/gtest.h>

#include <openssl/x509.h>
#include <filesystem>

#include "base/file.h"
#include "hsm/pkcs11/device_key.h"
#include "hsm/pkcs11/key_store.h"
#include "support/answer.h"
#include "support/identity_maker.h"
#include "support/softhsm.h"
#include "support/token_objects.h"

namespace mintmark::hsm::pkcs11 {
namespace {

using jose::Algorithm;

const Bytes identity_id = {0xA1, 0x00};
const Bytes key_id(16, 0x07);

class Element : public testing::Test {
 protected:
  [[nodiscard]] std::string uri(const std::string& path = "token=mintmark%20test;object=identity",
                                const std::string& pin = "pin") const {
    return "pkcs11:" + path + "?module-path=" + test::SoftHsm::module() +
           "&pin-source=" + (token_.directory() / pin).string();
  }
  [[nodiscard]] std::string memory() const { return (token_.directory() / "refused").string(); }
  [[nodiscard]] std::unique_ptr<SecureElement> opened(const std::string& path = "") const {
    auto element = open_secure_element(path.empty() ? uri() : uri(path), memory());
    if (!element) throw std::runtime_error(element.error().to_string());
    return std::move(*element);
  }
  void expect_not_opened(const std::string& text, Code code, const std::string& what) const {
    const auto element = open_secure_element(text, memory());
    ASSERT_FALSE(element) << text;
    EXPECT_EQ(element.error().code, code) << element.error().to_string();
    EXPECT_NE(element.error().detail.find(what), std::string::npos) << element.error().detail;
  }
  void expect_no_identity(const std::string& path, const std::string& what) const {
    const auto id = opened(path)->identity_key();
    ASSERT_FALSE(id);
    EXPECT_EQ(id.error().code, Code::agent_pkcs11_key);
    EXPECT_NE(id.error().detail.find(what), std::string::npos) << id.error().detail;
  }
  // What the maker put into the token, in its factory.
  void manufacture(bool extractable = false, const std::string& label = "identity",
                   const Bytes& id = identity_id) {
    test::TokenObjects objects(test::SoftHsm::module(), test::SoftHsm::pin());
    identity_ = objects.generate(id, label, extractable);
    objects.certificate(id, maker_.certify(identity_->to_spki()));
  }

  test::SoftHsm token_;
  test::IdentityMaker maker_;
  std::optional<jose::PublicKey> identity_;
};

TEST_F(Element, SignsWithItsIdentityKeyAndShowsTheCertificateOfIt) {
  manufacture();
  const auto element = opened();
  const auto id = element->identity_key();
  ASSERT_TRUE(id) << id.error().to_string();
  EXPECT_EQ(*id, identity_id);
  const auto signature = element->sign(*id, Algorithm::es256, as_bytes("octets"));
  ASSERT_TRUE(signature) << signature.error().to_string();
  EXPECT_TRUE(identity_->verify(as_bytes("octets"), *signature));
  const auto certificate = element->certificate(*id);
  ASSERT_TRUE(certificate) << certificate.error().to_string();
  const std::uint8_t* at = certificate->data();
  const std::unique_ptr<X509, decltype(&X509_free)> read(
      d2i_X509(nullptr, &at, static_cast<long>(certificate->size())), &X509_free);
  EXPECT_NE(read, nullptr);
  EXPECT_NE(element->token().find("token=mintmark%20test"), std::string::npos);
  EXPECT_NE(element->token().find("serial="), std::string::npos);
}

TEST_F(Element, FindsTheIdentityKeyByIdAsByLabel) {
  manufacture();
  EXPECT_EQ(opened("token=mintmark%20test;id=%A1%00")->identity_key().value(), identity_id);
  EXPECT_EQ(opened("id=%a1%00;object=identity;type=private")->identity_key().value(), identity_id);
}

TEST_F(Element, MakesAKeyThatSignsAndFindsItAgain) {
  manufacture();
  std::optional<jose::PublicKey> made;
  {
    const auto element = opened();
    EXPECT_EQ(element->find_key(key_id).error().code, Code::agent_pkcs11_key);
    const auto key = element->find_or_make_key(key_id);
    ASSERT_TRUE(key) << key.error().to_string();
    EXPECT_EQ(key->algorithm(), Algorithm::es256);
    EXPECT_NE(*key, *identity_);
    EXPECT_EQ(element->find_or_make_key(key_id).value(), *key);
    made = *key;
  }
  const auto element = opened();
  EXPECT_EQ(element->find_key(key_id).value(), *made);
  EXPECT_EQ(element->find_or_make_key(key_id).value(), *made);
  const auto signature = element->sign(key_id, Algorithm::es256, as_bytes("octets"));
  ASSERT_TRUE(signature) << signature.error().to_string();
  EXPECT_TRUE(made->verify(as_bytes("octets"), *signature));
  EXPECT_EQ(element->identity_key().value(), identity_id) << "the key that we made is not it";
  test::TokenObjects objects(test::SoftHsm::module(), test::SoftHsm::pin(), test::Module::open);
  EXPECT_EQ(objects.count(CKO_PRIVATE_KEY, device_key_label), 1U);
  EXPECT_EQ(objects.count(CKO_PUBLIC_KEY, device_key_label), 1U);
}

TEST_F(Element, EndsWhatAGenerationThatWasCutShortLeftAndMakesAWholeOne) {
  {
    test::TokenObjects objects(test::SoftHsm::module(), test::SoftHsm::pin());
    objects.generate(key_id, device_key_label);
    objects.destroy(CKO_PRIVATE_KEY, key_id);
  }
  const auto element = opened();
  EXPECT_TRUE(element->find_or_make_key(key_id));
  EXPECT_TRUE(element->find_key(key_id));
}

TEST_F(Element, AKeyThatCouldLeaveTheTokenIsNoDeviceKeyAndNoIdentity) {
  manufacture(true);
  expect_no_identity("object=identity", "CKA_EXTRACTABLE");
  const auto key = opened()->find_or_make_key(identity_id);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::agent_pkcs11_key);
  EXPECT_NE(key.error().detail.find("CKA_EXTRACTABLE is not false"), std::string::npos);
}

TEST_F(Element, AKeyFromOutsideIsNoDeviceKey) {
  {
    test::TokenObjects objects(test::SoftHsm::module(), test::SoftHsm::pin());
    objects.import_generator(key_id, device_key_label);
  }
  const auto key = opened()->find_or_make_key(key_id);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Code::agent_pkcs11_key);
  EXPECT_NE(key.error().detail.find("CKA_LOCAL is not true"), std::string::npos);
}

TEST_F(Element, AKeyOfAnotherKindOrWithoutItsPublicHalfIsNoDeviceKey) {
  std::vector<KeyId> others;
  {
    const auto store = open_key_store(token_.store()).value();
    for (const Algorithm algorithm : {Algorithm::es384, Algorithm::ed25519, Algorithm::rs256}) {
      test::Answer<KeyInfo> made;
      others.push_back(random_key_id());
      store->generate({.id = others.back(), .purpose = Purpose::result, .algorithm = algorithm},
                      Deadline::in(std::chrono::seconds(60)), made.done());
      ASSERT_TRUE(made.wait());
    }
  }
  for (const KeyId& id : others) {
    const auto key = opened()->find_or_make_key(Bytes(id.begin(), id.end()));
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Code::agent_pkcs11_key);
    EXPECT_NE(key.error().detail.find("is no EC P-256 key"), std::string::npos);
  }
  {
    test::TokenObjects objects(test::SoftHsm::module(), test::SoftHsm::pin());
    objects.generate(key_id, device_key_label);
    objects.destroy(CKO_PUBLIC_KEY, key_id);
  }
  const auto half = opened()->find_or_make_key(key_id);
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().code, Code::agent_pkcs11_key);
  EXPECT_NE(half.error().detail.find("not one public key"), std::string::npos);
}

TEST_F(Element, AnIdentityKeyWithoutAnIdIsNone) {
  {
    test::TokenObjects objects(test::SoftHsm::module(), test::SoftHsm::pin());
    objects.import_generator({}, "identity");
  }
  expect_no_identity("object=identity", "has no CKA_ID");
}

TEST_F(Element, TwoKeysOfOneIdSignNothing) {
  manufacture();
  manufacture(false, "another");
  const auto signature = opened()->sign(identity_id, Algorithm::es256, as_bytes("octets"));
  ASSERT_FALSE(signature);
  EXPECT_EQ(signature.error().code, Code::agent_pkcs11_key);
  EXPECT_NE(signature.error().detail.find("several private keys have CKA_ID a100"),
            std::string::npos);
}

TEST_F(Element, WithoutTheIdentityKeyOrWithTwoSaysSo) {
  expect_no_identity("object=identity", "no private key");
  manufacture();
  expect_no_identity("object=another", "no private key");
  expect_no_identity("object=identity;id=%02", "no private key");
  manufacture(false, "identity", {0xA2});
  expect_no_identity("object=identity", "several private keys");
  EXPECT_EQ(opened("id=%A2")->identity_key().value(), Bytes{0xA2});
}

TEST_F(Element, WithoutACertificateOrWithTwoSaysSo) {
  manufacture();
  const auto none = opened()->certificate({0x55});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Code::agent_pkcs11_certificate);
  EXPECT_NE(none.error().detail.find("no certificate has CKA_ID 55"), std::string::npos);
  {
    test::TokenObjects objects(test::SoftHsm::module(), test::SoftHsm::pin());
    objects.certificate({0x66}, {});
  }
  const auto empty = opened()->certificate({0x66});
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, Code::agent_pkcs11_certificate);
  EXPECT_NE(empty.error().detail.find("no certificate has CKA_ID 66"), std::string::npos)
      << "one that is empty";
  {
    test::TokenObjects objects(test::SoftHsm::module(), test::SoftHsm::pin());
    objects.certificate(identity_id, maker_.certify(identity_->to_spki()));
  }
  const auto two = opened()->certificate(identity_id);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, Code::agent_pkcs11_certificate);
  EXPECT_NE(two.error().detail.find("several"), std::string::npos);
}

TEST_F(Element, SignsByNoAlgorithmThatTheTokenOrTheKeyHasNot) {
  manufacture();
  const auto element = opened();
  EXPECT_FALSE(element->sign(identity_id, Algorithm::rs256, as_bytes("octets")));
  EXPECT_EQ(element->sign({0x99}, Algorithm::es256, as_bytes("octets")).error().code,
            Code::agent_pkcs11_key);
  EXPECT_TRUE(element->sign(identity_id, Algorithm::es256, as_bytes("octets")))
      << "after one that failed";
}

TEST_F(Element, OffersAWrongPinOnceInThisProcessAndInNoOther) {
  (void)token_.pin_file("wrong", "not-the-pin\n");
  const std::string with_wrong = uri("object=identity", "wrong");
  expect_not_opened(with_wrong, Code::agent_pkcs11_pin, "CKR_PIN_INCORRECT");
  expect_not_opened(with_wrong, Code::agent_pkcs11_pin, "not tried again");
  EXPECT_TRUE(open_secure_element(uri(), memory())) << "another source, which nobody refused";
  (void)token_.pin_file("other", "nor-this-one\n");
  expect_not_opened(uri("object=identity", "other"), Code::agent_pkcs11_pin, "CKR_PIN_INCORRECT");
  expect_not_opened(with_wrong, Code::agent_pkcs11_pin, "not tried again");
  std::size_t kept = 0;
  const std::filesystem::path beginning = memory();
  for (const auto& entry : std::filesystem::directory_iterator(beginning.parent_path())) {
    if (!entry.path().filename().string().starts_with(beginning.filename().string())) continue;
    const auto text = read_file(entry.path());
    ASSERT_TRUE(text);
    EXPECT_EQ(text->find("not-the-pin"), std::string::npos);
    ++kept;
  }
  EXPECT_EQ(kept, 2U);
  // A mended file is tried.
  (void)token_.pin_file("wrong", test::SoftHsm::pin() + "\n");
  EXPECT_TRUE(open_secure_element(with_wrong, memory()));
}

TEST_F(Element, WithoutAPinThatCanBeReadIsNotOpened) {
  expect_not_opened(uri("object=identity", "nowhere"), Code::agent_pkcs11_pin, "nowhere");
  (void)token_.pin_file("empty", "\n");
  expect_not_opened(uri("object=identity", "empty"), Code::agent_pkcs11_pin, "no PIN");
}

TEST_F(Element, WithoutItsTokenIsNotOpenedAndTheOthersAreNamed) {
  expect_not_opened(uri("token=another;object=identity"), Code::agent_pkcs11_token,
                    "token=mintmark%20test");
  token_.add_token(test::SoftHsm::label());
  expect_not_opened(uri(), Code::agent_pkcs11_token, "several tokens match");
}

TEST_F(Element, WithoutItsModuleIsNotOpened) {
  expect_not_opened("pkcs11:object=x?module-path=/nowhere.so&pin-source=/etc/pin",
                    Code::agent_pkcs11_module, "/nowhere.so");
  expect_not_opened("pkcs11:object=x?module-path=libc.so.6&pin-source=/etc/pin",
                    Code::agent_pkcs11_module, "C_GetFunctionList");
}

TEST_F(Element, WithAUriThatSaysTooLittleOrTooMuchIsNotOpened) {
  expect_not_opened("pkcs11:object=x", Code::agent_pkcs11_uri, "module-path");
  expect_not_opened("pkcs11:object=x?module-path=/m.so", Code::agent_pkcs11_uri, "pin-source");
  expect_not_opened("pkcs11:token=x?module-path=/m.so&pin-source=/p", Code::agent_pkcs11_uri,
                    "object");
  expect_not_opened("pkcs11:object=x?module-path=/m.so&pin-value=1234", Code::agent_pkcs11_uri,
                    "pin-value");
  EXPECT_EQ(check_element_uri("pkcs11:").error().code, Code::agent_pkcs11_uri);
  EXPECT_TRUE(check_element_uri(uri()));
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
