// The front's shared signals: streams of security events to registered services.
#pragma once

#include <memory>
#include <optional>

#include "api/service_access.h"
#include "config/config.h"
#include "http/router.h"
#include "issuer/device_news.h"
#include "issuer/services.h"
#include "issuer/stores.h"
#include "programs/mintd/figures.h"
#include "programs/mintd/front_revocation.h"
#include "revoke/signals/pusher.h"
#include "store/signal_store.h"

namespace mintmark::mintd {

/// Opens ssf.db in the front's directory; pushes from its beginning to its end. Thread-safe.
class FrontSsf {
 public:
  /// All must outlive it.
  struct Parts {
    const Clock& clock;
    const keyring::Keyring& keyring;
    issuer::KeyStores& stores;
    store::DeviceStore& devices;
    FrontRevocation& revocation;
    issuer::Services& services;
    Figures& figures;
  };
  /// Errors of open_signal_store.
  [[nodiscard]] static Result<std::unique_ptr<FrontSsf>> open(const config::Config& config,
                                                              const Parts& parts);
  /// Waits for calls of receivers that are under way.
  ~FrontSsf();

  void add_routes(http::Router& router, api::ServiceAccess access, api::ServiceRefusal refuse);
  /// What services must hear of it goes into the event log.
  void device_changed() { news_->look(); }
  /// Whoever waits for events is answered; nobody can wait any more.
  void stop();

 private:
  struct Deliverers;
  FrontSsf(const config::Config& config, const Parts& parts,
           std::unique_ptr<store::SignalStore> store);
  void show();

  Parts parts_;
  std::string issuer_;
  std::chrono::seconds max_age_;
  std::unique_ptr<store::SignalStore> store_;
  std::shared_ptr<Deliverers> deliverers_;
  std::optional<issuer::DeviceNews> news_;
};

}  // namespace mintmark::mintd
