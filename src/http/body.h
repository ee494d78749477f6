// The content of a message, out of its framing (RFC 9112 §6, §7.1); for requests and answers alike.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/error.h"

namespace mintmark::http {

/// Chunks are read by our own hand: Beast 1.81 ends the process of a debug build (an assertion)
/// when the last chunk's "0 CR LF" and one more octet come in one piece and the rest in another.
class BodyReader {
 public:
  /// No content.
  BodyReader() = default;
  /// Of a length already known to be allowed.
  [[nodiscard]] static BodyReader of_length(std::uint64_t octets);
  /// Chunked; `limit` bounds the content, and in proportion what carries it. Extensions and
  /// trailers are dropped.
  [[nodiscard]] static BodyReader chunked(std::size_t limit);
  /// Up to the end of the stream, of which `end_of_stream` tells.
  [[nodiscard]] static BodyReader until_end(std::size_t limit);

  /// How many octets were used: all, until the body is complete. `http_body_too_large`,
  /// `http_malformed`.
  [[nodiscard]] Result<std::size_t> take(std::string_view octets);
  /// False: the body was cut.
  [[nodiscard]] bool end_of_stream();
  [[nodiscard]] bool complete() const { return state_ == State::complete; }
  [[nodiscard]] std::string& content() { return content_; }
  /// What came of the content since the last call: it counts towards the limit no more.
  [[nodiscard]] std::string take_part();

 private:
  enum class State {
    length,
    until_end,
    size,
    extension,
    size_end,
    data,
    data_return,
    data_end,
    trailer_begin,
    trailer,
    trailer_end,
    last_end,
    complete,
  };

  [[nodiscard]] std::size_t take_content(std::string_view octets);
  [[nodiscard]] Result<void> take_framing(char octet);
  [[nodiscard]] Result<void> take_size(char octet);
  [[nodiscard]] Result<void> take_line(char octet, State end);
  [[nodiscard]] Result<void> expect(char octet, char expected, State next);
  [[nodiscard]] Result<void> begin_chunk();

  State state_ = State::complete;
  std::uint64_t left_ = 0;  ///< Of the length or chunk.
  std::size_t limit_ = std::numeric_limits<std::size_t>::max();
  std::size_t size_digits_ = 0;
  std::size_t line_octets_ = 0;
  std::size_t framing_octets_ = 0;
  std::string content_;
};

}  // namespace mintmark::http
