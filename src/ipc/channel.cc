#include "ipc/channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include "base/mutex.h"

namespace mintmark::ipc {
namespace {

namespace asio = boost::asio;

constexpr std::uint32_t carries_descriptor = 1U << 31U;
constexpr std::size_t head_size = 4;
constexpr std::size_t read_size = 64U << 10U;
constexpr std::size_t most_spare = 256U << 10U;
// One sendmsg carries one; room for more shows who sends more.
constexpr std::size_t most_descriptors = 8;

using Head = std::array<std::uint8_t, head_size>;

Head head_of(std::size_t length, bool with_descriptor) {
  const std::uint32_t value =
      static_cast<std::uint32_t>(length) | (with_descriptor ? carries_descriptor : 0U);
  Head head{};
  for (std::size_t i = 0; i < head_size; ++i) {
    head[i] = static_cast<std::uint8_t>(value >> (8U * i) & 0xFFU);
  }
  return head;
}

std::uint32_t head_at(const std::uint8_t* octets) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < head_size; ++i) {
    value |= static_cast<std::uint32_t>(octets[i]) << (8U * i);
  }
  return value;
}

union ControlBuffer {
  cmsghdr align;
  std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> octets;
};

void attach(msghdr& message, ControlBuffer& control, int fd) {
  message.msg_control = control.octets.data();
  message.msg_controllen = CMSG_SPACE(sizeof fd);
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
}

void take_descriptors(msghdr& message, std::deque<UniqueFd>& into) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      into.emplace_back(fd);
    }
  }
}

}  // namespace

// All of it runs on the strand, except what the mutex guards.
struct Channel::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, UniqueFd fd) : strand(asio::make_strand(io)), socket(strand) {
    boost::system::error_code error;
    socket.assign(asio::local::stream_protocol(), fd.get(), error);
    if (!error) (void)fd.release();
    if (!error) socket.native_non_blocking(true, error);
    if (!error) return;
    open = false;
    closed = true;
    closed_why = error.message();
  }

  void start_reading() {
    socket.async_wait(asio::socket_base::wait_read,
                      [self = shared_from_this()](boost::system::error_code error) {
                        if (error) return self->shut(error.message());
                        if (self->read_some() && self->take_frames()) self->start_reading();
                      });
  }

  void make_room() {
    if (incoming.size() - filled >= read_size) return;
    if (taken > 0) {
      std::memmove(incoming.data(), incoming.data() + taken, filled - taken);
      filled -= std::exchange(taken, 0);
    }
    if (incoming.size() - filled < read_size) incoming.resize(filled + read_size);
  }

  // False when the channel is closed.
  bool read_some() {
    make_room();
    iovec part{incoming.data() + filled, read_size};
    ControlBuffer control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.octets.data();
    message.msg_controllen = control.octets.size();
    const ssize_t got = recvmsg(socket.native_handle(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got == 0) return refuse("the other side closed");
    if (got < 0) return errno == EAGAIN || errno == EINTR || refuse(errno_text(errno));
    filled += static_cast<std::size_t>(got);
    take_descriptors(message, descriptors);
    return (message.msg_flags & MSG_CTRUNC) == 0 || refuse("descriptors were lost");
  }

  bool take_frames() {
    while (filled - taken >= head_size) {
      const std::uint32_t head = head_at(incoming.data() + taken);
      const std::size_t length = head & ~carries_descriptor;
      if (length > longest_frame) return refuse("a frame of " + std::to_string(length) + " octets");
      if (filled - taken < head_size + length) break;
      UniqueFd descriptor;
      if ((head & carries_descriptor) != 0) {
        // The kernel delivers a descriptor with or before the first octet it was sent with.
        if (descriptors.empty()) return refuse("a frame without the descriptor it announced");
        descriptor = std::move(descriptors.front());
        descriptors.pop_front();
      }
      const BytesView frame = BytesView(incoming).subspan(taken + head_size, length);
      taken += head_size + length;
      on_frame(frame, std::move(descriptor));
      if (closed) return false;  // By the callback: shut() is on its way.
    }
    return descriptors_are_announced();
  }

  // Else descriptors that nobody takes would pile up here until there are none left to have.
  bool descriptors_are_announced() {
    const std::size_t may_wait = taken == filled ? 0 : 1;
    return descriptors.size() <= may_wait || refuse("a descriptor that no frame announced");
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
    while (open) {
      if (outgoing.empty() && !take_batch()) {
        if (ends_when_sent) shut("closed");
        return;
      }
      iovec part{outgoing.data() + written, outgoing.size() - written};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      ControlBuffer control{};
      if (outgoing_descriptor) attach(message, control, outgoing_descriptor.get());
      const ssize_t sent = sendmsg(socket.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno == EAGAIN) return start_writing();
      if (sent < 0) return shut(errno_text(errno));
      outgoing_descriptor = UniqueFd();
      written += static_cast<std::size_t>(sent);
      if (written == outgoing.size()) outgoing.clear();
    }
  }

  // Moves the next batch to `outgoing`; false, and no longer writing, when there is none.
  bool take_batch() {
    const MutexLock lock(mutex);
    if (batches.empty()) {
      writing = false;
      return false;
    }
    std::swap(outgoing, batches.front().octets);
    outgoing_descriptor = std::move(batches.front().descriptor);
    if (batches.front().octets.capacity() <= most_spare) spare.swap(batches.front().octets);
    batches.pop_front();
    queued -= outgoing.size();
    written = 0;
    return true;
  }

  void queue(BytesView frame, UniqueFd descriptor) MINTMARK_REQUIRES(mutex) {
    const Head head = head_of(frame.size(), static_cast<bool>(descriptor));
    if (batches.empty() || descriptor) {
      batches.push_back({std::exchange(spare, {}), std::move(descriptor)});
    }
    Bytes& octets = batches.back().octets;
    octets.insert(octets.end(), head.begin(), head.end());
    octets.insert(octets.end(), frame.begin(), frame.end());
    queued += head_size + frame.size();
  }

  void end_when_sent() {
    ends_when_sent = true;
    {
      const MutexLock lock(mutex);
      if (writing) return;
    }
    shut("closed");
  }

  bool refuse(const std::string& why) {
    shut(why);
    return false;
  }

  // Never from within on_frame: it ends the callbacks.
  void shut(const std::string& why) {
    if (!std::exchange(open, false)) return;
    boost::system::error_code ignored;
    socket.close(ignored);
    {
      const MutexLock lock(mutex);
      batches.clear();
      closed = true;
    }
    descriptors.clear();
    closed_why = why;
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
  bool ends_when_sent = false;
  std::string closed_why;

  // Read and not yet taken: [taken, filled).
  Bytes incoming;
  std::size_t taken = 0;
  std::size_t filled = 0;
  std::deque<UniqueFd> descriptors;

  Bytes outgoing;
  UniqueFd outgoing_descriptor;
  std::size_t written = 0;

  Mutex mutex;
  std::deque<Batch> batches MINTMARK_GUARDED_BY(mutex);
  Bytes spare MINTMARK_GUARDED_BY(mutex);  // The memory of a batch that has left.
  std::size_t queued MINTMARK_GUARDED_BY(mutex) = 0;
  bool writing MINTMARK_GUARDED_BY(mutex) = false;
  std::atomic<bool> closed = false;  // Set under the mutex.
};

std::shared_ptr<Channel> Channel::make(asio::io_context& io, UniqueFd socket) {
  return std::shared_ptr<Channel>(new Channel(std::make_shared<State>(io, std::move(socket))));
}

Channel::~Channel() { close(); }

void Channel::start(OnFrame on_frame, OnClose on_close) {
  asio::post(state_->strand, [state = state_, on_frame = std::move(on_frame),
                              on_close = std::move(on_close)]() mutable {
    if (!state->open) return on_close(state->closed_why);
    state->on_frame = std::move(on_frame);
    state->on_close = std::move(on_close);
    state->start_reading();
  });
}

void Channel::send(BytesView frame, UniqueFd descriptor) {
  if (frame.size() > longest_frame) return close();
  {
    const MutexLock lock(state_->mutex);
    if (state_->closed) return;
    if (state_->queued + frame.size() > most_queued) {
      state_->closed = true;
      return asio::post(state_->strand,
                        [state = state_] { state->shut("the other side does not read"); });
    }
    state_->queue(frame, std::move(descriptor));
    if (std::exchange(state_->writing, true)) return;
  }
  asio::post(state_->strand, [state = state_] { state->write_all(); });
}

void Channel::close() {
  {
    const MutexLock lock(state_->mutex);
    state_->closed = true;
  }
  asio::post(state_->strand, [state = state_] { state->shut("closed"); });
}

void Channel::close_when_sent() {
  {
    const MutexLock lock(state_->mutex);
    state_->closed = true;
  }
  asio::post(state_->strand, [state = state_] { state->end_when_sent(); });
}

Result<SocketPair> make_socket_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(Code::io_failed, "socketpair: " + errno_text(errno));
  }
  return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<void> send_frame(int socket, BytesView frame) {
  if (frame.size() > Channel::longest_frame) {
    return fail(Code::invalid_argument, "a frame of " + std::to_string(frame.size()) + " octets");
  }
  const Head head = head_of(frame.size(), false);
  Bytes octets(head.begin(), head.end());
  octets.insert(octets.end(), frame.begin(), frame.end());
  for (std::size_t sent = 0; sent < octets.size();) {
    const ssize_t part = ::send(socket, octets.data() + sent, octets.size() - sent, MSG_NOSIGNAL);
    if (part < 0 && errno == EINTR) continue;
    if (part < 0) return fail(Code::io_failed, "cannot send a frame: " + errno_text(errno));
    sent += static_cast<std::size_t>(part);
  }
  return {};
}

}  // namespace mintmark::ipc
