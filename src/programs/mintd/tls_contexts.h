// What the listeners serve TLS with: from the texts in force and, where the key lives in a key
// store, from its signer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/atomic_shared.h"
#include "config/config.h"
#include "hsm/key_store.h"
#include "http/handshake_threads.h"
#include "http/tls.h"
#include "programs/mintd/figures.h"

namespace mintmark::mintd {

class TlsContexts {
 public:
  using Context = std::shared_ptr<const http::TlsServerContext>;

  /// Threads for handshakes are made only where the TLS key lives in a key store.
  TlsContexts(const config::Config& config, Figures& figures);
  ~TlsContexts() { end(); }
  TlsContexts(const TlsContexts&) = delete;
  TlsContexts& operator=(const TlsContexts&) = delete;

  [[nodiscard]] bool key_is_in_store() const { return threads_ != nullptr; }
  /// The signer of the store that has the key.
  void use(std::shared_ptr<hsm::Signer> signer) { signer_.store(std::move(signer)); }

  /// `done` is called once, from any thread, perhaps before make() returns. Errors:
  /// `tls_certificate_unusable`, and for a key in a store `tls_key_missing`, `hsm_key_unfit`,
  /// `hsm_unavailable` and whatever else its signer says.
  void make(const std::string& certificate_pem, const std::string& key_pem,
            hsm::Done<Context> done);

  /// Before the io_context ends that the signer's answers come by: no handshake waits after this.
  void end();

 private:
  struct Outcomes;
  [[nodiscard]] Result<Context> held(const std::string& certificate_pem, hsm::KeyInfo key,
                                     std::shared_ptr<hsm::Signer> signer) const;

  http::ClientCertificates client_certificates_;
  std::string store_;
  std::chrono::milliseconds patience_{};
  std::shared_ptr<http::HandshakeThreads> threads_;
  std::shared_ptr<Outcomes> outcomes_;
  AtomicShared<hsm::Signer> signer_;
};

}  // namespace mintmark::mintd
