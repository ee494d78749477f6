// What proves where the issuer's keys live, for anybody: GET /.well-known/key-evidence, and POST
// /key-evidence/activate, by which a stranger convinces himself.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/activation_limit.h"
#include "api/client_address.h"
#include "base/atomic_shared.h"
#include "http/router.h"
#include "keyring/key_evidence.h"

namespace mintmark::api {

/// The evidence in force, and the document of it. Taken in on one thread; read on all.
class PublishedEvidence {
 public:
  struct Document {
    std::string text;  ///< keyring::evidence_document.
    std::string etag;
    keyring::EvidenceByKid evidence;
    std::shared_ptr<const keyring::Snapshot> keys;
  };

  explicit PublishedEvidence(std::string issuer) : issuer_(std::move(issuer)) {}

  /// Forgets the evidence of keys that are not published any more.
  void take_keys(std::shared_ptr<const keyring::Snapshot> keys);
  void take_evidence(const std::string& kid, hsm::KeyEvidence evidence);
  /// nullptr before the first keys.
  [[nodiscard]] std::shared_ptr<const Document> document() const { return document_.load(); }

 private:
  void publish();

  const std::string issuer_;
  std::shared_ptr<const keyring::Snapshot> keys_;
  keyring::EvidenceByKid evidence_;
  AtomicShared<const Document> document_;
};

/// A credential for the attestation key of the TPM that the key `kid` lives in.
struct Activation {
  std::string kid;
  std::uint32_t ek_nv_index = 0;
  Bytes credential_blob;
  Bytes encrypted_secret;
};
/// Has it opened. Once each; from any thread.
using Activate = std::function<void(Activation activation, hsm::Done<Bytes> done)>;

/// Adds GET PATH/.well-known/key-evidence, cacheable for `max_age`. `evidence` must outlive the
/// router.
void add_key_evidence(http::Router& router, const std::string& path,
                      const PublishedEvidence& evidence, std::chrono::seconds max_age);

/// Adds POST PATH/key-evidence/activate: {"kid", "ek_nv_index", "credential_blob",
/// "encrypted_secret"} -> {"secret"}. Before a TPM is asked: `activation_malformed`,
/// `key_not_found`, `activation_store` (the key's evidence is no TPM's), `activation_unavailable`
/// (no such EK), `activation_rate`. References must outlive the router.
void add_key_activation(http::Router& router, const std::string& path,
                        const PublishedEvidence& evidence, ActivationLimit& limit,
                        AddressOf address_of, Activate activate);

}  // namespace mintmark::api
