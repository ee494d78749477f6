// The front: parses what strangers send, decides, and asks the signer. It has no PIN, no token, no
// module.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "api/key_evidence.h"
#include "api/metadata.h"
#include "base/atomic_shared.h"
#include "base/time.h"
#include "config/config.h"
#include "http/router.h"
#include "ipc/channel.h"
#include "issuer/enrolment.h"
#include "issuer/evidence_enrolment.h"
#include "issuer/key_enrolment.h"
#include "issuer/mint.h"
#include "issuer/minting_clock.h"
#include "issuer/results.h"
#include "issuer/trust.h"
#include "programs/mintd/acknowledgements.h"
#include "programs/mintd/activations.h"
#include "programs/mintd/doors.h"
#include "programs/mintd/figures.h"
#include "programs/mintd/front_events.h"
#include "programs/mintd/front_faults.h"
#include "programs/mintd/front_revocation.h"
#include "programs/mintd/front_services.h"
#include "programs/mintd/front_ssf.h"
#include "programs/mintd/front_status.h"
#include "programs/mintd/front_stores.h"
#include "programs/mintd/tls_contexts.h"

namespace mintmark::mintd {

/// What the keeper hands over at exec.
struct FrontInheritance {
  UniqueFd control;
  ListeningSockets sockets;
  policy::Bundle policy;
  std::string tls_certificate;  ///< PEM; "" behind a trusted proxy.
  std::string tls_key;          ///< PEM; "" too where it lives in a key store.
  Moment keepers_clock;         ///< When it was started.
};

class Front {
 public:
  Front(boost::asio::io_context& io, config::Config config, FrontInheritance inheritance);
  ~Front();

  /// Opens the store, reads devices, policy and roots, then accepts.
  [[nodiscard]] Result<void> start();

 private:
  [[nodiscard]] Result<void> open_parts();
  [[nodiscard]] Result<void> open_records();
  [[nodiscard]] Result<void> load_rules();
  [[nodiscard]] Result<void> make_issuer();
  [[nodiscard]] Result<void> make_register();
  void make_enrolment();
  void add_operators();
  [[nodiscard]] Result<void> open_doors();
  /// Opens the doors for strangers as soon as there is what to serve TLS with; until then tells the
  /// keeper what it waits for, and tries again.
  void accept();
  void accept_with(const Result<TlsContexts::Context>& tls);
  void wait_for_tls(const Error& why);
  /// All of what the file holds is put in force, or nothing (front_reload.cc).
  void reload(const UniqueFd& descriptor, const std::function<void(const Result<void>&)>& done);
  struct NewParts;
  void put_in_force(NewParts parts);
  void answer_reload(const Json& message, const UniqueFd& descriptor);
  void listen_to_keeper();
  void accept_when_the_second_is_over();
  void received(const Json& message, UniqueFd descriptor);
  void accept_clock();
  void take_keys(const Json& message);
  void take_evidence(const Json& message);
  void take_signer(const std::string& store, UniqueFd channel);
  void answer_operator(const Json& message);
  void tell(const Json& message);
  void stop();
  [[nodiscard]] api::Readiness readiness() const;
  [[nodiscard]] http::Router routes();
  [[nodiscard]] Result<std::size_t> live_tokens(const std::string& device) const;
  [[nodiscard]] bool signs_now(const std::string& kid) const;
  [[nodiscard]] api::Acknowledged acknowledged();

  boost::asio::io_context& io_;
  /// As the signers have it, who hold against it what they sign of what lasts seconds.
  SystemClock system_clock_;
  issuer::MintingClock clock_{system_clock_, revoke::PatientClock::of_an_issuer()};
  config::Config config_;
  FrontInheritance inheritance_;
  std::shared_ptr<ipc::Channel> control_;
  /// What the keeper says and the beginning of service, one after the other.
  boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  boost::asio::steady_timer timer_;

  std::unique_ptr<store::DeviceStore> store_;
  Figures figures_;
  issuer::ReleaseGate gate_;
  issuer::Devices devices_{gate_};
  keyring::Keyring keyring_;
  std::optional<issuer::Policies> policies_;
  std::optional<issuer::TrustInForce> trust_;
  FrontStores stores_;
  std::unique_ptr<FrontRevocation> revocation_;
  std::unique_ptr<FrontStatus> status_;
  std::unique_ptr<FrontServices> services_;
  std::unique_ptr<FrontEvents> events_;
  /// Null where the configuration wants none.
  std::unique_ptr<FrontSsf> signals_;
  /// What the keeper has to tell operators: keys that could not be rotated.
  AtomicShared<const std::vector<std::string>> warnings_;
  std::unique_ptr<issuer::Issuer> issuer_;
  /// Null where the configuration wants none.
  std::unique_ptr<issuer::Results> results_;
  std::unique_ptr<issuer::DeviceRegister> register_;
  std::unique_ptr<issuer::Enrolment> enrolment_;
  std::unique_ptr<issuer::EvidenceEnrolment> evidence_enrolment_;
  std::unique_ptr<issuer::KeyEnrolment> key_enrolment_;
  api::PublishedEvidence evidence_;
  api::ActivationLimit activation_limit_;
  Activations activations_;
  http::Router operators_;
  TlsContexts tls_;
  std::string tls_waits_for_;
  bool looking_for_tls_ = false;
  bool accepting_ = false;
  /// Null where the configuration lists no verifiers.
  std::unique_ptr<Acknowledgements> acknowledgements_;
  std::unique_ptr<Doors> doors_;
  std::unique_ptr<FrontFaults> faults_;
};

}  // namespace mintmark::mintd
