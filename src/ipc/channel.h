// Framed messages, with descriptors, between our own processes over a unix stream socket.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/bytes.h"
#include "base/file.h"

namespace mintmark::ipc {

/// A frame is a length (u32, little-endian) and that many octets. Messages sent while a write is
/// under way leave together in the next one (that is where pipelining gets cheap). A frame may
/// carry one descriptor (SCM_RIGHTS).
///
/// Thread-safe: send from any thread. Callbacks run on the io_context, one at a time. Both must
/// outlive neither: the channel keeps itself alive while it is open.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  static constexpr std::size_t longest_frame = 256U << 10U;

  using OnFrame = std::function<void(BytesView frame, UniqueFd descriptor)>;
  using OnClose = std::function<void(const std::string& why)>;

  [[nodiscard]] static std::shared_ptr<Channel> make(boost::asio::io_context& io, UniqueFd socket);
  ~Channel();

  /// `on_close` is called once: the other side is gone, sent a frame too long, or close() was
  /// called.
  void start(OnFrame on_frame, OnClose on_close);
  /// Queued; silently dropped when the channel is closed (on_close tells). Frames queued beyond 64
  /// MiB close the channel.
  void send(BytesView frame, UniqueFd descriptor = {});
  void close();

 private:
  struct State;
  explicit Channel(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

/// Two connected ends, close-on-exec.
struct SocketPair {
  UniqueFd left;
  UniqueFd right;
};
[[nodiscard]] Result<SocketPair> make_socket_pair();

}  // namespace mintmark::ipc
