// COSE_Sign1 and COSE_Key: each part broken alone.
#include "cbor/cose.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "support/openssl_pair.h"

namespace mintmark::cbor {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// A string of `octets` under the major type's initial octet.
Bytes string_of(const Bytes& octets, std::uint8_t major = 0x40) {
  Bytes all{static_cast<std::uint8_t>(major | 25U), static_cast<std::uint8_t>(octets.size() >> 8U),
            static_cast<std::uint8_t>(octets.size())};
  all.insert(all.end(), octets.begin(), octets.end());
  return all;
}

Bytes shortest_string(const Bytes& octets) {
  Bytes head = octets.size() < 24 ? Bytes{static_cast<std::uint8_t>(0x40U | octets.size())}
                                  : Bytes{0x58, static_cast<std::uint8_t>(octets.size())};
  head.insert(head.end(), octets.begin(), octets.end());
  return head;
}

const Bytes payload = {'h', 'i'};
const Bytes es256_header = {0xA1, 0x01, 0x26};

Bytes to_be_signed(const Bytes& header) {
  return joined({{0x84, 0x6A},
                 to_bytes(as_bytes("Signature1")),
                 shortest_string(header),
                 {0x40},
                 shortest_string(payload)});
}

Bytes sign1(const Bytes& header, const Bytes& unprotected, const Bytes& signature) {
  return joined({{0x84}, string_of(header), unprotected, string_of(payload), string_of(signature)});
}

const std::shared_ptr<EVP_PKEY>& es256_pair() {
  static const auto pair = test::make_openssl_pair(jose::Algorithm::es256);
  return pair;
}

Bytes good_signature(const Bytes& header = es256_header) {
  return test::sign_as_jws(es256_pair().get(), jose::Algorithm::es256, to_be_signed(header));
}

Code refusal(const Bytes& octets) {
  const auto message = parse_sign1(octets);
  EXPECT_FALSE(message);
  return message ? Code::internal : message.error().code;
}

Code refusal_of(const Result<void>& result) {
  EXPECT_FALSE(result);
  return result ? Code::internal : result.error().code;
}

TEST(CoseSign1, IsTakenWithItsTagAndWithout) {
  const Bytes bare = sign1(es256_header, {0xA1, 0x04, 0x42, 'k', '1'}, good_signature());
  for (const Bytes& octets : {bare, joined({{0xD2}, bare})}) {
    const auto message = parse_sign1(octets);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->algorithm, -7);
    EXPECT_EQ(message->kid, Bytes({'k', '1'}));
    EXPECT_EQ(message->payload, payload);
    EXPECT_TRUE(check_sign1(*message, es256_pair().get()));
  }
  EXPECT_EQ(refusal(joined({{0xD1}, bare})), Code::cose_malformed);
}

// RFC 9052 §4.2, appendix C.2.1; key 11 of appendix C.7.1.
TEST(CoseSign1, OfTheRfcVerifies) {
  const Bytes octets = hex(
      "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac"
      "34cc6b23d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5"
      "a4c345cacb36");
  const Bytes key =
      hex("a401022001215820bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff"
          "22582020138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e");
  const auto message = parse_sign1(octets);
  ASSERT_TRUE(message);
  EXPECT_EQ(as_text(message->kid), "11");
  const auto parsed = parse_key(parse(key).value());
  ASSERT_TRUE(parsed) << parsed.error().detail;
  EXPECT_TRUE(check_sign1(*message, parsed->key.get()));
}

TEST(CoseSign1, OfAnotherShapeIsRefused) {
  const Bytes good = sign1(es256_header, {0xA0}, good_signature());
  ASSERT_TRUE(parse_sign1(good));
  for (const char* bad : {"a0", "8443a10126a04100",
                          "8543a10126a041004100"
                          "00",
                          "01", "8443a10126a0f64100", "8463616263a041004100", "8443a10126a0410000",
                          "8443a10126804100"
                          "4100",
                          "8443830126a041004100"})
    EXPECT_FALSE(parse_sign1(hex(bad))) << bad;
  EXPECT_EQ(refusal(hex("8443a10126a0f64100")), Code::cose_malformed);
  EXPECT_EQ(refusal(hex("8443a10126f641004100")), Code::cose_malformed);
  EXPECT_EQ(refusal(hex("84420126a041004100")), Code::cbor_trailing);
  EXPECT_EQ(refusal(joined({good, {0}})), Code::cbor_trailing);
}

TEST(CoseSign1, WithCritIsRefusedWhereverItStands) {
  EXPECT_EQ(refusal(sign1(hex("a20126028101"), {0xA0}, {0})), Code::cose_crit_unknown);
  EXPECT_EQ(refusal(sign1(es256_header, hex("a1028101"), {0})), Code::cose_crit_unknown);
}

TEST(CoseSign1, WhoseAlgorithmIsNotProtectedIsRefused) {
  EXPECT_EQ(refusal(sign1({}, hex("a10126"), {0})), Code::cose_alg_refused);
  EXPECT_EQ(refusal(sign1({0xA0}, hex("a10126"), {0})), Code::cose_alg_refused);
  EXPECT_EQ(refusal(sign1(hex("a101654553323536"), {0xA0}, {0})), Code::cose_alg_refused);
}

TEST(CoseSign1, WithALabelInBothHeadersIsRefused) {
  EXPECT_EQ(refusal(sign1(es256_header, hex("a10126"), {0})), Code::cose_malformed);
}

TEST(CoseSign1, WithAnyPartChangedDoesNotVerify) {
  const auto good = parse_sign1(sign1(es256_header, {0xA0}, good_signature()));
  ASSERT_TRUE(good);
  for (Bytes Sign1::*part : {&Sign1::payload, &Sign1::signature, &Sign1::protected_header}) {
    for (std::size_t i = 0; i < ((*good).*part).size(); ++i) {
      Sign1 bad = *good;
      (bad.*part)[i] ^= 1U;
      EXPECT_EQ(refusal_of(check_sign1(bad, es256_pair().get())), Code::cose_signature);
    }
  }
  const auto other = test::make_openssl_pair(jose::Algorithm::es256);
  EXPECT_EQ(refusal_of(check_sign1(*good, other.get())), Code::cose_signature);
}

TEST(CoseSignature, OfEcdsaIsRawOrDerAsAsked) {
  const Bytes raw = test::sign_as_jws(es256_pair().get(), jose::Algorithm::es256, payload);
  const Bytes der = test::sign_by_openssl(es256_pair().get(), jose::Algorithm::es256, payload);
  EXPECT_TRUE(check_signature(-7, es256_pair().get(), payload, raw, true));
  EXPECT_TRUE(check_signature(-7, es256_pair().get(), payload, der, false));
  EXPECT_FALSE(check_signature(-7, es256_pair().get(), payload, raw, false));
  EXPECT_FALSE(check_signature(-7, es256_pair().get(), payload, der, true));
  for (const std::size_t length : {0UL, 1UL, 63UL, 65UL, 66UL, 96UL}) {
    Bytes bad = raw;
    bad.resize(length);
    EXPECT_FALSE(check_signature(-7, es256_pair().get(), payload, bad, true));
  }
}

Bytes sign_with(EVP_PKEY* pair, const char* digest, bool pss) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* parameters = nullptr;
  EVP_DigestSignInit_ex(context, &parameters, digest, nullptr, nullptr, pair, nullptr);
  if (pss) {
    EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST);
  }
  std::size_t length = 1024;
  Bytes signature(length);
  EXPECT_EQ(EVP_DigestSign(context, signature.data(), &length, payload.data(), payload.size()), 1);
  signature.resize(length);
  EVP_MD_CTX_free(context);
  return signature;
}

TEST(CoseSignature, OfEachAlgorithmVerifiesUnderItsOwnNumberAlone) {
  struct Row {
    std::int64_t algorithm;
    Key key;
    const char* digest;
    bool pss;
  };
  const auto rsa = test::make_openssl_pair(jose::Algorithm::rs256);
  const auto shared = [&] {
    EVP_PKEY_up_ref(rsa.get());
    return Key(rsa.get());
  };
  std::vector<Row> rows;
  rows.push_back({-7, Key(EVP_EC_gen("P-256")), "SHA256", false});
  rows.push_back({-35, Key(EVP_EC_gen("P-384")), "SHA384", false});
  rows.push_back({-36, Key(EVP_EC_gen("P-521")), "SHA512", false});
  rows.push_back({-8, Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), nullptr, false});
  rows.push_back({-37, shared(), "SHA256", true});
  rows.push_back({-38, shared(), "SHA384", true});
  rows.push_back({-257, shared(), "SHA256", false});
  rows.push_back({-258, shared(), "SHA384", false});
  rows.push_back({-259, shared(), "SHA512", false});
  rows.push_back({-65535, shared(), "SHA1", false});
  for (const Row& row : rows) {
    const Bytes signature = sign_with(row.key.get(), row.digest, row.pss);
    for (const Row& other : rows)
      EXPECT_EQ(
          check_signature(other.algorithm, row.key.get(), payload, signature, false).has_value(),
          other.algorithm == row.algorithm)
          << row.algorithm << " as " << other.algorithm;
    Bytes cut = signature;
    cut.pop_back();
    EXPECT_FALSE(check_signature(row.algorithm, row.key.get(), payload, cut, false));
  }
}

TEST(CoseSignature, OfAnAlgorithmThatIsNotKnownOrNotTheKeysIsRefusedByName) {
  const Key p384(EVP_EC_gen("P-384"));
  for (const std::int64_t algorithm : {0, 5, -7, -8, -36, -37, -257, -47, -46})
    EXPECT_EQ(refusal_of(check_signature(algorithm, p384.get(), payload, Bytes(96), true)),
              Code::cose_alg_refused);
  EXPECT_EQ(refusal_of(check_signature(-35, nullptr, payload, Bytes(96), true)),
            Code::cose_alg_refused);
}

// {1: 2, -1: curve, -2: x, -3: y}
Bytes ec_key(std::uint8_t curve, const Bytes& x, const Bytes& y) {
  return joined({{0xA4, 0x01, 0x02, 0x20, curve, 0x21}, string_of(x), {0x22}, string_of(y)});
}

Code key_refusal(const Bytes& octets) {
  const auto key = parse_key(parse(octets).value());
  EXPECT_FALSE(key);
  return key ? Code::internal : key.error().code;
}

TEST(CoseKey, OfEachCurveIsRead) {
  const std::array<std::pair<const char*, std::size_t>, 3> curves{
      {{"P-256", 32}, {"P-384", 48}, {"P-521", 66}}};
  for (std::uint8_t i = 0; i < curves.size(); ++i) {
    const Key pair(EVP_EC_gen(curves[i].first));
    std::array<std::uint8_t, 200> point{};
    std::size_t length = 0;
    ASSERT_EQ(
        EVP_PKEY_get_octet_string_param(pair.get(), "pub", point.data(), point.size(), &length), 1);
    const std::size_t field = curves[i].second;
    ASSERT_EQ(length, 2 * field + 1);
    const Bytes x(&point[1], &point[1] + field);
    Bytes y(&point[1] + field, &point[1] + 2 * field);
    const auto key = parse_key(parse(ec_key(i + 1, x, y)).value());
    ASSERT_TRUE(key) << key.error().detail;
    EXPECT_EQ(spki_of(key->key.get()), spki_of(pair.get()));
    EXPECT_EQ(key_refusal(ec_key(4, x, y)), Code::cose_key_malformed);
    y.back() ^= 1U;
    EXPECT_EQ(key_refusal(ec_key(i + 1, x, y)), Code::cose_key_malformed);
    y.back() ^= 1U;
    y.insert(y.begin(), 0);
    EXPECT_EQ(key_refusal(ec_key(i + 1, x, y)), Code::cose_key_malformed);
  }
}

TEST(CoseKey, OfRsaAndEd25519IsReadWithinItsBounds) {
  const Bytes ed = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const auto okp = parse_key(parse(joined({hex("a4010103272006"
                                               "21"),
                                           string_of(ed)}))
                                 .value());
  ASSERT_TRUE(okp) << okp.error().detail;
  EXPECT_EQ(okp->type, 1);
  EXPECT_EQ(okp->algorithm, -8);
  EXPECT_EQ(key_refusal(joined({hex("a3010120"
                                    "0421"),
                                string_of(ed)})),
            Code::cose_key_malformed);
  EXPECT_EQ(key_refusal(joined({hex("a3010120"
                                    "0621"),
                                string_of({1, 2})})),
            Code::cose_key_malformed);
  const auto pair = test::make_openssl_pair(jose::Algorithm::rs256);
  BIGNUM* n = nullptr;
  ASSERT_EQ(EVP_PKEY_get_bn_param(pair.get(), "n", &n), 1);
  Bytes modulus(256);
  BN_bn2bin(n, modulus.data());
  BN_free(n);
  const auto rsa_with = [](const Bytes& m, const Bytes& e) {
    return joined({hex("a3010320"), string_of(m), {0x21}, string_of(e)});
  };
  const auto rsa = parse_key(parse(rsa_with(modulus, {1, 0, 1})).value());
  ASSERT_TRUE(rsa) << rsa.error().detail;
  EXPECT_EQ(spki_of(rsa->key.get()), spki_of(pair.get()));
  Bytes even = modulus;
  even.back() &= 0xFEU;
  Bytes odd_short(modulus.begin(), modulus.begin() + 128);
  odd_short.back() |= 1U;
  Bytes large(513, 0xFF);
  for (const Bytes& bad : {even, odd_short, large, Bytes{}, Bytes(4096, 0xFF)})
    EXPECT_EQ(key_refusal(rsa_with(bad, {1, 0, 1})), Code::cose_key_malformed);
  for (const Bytes& bad : {Bytes{}, Bytes{1}, Bytes{2}, Bytes(5, 0xFF)})
    EXPECT_EQ(key_refusal(rsa_with(modulus, bad)), Code::cose_key_malformed);
}

TEST(CoseKey, OfAnotherShapeOrWithAPrivateMemberIsRefused) {
  for (const char* bad :
       {"80", "a0", "a10104", "a10163455332", "a10102", "a10103", "a10101", "a3010203634142432001"})
    EXPECT_EQ(key_refusal(hex(bad)), Code::cose_key_malformed) << bad;
  const Bytes x(32, 1);
  Bytes with_d = ec_key(1, x, x);
  with_d[0] = 0xA5;
  with_d.insert(with_d.end(), {0x23, 0x41, 0x01});
  EXPECT_EQ(key_refusal(with_d), Code::cose_key_malformed);
}

}  // namespace
}  // namespace mintmark::cbor
