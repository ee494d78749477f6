// Both ends of a connection under test: a Channel whose callbacks are recorded, and a bare socket
// for what no Channel would send.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "ipc/channel.h"

namespace mintmark::test {

inline constexpr std::uint32_t with_descriptor = 1U << 31U;

/// An io_context that runs while this lives, or until it is drained.
class Loop {
 public:
  explicit Loop(unsigned threads = 1) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { io_.run(); });
  }
  ~Loop() {
    io_.stop();
    drain();
  }
  /// Lets it run until nothing is left to do.
  void drain() {
    work_.reset();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  boost::asio::io_context& io() { return io_; }

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ =
      boost::asio::make_work_guard(io_);
  std::vector<std::thread> threads_;
};

/// A started channel that writes down what happens to it.
class End {
 public:
  struct Received {
    std::string frame;
    UniqueFd descriptor;
  };

  End(Loop& loop, UniqueFd socket)
      : channel_(ipc::Channel::make(loop.io(), std::move(socket))),
        record_(std::make_shared<Record>()) {}

  /// `first` is called before a frame is written down.
  void start(std::function<void()> first = nullptr) {
    channel_->start(
        [record = record_, first = std::move(first)](BytesView frame, UniqueFd descriptor) {
          if (first) first();
          const std::lock_guard lock(record->mutex);
          record->frames.push_back({std::string(as_text(frame)), std::move(descriptor)});
          record->changed.notify_all();
        },
        [record = record_](const std::string& why) {
          const std::lock_guard lock(record->mutex);
          record->closes.push_back(why);
          record->changed.notify_all();
        });
  }

  [[nodiscard]] ipc::Channel& channel() { return *channel_; }
  void send(std::string_view frame, UniqueFd descriptor = {}) {
    channel_->send(as_bytes(frame), std::move(descriptor));
  }

  std::vector<Received> wait_for_frames(std::size_t count) {
    std::unique_lock lock(record_->mutex);
    await(lock, "frames", [&] { return record_->frames.size() >= count; });
    return std::move(record_->frames);
  }
  /// Why it closed.
  std::string wait_for_close() {
    std::unique_lock lock(record_->mutex);
    await(lock, "the channel to close", [&] { return !record_->closes.empty(); });
    return record_->closes.front();
  }
  [[nodiscard]] std::size_t frames() {
    const std::lock_guard lock(record_->mutex);
    return record_->frames.size();
  }
  [[nodiscard]] std::size_t closes() {
    const std::lock_guard lock(record_->mutex);
    return record_->closes.size();
  }

 private:
  struct Record {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Received> frames;
    std::vector<std::string> closes;
  };

  template <typename Condition>
  void await(std::unique_lock<std::mutex>& lock, const char* what, Condition condition) {
    if (!record_->changed.wait_for(lock, std::chrono::seconds(30), condition)) {
      throw std::runtime_error(std::string("TIMEOUT waiting for ") + what);
    }
  }

  std::shared_ptr<ipc::Channel> channel_;
  std::shared_ptr<Record> record_;
};

inline ipc::SocketPair connected() {
  auto pair = ipc::make_socket_pair();
  if (!pair) throw std::runtime_error(pair.error().to_string());
  return std::move(*pair);
}

/// The head's four octets.
inline std::string head(std::uint32_t value) {
  std::string octets;
  for (unsigned i = 0; i < 4; ++i) octets.push_back(static_cast<char>(value >> (8U * i) & 0xFFU));
  return octets;
}

inline std::string framed(std::string_view content, std::uint32_t flags = 0) {
  return head(static_cast<std::uint32_t>(content.size()) | flags).append(content);
}

/// One sendmsg, with descriptors beside it.
inline void send_raw(int socket, std::string_view octets,
                     const std::vector<int>& descriptors = {}) {
  iovec part{const_cast<char*>(octets.data()), octets.size()};
  std::vector<char> control(CMSG_SPACE(sizeof(int) * 64));
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const std::size_t size = sizeof(int) * descriptors.size();
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(rights), descriptors.data(), size);
  }
  if (sendmsg(socket, &message, MSG_NOSIGNAL) != static_cast<ssize_t>(octets.size())) {
    throw std::runtime_error("the test could not send");
  }
}

}  // namespace mintmark::test
