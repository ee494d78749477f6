// The front's end of the keeper's channel, in strange hands.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include <boost/asio/io_context.hpp>

#include "base/json.h"
#include "ipc/channel.h"

namespace mintmark::test::compromised {

/// Thread-safe.
class KeeperChannel {
 public:
  KeeperChannel(boost::asio::io_context& io, UniqueFd socket);

  void send(const Json& message);
  void send_octets(std::string_view octets);
  /// The next signer's channel that the keeper gives; empty after half a minute.
  [[nodiscard]] UniqueFd next_signer();
  /// Waits until the keeper has answered a question that was asked behind all that was sent before.
  [[nodiscard]] bool answers();
  /// Until the keeper says so, or its channel ends.
  void wait_for_stop();

 private:
  void received(BytesView frame, UniqueFd descriptor);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<UniqueFd> signers_;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  bool over_ = false;
  std::shared_ptr<ipc::Channel> channel_;
};

/// Frames that no front sends; the keeper must outlive each.
void try_the_keeper(KeeperChannel& keeper);

}  // namespace mintmark::test::compromised
