#include "ipc/channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <mutex>
#include <utility>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

namespace mintmark::ipc {
namespace {

namespace asio = boost::asio;

// Length in the low 31 bits; the top bit says that the frame carries a descriptor.
constexpr std::uint32_t carries_descriptor = 1U << 31U;
constexpr std::size_t head_size = 4;
constexpr std::size_t most_queued = 64U << 20U;
constexpr std::size_t read_size = 64U << 10U;
constexpr std::size_t most_descriptors = 8;

union ControlBuffer {
  cmsghdr align;
  std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> octets;
};

}  // namespace

// All of it runs on the strand, except queueing a frame, which the mutex guards.
struct Channel::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, UniqueFd fd) : strand(asio::make_strand(io)), socket(strand) {
    socket.assign(asio::local::stream_protocol(), fd.release());
    socket.native_non_blocking(true);
  }

  void start_reading() {
    socket.async_wait(asio::socket_base::wait_read,
                      [self = shared_from_this()](boost::system::error_code error) {
                        if (error) return self->shut(error.message());
                        if (self->read_some() && self->take_frames()) self->start_reading();
                      });
  }

  // False when the channel is closed.
  bool read_some() {
    const std::size_t before = incoming.size();
    incoming.resize(before + read_size);
    iovec part{incoming.data() + before, read_size};
    ControlBuffer control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.octets.data();
    message.msg_controllen = control.octets.size();
    const ssize_t got = recvmsg(socket.native_handle(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    const int failed = errno;
    incoming.resize(before + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got > 0) {
      keep_descriptors(message);
      return (message.msg_flags & MSG_CTRUNC) == 0 || refuse("descriptors were lost");
    }
    if (got == 0) return refuse("the other side closed");
    return failed == EAGAIN || failed == EINTR || refuse(errno_text(failed));
  }

  void keep_descriptors(msghdr& message) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
      if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
        descriptors.emplace_back(fd);
      }
    }
  }

  bool take_frames() {
    std::size_t at = 0;
    while (open && incoming.size() - at >= head_size) {
      std::uint32_t head = 0;
      std::memcpy(&head, incoming.data() + at, head_size);
      const std::size_t length = head & ~carries_descriptor;
      if (length > longest_frame) return refuse("a frame of " + std::to_string(length) + " octets");
      if (incoming.size() - at < head_size + length) break;
      UniqueFd descriptor;
      if ((head & carries_descriptor) != 0) {
        // The kernel delivers a descriptor with or before the first octet it was sent with.
        if (descriptors.empty()) return refuse("a frame without the descriptor it announced");
        descriptor = std::move(descriptors.front());
        descriptors.pop_front();
      }
      on_frame(BytesView(incoming).subspan(at + head_size, length), std::move(descriptor));
      at += head_size + length;
    }
    incoming.erase(incoming.begin(), incoming.begin() + static_cast<std::ptrdiff_t>(at));
    return open;
  }

  void start_writing() {
    socket.async_wait(asio::socket_base::wait_write,
                      [self = shared_from_this()](boost::system::error_code error) {
                        if (error) return self->shut(error.message());
                        self->write_all();
                      });
  }

  // Everything queued leaves in as few calls as the kernel takes; a frame with a descriptor begins
  // a call of its own.
  void write_all() {
    for (;;) {
      if (outgoing.empty() && !take_batch()) return;
      iovec part{outgoing.data() + written, outgoing.size() - written};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      ControlBuffer control{};
      if (written == 0 && outgoing_descriptor) attach(message, control, outgoing_descriptor.get());
      const ssize_t sent = sendmsg(socket.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return start_writing();
      if (sent < 0) return shut(errno_text(errno));
      outgoing_descriptor = UniqueFd();
      written += static_cast<std::size_t>(sent);
      if (written == outgoing.size()) outgoing.clear();
    }
  }

  static void attach(msghdr& message, ControlBuffer& control, int fd) {
    message.msg_control = control.octets.data();
    message.msg_controllen = CMSG_SPACE(sizeof fd);
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
  }

  // Moves the next batch to `outgoing`; false, and no longer writing, when there is none.
  bool take_batch() {
    const std::lock_guard lock(mutex);
    if (batches.empty()) {
      writing = false;
      return false;
    }
    outgoing = std::move(batches.front().octets);
    outgoing_descriptor = std::move(batches.front().descriptor);
    batches.pop_front();
    queued -= outgoing.size();
    written = 0;
    return true;
  }

  bool refuse(const std::string& why) {
    shut(why);
    return false;
  }

  void shut(const std::string& why) {
    if (!open) return;
    open = false;
    boost::system::error_code ignored;
    socket.close(ignored);
    {
      const std::lock_guard lock(mutex);
      batches.clear();
      closed = true;
    }
    on_frame = nullptr;
    if (const OnClose told = std::exchange(on_close, nullptr)) told(why);
  }

  struct Batch {
    Bytes octets;
    UniqueFd descriptor;
  };

  asio::strand<asio::io_context::executor_type> strand;
  asio::local::stream_protocol::socket socket;
  OnFrame on_frame;
  OnClose on_close;
  bool open = true;
  Bytes incoming;
  std::deque<UniqueFd> descriptors;
  Bytes outgoing;
  UniqueFd outgoing_descriptor;
  std::size_t written = 0;

  std::mutex mutex;
  std::deque<Batch> batches;
  std::size_t queued = 0;
  bool writing = false;
  bool closed = false;
};

std::shared_ptr<Channel> Channel::make(asio::io_context& io, UniqueFd socket) {
  return std::shared_ptr<Channel>(new Channel(std::make_shared<State>(io, std::move(socket))));
}

Channel::~Channel() { close(); }

void Channel::start(OnFrame on_frame, OnClose on_close) {
  asio::post(state_->strand, [state = state_, on_frame = std::move(on_frame),
                              on_close = std::move(on_close)]() mutable {
    if (!state->open) return on_close("closed");
    state->on_frame = std::move(on_frame);
    state->on_close = std::move(on_close);
    state->start_reading();
  });
}

void Channel::send(BytesView frame, UniqueFd descriptor) {
  if (frame.size() > longest_frame) return close();
  std::uint32_t head = static_cast<std::uint32_t>(frame.size());
  if (descriptor) head |= carries_descriptor;
  const std::lock_guard lock(state_->mutex);
  if (state_->closed) return;
  if (state_->queued + frame.size() > most_queued) {
    state_->closed = true;
    return asio::post(state_->strand,
                      [state = state_] { state->shut("the other side does not read"); });
  }
  if (state_->batches.empty() || descriptor) state_->batches.push_back({{}, std::move(descriptor)});
  Bytes& octets = state_->batches.back().octets;
  const auto* head_octets = reinterpret_cast<const std::uint8_t*>(&head);
  octets.insert(octets.end(), head_octets, head_octets + head_size);
  octets.insert(octets.end(), frame.begin(), frame.end());
  state_->queued += head_size + frame.size();
  if (std::exchange(state_->writing, true)) return;
  asio::post(state_->strand, [state = state_] {
    if (state->open) state->write_all();
  });
}

void Channel::close() {
  asio::post(state_->strand, [state = state_] { state->shut("closed"); });
}

Result<SocketPair> make_socket_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(Code::io_failed, "socketpair: " + errno_text(errno));
  }
  return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace mintmark::ipc
