// The front's events: what its event log says goes to the services that listen.
#pragma once

#include <memory>
#include <string>

#include "api/events.h"
#include "config/config.h"
#include "http/router.h"
#include "issuer/stores.h"
#include "programs/mintd/figures.h"
#include "programs/mintd/front_revocation.h"

namespace mintmark::mintd {

/// By the key of purpose `event` that signs now: frontiers, and what services get as SETs. Both
/// must outlive it.
[[nodiscard]] revoke::SignEvent event_signing(const config::Config& config,
                                              const keyring::Keyring& keyring,
                                              issuer::KeyStores& stores);

/// Signs frontiers while anybody listens. Thread-safe.
class FrontEvents {
 public:
  /// All must outlive it.
  struct Parts {
    FrontRevocation& revocation;
    const Clock& clock;
    const keyring::Keyring& keyring;
    issuer::KeyStores& stores;
    Figures& figures;
  };
  FrontEvents(const config::Config& config, const Parts& parts);
  /// Ends all streams and snapshots. Routes may be left over, as long as nobody asks any more.
  ~FrontEvents();
  FrontEvents(const FrontEvents&) = delete;
  FrontEvents& operator=(const FrontEvents&) = delete;

  /// GET PATH/events and PATH/events/snapshot, for whom `access` knows.
  void add_routes(http::Router& router, const std::string& path, api::ServiceAccess access,
                  api::ServiceRefusal refuse) const;
  /// Its streams end.
  void service_removed(const std::string& id) const { hub_->remove(id); }

 private:
  std::shared_ptr<revoke::Snapshots> snapshots_;
  std::shared_ptr<api::EventHub> hub_;
};

}  // namespace mintmark::mintd
