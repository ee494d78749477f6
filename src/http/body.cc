#include "http/body.h"

#include <algorithm>
#include <utility>

#include "http/text.h"

namespace mintmark::http {
namespace {

/// The longest chunk header, and the longest trailer section.
constexpr std::size_t most_line_octets = 8192;
/// Space taken ahead of content that is only announced.
constexpr std::size_t most_reserved = 64U << 10U;

tl::unexpected<Error> malformed(const char* what) { return fail(Code::http_malformed, what); }

tl::unexpected<Error> too_large(std::size_t limit) {
  return fail(Code::http_body_too_large,
              "the body is longer than " + std::to_string(limit) + " octets");
}

bool is_control(char character) {
  const auto octet = static_cast<unsigned char>(character);
  return (octet < 0x20 && octet != '\t') || octet == 0x7F;
}

}  // namespace

BodyReader BodyReader::of_length(std::uint64_t octets) {
  BodyReader reader;
  reader.left_ = octets;
  reader.state_ = octets == 0 ? State::complete : State::length;
  reader.content_.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(octets, most_reserved)));
  return reader;
}

BodyReader BodyReader::chunked(std::size_t limit) {
  BodyReader reader;
  reader.limit_ = limit;
  reader.state_ = State::size;
  return reader;
}

BodyReader BodyReader::until_end(std::size_t limit) {
  BodyReader reader;
  reader.limit_ = limit;
  reader.state_ = State::until_end;
  return reader;
}

Result<std::size_t> BodyReader::take(std::string_view octets) {
  std::size_t used = 0;
  while (used < octets.size() && !complete()) {
    if (const auto count = take_content(octets.substr(used)); count > 0) {
      used += count;
      if (content_.size() > limit_) return too_large(limit_);
      continue;
    }
    if (auto taken = take_framing(octets[used]); !taken) return pass_on(taken);
    ++used;
  }
  return used;
}

bool BodyReader::end_of_stream() {
  if (state_ == State::until_end) state_ = State::complete;
  return complete();
}

std::string BodyReader::take_part() {
  framing_octets_ = 0;
  return std::exchange(content_, {});
}

std::size_t BodyReader::take_content(std::string_view octets) {
  if (state_ == State::until_end) {
    content_ += octets;
    return octets.size();
  }
  if (state_ != State::length && state_ != State::data) return 0;
  octets =
      octets.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, octets.size())));
  content_ += octets;
  left_ -= octets.size();
  if (left_ == 0) state_ = state_ == State::length ? State::complete : State::data_return;
  return octets.size();
}

Result<void> BodyReader::take_framing(char octet) {
  // The limit counts what the chunks carry; this counts what carries them.
  if (++framing_octets_ / 8 > limit_ + most_line_octets) {
    return fail(Code::http_body_too_large, "far more chunk headers than content");
  }
  switch (state_) {
    case State::size:
      return take_size(octet);
    case State::extension:
      return take_line(octet, State::size_end);
    case State::size_end:
      if (octet != '\n') return malformed("a chunk's header that does not end in CR LF");
      return begin_chunk();
    case State::data_return:
      return expect(octet, '\r', State::data_end);
    case State::data_end:
      return expect(octet, '\n', State::size);
    case State::trailer_begin:
      if (octet != '\r') state_ = State::trailer;
      return take_line(octet, State::last_end);
    case State::trailer:
      return take_line(octet, State::trailer_end);
    case State::trailer_end:
      return expect(octet, '\n', State::trailer_begin);
    case State::last_end:
      return expect(octet, '\n', State::complete);
    case State::length:
    case State::until_end:
    case State::data:
    case State::complete:
      break;
  }
  return malformed("octets behind the body");
}

Result<void> BodyReader::take_size(char octet) {
  if (const int value = hex_value(octet); value >= 0) {
    if (++size_digits_ > 16) return malformed("a chunk's size has more than 16 digits");
    left_ = left_ * 16 + static_cast<std::uint64_t>(value);
    return {};
  }
  if (size_digits_ == 0 || (octet != ';' && octet != '\r')) {
    return malformed("a chunk's size is no hexadecimal number");
  }
  state_ = octet == ';' ? State::extension : State::size_end;
  return {};
}

Result<void> BodyReader::take_line(char octet, State end) {
  if (octet == '\r') {
    state_ = end;
    return {};
  }
  if (is_control(octet)) return malformed("a control character in a chunk's header or a trailer");
  if (++line_octets_ > most_line_octets) {
    return malformed("a chunk's header or the trailers are longer than 8192 octets");
  }
  return {};
}

Result<void> BodyReader::expect(char octet, char expected, State next) {
  if (octet != expected) return malformed("a chunk or trailer that does not end in CR LF");
  state_ = next;
  return {};
}

Result<void> BodyReader::begin_chunk() {
  size_digits_ = 0;
  line_octets_ = 0;
  state_ = left_ == 0 ? State::trailer_begin : State::data;
  if (left_ > limit_ - std::min(limit_, content_.size())) return too_large(limit_);
  return {};
}

}  // namespace mintmark::http
