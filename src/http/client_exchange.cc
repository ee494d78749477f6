#include "http/client_exchange.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

namespace mintmark::http {
namespace {

namespace beast_http = boost::beast::http;
using Parser = beast_http::response_parser<beast_http::string_body>;

constexpr std::uint32_t header_limit = 64U << 10U;
constexpr unsigned most_interim_answers = 8;

Error error_of(const boost::system::error_code& problem, std::size_t body_limit) {
  if (problem == beast_http::error::body_limit) {
    return {Code::http_answer_too_large,
            "the answer is longer than " + std::to_string(body_limit) + " octets", 0};
  }
  if (problem == beast_http::error::header_limit) {
    return {Code::http_answer_too_large, "the answer's header is longer than 65536 octets", 0};
  }
  if (problem == beast_http::error::partial_message ||
      problem == beast_http::error::end_of_stream) {
    return {Code::connect_failed, "the server closed before its answer was complete", 0};
  }
  return {Code::http_answer_malformed, "the answer is not HTTP/1.1: " + problem.message(), 0};
}

/// Reads the answer; octets that came behind it stay in `pending_`.
class AnswerReader {
 public:
  AnswerReader(bool answers_head, std::size_t body_limit)
      : answers_head_(answers_head), body_limit_(body_limit) {
    begin();
  }

  [[nodiscard]] Result<Response> read(ClientConnection& connection, Deadline deadline) {
    for (;;) {
      if (auto parsed = parse(); !parsed) return pass_on(parsed);
      if (parser_->is_done()) return answer();
      auto more = read_more(connection, deadline);
      if (!more) return pass_on(more);
    }
  }

  [[nodiscard]] bool any_octet() const { return any_octet_; }
  [[nodiscard]] bool keeps_alive() const {
    return parser_->is_done() && !ended_ && pending_.empty() && parser_->keep_alive();
  }

 private:
  void begin() {
    parser_.emplace();
    parser_->header_limit(header_limit);
    parser_->body_limit(body_limit_);
    parser_->eager(true);
    parser_->skip(answers_head_);
  }

  [[nodiscard]] Result<void> parse() {
    while (!pending_.empty()) {
      boost::system::error_code problem;
      const std::size_t used = parser_->put(boost::asio::buffer(pending_), problem);
      pending_.erase(0, used);
      if (problem == beast_http::error::need_more) break;
      if (problem) return tl::unexpected<Error>(error_of(problem, body_limit_));
      if (!parser_->is_done()) continue;
      if (parser_->get().result_int() / 100 != 1) return {};
      if (++interim_ > most_interim_answers) {
        return fail(Code::http_answer_malformed, "more than 8 interim answers");
      }
      begin();
    }
    // A chunk's header or a trailer that never ends; the parser bounds only the rest.
    if (pending_.size() <= 2 * header_limit) return {};
    return fail(Code::http_answer_too_large, "a line of the answer never ends");
  }

  [[nodiscard]] Result<void> read_more(ClientConnection& connection, Deadline deadline) {
    std::array<char, 16384>
        octets;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by read
    auto count = connection.read(octets, deadline);
    if (!count) return pass_on(count);
    any_octet_ = any_octet_ || *count > 0;
    pending_.append(octets.data(), *count);
    if (*count > 0) return {};
    ended_ = true;
    boost::system::error_code problem;
    if (!parser_->got_some()) problem = beast_http::error::end_of_stream;
    if (!problem) parser_->put_eof(problem);
    if (problem) return tl::unexpected<Error>(error_of(problem, body_limit_));
    return {};
  }

  [[nodiscard]] Response answer() {
    auto message = parser_->release();
    Response response;
    response.status = message.result_int();
    for (const auto& field : message) {
      response.headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    response.body = std::move(message.body());
    return response;
  }

  bool answers_head_;
  std::size_t body_limit_;
  std::optional<Parser> parser_;
  std::string pending_;
  unsigned interim_ = 0;
  bool any_octet_ = false;
  bool ended_ = false;
};

}  // namespace

Exchange exchange(ClientConnection& connection, const std::string& request, bool answers_head,
                  std::size_t body_limit, Deadline deadline) {
  Exchange exchange;
  auto written = connection.write(request, deadline);
  exchange.written = written.has_value();
  AnswerReader reader(answers_head, body_limit);
  // A server may refuse before it has read everything, and close: its answer says more than the
  // broken write.
  exchange.answer = reader.read(connection, deadline);
  exchange.any_octet = reader.any_octet();
  if (!exchange.answer && !written) exchange.answer = tl::unexpected<Error>(written.error());
  exchange.keeps_alive = exchange.answer && exchange.written && reader.keeps_alive();
  return exchange;
}

}  // namespace mintmark::http
