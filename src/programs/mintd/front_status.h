// The front's status lists: their tokens, the endpoints that give them out, and what they cost.
#pragma once

#include <atomic>

#include "config/config.h"
#include "http/router.h"
#include "issuer/stores.h"
#include "keyring/keyring.h"
#include "programs/mintd/figures.h"
#include "revoke/status_list_tokens.h"

namespace mintmark::mintd {

/// Thread-safe.
class FrontStatus {
 public:
  /// All must outlive it.
  struct Parts {
    const Clock& clock;
    const keyring::Keyring& keyring;
    issuer::KeyStores& stores;
    const revoke::StatusIndexes& indexes;
    Figures& figures;
  };
  FrontStatus(const config::Config& config, Parts parts);

  void add_routes(http::Router& router);

 private:
  [[nodiscard]] revoke::SignList signer(const config::Config& config) const;
  void built(const revoke::ListBuild& build);

  Parts parts_;
  std::string path_;
  Figures::StatusLists figures_;
  std::atomic<bool> in_trouble_{false};
  revoke::StatusListTokens tokens_;
};

}  // namespace mintmark::mintd
