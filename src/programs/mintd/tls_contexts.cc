#include "programs/mintd/tls_contexts.h"

#include "hsm/tls/certificate_key.h"
#include "hsm/tls/key.h"
#include "telemetry/log.h"

namespace mintmark::mintd {

using telemetry::Level;

/// Counts every handshake's signature; logs where they begin to fail and where they work again, for
/// strangers could make a line of each.
struct TlsContexts::Outcomes {
  explicit Outcomes(telemetry::Outcomes given) : counted(std::move(given)) {}

  void observe(const Result<void>& signature) {
    counted.count(signature ? nullptr : &signature.error());
    if (failing.exchange(!signature) == !signature) return;
    if (signature)
      telemetry::log(Level::info, "tls_signing_again");
    else
      telemetry::log(Level::error, "tls_signing_fails", signature.error());
  }

  telemetry::Outcomes counted;
  std::atomic<bool> failing{false};
};

TlsContexts::TlsContexts(const config::Config& config, Figures& figures)
    : client_certificates_(config.mutual_tls.is_on() ? http::ClientCertificates::asked_for
                                                     : http::ClientCertificates::none),
      outcomes_(std::make_shared<Outcomes>(figures.tls_signatures())) {
  if (!config.tls || config.tls->key_store.empty()) return;
  store_ = config.tls->key_store;
  for (const config::HsmStore& store : config.stores) {
    if (store.name == store_) patience_ = store.call_deadline;
  }
  threads_ = std::make_shared<http::HandshakeThreads>(config.http.handshake_threads,
                                                      config.http.handshakes_waiting);
}

void TlsContexts::make(const std::string& certificate_pem, const std::string& key_pem,
                       hsm::Done<Context> done) {
  if (!key_is_in_store())
    return done(http::TlsServerContext::from_pem(certificate_pem, key_pem, client_certificates_));
  const auto chain = http::read_server_chain(certificate_pem);
  if (!chain) return done(tl::unexpected<Error>(chain.error()));
  const auto wanted = hsm::tls::certificate_key(chain->public_key);
  if (!wanted) return done(tl::unexpected<Error>(wanted.error()));
  auto signer = signer_.load();
  if (!signer)
    return done(fail(Code::hsm_unavailable, "key store \"" + store_ + "\" is not connected yet"));

  hsm::Signer& asked = *signer;
  asked.list(Deadline::in(patience_),
             [this, certificate_pem, wanted = *wanted, signer = std::move(signer),
              done = std::move(done)](const Result<std::vector<hsm::KeyInfo>>& keys) mutable {
               if (!keys) return done(tl::unexpected<Error>(keys.error()));
               auto key = hsm::tls::find_key(*keys, wanted, store_);
               if (!key) return done(pass_on(key));
               done(held(certificate_pem, std::move(*key), std::move(signer)));
             });
}

Result<TlsContexts::Context> TlsContexts::held(const std::string& certificate_pem, hsm::KeyInfo key,
                                               std::shared_ptr<hsm::Signer> signer) const {
  auto openssl_key = hsm::tls::make_key(
      {.signer = std::move(signer),
       .info = std::move(key),
       .patience = patience_,
       .observe = [outcomes = outcomes_](const Result<void>& how) { outcomes->observe(how); }});
  if (!openssl_key) return pass_on(openssl_key);
  return http::TlsServerContext::with_held_key(certificate_pem,
                                               {.key = std::move(*openssl_key),
                                                .library = hsm::tls::library(),
                                                .properties = hsm::tls::library_properties,
                                                .threads = threads_},
                                               client_certificates_);
}

void TlsContexts::end() {
  if (threads_) threads_->end();
}

}  // namespace mintmark::mintd
