#include "http/request_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <limits>
#include <utility>

#include "http/body.h"
#include "http/head.h"

namespace mintmark::http {
namespace {

namespace beast_http = boost::beast::http;
using Parser = beast_http::request_parser<beast_http::empty_body>;
using Problem = boost::system::error_code;

constexpr std::size_t read_octets = 8192;
constexpr std::size_t most_empty_lines = 4;

Error refusal_of(const Problem& problem) {
  if (problem == beast_http::error::bad_content_length ||
      problem == beast_http::error::multiple_content_length ||
      problem == beast_http::error::bad_transfer_encoding) {
    return {Code::http_framing_ambiguous, problem.message(), 0};
  }
  if (problem == beast_http::error::bad_field || problem == beast_http::error::bad_value ||
      problem == beast_http::error::bad_obs_fold) {
    return {Code::http_header_malformed, "a header field is malformed: " + problem.message(), 0};
  }
  return {Code::http_malformed, "not HTTP/1.1: " + problem.message(), 0};
}

}  // namespace

struct RequestReader::Parts {
  explicit Parts(const ServerLimits& given) : limits(given), scan(given) {}

  [[nodiscard]] std::string_view octets() const {
    const auto data = buffer.data();
    return {static_cast<const char*>(data.data()), data.size()};
  }
  void skip_empty_lines();
  [[nodiscard]] Result<Stage> take_head();
  [[nodiscard]] Result<void> parse_head(std::string_view head);
  [[nodiscard]] Result<void> begin_body();
  [[nodiscard]] Result<void> take_place();
  [[nodiscard]] Result<Stage> take_body();

  const ServerLimits& limits;
  boost::beast::flat_buffer buffer;
  HeadScan scan;
  Request request;
  BodyReader body;
  LongBodies::Place place;  ///< Held until the next request, or the connection's end.
  Stage stage = Stage::idle;
  std::size_t empty_lines = 0;
  bool http_1_0 = false;
  bool is_head = false;
  bool expects_continue = false;
  bool keeps_alive = false;
};

/// RFC 9112 §2.2: a client may send an empty line behind a body that has none.
void RequestReader::Parts::skip_empty_lines() {
  while (empty_lines < most_empty_lines && octets().starts_with("\r\n")) {
    buffer.consume(2);
    ++empty_lines;
  }
}

Result<RequestReader::Stage> RequestReader::Parts::take_head() {
  if (stage == Stage::idle) skip_empty_lines();
  // Half of an empty line: the other half decides.
  const bool half = stage == Stage::idle && empty_lines < most_empty_lines && octets() == "\r";
  if (buffer.size() == 0 || half) return stage;
  stage = Stage::head;
  auto length = scan.take(octets());
  if (!length) return pass_on(length);
  if (*length == 0) return stage;
  if (auto parsed = parse_head(octets().substr(0, *length)); !parsed) return pass_on(parsed);
  buffer.consume(*length);
  stage = body.complete() ? Stage::complete : Stage::body;
  return stage;
}

Result<void> RequestReader::Parts::parse_head(std::string_view head) {
  auto line = check_request_line(head.substr(0, head.find("\r\n")));
  if (!line) return line;
  Parser parser;
  parser.header_limit(std::numeric_limits<std::uint32_t>::max());
  parser.body_limit(boost::none);
  Problem problem;
  parser.put(boost::asio::const_buffer(head.data(), head.size()), problem);
  if (problem) return tl::unexpected<Error>(refusal_of(problem));
  if (!parser.is_header_done()) return fail(Code::http_malformed, "the header is not whole");
  const auto& message = parser.get();
  is_head = message.method() == beast_http::verb::head;
  http_1_0 = message.version() == 10;
  keeps_alive = parser.keep_alive();
  request.method = message.method_string();
  request.target = message.target();
  for (const auto& field : message) {
    request.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  return begin_body();
}

Result<void> RequestReader::Parts::begin_body() {
  const auto facts = check_head(request, http_1_0 ? 0 : 1);
  if (!facts) return tl::unexpected<Error>(facts.error());
  const auto& longer = limits.long_bodies;
  const std::size_t longest =
      longer && longer->are_for(request.target) ? longer->octets() : limits.body_octets;
  if (facts->content_length > longest) {
    return fail(Code::http_body_too_large,
                "the body is longer than " + std::to_string(longest) + " octets");
  }
  body =
      facts->chunked ? BodyReader::chunked(longest) : BodyReader::of_length(facts->content_length);
  expects_continue = facts->expects_continue;
  return {};
}

// Not before what is usual has come: who announces much and sends nothing takes nobody's place.
Result<void> RequestReader::Parts::take_place() {
  if (place.taken() || body.content().size() <= limits.body_octets) return {};
  place = limits.long_bodies->take();
  if (place.taken()) return {};
  return fail(Code::overloaded, "many long requests are being read; come again");
}

Result<RequestReader::Stage> RequestReader::Parts::take_body() {
  const auto used = body.take(octets());
  if (!used) return tl::unexpected<Error>(used.error());
  buffer.consume(*used);
  if (*used > 0) expects_continue = false;
  if (auto taken = take_place(); !taken) return pass_on(taken);
  if (body.complete()) stage = Stage::complete;
  return stage;
}

RequestReader::RequestReader(const ServerLimits& limits)
    : parts_(std::make_unique<Parts>(limits)) {}
RequestReader::~RequestReader() = default;

std::span<char> RequestReader::space() {
  const auto space = parts_->buffer.prepare(read_octets);
  return {static_cast<char*>(space.data()), space.size()};
}

void RequestReader::came(std::size_t count) { parts_->buffer.commit(count); }

Result<RequestReader::Stage> RequestReader::advance() {
  if (parts_->stage == Stage::idle || parts_->stage == Stage::head) {
    auto stage = parts_->take_head();
    if (!stage || *stage != Stage::body) return stage;
  }
  return parts_->stage == Stage::body ? parts_->take_body() : parts_->stage;
}

Request RequestReader::take_request() {
  parts_->request.body = std::move(parts_->body.content());
  return std::move(parts_->request);
}

void RequestReader::next() {
  parts_->request = {};
  parts_->body = {};
  parts_->place = {};
  parts_->scan = HeadScan(parts_->limits);
  parts_->stage = Stage::idle;
  parts_->empty_lines = 0;
  parts_->is_head = false;
  parts_->expects_continue = false;
}

bool RequestReader::take_wait_for_continue() {
  const bool expected = std::exchange(parts_->expects_continue, false);
  return expected && parts_->stage == Stage::body;
}
bool RequestReader::keeps_alive() const { return parts_->keeps_alive; }
bool RequestReader::is_http_1_0() const { return parts_->http_1_0; }
bool RequestReader::is_head() const { return parts_->is_head; }
bool RequestReader::has_octets() const { return parts_->buffer.size() > 0; }

}  // namespace mintmark::http
