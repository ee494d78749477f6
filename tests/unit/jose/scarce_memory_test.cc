// Keys and signatures where OpenSSL gets no memory: refused, or right.
#include "support/scarce_memory.h"

#include <gtest/gtest.h>

#include "jose/base64url.h"
#include "jose/file_key.h"
#include "jose/jws.h"
#include "support/roca_modulus.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark::jose {
namespace {

using test::Asked;
using test::SoftKey;

constexpr std::string_view message = "what is signed";

Result<std::string> named(const Result<PublicKey>& key) {
  if (!key) return tl::unexpected<Error>(key.error());
  return std::string(name_of(key->algorithm())) + " " + key->thumbprint();
}

Result<std::string> in_hex(const Result<Bytes>& octets) {
  if (!octets) return tl::unexpected<Error>(octets.error());
  return to_hex(*octets);
}

Result<std::string> judged(bool verified) {
  if (verified) return std::string("verified");
  return fail(Code::jws_signature_invalid, "not by this key");
}

std::size_t times_refused(const std::vector<Asked>& all) {
  std::size_t refused = 0;
  for (const Asked& asked : all) refused += test::expect_closed_without_memory(asked);
  return refused;
}

class WithoutMemory : public testing::TestWithParam<Algorithm> {
 protected:
  const SoftKey soft_{GetParam()};
  const PublicKey& key_ = soft_.public_key();
  const Bytes signature_ = soft_.sign(as_bytes(message));

  // A key that has verified nothing yet, so that all it keeps for later has still to be made.
  [[nodiscard]] Result<std::string> judge_anew(BytesView octets, BytesView signature) const {
    const auto key = PublicKey::from_jwk(key_.to_jwk());
    if (!key) return tl::unexpected<Error>(key.error());
    bool all = true;
    for (int time = 0; time < 3; ++time) all = key->verify(octets, signature) && all;
    return judged(all);
  }
};

INSTANTIATE_TEST_SUITE_P(EveryAlgorithm, WithoutMemory, testing::ValuesIn(all_algorithms),
                         [](const auto& one) { return std::string(name_of(one.param)); });

TEST_P(WithoutMemory, NoKeyIsTakenForAnother) {
  const Bytes spki = key_.to_spki();
  const Json jwk = key_.to_jwk();
  EXPECT_GT(times_refused({{"JWK", [&] { return named(PublicKey::from_jwk(jwk)); }},
                           {"SPKI", [&] { return named(PublicKey::from_spki(spki, GetParam())); }},
                           {"to SPKI",
                            [&]() -> Result<std::string> {
                              const Bytes octets = key_.to_spki();
                              if (octets.empty()) return fail(Code::internal, "no memory");
                              return to_hex(octets);
                            }}}),
            0U);
}

TEST_P(WithoutMemory, NoSignatureOfAnothersVerifies) {
  const Bytes others = SoftKey(GetParam()).sign(as_bytes(message));
  EXPECT_GT(
      times_refused(
          {{"the key's own", [&] { return judge_anew(as_bytes(message), signature_); }},
           {"of other octets", [&] { return judge_anew(as_bytes("other octets"), signature_); }},
           {"another's", [&] { return judge_anew(as_bytes(message), others); }}}),
      0U);
}

TEST_P(WithoutMemory, NoFlawedKeyIsTaken) {
  const auto rsa = [](Bytes modulus, Bytes exponent) {
    return [modulus = std::move(modulus), exponent = std::move(exponent)] {
      return named(PublicKey::from_rsa(modulus, exponent, Algorithm::rs256));
    };
  };
  const auto ed25519 = [](const char* hex) {
    return [octets = from_hex(hex).value()] { return named(PublicKey::from_ed25519(octets)); };
  };
  // Each is refused with memory too, so none counts.
  EXPECT_EQ(
      times_refused(
          {{"ROCA", rsa(test::roca_modulus(), {1, 0, 1})},
           {"even", rsa(Bytes(256, 0xFE), {1, 0, 1})},
           {"small order",
            ed25519("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")},
           {"order 1", ed25519("0100000000000000000000000000000000000000000000000000000000000000")},
           {"no x", ed25519("0200000000000000000000000000000000000000000000000000000000000000")},
           {"off its curve",
            [] {
              Bytes point(65, 0x11);
              point[0] = 0x04;
              return named(PublicKey::from_point(Algorithm::es256, point));
            }}}),
      0U);
}

TEST(ScarceMemory, SignaturesChangeTheirFormRightlyOrNotAtAll) {
  for (const Algorithm algorithm : {Algorithm::es256, Algorithm::es384}) {
    const Bytes raw = SoftKey(algorithm).sign(as_bytes(message));
    const Bytes der = signature_to_der(algorithm, raw).value();
    Bytes longer = der;
    longer.push_back(0);
    EXPECT_GT(times_refused(
                  {{"to DER", [&] { return in_hex(signature_to_der(algorithm, raw)); }},
                   {"from DER", [&] { return in_hex(signature_from_der(algorithm, der)); }},
                   {"trailing", [&] { return in_hex(signature_from_der(algorithm, longer)); }}}),
              0U);
  }
}

// A signature is another one each time.
Result<std::string> sign_with(FileKey& key) {
  const auto signature = key.sign(as_bytes(message));
  if (!signature) return tl::unexpected<Error>(signature.error());
  return judged(key.public_key().verify(as_bytes(message), *signature));
}

TEST(ScarceMemory, AKeyInAFileIsOpenedAndSignsRightlyOrNotAtAll) {
  const test::TemporaryDirectory directory;
  const auto file = directory.path() / "key.pem";
  const FileKey::Words words{Code::agent_key_file, "the device key"};
  auto key = FileKey::open_or_make(file, words).value();
  EXPECT_GT(times_refused({{"open",
                            [&]() -> Result<std::string> {
                              const auto opened = FileKey::open(file, words);
                              if (!opened) return tl::unexpected<Error>(opened.error());
                              return opened->public_key().thumbprint();
                            }},
                           {"sign", [&] { return sign_with(key); }}}),
            0U);
}

TEST(ScarceMemory, AKeyThatCouldNotBeMadeLeavesNoFileAndIsMadeLater) {
  const test::TemporaryDirectory directory;
  const auto file = directory.path() / "key.pem";
  const FileKey::Words words{Code::agent_key_file, "the device key"};
  ASSERT_TRUE(new_pair()) << "what OpenSSL sets up once for itself it does not outlive without";
  bool made = true;
  test::without_memory([&] { made = FileKey::open_or_make(file, words).has_value(); });
  EXPECT_FALSE(made);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  EXPECT_TRUE(FileKey::open_or_make(file, words));
}

// In a process of its own: a curve is set up at its first use, which must have been none.
[[noreturn]] void lack_memory_at_a_curves_first_use() {
  const SoftwarePair pair = new_pair();  // What OpenSSL sets up once for itself.
  const Bytes point = from_hex(
                          "04"
                          "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                          "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
                          .value();
  bool first = true;
  test::without_memory([&] { first = PublicKey::from_point(Algorithm::es256, point).has_value(); });
  const bool again = PublicKey::from_point(Algorithm::es256, point).has_value();
  std::exit(pair && !first && again ? 0 : 1);
}

TEST(ScarceMemoryDeathTest, ACurveWhoseFirstUseHadNoneIsThereForTheNext) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(lack_memory_at_a_curves_first_use(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace mintmark::jose
