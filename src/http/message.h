// Requests and answers as plain values; this folder knows no domain word.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace mintmark::http {

/// Header fields in their order; names compare without case (RFC 9110 §5.1).
class Headers {
 public:
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  void set(std::string_view name, std::string value);
  /// The first field of that name.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  /// How often the name stands: who must have a header once (DPoP) asks here.
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// Who is at the other end of a unix socket, as the kernel says (unix(7), SO_PEERCRED and
/// SO_PEERGROUPS): as of the moment of connecting.
struct LocalPeer {
  uid_t user = 0;
  std::vector<gid_t> groups;  ///< The primary one first.
};

struct Request {
  std::string method;
  std::string target;  ///< As it came: path and query.
  std::string path;    ///< The target before '?'; not decoded.
  std::string query;   ///< After '?', or "".
  Headers headers;
  std::string body;
  std::string peer;  ///< "127.0.0.1:4711" or "unix:uid=0"; for logs.
  std::string id;    ///< Random, in every answer as `X-Request-Id` and in every log line.
  std::shared_ptr<const LocalPeer> local_peer;  ///< Null on TCP, or where the kernel does not say.
  /// DER of the certificate whose key the client showed in this connection's TLS handshake. Nobody
  /// has looked at what it says. Null where none was asked for or none came.
  std::shared_ptr<const Bytes> client_certificate = nullptr;
};

/// Where the body of an answer goes that is sent while it comes about (Response::stream).
/// Thread-safe; may outlive the connection.
class BodyWriter {
 public:
  enum class Written {
    taken,
    full,  ///< The client reads too slowly: more than the server's limit waits for it. Not taken.
    gone   ///< The connection is closed, or closing. Not taken.
  };
  virtual ~BodyWriter() = default;
  /// Never blocks. A part may be shared by many answers; an empty one does nothing.
  virtual Written write(std::shared_ptr<const std::string> part) = 0;
  /// Nothing more comes: what waits is sent, then the connection closes.
  virtual void end() = 0;
};

struct Response {
  unsigned status = 200;
  Headers headers;
  std::string body;
  /// Why it refuses, whole: for logs and metrics. Never sent.
  std::optional<Error> cause = std::nullopt;
  /// Instead of `body`: called once, when the head is on its way (RFC 9112 §7.1, chunked; the
  /// connection's last answer). Empty: `body` is all there is. Not called where the connection has
  /// gone before. No time-out but the one of writing applies to what follows.
  std::function<void(std::shared_ptr<BodyWriter>)> stream = {};
};

/// One request and its answer, as logs and metrics want them. The views live as long as the call.
struct Answered {
  std::string_view id;
  std::string_view peer;
  std::string_view method;  ///< A stranger's text, and "" where the request never became whole.
  std::string_view path;    ///< Likewise; without the query.
  unsigned status = 0;
  const Error* cause = nullptr;  ///< Response::cause.
  /// From the whole request to the answer; 0 where it never became whole.
  std::chrono::microseconds took{};
};
/// Told of each answer before it is sent. From any thread; must not throw.
using Observe = std::function<void(const Answered&)>;

/// Sends the answer; once, from any thread, also after the connection is gone. Handles nothing else
/// before it returns, unless it is called by the handler itself.
using Respond = std::function<void(Response)>;
using Handler = std::function<void(Request, Respond)>;

/// A JSON answer with its Content-Type.
[[nodiscard]] Response json_response(unsigned status, std::string body);

/// {"error", "error_description", "code"} with the code's status, not to be kept by caches. "error"
/// is the code's OAuth error, or its name where it has none; the description is the error's detail:
/// not for what only the operator may know.
[[nodiscard]] Response error_response(const Error& error);

/// application/x-www-form-urlencoded (WHATWG URL §5.1), strict: bad percent encoding, characters
/// that must be encoded, what is no UTF-8 (RFC 6749 Appendix B) and more than 256 fields give
/// nullopt. Order and repeats kept.
using FormFields = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::optional<FormFields> parse_form(std::string_view body);
[[nodiscard]] std::string encode_form(const FormFields& fields);

}  // namespace mintmark::http
