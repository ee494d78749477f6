// The head of a request, judged strictly: what parsers are known to read in two ways is refused
// (RFC 9112 §11.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "http/limits.h"
#include "http/message.h"

namespace mintmark::http {

/// Walks over a head's octets as they come and refuses at the first that no head has: control
/// characters, a CR or LF alone, a folded line (RFC 9112 §5.2), more octets, fields or request line
/// than the limits allow.
class HeadScan {
 public:
  /// `limits` must outlive the scan.
  explicit HeadScan(const ServerLimits& limits) : limits_(&limits) {}

  /// `head` is all that came since the request began; what was seen before is not looked at again.
  /// The head's length with its empty line, or 0 while that has not come.
  [[nodiscard]] Result<std::size_t> take(std::string_view head);

 private:
  void skip_plain(std::string_view head);
  [[nodiscard]] Result<void> take_octet(char octet);
  [[nodiscard]] Result<void> begin_line(char octet);
  [[nodiscard]] Result<void> end_line();

  const ServerLimits* limits_;
  std::size_t seen_ = 0;
  std::size_t line_octets_ = 0;
  std::size_t lines_ = 0;
  bool carriage_return_ = false;
  bool complete_ = false;
};

/// "METHOD SP target SP HTTP/1.x" (RFC 9112 §3), without its line end: `http_malformed`,
/// `http_version_unsupported`.
[[nodiscard]] Result<void> check_request_line(std::string_view line);

/// What a request's head says about the message and its connection.
struct HeadFacts {
  bool chunked = false;
  std::uint64_t content_length = 0;
  bool expects_continue = false;
};

/// Host (RFC 9112 §3.2), the target's form, framing (§6.3: never both lengths), Content-Type once,
/// Expect. An absolute
/// target becomes its path and query, and its authority replaces Host; `path` and `query` are
/// filled. `minor`: 0 or 1, of HTTP/1.
[[nodiscard]] Result<HeadFacts> check_head(Request& request, unsigned minor);

}  // namespace mintmark::http
