// Any octets as what a connection brings: the same requests or the same refusal however they come
// in parts, within the limits. And as the texts in them, each read and written again to the same.
#include <cstring>

#include "http/accept.h"
#include "http/date.h"
#include "http/request_reader.h"
#include "http/text.h"
#include "http/url.h"
#include "target.h"
#include "verify/authorization.h"
#include "verify/request_url.h"

namespace mintmark::fuzz {
namespace {

const http::ServerLimits& narrow_limits() {
  static const http::ServerLimits limits = [] {
    http::ServerLimits few;
    few.header_octets = 2048;
    few.request_line_octets = 512;
    few.header_fields = 16;
    few.body_octets = 1024;
    return few;
  }();
  return limits;
}

struct Heard {
  std::vector<http::Request> requests;
  std::optional<Code> refusal;
};

// Takes what is complete; false where nothing more is read from this connection.
bool take_complete(http::RequestReader& reader, Heard& heard) {
  while (true) {
    const auto stage = reader.advance();
    if (!stage) {
      require_told(stage.error());
      heard.refusal = stage.error().code;
      return false;
    }
    (void)reader.take_wait_for_continue();
    if (*stage != http::RequestReader::Stage::complete) return true;
    const bool goes_on = reader.keeps_alive();
    heard.requests.push_back(reader.take_request());
    if (!goes_on) return false;
    reader.next();
    if (!reader.has_octets()) return true;
  }
}

Heard hear(std::string_view text, std::size_t step) {
  Heard heard;
  http::RequestReader reader(narrow_limits());
  while (!text.empty()) {
    const auto space = reader.space();
    const std::size_t count = std::min({text.size(), step, space.size()});
    require(!space.empty());
    std::memcpy(space.data(), text.data(), count);
    reader.came(count);
    text.remove_prefix(count);
    if (!take_complete(reader, heard)) break;
  }
  return heard;
}

void look_at_request(const http::Request& request) {
  require(http::is_token(request.method) && !request.path.empty());
  require(request.target == (request.target.find('?') == std::string::npos
                                 ? request.path
                                 : request.path + "?" + request.query));
  require(request.headers.count("Host") <= 1);
  require(request.body.size() <= narrow_limits().body_octets);
  require(request.headers.fields().size() <= narrow_limits().header_fields);
  for (const auto& [name, value] : request.headers.fields())
    require(http::is_token(name) && http::is_field_value(value));
}

bool same_requests(const Heard& one, const Heard& other) {
  return one.refusal == other.refusal &&
         std::equal(one.requests.begin(), one.requests.end(), other.requests.begin(),
                    other.requests.end(), [](const auto& left, const auto& right) {
                      return left.method == right.method && left.target == right.target &&
                             left.body == right.body &&
                             left.headers.fields() == right.headers.fields();
                    });
}

void run_http_request(BytesView octets) {
  const std::string_view text = as_text(octets.first(std::min<std::size_t>(octets.size(), 8192)));
  const Heard whole = hear(text, text.size());
  for (const http::Request& request : whole.requests) look_at_request(request);
  require(same_requests(whole, hear(text, 1)));
  require(same_requests(whole, hear(text, 7)));
}

void run_form(BytesView octets) {
  const auto fields = http::parse_form(as_text(octets));
  if (!fields) return;
  require(fields->size() <= 256);
  const auto again = http::parse_form(http::encode_form(*fields));
  require(again && *again == *fields);
}

void read_places(std::string_view text) {
  const auto url = http::parse_url(text);
  if (!url) {
    require_told(url.error());
  } else {
    require(http::is_target(url->target));
    const auto again = http::parse_url(url->origin() + url->target);
    require(again && again->origin() == url->origin() && again->target == url->target);
  }
  const auto normal = verify::normal_request_url(text);
  if (normal) require(verify::normal_request_url(*normal) == *normal);
  require(!verify::is_surely_normal(text) || (normal && *normal == text));
  const auto place = http::parse_host_port(text);
  if (!place) require_told(place.error());
}

void run_url(BytesView octets) {
  const std::string_view text = as_text(octets.first(std::min<std::size_t>(octets.size(), 8192)));
  read_places(text);
  for (const char* scheme : {"https://", "http://"}) read_places(std::string(scheme).append(text));
}

void run_http_field(BytesView octets) {
  http::Headers headers;
  headers.add("Authorization", std::string(as_text(octets)));
  headers.add("Accept", std::string(as_text(octets)));
  const auto shown = verify::read_authorization(headers);
  if (shown) {
    require(!shown->token.empty() && as_text(octets).ends_with(shown->token));
    require(shown->token.find_first_of(" \t,\"") == std::string_view::npos);
  } else {
    require_told(shown.error());
  }
  const auto liked = http::best_accepted(headers, {"application/json", "application/x"});
  require(liked.empty() || liked.starts_with("application/"));
  const auto date = http::read_date(as_text(octets));
  require(!date || octets.size() == 29);
  (void)http::decimal(as_text(octets));
}

const Registered request_targets{{"http_request", &run_http_request},
                                 {"form", &run_form, {}, nullptr, 4000},
                                 {"url", &run_url, {}, nullptr, 4000},
                                 {"http_field", &run_http_field, {}, nullptr, 4000}};

}  // namespace
}  // namespace mintmark::fuzz
