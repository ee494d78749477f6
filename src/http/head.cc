#include "http/head.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "http/text.h"
#include "http/url.h"

namespace mintmark::http {
namespace {

tl::unexpected<Error> too_large(const std::string& what) {
  return fail(Code::http_header_too_large, what);
}

Result<void> check_host(const Request& request, unsigned minor) {
  const std::size_t count = request.headers.count("Host");
  if (count > 1) return fail(Code::http_host_wrong, "Host stands more than once");
  if (count == 0 && minor == 0) return {};
  if (count == 0) return fail(Code::http_host_wrong, "HTTP/1.1 needs Host");
  const auto host = parse_host_port(*request.headers.find("Host"));
  if (!host) return fail(Code::http_host_wrong, "Host is malformed: " + host.error().detail);
  return {};
}

/// RFC 9112 §3.2.2: the target's own authority goes before Host.
Result<void> take_absolute_target(Request& request) {
  auto url = parse_url(request.target);
  if (!url) return fail(Code::http_malformed, "absolute target: " + url.error().detail);
  request.headers.set("Host", url->authority());
  request.target = std::move(url->target);
  return {};
}

Result<void> check_target(Request& request) {
  if (request.method == "CONNECT") {
    return fail(Code::http_method_unknown, "CONNECT is not served: this is no proxy");
  }
  if (request.target == "*" && request.method == "OPTIONS") return {};
  if (!request.target.starts_with('/')) return take_absolute_target(request);
  if (is_target(request.target)) return {};
  return fail(Code::http_malformed, "the target has a character that must be percent-encoded");
}

void split_target(Request& request) {
  const std::size_t mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
}

Result<HeadFacts> check_length(const Headers& headers) {
  if (headers.count("Content-Length") > 1) {
    return fail(Code::http_framing_ambiguous, "Content-Length more than once");
  }
  const auto length = decimal(*headers.find("Content-Length"));
  if (!length) {
    return fail(Code::http_framing_ambiguous, "Content-Length is not one decimal number");
  }
  HeadFacts facts;
  facts.content_length = *length;
  return facts;
}

Result<HeadFacts> check_framing(const Headers& headers, unsigned minor) {
  const std::size_t lengths = headers.count("Content-Length");
  const std::size_t codings = headers.count("Transfer-Encoding");
  if (lengths > 0 && codings > 0) {
    return fail(Code::http_framing_ambiguous, "Content-Length and Transfer-Encoding together");
  }
  if (lengths > 0) return check_length(headers);
  HeadFacts facts;
  if (codings == 0) return facts;
  if (minor == 0) return fail(Code::http_framing_ambiguous, "Transfer-Encoding in HTTP/1.0");
  if (codings > 1) return fail(Code::http_framing_ambiguous, "Transfer-Encoding more than once");
  facts.chunked = equal_without_case(*headers.find("Transfer-Encoding"), "chunked");
  if (facts.chunked) return facts;
  return fail(Code::http_coding_unknown, "the only transfer coding served is chunked, once");
}

/// RFC 9110 §8.3: one, or whoever reads it may see another than we do.
Result<void> check_content_type(const Headers& headers) {
  if (headers.count("Content-Type") < 2) return {};
  return fail(Code::http_header_malformed, "Content-Type stands more than once");
}

Result<bool> check_expect(const Headers& headers, unsigned minor) {
  if (minor == 0) return false;  // RFC 9110 §10.1.1: of an HTTP/1.0 client it is ignored.
  const std::size_t count = headers.count("Expect");
  if (count == 0) return false;
  if (count == 1 && equal_without_case(*headers.find("Expect"), "100-continue")) return true;
  return fail(Code::http_expectation_unknown, "the only expectation met is 100-continue");
}

}  // namespace

Result<std::size_t> HeadScan::take(std::string_view head) {
  while (seen_ < head.size() && !complete_) {
    skip_plain(head);
    if (seen_ == head.size()) break;
    if (auto taken = take_octet(head[seen_]); !taken) return pass_on(taken);
    if (++seen_ > limits_->header_octets) {
      return too_large("the header is longer than " + std::to_string(limits_->header_octets) +
                       " octets");
    }
  }
  return complete_ ? seen_ : 0;
}

// Most of a head is visible characters inside a line: these need no more than to be counted, up to
// where a limit or something else must be looked at.
void HeadScan::skip_plain(std::string_view head) {
  if (line_octets_ == 0 || carriage_return_) return;
  std::size_t most = std::min(head.size(), limits_->header_octets) - seen_;
  if (lines_ == 0) most = std::min(most, limits_->request_line_octets - line_octets_);
  std::size_t plain = 0;
  while (plain < most && static_cast<unsigned char>(head[seen_ + plain] - 0x20) < 0x5F) ++plain;
  seen_ += plain;
  line_octets_ += plain;
}

Result<void> HeadScan::take_octet(char octet) {
  if (carriage_return_ != (octet == '\n')) {
    return fail(Code::http_malformed, "a line ends in CR LF, both and together");
  }
  carriage_return_ = octet == '\r';
  if (carriage_return_) return {};
  if (octet == '\n') return end_line();
  if (const auto value = static_cast<unsigned char>(octet);
      (value < 0x20 && octet != '\t') || value == 0x7F) {
    return fail(Code::http_malformed, "a control character in the header");
  }
  if (line_octets_ == 0) {
    if (auto begun = begin_line(octet); !begun) return begun;
  }
  if (++line_octets_ > limits_->request_line_octets && lines_ == 0) {
    return fail(Code::http_target_too_long, "the request line is longer than " +
                                                std::to_string(limits_->request_line_octets) +
                                                " octets");
  }
  return {};
}

Result<void> HeadScan::begin_line(char octet) {
  if (octet == ' ' || octet == '\t') {
    return fail(Code::http_header_malformed, "a line that begins with white space (folding)");
  }
  if (lines_ > limits_->header_fields) {
    return too_large("more than " + std::to_string(limits_->header_fields) + " header fields");
  }
  return {};
}

Result<void> HeadScan::end_line() {
  complete_ = line_octets_ == 0;
  ++lines_;
  line_octets_ = 0;
  return {};
}

Result<void> check_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return fail(Code::http_malformed, "the request line is not \"METHOD target HTTP/1.1\"");
  }
  if (!is_token(line.substr(0, first))) return fail(Code::http_malformed, "the method is no token");
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.empty() || target.find_first_of(" \t") != std::string_view::npos) {
    return fail(Code::http_malformed, "white space in the request line");
  }
  const std::string_view version = line.substr(last + 1);
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return {};
  if (version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
      version[6] == '.' && is_digit(version[7])) {
    return fail(Code::http_version_unsupported,
                std::string(version) + " is not served; HTTP/1.1 is");
  }
  return fail(Code::http_malformed, "the request line ends in no HTTP version");
}

Result<HeadFacts> check_head(Request& request, unsigned minor) {
  auto facts = check_framing(request.headers, minor);
  if (!facts) return facts;
  auto host = check_host(request, minor);
  if (!host) return pass_on(host);
  auto target = check_target(request);
  if (!target) return pass_on(target);
  split_target(request);
  if (auto type = check_content_type(request.headers); !type) return pass_on(type);
  const auto expects = check_expect(request.headers, minor);
  if (!expects) return tl::unexpected<Error>(expects.error());
  facts->expects_continue = *expects;
  return facts;
}

}  // namespace mintmark::http
