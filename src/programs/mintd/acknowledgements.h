// What verifiers say to the front, on its way to the keeper.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "base/mutex.h"
#include "keyring/coverage.h"

namespace mintmark::mintd {

/// Keeps the last word of each listed verifier until it is sent: at once when there was nothing to
/// send, then once a pause at most, however many ask. Memory and frames are bounded by the list,
/// whatever strangers send.
class Acknowledgements {
 public:
  using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
  /// Called on the strand, with 1 to `most_at_once`.
  using Send = std::function<void(const std::vector<keyring::Acknowledgement>&)>;
  /// One frame holds them: their longest form has less than 200,000 octets.
  static constexpr std::size_t most_at_once = 64;

  /// Must outlive what the strand still runs.
  Acknowledgements(const Strand& strand, const std::vector<std::string>& listed,
                   std::chrono::milliseconds pause, Send send);

  /// False, and forgotten, if the verifier is not listed. From any thread.
  bool take(keyring::Acknowledgement said);

 private:
  void send_some();

  Strand strand_;
  const std::set<std::string> listed_;
  const std::chrono::milliseconds pause_;
  const Send send_;
  boost::asio::steady_timer timer_;  // On the strand.
  Mutex mutex_;
  std::map<std::string, keyring::Acknowledgement> waiting_ MINTMARK_GUARDED_BY(mutex_);
  bool sending_ MINTMARK_GUARDED_BY(mutex_) = false;  // send_some is under way or will come.
};

}  // namespace mintmark::mintd
