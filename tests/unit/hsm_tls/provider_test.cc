// The provider as provider-keymgmt(7) and provider-signature(7) let any OpenSSL call it: with keys
// that were never imported, parameters of other kinds, buffers that are too small.
#include "hsm/tls/provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "held_key_fixture.h"

namespace mintmark::hsm::tls {
namespace {

constexpr const char* unknown_parameter = "tea";

/// What it has of an operation, by number.
class Functions {
 public:
  explicit Functions(int operation) {
    const OSSL_DISPATCH* ours = nullptr;
    if (init_provider(nullptr, nullptr, &ours, &provider_) != 1)
      throw std::runtime_error("no provider");
    int never_cached = 1;
    auto* const query = reinterpret_cast<OSSL_FUNC_provider_query_operation_fn*>(ours->function);
    const OSSL_ALGORITHM* algorithms = query(provider_, operation, &never_cached);
    if (algorithms != nullptr) functions_ = algorithms->implementation;
  }
  template <typename Function>
  [[nodiscard]] Function* at(int number) const {
    for (const OSSL_DISPATCH* one = functions_; one->function_id != 0; ++one) {
      if (one->function_id == number) return reinterpret_cast<Function*>(one->function);
    }
    throw std::runtime_error("no such function");
  }
  [[nodiscard]] bool empty() const { return functions_ == nullptr; }
  [[nodiscard]] void* provider() const { return provider_; }

 private:
  void* provider_ = nullptr;
  const OSSL_DISPATCH* functions_ = nullptr;
};

class Provider : public HeldKeyTest {
 protected:
  using Data = std::shared_ptr<void>;

  [[nodiscard]] Data new_key() const {
    return {keys_.at<OSSL_FUNC_keymgmt_new_fn>(OSSL_FUNC_KEYMGMT_NEW)(keys_.provider()),
            keys_.at<OSSL_FUNC_keymgmt_free_fn>(OSSL_FUNC_KEYMGMT_FREE)};
  }
  [[nodiscard]] int import_from(const Data& key, const OSSL_PARAM& parameter) const {
    const std::array<OSSL_PARAM, 2> parameters{parameter, OSSL_PARAM_END};
    return keys_.at<OSSL_FUNC_keymgmt_import_fn>(OSSL_FUNC_KEYMGMT_IMPORT)(
        key.get(), OSSL_KEYMGMT_SELECT_KEYPAIR, parameters.data());
  }
  /// The one way in, as make_key() goes it.
  [[nodiscard]] Data imported(const KeyInfo& info) {
    const auto held = std::make_shared<const HeldKey>(HeldKey{
        .signer = signer, .info = info, .patience = std::chrono::seconds(10), .observe = {}});
    const std::shared_ptr<const HeldKey>* pointer = &held;
    Data key = new_key();
    EXPECT_EQ(import_from(key, OSSL_PARAM_construct_octet_string(held_key_parameter, &pointer,
                                                                 sizeof pointer)),
              1);
    return key;
  }
  [[nodiscard]] bool has(const Data& key) const {
    return keys_.at<OSSL_FUNC_keymgmt_has_fn>(OSSL_FUNC_KEYMGMT_HAS)(
               key.get(), OSSL_KEYMGMT_SELECT_KEYPAIR) == 1;
  }
  [[nodiscard]] int get(const Data& key, const OSSL_PARAM& parameter) const {
    std::array<OSSL_PARAM, 2> parameters{parameter, OSSL_PARAM_END};
    return keys_.at<OSSL_FUNC_keymgmt_get_params_fn>(OSSL_FUNC_KEYMGMT_GET_PARAMS)(
        key.get(), parameters.data());
  }
  [[nodiscard]] int give(const Data& key, int selection) const {
    return keys_.at<OSSL_FUNC_keymgmt_export_fn>(OSSL_FUNC_KEYMGMT_EXPORT)(
        key.get(), selection, [](const OSSL_PARAM*, void*) { return 1; }, nullptr);
  }

  [[nodiscard]] Data new_signing() const {
    return {signatures_.at<OSSL_FUNC_signature_newctx_fn>(OSSL_FUNC_SIGNATURE_NEWCTX)(
                signatures_.provider(), nullptr),
            signatures_.at<OSSL_FUNC_signature_freectx_fn>(OSSL_FUNC_SIGNATURE_FREECTX)};
  }
  [[nodiscard]] int begin(const Data& signing, const char* digest, const Data& key) const {
    return signatures_.at<OSSL_FUNC_signature_digest_sign_init_fn>(
        OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT)(signing.get(), digest, key.get(), nullptr);
  }
  [[nodiscard]] int sign(const Data& signing, unsigned char* out, std::size_t& size,
                         std::size_t capacity) const {
    const Bytes message{0x61};
    return signatures_.at<OSSL_FUNC_signature_digest_sign_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN)(
        signing.get(), out, &size, capacity, message.data(), message.size());
  }
  [[nodiscard]] int end(const Data& signing, Bytes& out) const {
    std::size_t size = 0;
    return signatures_.at<OSSL_FUNC_signature_digest_sign_final_fn>(
        OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL)(signing.get(), out.data(), &size, out.size());
  }
  [[nodiscard]] int algorithm_of(const Data& signing, const OSSL_PARAM& parameter) const {
    std::array<OSSL_PARAM, 2> parameters{parameter, OSSL_PARAM_END};
    return signatures_.at<OSSL_FUNC_signature_get_ctx_params_fn>(
        OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS)(signing.get(), parameters.data());
  }

  const Functions keys_{OSSL_OP_KEYMGMT};
  const Functions signatures_{OSSL_OP_SIGNATURE};
  const KeyInfo p256_ = make(jose::Algorithm::es256);
};

TEST_F(Provider, HasKeysAndSignaturesAndNothingElse) {
  for (const int operation : {OSSL_OP_DIGEST, OSSL_OP_KEYEXCH, OSSL_OP_STORE, OSSL_OP_RAND})
    EXPECT_TRUE(Functions(operation).empty()) << operation;
  auto* const name =
      keys_.at<OSSL_FUNC_keymgmt_query_operation_name_fn>(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME);
  EXPECT_STREQ(name(OSSL_OP_SIGNATURE), "ECDSA");
  EXPECT_EQ(name(OSSL_OP_KEYEXCH), nullptr);
}

TEST_F(Provider, AKeyThatWasNeverImportedIsGoodForNothing) {
  const Data empty = new_key();
  int bits = 0;
  for (const Data& key : {empty, Data()}) {
    EXPECT_FALSE(has(key));
    EXPECT_EQ(give(key, OSSL_KEYMGMT_SELECT_PUBLIC_KEY), 0);
    EXPECT_EQ(get(key, OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_BITS, &bits)), 0);
    EXPECT_EQ(begin(new_signing(), "SHA256", key), 0);
  }
}

TEST_F(Provider, NothingIsFreedWhereThereIsNothing) {
  keys_.at<OSSL_FUNC_keymgmt_free_fn>(OSSL_FUNC_KEYMGMT_FREE)(nullptr);
  signatures_.at<OSSL_FUNC_signature_freectx_fn>(OSSL_FUNC_SIGNATURE_FREECTX)(nullptr);
  EXPECT_TRUE(has(imported(p256_)));
}

TEST_F(Provider, NothingButAHeldKeyIsImported) {
  Bytes octets(sizeof(void*) + 1);
  int number = 7;
  for (const OSSL_PARAM& wrong :
       {OSSL_PARAM_construct_octet_string(unknown_parameter, octets.data(), sizeof(void*)),
        OSSL_PARAM_construct_int(held_key_parameter, &number),
        OSSL_PARAM_construct_octet_string(held_key_parameter, octets.data(), octets.size()),
        OSSL_PARAM_construct_octet_string(held_key_parameter, octets.data(), 1)}) {
    const Data key = new_key();
    EXPECT_EQ(import_from(key, wrong), 0);
    EXPECT_FALSE(has(key));
  }
}

TEST_F(Provider, AKeyShowsItsPublicHalfAndNoPrivateOne) {
  const Data key = imported(p256_);
  EXPECT_TRUE(has(key));
  EXPECT_EQ(give(key, OSSL_KEYMGMT_SELECT_PUBLIC_KEY), 1);
  EXPECT_EQ(give(key, OSSL_KEYMGMT_SELECT_KEYPAIR), 0);
  auto* const types = keys_.at<OSSL_FUNC_keymgmt_export_types_fn>(OSSL_FUNC_KEYMGMT_EXPORT_TYPES);
  EXPECT_NE(types(OSSL_KEYMGMT_SELECT_PUBLIC_KEY), nullptr);
  EXPECT_EQ(types(OSSL_KEYMGMT_SELECT_KEYPAIR), nullptr);
  auto* const imports = keys_.at<OSSL_FUNC_keymgmt_import_types_fn>(OSSL_FUNC_KEYMGMT_IMPORT_TYPES);
  EXPECT_STREQ(imports(OSSL_KEYMGMT_SELECT_KEYPAIR)->key, held_key_parameter);
}

TEST_F(Provider, WhatDoesNotHoldAnAnswerIsTold) {
  const Data key = imported(p256_);
  std::array<char, 64> text{};
  int number = 0;
  double broken = 0.5;
  for (const char* name :
       {OSSL_PKEY_PARAM_BITS, OSSL_PKEY_PARAM_SECURITY_BITS, OSSL_PKEY_PARAM_MAX_SIZE}) {
    EXPECT_EQ(get(key, OSSL_PARAM_construct_int(name, &number)), 1);
    EXPECT_EQ(get(key, OSSL_PARAM_construct_utf8_string(name, text.data(), text.size())), 0);
  }
  for (const char* name : {OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PKEY_PARAM_MANDATORY_DIGEST}) {
    EXPECT_EQ(get(key, OSSL_PARAM_construct_utf8_string(name, text.data(), text.size())), 1);
    EXPECT_EQ(get(key, OSSL_PARAM_construct_utf8_string(name, text.data(), 2)), 0);
    EXPECT_EQ(get(key, OSSL_PARAM_construct_int(name, &number)), 0);
  }
  EXPECT_EQ(get(key, OSSL_PARAM_construct_double(unknown_parameter, &broken)), 1)
      << "what it does not know it leaves alone";
}

TEST_F(Provider, WithoutABeginningNothingIsSigned) {
  const Data signing = new_signing();
  Bytes signature(256);
  std::size_t size = 0;
  EXPECT_EQ(sign(signing, signature.data(), size, signature.size()), 0);
  EXPECT_EQ(end(signing, signature), 0);
  EXPECT_EQ(algorithm_of(signing, OSSL_PARAM_construct_octet_string(
                                      OSSL_SIGNATURE_PARAM_ALGORITHM_ID, signature.data(), 64)),
            0);
  EXPECT_EQ(algorithm_of(signing, OSSL_PARAM_construct_octet_string(unknown_parameter,
                                                                    signature.data(), 64)),
            1);
}

TEST_F(Provider, ASignatureFitsOrIsNotGiven) {
  const Data key = imported(p256_);
  const Data signing = new_signing();
  ASSERT_EQ(begin(signing, nullptr, key), 1);
  ASSERT_EQ(begin(signing, "", key), 1);
  std::size_t size = 0;
  EXPECT_EQ(sign(signing, nullptr, size, 0), 1);
  EXPECT_EQ(size, 72U) << "the most it can have";
  Bytes signature(72);
  EXPECT_EQ(sign(signing, signature.data(), size, 8), 0);
  EXPECT_EQ(sign(signing, signature.data(), size, signature.size()), 1);
  const auto raw =
      jose::signature_from_der(jose::Algorithm::es256, BytesView(signature).first(size));
  ASSERT_TRUE(raw);
  EXPECT_TRUE(p256_.public_key.verify(as_bytes("a"), *raw)) << "the message once, not twice";
  auto* const types = signatures_.at<OSSL_FUNC_signature_gettable_ctx_params_fn>(
      OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS);
  EXPECT_STREQ(types(signing.get(), nullptr)->key, OSSL_SIGNATURE_PARAM_ALGORITHM_ID);
}

}  // namespace
}  // namespace mintmark::hsm::tls
