// One connection of the server, from the handshake to the close.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/file.h"
#include "http/handshake_threads.h"
#include "http/message.h"
#include "http/request_reader.h"
#include "http/serving.h"
#include "http/stream.h"

namespace mintmark::http {

class BodyQueue;

/// Everything but the constructor, start, stop and abandon happens on the connection's strand, and
/// so does the handshake, unless its key makes it wait: then each of its steps is taken away to one
/// of the threads for that, and nothing here touches the stream until it is back.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
  using clock = std::chrono::steady_clock;

  struct Peer {
    std::string name;  ///< Request::peer.
    std::shared_ptr<const LocalPeer> local;
  };

  /// What makes a connection secure, or nothing: plain.
  struct Security {
    Ssl ssl = nullptr;
    /// Where the handshake runs; null: on the strand like everything else.
    std::shared_ptr<HandshakeThreads> handshake_threads = nullptr;
  };

  /// How long it has waited for a whole request, or for its answer to be read on; the least one
  /// gives way first.
  class Standing {
   public:
    [[nodiscard]] bool may_give_way(GivesWay who, clock::time_point now) const {
      if (value_ >= kept) return who == GivesWay::who_is_idle;
      return value_ > 0 && value_ <= nanoseconds_of(now);
    }
    [[nodiscard]] bool operator<(const Standing& other) const { return value_ < other.value_; }

    static Standing waiting(bool asked_before, clock::time_point now) {
      return Standing(nanoseconds_of(now) + (asked_before ? kept : 0));
    }
    /// Who reads on is not closed in the middle of his answer.
    static Standing unread(clock::time_point now) {
      return Standing(nanoseconds_of(now + patience_with_readers));
    }
    static constexpr std::chrono::milliseconds patience_with_readers{100};

   private:
    friend class Session;
    /// After all that were never asked anything, whose values are steady nanoseconds.
    static constexpr std::int64_t kept = std::int64_t{1} << 62U;
    static constexpr std::int64_t busy = 0;
    static constexpr std::int64_t gone = -1;
    /// First of all: it has its last answer, and only the client's close is waited for.
    static constexpr std::int64_t answered = 1;
    explicit Standing(std::int64_t value) : value_(value) {}
    static std::int64_t nanoseconds_of(clock::time_point at) {
      return std::chrono::nanoseconds(at.time_since_epoch()).count();
    }
    std::int64_t value_;
  };

  Session(boost::asio::io_context& io, std::shared_ptr<Serving> serving, UniqueFd socket,
          Security security, Peer peer);

  /// Before start: no handler sees what comes; the first request is answered
  /// `http_too_many_connections`.
  void refuse_first_request() { refused_ = true; }
  /// From any thread.
  [[nodiscard]] Standing standing() const { return Standing(standing_.load()); }
  /// From any thread. True: it waited still, and nothing more is answered on it; abandon() closes
  /// it.
  [[nodiscard]] bool give_way(Standing as_of) {
    return standing_.compare_exchange_strong(as_of.value_, Standing::gone);
  }
  void start();
  /// Closes if no request is under way; else after its answer. One that goes on ends.
  void stop();
  /// Closes whatever is under way.
  void abandon();

 private:
  enum class Phase { handshake, request, handling, writing, streaming, lingering, closed };
  /// What follows when all of `output_` is written.
  enum class After { next_request, body, stream, close };
  using StreamBegin = std::function<void(std::shared_ptr<BodyWriter>)>;  ///< Response::stream.
  class Reply;

  void resume(bool readable);
  void resume_if_there_is_memory(bool readable);
  void wait(Progress wants);
  void waited(const boost::system::error_code& problem);

  void shake_hands();
  void shake_hands_elsewhere();
  void came_back(Step step);
  void shook_hands(Step step);
  void take_request(bool readable);
  [[nodiscard]] bool read_some();
  [[nodiscard]] bool wants_more();
  void set_request_deadline(RequestReader::Stage stage);
  void handle();
  void call_handler(Request request, const Respond& respond);
  /// False: the call threw, which is reported.
  [[nodiscard]] Result<void> survives(const std::function<void()>& call) const;
  void answer(Response response);
  void refuse(const Error& error);
  void compose(const Response& response, bool keeps_alive);
  void observe(const Response& response) const;
  void write();
  void written();
  void begin_next_request(std::chrono::milliseconds idle);
  /// False: it has given way before.
  [[nodiscard]] bool stand(Standing as) {
    auto now = standing_.load();
    while (now != Standing::gone && !standing_.compare_exchange_weak(now, as.value_)) {
    }
    return now != Standing::gone;
  }
  /// It answers now. False: it has given way before.
  [[nodiscard]] bool waits_no_more() { return stand(Standing(Standing::busy)); }
  void begin_stream();
  [[nodiscard]] bool call_stream(const StreamBegin& begin);
  void send_stream();
  [[nodiscard]] bool next_of_stream();
  void wait_to_send();
  void watch_client();
  void hear_client();
  void end_stream();
  void begin_lingering();
  void linger();
  void end();
  void close();

  void set_deadline(std::chrono::milliseconds from_now);
  void clear_deadline() { deadline_ = clock::time_point::max(); }
  void arm_timer();
  void timer_fired();
  void timed_out();

  Strand strand_;
  std::shared_ptr<Serving> serving_;
  boost::asio::posix::basic_stream_descriptor<Strand> socket_;
  boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, Strand> timer_;
  Stream stream_;
  std::shared_ptr<HandshakeThreads> handshake_threads_;
  RequestReader reader_;
  Peer peer_;
  std::shared_ptr<const Bytes> client_certificate_;  ///< Request::client_certificate.
  std::string request_id_;
  std::string method_;  ///< Of the request that is handled, like the path.
  std::string path_;
  clock::time_point handled_at_;
  std::string output_;
  std::size_t written_octets_ = 0;
  std::size_t discarded_octets_ = 0;
  StreamBegin stream_wanted_;        ///< Of the answer whose head is being written.
  std::shared_ptr<BodyQueue> body_;  ///< Of an answer that goes on.
  bool waits_to_write_ = false;
  clock::time_point deadline_ = clock::time_point::max();
  clock::time_point armed_ = clock::time_point::max();  ///< When the timer will fire.
  RequestReader::Stage deadline_stage_ = RequestReader::Stage::idle;
  Phase phase_ = Phase::handshake;
  After after_ = After::next_request;
  std::atomic<std::int64_t> standing_{Standing::busy};
  bool asked_ = false;  ///< A request was whole.
  bool expired_ = false;
  bool refused_ = false;
  bool away_ = false;                  ///< A handshake thread has the stream.
  std::atomic<bool> given_up_{false};  ///< Nobody waits for the handshake's next step any more.
};

}  // namespace mintmark::http
