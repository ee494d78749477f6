// A login of libp11: certificates on the token, and its keys as OpenSSL's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/secret.h"
#include "hsm/libp11/certificate.h"
#include "hsm/libp11/library.h"

struct evp_pkey_st;

namespace mintmark::hsm::libp11 {

struct StoredCertificate {
  std::string label;
  Bytes id;  ///< CKA_ID; that of its key.
  /// Nothing but `der` is there for an object that is no X.509 certificate OpenSSL can read.
  CertificateFacts facts;
};

/// Logged in as the user, in read-write sessions, for its life. The library must outlive it.
class Session {
 public:
  /// One try. `hsm_pin_refused`, `hsm_pin_locked`.
  [[nodiscard]] static Result<Session> log_in(Library& library, const TokenStatus& token,
                                              const Secret& pin);

  [[nodiscard]] Result<std::vector<StoredCertificate>> certificates();
  /// As a token object with that label and CKA_ID.
  [[nodiscard]] Result<void> store(const CertificateFacts& certificate, const std::string& label,
                                   BytesView id);
  /// Removes each certificate of that CKA_ID but the one given; gives how many. `hsm_tool_failed`
  /// where one of them cannot be read: none is removed.
  [[nodiscard]] Result<unsigned> remove_others(BytesView id, BytesView der);
  /// Gives OpenSSL's face of the private RSA or EC key of that CKA_ID to `use`, and what that made
  /// of it. `hsm_object_missing`; `hsm_tool_failed` where libp11 stops at a key it does not know.
  using UseKey = std::function<Result<std::string>(evp_pkey_st* key)>;
  [[nodiscard]] Result<std::string> with_key(BytesView id, const UseKey& use);

 private:
  explicit Session(PKCS11_slot_st* slot) : slot_(slot) {}
  PKCS11_slot_st* slot_;
};

}  // namespace mintmark::hsm::libp11
