// The TLS handshake of a connection: on its strand, or step by step on a thread that may wait.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "http/session.h"

namespace mintmark::http {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::minutes longest_before_first{1};
}  // namespace

void Session::shake_hands() {
  if (handshake_threads_) return shake_hands_elsewhere();
  shook_hands(stream_.handshake());
}

void Session::shake_hands_elsewhere() {
  away_ = true;
  const bool taken = handshake_threads_->run([self = shared_from_this()] {
    // One whose time ran out while it waited must not cost the key a signature.
    Step step;
    if (!self->given_up_.load(std::memory_order_acquire)) step = self->stream_.handshake();
    asio::post(self->strand_, [self, step] { self->came_back(step); });
  });
  if (taken) return;
  away_ = false;
  serving_->turn_away();
  close();
}

void Session::came_back(Step step) {
  away_ = false;
  if (phase_ == Phase::handshake) return shook_hands(step);
  boost::system::error_code ignored;
  socket_.close(ignored);  // It was closed meanwhile, as far as that could be done.
}

void Session::shook_hands(Step step) {
  if (step.progress == Progress::wants_read || step.progress == Progress::wants_write) {
    return wait(step.progress);
  }
  if (step.progress != Progress::done) return close();
  client_certificate_ = stream_.peer_certificate();
  // Who is not known yet keeps no place for as long as one who asked before.
  begin_next_request(
      std::min<std::chrono::milliseconds>(serving_->limits.idle, longest_before_first));
}

}  // namespace mintmark::http
