// An answer that goes on: what its writer gives is sent as it comes, and the client's end is
// watched meanwhile.
#include <array>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "http/body_queue.h"
#include "http/session.h"

namespace mintmark::http {

namespace asio = boost::asio;
using Descriptor = asio::posix::descriptor_base;

namespace {
/// What a client sends behind the request of an answer without end is nobody's: so much of it is
/// dropped.
constexpr std::size_t most_ignored = 64U << 10U;
}  // namespace

void Session::begin_stream() {
  if (!waits_no_more()) return close();
  phase_ = Phase::streaming;
  clear_deadline();
  output_.clear();
  written_octets_ = 0;
  body_ = std::make_shared<BodyQueue>(
      BodyQueue::Shape{serving_->limits.stream_octets, !reader_.is_http_1_0()},
      [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self) asio::post(self->strand_, [self] { self->send_stream(); });
      });
  if (!call_stream(std::exchange(stream_wanted_, nullptr))) return close();
  if (serving_->stopping()) return end_stream();
  send_stream();
  watch_client();
}

bool Session::call_stream(const StreamBegin& begin) {
  return survives([&] { begin(std::make_shared<QueueWriter>(body_)); }).has_value();
}

/// Writes until the client reads no more or nothing waits; one at a time waits for the socket.
void Session::send_stream() {
  while (phase_ == Phase::streaming && !waits_to_write_) {
    if (written_octets_ == output_.size()) {
      if (!next_of_stream()) return;
    }
    const Step step = stream_.write(std::string_view(output_).substr(written_octets_));
    if (step.progress == Progress::wants_write) return wait_to_send();
    if (step.progress == Progress::wants_read) return;  // The watch goes on with it.
    if (step.progress != Progress::done) return close();
    written_octets_ += step.octets;
  }
}

/// False: there is nothing to be sent now, or nothing more at all.
bool Session::next_of_stream() {
  clear_deadline();
  written_octets_ = 0;
  if (body_->take(output_)) {
    // HTTP/1.0's end of a body is the connection's: no octet says it.
    if (!output_.empty()) {
      set_deadline(serving_->limits.write_time);
      return true;
    }
  }
  if (body_->ended()) {
    body_->close();
    begin_lingering();
  }
  return false;
}

void Session::wait_to_send() {
  waits_to_write_ = true;
  socket_.async_wait(Descriptor::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& problem) {
                       self->waits_to_write_ = false;
                       if (self->phase_ != Phase::streaming) return;
                       if (problem) return self->close();
                       self->send_stream();
                     });
}

void Session::watch_client() {
  if (phase_ != Phase::streaming) return;
  socket_.async_wait(Descriptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& problem) {
                       if (self->phase_ != Phase::streaming) return;
                       if (problem) return self->close();
                       self->hear_client();
                     });
}

void Session::hear_client() {
  for (;;) {
    std::array<char, 4096>
        ignored;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by read
    const Step step = stream_.read(ignored);
    if (step.progress == Progress::wants_read || step.progress == Progress::wants_write) break;
    if (step.progress != Progress::done) return close();
    discarded_octets_ += step.octets;
    if (discarded_octets_ > most_ignored) return close();
  }
  send_stream();  // TLS may have waited for what came.
  watch_client();
}

/// What was not sent is cut where the client does not read: nobody waits for it.
void Session::end_stream() {
  if (!body_->close()) return;
  if (written_octets_ < output_.size()) return close();
  output_ = reader_.is_http_1_0() ? "" : "0\r\n\r\n";
  const Step step = stream_.write(output_);
  if (!output_.empty() && step.progress != Progress::done) return close();
  begin_lingering();
}

}  // namespace mintmark::http
