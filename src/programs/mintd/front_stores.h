// The front's side of the key stores: a channel, a breaker and figures for each, and which of them
// can sign now.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/mutex.h"
#include "config/config.h"
#include "hsm/signer/client.h"
#include "issuer/stores.h"
#include "programs/mintd/figures.h"
#include "programs/mintd/signer_breaker.h"

namespace mintmark::mintd {

/// Thread-safe.
class FrontStores {
 public:
  FrontStores(boost::asio::io_context& io, const config::Config& config, Figures& figures)
      : io_(io), config_(config), figures_(figures) {}

  /// The signer of that store, which is new or was started again. Null for a store that the
  /// configuration does not have.
  std::shared_ptr<hsm::Signer> take(const std::string& store, UniqueFd channel);
  /// What waits for a signer hears that it is gone.
  void close();

  [[nodiscard]] issuer::KeyStores& in_use() { return in_use_; }
  [[nodiscard]] const issuer::KeyStores& in_use() const { return in_use_; }

  /// What is wrong with the stores, in the words of /readyz: "signer: main", "breaker: main".
  [[nodiscard]] std::vector<std::string> troubles() const;

 private:
  struct One {
    std::shared_ptr<hsm::signer::SignerClient> client;
    std::shared_ptr<SignerBreaker> breaker;
    std::shared_ptr<hsm::Signer> signer;  ///< What is asked: counted, and through the breaker.
  };

  boost::asio::io_context& io_;
  const config::Config& config_;
  Figures& figures_;
  issuer::KeyStores in_use_;
  mutable Mutex mutex_;
  std::map<std::string, One> stores_ MINTMARK_GUARDED_BY(mutex_);
};

}  // namespace mintmark::mintd
