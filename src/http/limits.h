// What a stranger may send, how long it may take, and what a refusal bears.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/long_bodies.h"

namespace mintmark::http {

struct LocalPeer;

/// Whose connection is closed to make room for a new one, where there are as many as may be: always
/// the one that has waited longest, first of all for its client to close. Nobody's whose request is
/// being answered, whose answer is read on, or who follows a stream.
enum class GivesWay : std::uint8_t {
  nobody,           ///< The new one is refused.
  who_never_asked,  ///< On which no request was whole so far: silent, in a handshake, or slow.
  who_is_idle,      ///< Those first, then kept ones between two requests.
};

/// Connections with the same `of` may be `most` at once.
struct ConnectionShare {
  std::uint64_t of = 0;
  std::size_t most = 0;
};

struct ServerLimits {
  std::size_t header_octets = 32U << 10U;  ///< Request line and fields. Beyond: 431.
  std::size_t request_line_octets =
      8U << 10U;                          ///< Beyond: 414 (RFC 9112 §3 recommends at least 8000).
  std::size_t header_fields = 100;        ///< Beyond: 431.
  std::size_t body_octets = 128U << 10U;  ///< Beyond: 413.
  /// Where longer ones are taken; nullptr: nowhere. All places taken: 503.
  std::shared_ptr<LongBodies> long_bodies = nullptr;
  std::chrono::milliseconds handshake{10'000};  ///< TLS.
  /// From a request's first octet to its last header; beyond: 408.
  std::chrono::milliseconds header_time{10'000};
  std::chrono::milliseconds body_time{15'000};  ///< Beyond: 408.
  /// Between requests of a kept connection: closed.
  std::chrono::milliseconds idle{60'000};
  /// Of an answer, or of what waits of one that goes on.
  std::chrono::milliseconds write_time{15'000};
  /// Of an answer that goes on (Response::stream), as much may wait for its client.
  std::size_t stream_octets = 256U << 10U;
  /// How long what a refused client still sends is read and dropped, so that it can read the
  /// refusal.
  std::chrono::milliseconds linger{2'000};
  /// Open at once. Beyond, where none gives way: 503 to the first request, then closed.
  std::size_t connections = 4096;
  GivesWay gives_way = GivesWay::nobody;
  /// How many beyond are given the time to read that; the next are closed at once.
  std::size_t refused_connections = 64;
  /// Which share a new connection counts to, by Request::peer and, at a unix socket, by whose it is
  /// (null: the kernel does not say); nothing: there are no shares. In a share that is full its own
  /// give way, else whoever is beyond is told so like one beyond `connections`, a few at a time,
  /// and the report says who. Called while accepting.
  std::function<ConnectionShare(const std::string& peer, const LocalPeer*)> share_of = {};
  /// A field with the code's name in every answer that has a cause, the server's own refusals
  /// included: where others' answers are passed on too, it tells them apart. "": none has it.
  std::string refusal_header = {};
};

}  // namespace mintmark::http
