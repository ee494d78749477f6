#include "hsm/libp11/session.h"

#include <libp11.h>

#include <algorithm>

#include "hsm/libp11/error.h"
#include "hsm/libp11/openssl.h"
#include "hsm/libp11/pin.h"

namespace mintmark::hsm::libp11 {
namespace {

BytesView id_of(const PKCS11_KEY& key) { return {key.id, key.id_len}; }
BytesView id_of(const PKCS11_CERT& certificate) { return {certificate.id, certificate.id_len}; }

bool equal(BytesView left, BytesView right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end());
}

Bytes der_of_x509(const X509* certificate) {
  return der_of(certificate,
                [](const X509* one, unsigned char** out) { return i2d_X509(one, out); });
}

Result<std::vector<PKCS11_CERT*>> enumerate_certificates(PKCS11_SLOT* slot) {
  PKCS11_CERT* first = nullptr;
  unsigned count = 0;
  if (PKCS11_enumerate_certs(slot->token, &first, &count) != 0)
    return fail_in("libp11's list of certificates");
  std::vector<PKCS11_CERT*> all;
  for (unsigned i = 0; i < count; ++i) all.push_back(first + i);
  return all;
}

/// All private keys; where libp11 can, only those of the id.
Result<std::vector<PKCS11_KEY*>> enumerate_keys(PKCS11_SLOT* slot, [[maybe_unused]] BytesView id) {
  PKCS11_KEY* first = nullptr;
  unsigned count = 0;
  ERR_clear_error();
#ifdef MINTMARK_LIBP11_FINDS_BY_ID
  Bytes wanted = to_bytes(id);
  PKCS11_KEY which{};
  which.id = wanted.data();
  which.id_len = wanted.size();
  which.isPrivate = 1;
  const int listed = PKCS11_enumerate_keys_ext(slot->token, &which, &first, &count);
#else
  const int listed = PKCS11_enumerate_keys(slot->token, &first, &count);
#endif
  if (listed != 0) {
    if (ERR_peek_error() != 0) return fail_in("libp11's list of keys");
    return fail(
        Code::hsm_tool_failed,
        "libp11 " MINTMARK_LIBP11_VERSION
        " lists no keys of a token that holds one of a kind it does not know, such as "
        "Ed25519 (0.4.13 asks for the one key alone); keep the key for the certificate on a "
        "token of its own");
  }
  std::vector<PKCS11_KEY*> all;
  for (unsigned i = 0; i < count; ++i) all.push_back(first + i);
  return all;
}

}  // namespace

Result<Session> Session::log_in(Library& library, const TokenStatus& token, const Secret& pin) {
  if (auto fit = require_fit(pin, "the PIN"); !fit) return pass_on(fit);
  auto slot = library.slot_of(token);
  if (!slot) return pass_on(slot);
  if (auto opened = library.open_session(*slot); !opened) return pass_on(opened);
  if (PKCS11_login(*slot, 0, TerminatedPin(pin).c_str()) != 0)
    return fail_in(token.facts.to_uri() + ": C_Login");
  return Session(*slot);
}

Result<std::vector<StoredCertificate>> Session::certificates() {
  auto all = enumerate_certificates(slot_);
  if (!all) return pass_on(all);
  std::vector<StoredCertificate> stored;
  for (const PKCS11_CERT* certificate : *all) {
    StoredCertificate one;
    if (certificate->label != nullptr) one.label = certificate->label;
    one.id = to_bytes(id_of(*certificate));
    const Bytes der = der_of_x509(certificate->x509);
    if (auto facts = facts_of_certificate(der)) one.facts = std::move(*facts);
    one.facts.der = der;
    stored.push_back(std::move(one));
  }
  return stored;
}

Result<void> Session::store(const CertificateFacts& certificate, const std::string& label,
                            BytesView id) {
  const auto* at = certificate.der.data();
  const Owned<X509> x509(d2i_X509(nullptr, &at, static_cast<long>(certificate.der.size())));
  std::string text = label;
  Bytes octets = to_bytes(id);
  if (PKCS11_store_certificate(slot_->token, x509.get(), text.data(), octets.data(), octets.size(),
                               nullptr) != 0)
    return fail_in("C_CreateObject");
  return {};
}

Result<unsigned> Session::remove_others(BytesView id, BytesView der) {
  auto all = enumerate_certificates(slot_);
  if (!all) return pass_on(all);
  const bool readable = std::all_of(all->begin(), all->end(), [&](const PKCS11_CERT* one) {
    return one->x509 != nullptr || !equal(id_of(*one), id);
  });
  // It could be the one that is to stay.
  if (!readable)
    return fail(Code::hsm_tool_failed,
                "a certificate with CKA_ID " + to_hex(id) + " cannot be read; none was removed");
  unsigned removed = 0;
  for (PKCS11_CERT* certificate : *all) {
    if (!equal(id_of(*certificate), id) || equal(der_of_x509(certificate->x509), der)) continue;
    if (PKCS11_remove_certificate(certificate) != 0) return fail_in("C_DestroyObject");
    ++removed;
  }
  return removed;
}

Result<std::string> Session::with_key(BytesView id, const UseKey& use) {
  auto keys = enumerate_keys(slot_, id);
  if (!keys) return pass_on(keys);
  const auto found = std::find_if(keys->begin(), keys->end(),
                                  [&](const PKCS11_KEY* key) { return equal(id_of(*key), id); });
  if (found == keys->end())
    return fail(Code::hsm_object_missing, "libp11 finds no private key with CKA_ID " + to_hex(id));
  const Owned<EVP_PKEY> key(PKCS11_get_private_key(*found));
  if (!key) return fail_in("libp11's EVP key");
  return use(key.get());
}

}  // namespace mintmark::hsm::libp11
