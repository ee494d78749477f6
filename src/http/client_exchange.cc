#include "http/client_exchange.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdint>

#include "http/body.h"

namespace mintmark::http {
namespace {

namespace beast_http = boost::beast::http;
using Parser = beast_http::response_parser<beast_http::empty_body>;

constexpr std::uint32_t header_limit = 64U << 10U;
constexpr unsigned most_interim_answers = 8;

Error error_of(const boost::system::error_code& problem) {
  if (problem == beast_http::error::header_limit) {
    return {Code::http_answer_too_large, "the answer's header is longer than 65536 octets", 0};
  }
  return {Code::http_answer_malformed, "the answer is not HTTP/1.1: " + problem.message(), 0};
}

/// The same framing trouble, said of an answer.
Error of_an_answer(Error error) {
  error.code = error.code == Code::http_body_too_large ? Code::http_answer_too_large
                                                       : Code::http_answer_malformed;
  return error;
}

/// What the limit bounds: all that is kept until the answer is whole, or what is given on at once.
enum class Kept { whole, in_parts };

/// Reads the answer; octets that came behind it stay in `pending_`.
class AnswerReader {
 public:
  AnswerReader(bool answers_head, std::size_t body_limit, Kept kept)
      : answers_head_(answers_head), body_limit_(body_limit), kept_(kept) {}

  [[nodiscard]] Result<Response> read(ClientConnection& connection, Deadline deadline) {
    while (!head_complete_ || !body_.complete()) {
      auto more = read_more(connection, deadline);
      if (!more) return pass_on(more);
      auto taken = head_complete_ ? take_body() : take_heads();
      if (!taken) return pass_on(taken);
    }
    response_.body = std::move(body_.content());
    return std::move(response_);
  }

  /// Up to the head of the final answer; something of its body may have come too.
  [[nodiscard]] Result<Response> read_head(ClientConnection& connection, Deadline deadline) {
    while (!head_complete_) {
      auto more = read_more(connection, deadline);
      if (!more) return pass_on(more);
      if (auto taken = take_heads(); !taken) return pass_on(taken);
    }
    return response_;
  }

  /// What came of the body and was not taken yet. "": the body is complete. After read_head.
  [[nodiscard]] Result<std::string> next_part(ClientConnection& connection,
                                              std::chrono::milliseconds silence) {
    for (;;) {
      std::string part = body_.take_part();
      if (!part.empty() || body_.complete()) return part;
      if (auto more = read_more(connection, Deadline::in(silence)); !more) return pass_on(more);
      if (auto taken = take_body(); !taken) return pass_on(taken);
    }
  }

  [[nodiscard]] bool any_octet() const { return any_octet_; }
  [[nodiscard]] bool keeps_alive() const { return keeps_alive_ && !ended_ && pending_.empty(); }

 private:
  /// Interim answers, then the final one's head and what came of its body.
  [[nodiscard]] Result<void> take_heads() {
    for (unsigned interim = 0; interim <= most_interim_answers; ++interim) {
      Parser parser;
      parser.header_limit(header_limit);
      parser.body_limit(boost::none);
      boost::system::error_code problem;
      const std::size_t used = parser.put(boost::asio::buffer(pending_), problem);
      if (problem == beast_http::error::need_more) return {};
      if (problem) return tl::unexpected<Error>(error_of(problem));
      pending_.erase(0, used);
      if (parser.get().result_int() < 100)
        return fail(Code::http_answer_malformed, "the answer's status is below 100");
      if (parser.get().result_int() / 100 != 1) return begin_answer(parser);
      if (pending_.empty()) return {};
    }
    return fail(Code::http_answer_malformed, "more than 8 interim answers");
  }

  [[nodiscard]] Result<void> begin_answer(const Parser& parser) {
    head_complete_ = true;
    const auto& message = parser.get();
    response_.status = message.result_int();
    for (const auto& field : message) {
      response_.headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    keeps_alive_ = parser.keep_alive();
    const auto length = parser.content_length();
    if (kept_ == Kept::whole && length && *length > body_limit_) {
      return fail(Code::http_answer_too_large,
                  "the answer is longer than " + std::to_string(body_limit_) + " octets");
    }
    body_ = framing_of(parser, length ? *length : std::uint64_t{0});
    return take_body();
  }

  /// RFC 9112 §6.3.
  [[nodiscard]] BodyReader framing_of(const Parser& parser, std::uint64_t length) const {
    const bool without = answers_head_ || response_.status == 204 || response_.status == 304;
    if (without) return {};
    if (parser.chunked()) return BodyReader::chunked(body_limit_);
    if (parser.content_length()) return BodyReader::of_length(length);
    return BodyReader::until_end(body_limit_);
  }

  [[nodiscard]] Result<void> take_body() {
    const auto used = body_.take(pending_);
    if (!used) return tl::unexpected<Error>(of_an_answer(used.error()));
    pending_.erase(0, *used);
    if (!ended_ || body_.end_of_stream()) return {};
    return fail(Code::connect_failed, "the server closed before its answer was complete");
  }

  [[nodiscard]] Result<void> read_more(ClientConnection& connection, Deadline deadline) {
    std::array<char, 16384>
        octets;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by read
    auto count = connection.read(octets, deadline);
    if (!count) return pass_on(count);
    any_octet_ = any_octet_ || *count > 0;
    ended_ = *count == 0;
    pending_.append(octets.data(), *count);
    if (!ended_ || head_complete_) return {};
    return fail(Code::connect_failed, "the server closed before it answered");
  }

  bool answers_head_;
  std::size_t body_limit_;
  Kept kept_;
  std::string pending_;
  Response response_;
  BodyReader body_;
  bool head_complete_ = false;
  bool keeps_alive_ = false;
  bool any_octet_ = false;
  bool ended_ = false;
};

}  // namespace

Exchange exchange(ClientConnection& connection, const std::string& request, bool answers_head,
                  std::size_t body_limit, Deadline deadline) {
  Exchange exchange;
  auto written = connection.write(request, deadline);
  exchange.written = written.has_value();
  AnswerReader reader(answers_head, body_limit, Kept::whole);
  // A server may refuse before it has read everything, and close: its answer says more than the
  // broken write.
  exchange.answer = reader.read(connection, deadline);
  exchange.any_octet = reader.any_octet();
  if (!exchange.answer && !written) exchange.answer = tl::unexpected<Error>(written.error());
  exchange.keeps_alive = exchange.answer && exchange.written && reader.keeps_alive();
  return exchange;
}

Result<StreamEnd> stream_exchange(ClientConnection& connection, const std::string& request,
                                  const StreamedCall& call) {
  const auto written = connection.write(request, call.head_by);
  AnswerReader reader(call.method == "HEAD", call.part_octets, Kept::in_parts);
  const auto head = reader.read_head(connection, call.head_by);
  if (!head) return tl::unexpected<Error>(written ? head.error() : written.error());
  if (!call.head(*head)) return StreamEnd::by_caller;
  for (;;) {
    const auto part = reader.next_part(connection, call.silence);
    if (!part) return tl::unexpected<Error>(part.error());
    if (part->empty()) return StreamEnd::by_server;
    if (!call.part(*part)) return StreamEnd::by_caller;
    // Where octets never end nothing waits, and so nothing would hear.
    if (call.interruption != nullptr && call.interruption->raised()) return StreamEnd::interrupted;
  }
}

}  // namespace mintmark::http
