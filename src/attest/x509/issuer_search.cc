#include "attest/x509/issuer_search.h"

#include <openssl/err.h>

#include <algorithm>

namespace mintmark::attest::x509 {
namespace {

int index_of_search() {
  static const int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, nullptr,
                                                   nullptr, nullptr, nullptr);
  return index;
}

// As OpenSSL asks by default. Whether the issuer may sign is asked later, with a reason of its own.
bool is_issuer_by_name(X509* certificate, X509* issuer) {
  const int checked = X509_check_issued(issuer, certificate);
  return checked == X509_V_OK || checked == X509_V_ERR_KEYUSAGE_NO_CERTSIGN;
}

}  // namespace

void IssuerSearch::ask_in(X509_STORE* anchors) {
  X509_STORE_set_check_issued(anchors, &IssuerSearch::is_issuer);
}

void IssuerSearch::attach(X509_STORE_CTX* context) {
  X509_STORE_CTX_set_ex_data(context, index_of_search(), this);
}

int IssuerSearch::is_issuer(X509_STORE_CTX* context, X509* certificate, X509* issuer) {
  if (!is_issuer_by_name(certificate, issuer)) return 0;
  auto* search = static_cast<IssuerSearch*>(X509_STORE_CTX_get_ex_data(context, index_of_search()));
  return search == nullptr || search->may_issue(certificate, issuer) ? 1 : 0;
}

bool IssuerSearch::may_issue(X509* certificate, X509* issuer) {
  // The first run is OpenSSL's own; and whether a certificate is self-issued is no search.
  if (!by_signature_ || certificate == issuer) return true;
  const bool dead = std::any_of(dead_ends_.begin(), dead_ends_.end(),
                                [&](const X509* end) { return X509_cmp(end, issuer) == 0; });
  return !dead && has_signed(certificate, issuer);
}

bool IssuerSearch::has_signed(X509* certificate, X509* issuer) {
  EVP_PKEY* key = X509_get0_pubkey(issuer);
  if (key == nullptr || tried_ >= most_tried) return false;
  ++tried_;
  const bool signed_by_it = X509_verify(certificate, key) == 1;
  ERR_clear_error();
  return signed_by_it;
}

bool IssuerSearch::has_several_issuers(X509* certificate) const {
  const X509* first = nullptr;
  for (X509* candidate : candidates_) {
    if (!is_issuer_by_name(certificate, candidate)) continue;
    if (first != nullptr && X509_cmp(first, candidate) != 0) return true;
    first = candidate;
  }
  return false;
}

bool IssuerSearch::learn(const STACK_OF(X509) * failed, const X509* culprit) {
  if (runs_ >= most_runs || sk_X509_num(failed) < 1) return false;
  if (!by_signature_) {
    // What failed may have been an issuer by name alone.
    bool ambiguous = false;
    for (int i = 0; i < sk_X509_num(failed) && !ambiguous; ++i)
      ambiguous = has_several_issuers(sk_X509_value(failed, i));
    by_signature_ = ambiguous;
  } else if (culprit != nullptr && X509_cmp(culprit, sk_X509_value(failed, 0)) != 0) {
    dead_ends_.push_back(culprit);
  } else {
    return false;  // It is the leaf itself: no other chain is better.
  }
  ++runs_;
  return by_signature_;
}

}  // namespace mintmark::attest::x509
