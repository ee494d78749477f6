#include "hsm/tls/key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <array>

#include "hsm/tls/provider.h"

namespace mintmark::hsm::tls {
namespace {

OSSL_LIB_CTX* make_library() {
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  if (context == nullptr) return nullptr;
  if (OSSL_PROVIDER_add_builtin(context, provider_name, init_provider) == 1 &&
      OSSL_PROVIDER_load(context, "default") != nullptr &&
      OSSL_PROVIDER_load(context, provider_name) != nullptr) {
    return context;
  }
  OSSL_LIB_CTX_free(context);
  return nullptr;
}

tl::unexpected<Error> refused() {
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  ERR_clear_error();
  return fail(Code::tls_failed,
              std::string("OpenSSL takes no key of a key store: ") + reason.data());
}

}  // namespace

ossl_lib_ctx_st* library() {
  static OSSL_LIB_CTX* const context = make_library();
  return context;
}

Result<std::shared_ptr<evp_pkey_st>> make_key(HeldKey key) {
  if (library() == nullptr) return refused();
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(library(), "EC", provider_properties), &EVP_PKEY_CTX_free);
  const auto held = std::make_shared<const HeldKey>(std::move(key));
  const std::shared_ptr<const HeldKey>* pointer = &held;
  std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_octet_string(held_key_parameter, &pointer, sizeof pointer),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* made = nullptr;
  if (context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, parameters.data()) != 1) {
    return refused();
  }
  return std::shared_ptr<evp_pkey_st>(made, &EVP_PKEY_free);
}

}  // namespace mintmark::hsm::tls
