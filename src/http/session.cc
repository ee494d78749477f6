#include "http/session.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <exception>
#include <new>
#include <utility>

#include "base/bytes.h"
#include "http/answer.h"
#include "http/body_queue.h"

namespace mintmark::http {
namespace {

namespace asio = boost::asio;

/// A refused client that goes on sending is listened to for this much and no longer.
constexpr std::size_t most_discarded = 1U << 20U;
/// An answer's buffer larger than this is not kept for the next one.
constexpr std::size_t most_kept_output = 64U << 10U;

// No secret, but never twice. Drawn many at once: a draw costs as much as the rest of a short
// answer.
std::string new_request_id() {
  constexpr std::size_t octets = 12;
  thread_local Bytes drawn;
  thread_local std::size_t used = 0;
  if (used == drawn.size()) {
    drawn = random_bytes(64 * octets);
    used = 0;
  }
  used += octets;
  return to_hex(BytesView(drawn).subspan(used - octets, octets));
}

// Short: no memory is wanted for it.
Error out_of_memory() { return {Code::out_of_memory, "no memory", 0, 1}; }

// RFC 9112 §9.6, by the handler's word.
bool says_close(const Response& response) {
  const std::string* connection = response.headers.find("Connection");
  return connection != nullptr && *connection == "close";
}

}  // namespace

/// The one right to answer a request. Outlives the connection harmlessly; unused when dropped, it
/// answers 500.
class Session::Reply {
 public:
  explicit Reply(Session& session) : session_(session.weak_from_this()) {}
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply() {
    if (used_.load()) return;
    if (const auto session = session_.lock()) {
      session->serving_->report(
          "http_request_unanswered",
          {Code::http_handler_failed, "a handler dropped its request " + session->request_id_, 0});
    }
    send(error_response({Code::http_handler_failed, "this request found no answer", 0}));
  }

  void send(Response response) {
    if (used_.exchange(true)) return;
    auto session = session_.lock();
    if (!session) return;
    const Strand strand = session->strand_;
    auto answer = [session = std::move(session), response = std::move(response)]() mutable {
      session->answer(std::move(response));
    };
    // One who answers from elsewhere is not made to read and handle this connection's next request
    // before he gets back: he may be holding what that request waits for.
    if (strand.running_in_this_thread())
      answer();
    else
      asio::post(strand, std::move(answer));
  }

 private:
  std::weak_ptr<Session> session_;
  std::atomic<bool> used_{false};
};

Session::Session(asio::io_context& io, std::shared_ptr<Serving> serving, UniqueFd socket,
                 Security security, Peer peer)
    : strand_(asio::make_strand(io)),
      serving_(std::move(serving)),
      socket_(strand_, socket.get()),
      timer_(strand_),
      stream_(socket.get(), std::move(security.ssl)),
      handshake_threads_(std::move(security.handshake_threads)),
      reader_(serving_->limits),
      peer_(std::move(peer)) {
  (void)socket.release();
  standing_ = Standing::waiting(false, clock::now()).value_;
}

void Session::start() {
  asio::post(strand_, [self = shared_from_this()] {
    if (self->phase_ != Phase::handshake) return;  // A stop came between.
    self->set_deadline(self->serving_->limits.handshake);
    // Who says nothing takes no place among those that wait for the key.
    if (self->handshake_threads_) return self->wait(Progress::wants_read);
    self->shake_hands();
  });
}

void Session::stop() {
  asio::post(strand_, [self = shared_from_this()] {
    const bool idle = self->phase_ == Phase::request && !self->reader_.has_octets() &&
                      self->deadline_stage_ == RequestReader::Stage::idle;
    if (idle || self->phase_ == Phase::handshake) self->end();
    if (self->phase_ == Phase::streaming) self->end_stream();
  });
}

void Session::abandon() {
  asio::post(strand_, [self = shared_from_this()] { self->close(); });
}

void Session::wait(Progress wants) {
  using Descriptor = asio::posix::descriptor_base;
  const auto kind = wants == Progress::wants_write ? Descriptor::wait_write : Descriptor::wait_read;
  socket_.async_wait(kind, [self = shared_from_this()](const boost::system::error_code& problem) {
    self->waited(problem);
  });
}

void Session::waited(const boost::system::error_code& problem) {
  if (phase_ == Phase::closed) return;
  if (std::exchange(expired_, false)) return timed_out();
  if (problem) return close();
  resume_if_there_is_memory(true);
}

// What a stranger makes us need costs him his connection, and nobody else's.
void Session::resume_if_there_is_memory(bool readable) {
  try {
    return resume(readable);
  } catch (const std::bad_alloc&) {
    serving_->report_seldom("out_of_memory", out_of_memory());
  }
  close();
}

void Session::resume(bool readable) {
  switch (phase_) {
    case Phase::handshake:
      return shake_hands();
    case Phase::request:
      return take_request(readable);
    case Phase::writing:
      return write();
    case Phase::lingering:
      return linger();
    case Phase::handling:
    case Phase::streaming:
    case Phase::closed:
      return;
  }
}

// ---- reading ----

void Session::take_request(bool readable) {
  while (wants_more()) {
    if (!readable && !stream_.has_buffered()) return wait(Progress::wants_read);
    readable = false;
    if (!read_some()) return;
  }
}

bool Session::read_some() {
  const auto space = reader_.space();
  const Step step = stream_.read(space);
  if (step.progress == Progress::done) {
    reader_.came(step.octets);
    return true;
  }
  if (step.progress == Progress::wants_read || step.progress == Progress::wants_write) {
    wait(step.progress);
  } else {
    end();
  }
  return false;
}

/// False: the request is complete or refused, or an interim answer goes first; whatever follows is
/// under way.
bool Session::wants_more() {
  const auto stage = reader_.advance();
  if (!stage) {
    refuse(stage.error());
    return false;
  }
  if (*stage == RequestReader::Stage::complete) {
    handle();
    return false;
  }
  set_request_deadline(*stage);
  if (*stage != RequestReader::Stage::body || !reader_.take_wait_for_continue()) return true;
  output_ = "HTTP/1.1 100 Continue\r\n\r\n";
  written_octets_ = 0;
  after_ = After::body;
  phase_ = Phase::writing;
  write();
  return false;
}

void Session::set_request_deadline(RequestReader::Stage stage) {
  if (stage == deadline_stage_) return;
  deadline_stage_ = stage;
  const ServerLimits& limits = serving_->limits;
  set_deadline(stage == RequestReader::Stage::body ? limits.body_time : limits.header_time);
}

// ---- answering ----

void Session::handle() {
  if (!waits_no_more()) return close();
  asked_ = true;
  phase_ = Phase::handling;
  clear_deadline();
  Request request = reader_.take_request();
  request_id_ = new_request_id();
  method_ = request.method;
  path_ = request.path;
  handled_at_ = clock::now();
  if (refused_) {
    return refuse({Code::http_too_many_connections,
                   "there are as many connections as may be open at once; come back later", 0});
  }
  request.id = request_id_;
  request.peer = peer_.name;
  request.local_peer = peer_.local;
  request.client_certificate = client_certificate_;
  const auto reply = std::make_shared<Reply>(*this);
  call_handler(std::move(request),
               [reply](Response response) { reply->send(std::move(response)); });
}

void Session::call_handler(Request request, const Respond& respond) {
  const auto outcome = survives([&] { serving_->handler(std::move(request), respond); });
  if (outcome) return;
  Response response = error_response(outcome.error());
  if (response.status == 503) response.headers.set("Retry-After", "1");
  response.cause = outcome.error();
  respond(std::move(response));
}

Result<void> Session::survives(const std::function<void()>& call) const {
  std::string reason;
  try {
    call();
    return {};
  } catch (const std::bad_alloc&) {
    serving_->report_seldom("out_of_memory", out_of_memory());
    return tl::unexpected<Error>(out_of_memory());
  } catch (const std::exception& exception) {
    reason = exception.what();
  } catch (...) {
    reason = "something that is no std::exception";
  }
  serving_->report("http_handler_threw",
                   {Code::http_handler_failed, reason + " (request " + request_id_ + ")", 0});
  return fail(Code::http_handler_failed, "something is broken here; it was logged");
}

void Session::answer(Response response) {
  if (phase_ != Phase::handling) return;
  compose(response, !response.stream && reader_.keeps_alive() && !serving_->stopping() &&
                        !says_close(response));
  if (after_ == After::stream) stream_wanted_ = std::move(response.stream);
  write();
}

void Session::refuse(const Error& error) {
  if (!waits_no_more()) return close();
  if (request_id_.empty()) request_id_ = new_request_id();
  Response response = error_response(error);
  if (response.status == 503) response.headers.set("Retry-After", "1");
  compose(response, false);
  write();
}

void Session::observe(const Response& response) const {
  if (!serving_->observe_by) return;
  const bool handled = handled_at_ != clock::time_point{};
  const auto took = handled ? clock::now() - handled_at_ : clock::duration::zero();
  try {
    serving_->observe_by({request_id_, peer_.name, method_, path_, response.status,
                          response.cause ? &*response.cause : nullptr,
                          std::chrono::duration_cast<std::chrono::microseconds>(took)});
  } catch (...) {
    // A log that fails must not end what it tells about.
  }
}

void Session::compose(const Response& response, bool keeps_alive) {
  output_.clear();
  written_octets_ = 0;
  AnswerFrame frame{request_id_, keeps_alive, reader_.is_http_1_0(), reader_.is_head(),
                    serving_->limits.refusal_header};
  after_ = keeps_alive ? After::next_request : After::close;
  if (auto appended = append_answer(output_, response, frame)) {
    if (goes_on(response) && !frame.to_head) after_ = After::stream;
    observe(response);
  } else {
    serving_->report(
        "http_answer_invalid",
        {appended.error().code, appended.error().detail + " (request " + request_id_ + ")", 0});
    const Response instead = error_response({appended.error().code, "an answer was malformed", 0});
    (void)append_answer(output_, instead, frame).has_value();
    observe(instead);
  }
  phase_ = Phase::writing;
  set_deadline(serving_->limits.write_time);
}

void Session::write() {
  while (written_octets_ < output_.size()) {
    const Step step = stream_.write(std::string_view(output_).substr(written_octets_));
    if (step.progress == Progress::wants_read || step.progress == Progress::wants_write) {
      // An interim answer changes nothing: the request is waited for as before.
      if (after_ != After::body && !stand(Standing::unread(clock::now()))) return close();
      return wait(step.progress);
    }
    if (step.progress != Progress::done) return close();
    written_octets_ += step.octets;
  }
  written();
}

void Session::written() {
  if (output_.capacity() > most_kept_output) output_ = {};
  switch (after_) {
    case After::next_request:
      return begin_next_request(serving_->limits.idle);
    case After::body:
      phase_ = Phase::request;
      return take_request(false);
    case After::stream:
      return begin_stream();
    case After::close:
      return begin_lingering();
  }
}

void Session::begin_next_request(std::chrono::milliseconds idle) {
  reader_.next();
  request_id_.clear();
  method_.clear();
  path_.clear();
  handled_at_ = {};
  phase_ = Phase::request;
  deadline_stage_ = RequestReader::Stage::idle;
  if (asked_ && !stand(Standing::waiting(true, clock::now()))) return close();
  set_deadline(idle);
  if (reader_.has_octets()) {
    // Not called from here: a client that pipelines without end would grow the stack, and starve
    // the others.
    return asio::post(strand_,
                      [self = shared_from_this()] { self->resume_if_there_is_memory(false); });
  }
  if (serving_->stopping()) return end();
  take_request(false);
}

// ---- closing ----

/// RFC 9112 §9.6: a close while octets are under way resets the connection, and the answer may be
/// lost with it.
void Session::begin_lingering() {
  if (!stand(Standing(Standing::answered))) return close();
  phase_ = Phase::lingering;
  stream_.end_writing();
  serving_->retire(shared_from_this());
  set_deadline(serving_->limits.linger);
  linger();
}

void Session::linger() {
  while (discarded_octets_ < most_discarded) {
    const Step step = stream_.discard();
    if (step.progress == Progress::wants_read) return wait(step.progress);
    if (step.progress != Progress::done) break;
    discarded_octets_ += step.octets;
  }
  close();
}

void Session::end() {
  if (phase_ == Phase::closed) return;
  if (!away_) stream_.end_writing();
  close();
}

void Session::close() {
  if (std::exchange(phase_, Phase::closed) == Phase::closed) return;
  if (body_) body_->close();
  timer_.cancel();
  given_up_.store(true, std::memory_order_release);
  boost::system::error_code ignored;
  if (!away_) socket_.close(ignored);
  serving_->forget(shared_from_this());
}

// ---- time ----

void Session::set_deadline(std::chrono::milliseconds from_now) {
  deadline_ = clock::now() + from_now;
  // The timer may fire too early, never too late: a kept connection does not set it anew for every
  // request.
  if (deadline_ < armed_) arm_timer();
}

void Session::arm_timer() {
  armed_ = deadline_;
  timer_.expires_at(armed_);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& problem) {
    if (!problem) self->timer_fired();
  });
}

void Session::timer_fired() {
  armed_ = clock::time_point::max();
  if (phase_ == Phase::closed || deadline_ == clock::time_point::max()) return;
  if (clock::now() < deadline_) return arm_timer();
  clear_deadline();
  if (away_ || phase_ == Phase::streaming) return close();
  expired_ = true;
  socket_.cancel();
}

void Session::timed_out() {
  const ServerLimits& limits = serving_->limits;
  if (phase_ != Phase::request) return close();
  const auto refuse_after = [&](const char* what, std::chrono::milliseconds limit) {
    refuse({Code::http_too_slow,
            std::string(what) + " took longer than " + std::to_string(limit.count()) + " ms", 0});
  };
  switch (deadline_stage_) {
    case RequestReader::Stage::head:
      return refuse_after("the header", limits.header_time);
    case RequestReader::Stage::body:
      return refuse_after("the body", limits.body_time);
    case RequestReader::Stage::idle:
    case RequestReader::Stage::complete:
      return end();
  }
}

}  // namespace mintmark::http
