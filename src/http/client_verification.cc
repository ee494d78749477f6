#include "http/client_verification.h"

#include <openssl/core_names.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <string_view>

#include "http/tls.h"

namespace mintmark::http {
namespace {

/// Octets of a whole Certificate message: OpenSSL parses all of it before anybody is asked.
constexpr long longest_chain = 16L << 10U;
constexpr int least_rsa_bits = 2048;
constexpr int most_rsa_bits = 4096;
constexpr int most_exponent_bits = 32;
constexpr std::string_view resumed_here = "mintmark";

bool has_fair_exponent(const EVP_PKEY* key) {
  BIGNUM* exponent = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return false;
  const bool fair = BN_num_bits(exponent) <= most_exponent_bits;
  BN_free(exponent);
  return fair;
}

bool is_known_curve(const EVP_PKEY* key) {
  std::array<char, 32> name{};
  std::size_t length = 0;
  if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &length) != 1) return false;
  const std::string_view curve(name.data(), length);
  return curve == SN_X9_62_prime256v1 || curve == SN_secp384r1;
}

/// OpenSSL would take RSA of 16,384 bits, and strangers would choose what a handshake costs us.
/// attest::x509::has_bounded_key is another rule, for the signers of statements, whose profiles
/// have other kinds and smaller sizes; here are the keys that a device may register, and no more.
bool has_bounded_key(const X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return false;
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_ED25519:
      return true;
    case EVP_PKEY_EC:
      return is_known_curve(key);
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
      return EVP_PKEY_get_bits(key) >= least_rsa_bits && EVP_PKEY_get_bits(key) <= most_rsa_bits &&
             has_fair_exponent(key);
    default:
      return false;
  }
}

/// In the place of X509_verify_cert: whose word a certificate is depends on who asks, and is judged
/// where its key is known. Before the handshake's signature is verified with it.
int take_bounded(X509_STORE_CTX* context, void* /*user*/) {
  const X509* shown = X509_STORE_CTX_get0_cert(context);
  const bool taken = shown != nullptr && has_bounded_key(shown) &&
                     i2d_X509(shown, nullptr) <= static_cast<int>(longest_client_certificate);
  X509_STORE_CTX_set_error(context, taken ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return taken ? 1 : 0;
}

/// A ticket proves what its holder knows, not that the key is still in his hands: who comes with a
/// certificate proves its key for each connection. Others resume as ever.
SSL_TICKET_RETURN take_ticket(SSL* /*ssl*/, SSL_SESSION* session, const unsigned char* /*name*/,
                              std::size_t /*length*/, SSL_TICKET_STATUS status, void* /*user*/) {
  const bool good = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
  if (!good || SSL_SESSION_get0_peer(session) != nullptr) return SSL_TICKET_RETURN_IGNORE_RENEW;
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace

void ask_for_certificates(ssl_ctx_st* context) {
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, take_bounded, nullptr);
  SSL_CTX_set_max_cert_list(context, longest_chain);
  // Without it OpenSSL breaks off where a client resumes.
  SSL_CTX_set_session_id_context(context,
                                 reinterpret_cast<const unsigned char*>(resumed_here.data()),
                                 static_cast<unsigned int>(resumed_here.size()));
  SSL_CTX_set_session_ticket_cb(context, nullptr, take_ticket, nullptr);
}

}  // namespace mintmark::http
