// Where the front is spoken to: the listeners for strangers, and the one for figures.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/file.h"
#include "config/config.h"
#include "http/router.h"
#include "http/server.h"
#include "programs/mintd/figures.h"

namespace mintmark::mintd {

/// Bound sockets, from the keeper.
struct ListeningSockets {
  std::vector<UniqueFd> strangers;
  UniqueFd metrics;  ///< Empty where no figures are served.
};

class Doors {
 public:
  /// `evidence_paths`: whose bodies may carry logs of a boot. `figures` must outlive it. Behind a
  /// proxy all connections are its own, and no address has a share.
  Doors(boost::asio::io_context& io, const config::HttpLimits& limits,
        std::vector<std::string> evidence_paths, bool behind_proxy, http::Router routes,
        Figures& figures);

  /// Once each. An empty `metrics` serves no figures. `tls` null: plain HTTP behind a trusted
  /// proxy.
  [[nodiscard]] Result<void> open_figures(UniqueFd metrics);
  [[nodiscard]] Result<void> open(std::vector<UniqueFd> strangers,
                                  std::shared_ptr<const http::TlsServerContext> tls);
  /// For connections that come from now on.
  void replace_tls(std::shared_ptr<const http::TlsServerContext> tls);
  /// Of the certificate that is served; nothing behind a trusted proxy, or before open().
  [[nodiscard]] std::optional<Moment> certificate_ends() const;
  /// Answers what is under way. Figures are served to the end.
  void stop(std::function<void()> drained) { strangers_.stop(std::move(drained)); }

 private:
  void serves(const http::TlsServerContext& tls);
  void report(std::string_view event, const Error& error);

  Figures& figures_;
  std::atomic<std::int64_t> certificate_ends_ = 0;
  http::Server strangers_;
  http::Server metrics_;
};

}  // namespace mintmark::mintd
