#include "attest/vendor/chain.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <memory>

#include "base/bytes.h"

namespace mintmark::attest::vendor {
namespace {

constexpr int deepest_chain = 6;
// OpenSSL's security level: 112 bits, so no SHA-1 and no RSA below 2048.
constexpr int auth_level = 2;

struct Free {
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

}  // namespace

Result<std::string> check_chain(X509* leaf, const std::vector<tpm2::Certificate>& helpers,
                                const tpm2::EkTrust& roots, Moment now) {
  const Owned<STACK_OF(X509)> stack(sk_X509_new_null());
  for (const auto* certificates : {&roots.intermediates(), &helpers}) {
    for (const tpm2::Certificate& certificate : *certificates)
      sk_X509_push(stack.get(), certificate.get());
  }
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  if (!context || X509_STORE_CTX_init(context.get(), roots.anchors(), leaf, stack.get()) != 1)
    return fail(Code::internal, "OpenSSL could not begin a verification");
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, static_cast<time_t>(to_unix(now)));
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_depth(parameters, deepest_chain);
  X509_VERIFY_PARAM_set_auth_level(parameters, auth_level);
  const int verified = X509_verify_cert(context.get());
  ERR_clear_error();
  if (verified != 1) {
    const int error = X509_STORE_CTX_get_error(context.get());
    const bool time =
        error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
    return fail(time ? Code::vendor_attestation_expired : Code::vendor_attestation_chain,
                std::string("the certificate does not lead to one of the roots: ") +
                    X509_verify_cert_error_string(error));
  }
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  std::array<std::uint8_t, 32> digest{};
  unsigned length = 0;
  X509_digest(sk_X509_value(chain, sk_X509_num(chain) - 1), EVP_sha256(), digest.data(), &length);
  return to_hex(digest);
}

}  // namespace mintmark::attest::vendor
