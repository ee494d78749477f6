// Framed messages, with descriptors, between our own processes over a unix stream socket.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/bytes.h"
#include "base/file.h"

namespace mintmark::ipc {

/// A frame is a head (u32, little-endian) and octets. The head's low 31 bits are the count of
/// octets; its top bit says that the frame carries one descriptor (SCM_RIGHTS), which stands beside
/// the frame's first octet. Frames sent while a write is under way leave together in the next one
/// (that is where pipelining gets cheap).
///
/// What the other side does wrong closes the channel: a frame longer than `longest_frame`, a
/// descriptor that no frame announces, an announced one that is not there.
///
/// Thread-safe: send and close from any thread, also from a callback. Callbacks run on the
/// io_context, one at a time. Open as long as somebody holds the pointer; the io_context must
/// outlive it.
class Channel {
 public:
  static constexpr std::size_t longest_frame = 256U << 10U;
  /// Octets that may wait to be written.
  static constexpr std::size_t most_queued = 64U << 20U;

  /// `descriptor` is empty unless the frame carried one. `frame` lives as long as the call.
  using OnFrame = std::function<void(BytesView frame, UniqueFd descriptor)>;
  using OnClose = std::function<void(const std::string& why)>;

  [[nodiscard]] static std::shared_ptr<Channel> make(boost::asio::io_context& io, UniqueFd socket);
  ~Channel();

  /// Once. `on_close` is called once, and no `on_frame` after it: the other side is gone or broke
  /// the rules, or close() was called.
  void start(OnFrame on_frame, OnClose on_close);
  /// Queued; silently dropped when the channel is closed (on_close tells). A frame too long, or
  /// frames queued beyond `most_queued`, close the channel.
  void send(BytesView frame, UniqueFd descriptor = {});
  /// At once, with what is queued unsent; no more frames are taken, also of those read already.
  void close();
  /// As close(), when what is queued is written.
  void close_when_sent();

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

/// Writes one frame to a socket that no Channel has; blocks until it is sent. `io_failed` if the
/// other side is gone, `invalid_argument` if the frame is too long.
[[nodiscard]] Result<void> send_frame(int socket, BytesView frame);

}  // namespace mintmark::ipc
