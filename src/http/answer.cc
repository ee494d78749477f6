#include "http/answer.h"

#include <array>
#include <ostream>  // what Boost 1.81's string_view forgets

#include <boost/beast/http/status.hpp>
#include <cstdio>
#include <ctime>

#include "base/bytes.h"
#include "http/text.h"

namespace mintmark::http {
namespace {

bool is_of_the_frame(std::string_view name) {
  constexpr std::array<std::string_view, 5> names{"Content-Length", "Transfer-Encoding",
                                                  "Connection", "Date", "X-Request-Id"};
  for (const auto own : names) {
    if (equal_without_case(name, own)) return true;
  }
  return false;
}

/// RFC 9110 §5.6.7, made once a second and thread: strftime would depend on the locale.
const std::string& date_now() {
  thread_local std::time_t made_at = 0;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now == made_at && !text.empty()) return text;
  constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 80> buffer{};
  const int length =
      std::snprintf(buffer.data(), buffer.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                    days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                    months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                    parts.tm_hour, parts.tm_min, parts.tm_sec);
  text.assign(buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  made_at = now;
  return text;
}

Result<void> check(const Response& response) {
  if (response.status < 200 || response.status > 599) {
    return fail(Code::http_answer_invalid,
                "status " + std::to_string(response.status) + " is no final answer's");
  }
  for (const auto& [name, value] : response.headers.fields()) {
    if (is_token(name) && is_field_value(value)) continue;
    return fail(Code::http_answer_invalid,
                "header \"" + printable(name) + "\" has characters that no header may have");
  }
  return {};
}

/// RFC 9110 §8.6: these have no content, and say no length.
bool has_no_content(unsigned status) { return status == 204 || status == 304; }

/// RFC 9110 §8.6: to HEAD the length that GET would have, or none. Who asked elsewhere was told it;
/// "": nobody knows.
std::string length_of(const Response& response, const AnswerFrame& frame) {
  if (!frame.to_head || !response.body.empty()) return std::to_string(response.body.size());
  const std::string* told = response.headers.find("Content-Length");
  return told != nullptr && decimal(*told) ? *told : "";
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool goes_on(const Response& response) {
  return response.stream && !has_no_content(response.status);
}

Result<void> append_answer(std::string& out, const Response& response, const AnswerFrame& frame) {
  if (auto checked = check(response); !checked) return checked;
  const auto reason =
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(response.status));
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(reason.data(), reason.size()).append("\r\n");
  append_field(out, "Date", date_now());
  append_field(out, "X-Request-Id", frame.id);
  if (response.cause && !frame.refusal_header.empty())
    append_field(out, frame.refusal_header, facts_of(response.cause->code).name);
  for (const auto& [name, value] : response.headers.fields()) {
    if (!is_of_the_frame(name)) append_field(out, name, value);
  }
  if (!frame.keeps_alive) append_field(out, "Connection", "close");
  if (frame.keeps_alive && frame.to_http_1_0) append_field(out, "Connection", "keep-alive");
  const bool empty = has_no_content(response.status);
  if (goes_on(response)) {
    // RFC 9112 §6.1: what HTTP/1.0 does not know ends with the connection.
    if (!frame.to_http_1_0) append_field(out, "Transfer-Encoding", "chunked");
    out += "\r\n";
    return {};
  }
  const std::string length = empty ? "" : length_of(response, frame);
  if (!length.empty()) append_field(out, "Content-Length", length);
  out += "\r\n";
  if (!empty && !frame.to_head) out += response.body;
  return {};
}

}  // namespace mintmark::http
