#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "jose/key.h"
#include "support/soft_key.h"

namespace mintmark::jose {
namespace {

using test::SoftKey;

constexpr std::string_view message = "what is signed";

// The orders of P-256 and P-384 (FIPS 186-4 D.1.2).
const Bytes p256_order =
    from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();

class Signature : public testing::TestWithParam<Algorithm> {
 protected:
  const SoftKey key_{GetParam()};
  const Bytes good_ = key_.sign(as_bytes(message));

  [[nodiscard]] bool verifies(const Bytes& signature) const {
    return key_.public_key().verify(as_bytes(message), signature);
  }
};

using EcdsaSignature = Signature;

INSTANTIATE_TEST_SUITE_P(EveryAlgorithm, Signature, testing::ValuesIn(all_algorithms),
                         [](const auto& one) { return std::string(name_of(one.param)); });
INSTANTIATE_TEST_SUITE_P(BothCurves, EcdsaSignature,
                         testing::Values(Algorithm::es256, Algorithm::es384),
                         [](const auto& one) { return std::string(name_of(one.param)); });

TEST_P(Signature, ByTheKeyVerifies) { EXPECT_TRUE(verifies(good_)); }

TEST_P(Signature, WithOneBitFlippedIsRefused) {
  for (std::size_t i = 0; i < good_.size(); ++i) {
    Bytes flipped = good_;
    flipped[i] ^= 1U;
    EXPECT_FALSE(verifies(flipped)) << i;
  }
}

TEST_P(Signature, OfAnotherLengthIsRefused) {
  // RFC 7518 §3.4: exactly twice the field; a longer one split in half would verify.
  const std::size_t half = good_.size() / 2;
  Bytes wider;
  for (const std::size_t part : {std::size_t{0}, half}) {
    wider.push_back(0);
    wider.insert(wider.end(), good_.begin() + static_cast<long>(part),
                 good_.begin() + static_cast<long>(part + half));
  }
  EXPECT_FALSE(verifies(wider));
  Bytes longer = good_;
  longer.push_back(0);
  EXPECT_FALSE(verifies(longer));
  for (std::size_t length = 0; length < good_.size(); ++length) {
    EXPECT_FALSE(verifies(Bytes(good_.begin(), good_.begin() + static_cast<long>(length))));
  }
}

TEST_P(EcdsaSignature, AsDerIsRefused) { EXPECT_FALSE(verifies(key_.sign_der(as_bytes(message)))); }

TEST_P(Signature, OfZerosIsRefused) { EXPECT_FALSE(verifies(Bytes(good_.size(), 0))); }

TEST_P(EcdsaSignature, WithRAndSExchangedIsRefused) {
  Bytes exchanged(good_.begin() + static_cast<long>(good_.size() / 2), good_.end());
  exchanged.insert(exchanged.end(), good_.begin(),
                   good_.begin() + static_cast<long>(good_.size() / 2));
  EXPECT_FALSE(verifies(exchanged));
}

TEST_P(Signature, ByAnotherKeyIsRefused) {
  const SoftKey other(GetParam());
  EXPECT_FALSE(other.public_key().verify(as_bytes(message), good_));
}

TEST_P(Signature, OfOtherOctetsIsRefused) {
  EXPECT_FALSE(key_.public_key().verify(as_bytes("what is signee"), good_));
  EXPECT_FALSE(key_.public_key().verify({}, good_));
}

TEST_P(EcdsaSignature, GoesToDerAndBack) {
  EXPECT_EQ(signature_from_der(GetParam(), signature_to_der(GetParam(), good_).value()).value(),
            good_);
}

TEST_P(Signature, OfManyThreadsAndKeysVerifiesEach) {
  std::atomic<int> verified{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const SoftKey own(GetParam());
      const Bytes by_own = own.sign(as_bytes(message));
      for (int round = 0; round < 20; ++round) {
        const bool right = verifies(good_) && own.public_key().verify(as_bytes(message), by_own) &&
                           !verifies(by_own);
        verified += right ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 80);
}

TEST(SignatureRange, OfROrSBeyondTheOrderIsRefused) {
  const SoftKey key;
  const Bytes good = key.sign(as_bytes(message));
  for (const long part : {0L, 32L}) {
    Bytes beyond = good;
    std::copy(p256_order.begin(), p256_order.end(), beyond.begin() + part);
    EXPECT_FALSE(key.public_key().verify(as_bytes(message), beyond));
    std::fill_n(beyond.begin() + part, 32, std::uint8_t{0});
    EXPECT_FALSE(key.public_key().verify(as_bytes(message), beyond));
  }
}

TEST(SignatureOfDer, WithAnotherEncodingOfTheSameNumbersIsRefused) {
  const SoftKey key;
  const Bytes der = key.sign_der(as_bytes(message));
  ASSERT_LT(der[1], 0x80);
  Bytes long_length{der[0], 0x81};  // The length in two octets where one is enough.
  long_length.insert(long_length.end(), der.begin() + 1, der.end());
  Bytes trailing = der;
  trailing.push_back(0);
  for (const Bytes& other : {long_length, trailing, Bytes{}, Bytes(der.begin(), der.end() - 1),
                             key.sign(as_bytes(message))}) {
    const auto raw = signature_from_der(Algorithm::es256, other);
    ASSERT_FALSE(raw);
    EXPECT_EQ(raw.error().code, Code::jws_signature_invalid);
  }
}

TEST(SignatureOfDer, WithNumbersThatTheCurveCannotHaveIsRefused) {
  const Bytes of_p384 = SoftKey(Algorithm::es384).sign_der(as_bytes(message));
  EXPECT_FALSE(signature_from_der(Algorithm::es256, of_p384));
  EXPECT_FALSE(
      signature_from_der(Algorithm::es256, from_hex("3006020101020181").value()));  // s = -127
  EXPECT_FALSE(
      signature_from_der(Algorithm::es256, from_hex("3006020181020101").value()));  // r = -127
  Bytes wide_s = from_hex("3026020101022101").value();
  wide_s.resize(wide_s.size() + 32);  // s = 2^256.
  EXPECT_FALSE(signature_from_der(Algorithm::es256, wide_s));
  EXPECT_TRUE(signature_from_der(Algorithm::es384, wide_s));
  EXPECT_FALSE(signature_to_der(Algorithm::es256, Bytes(63, 1)));
  EXPECT_FALSE(signature_to_der(Algorithm::es384, Bytes(64, 1)));
}

TEST(SignatureOfDer, OfAnAlgorithmThatIsNotEcdsaIsRefused) {
  const Bytes der = SoftKey().sign_der(as_bytes(message));
  for (const Algorithm algorithm : {Algorithm::rs256, Algorithm::ps256, Algorithm::ed25519}) {
    EXPECT_EQ(signature_from_der(algorithm, der).error().code, Code::jws_signature_invalid);
    EXPECT_EQ(signature_to_der(algorithm, Bytes(64, 1)).error().code, Code::jws_signature_invalid);
  }
}

}  // namespace
}  // namespace mintmark::jose
