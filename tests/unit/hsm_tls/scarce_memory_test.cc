// A held key where OpenSSL gets no memory: its signature is right, or there is none.
#include "support/scarce_memory.h"

#include <openssl/evp.h>

#include "held_key_fixture.h"
#include "hsm/tls/certificate_key.h"

namespace mintmark::hsm::tls {
namespace {

class HeldKeyWithoutMemory : public HeldKeyTest {
 protected:
  [[nodiscard]] Result<std::string> sign_and_judge(EVP_PKEY* key, const KeyInfo& info) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          &EVP_MD_CTX_free);
    Bytes signature(256);
    std::size_t size = signature.size();
    if (!context ||
        EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", library(), library_properties, key,
                              nullptr) != 1 ||
        EVP_DigestSign(context.get(), signature.data(), &size, as_bytes("message").data(), 7) != 1)
      return fail(Code::tls_failed, "not signed");
    bool good = false;
    test::with_memory([&] {
      const auto raw =
          jose::signature_from_der(jose::Algorithm::es256, BytesView(signature).first(size));
      good = raw && info.public_key.verify(as_bytes("message"), *raw);
    });
    return good ? std::string("signed") : std::string("signed wrongly");
  }
};

TEST_F(HeldKeyWithoutMemory, IsMadeAndSignsRightlyOrNotAtAll) {
  const KeyInfo info = make(jose::Algorithm::es256);
  const auto ready = held(info);
  EXPECT_GT(test::expect_closed_without_memory(
                {"make",
                 [&]() -> Result<std::string> {
                   const auto key =
                       make_key({.signer = signer, .info = info, .patience = {}, .observe = {}});
                   if (!key) return tl::unexpected<Error>(key.error());
                   return std::to_string(EVP_PKEY_get_bits(key->get()));
                 }}),
            0U);
  EXPECT_GT(test::expect_closed_without_memory(
                {"sign", [&] { return sign_and_judge(ready.get(), info); }}),
            0U);
}

TEST_F(HeldKeyWithoutMemory, IsOfTheCertificateOrNotFound) {
  const KeyInfo info = make(jose::Algorithm::es384);
  const Bytes spki = info.public_key.to_spki();
  EXPECT_GT(test::expect_closed_without_memory({"certificate",
                                                [&]() -> Result<std::string> {
                                                  const auto key = certificate_key(spki);
                                                  if (!key)
                                                    return tl::unexpected<Error>(key.error());
                                                  return key->thumbprint();
                                                }}),
            0U);
}

// In a process of its own: the library is made at its first use, once.
[[noreturn]] void lack_memory_at_the_first_use(const KeyInfo& info) {
  bool made = true;
  test::without_memory([&] { made = library() != nullptr; });
  const auto key = make_key({.signer = nullptr, .info = info, .patience = {}, .observe = {}});
  const bool told = !key && key.error().code == Code::tls_failed;
  std::exit(!made && told ? 0 : 1);
}

TEST(HeldKeyWithoutMemoryDeathTest, IsRefusedWhereItsLibraryCouldNotBeMade) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  test::FakeKeyStore store;
  const KeyInfo info = store.make_key(Purpose::tls);
  EXPECT_EXIT(lack_memory_at_the_first_use(info), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace mintmark::hsm::tls
