// Octets in, requests out: no socket, no clock. The way in for everything a stranger sends.
#pragma once

#include <memory>
#include <span>

#include "base/error.h"
#include "http/limits.h"
#include "http/message.h"

namespace mintmark::http {

/// Reads the requests of one connection one after another; a buffer is kept from one to the next.
/// After a refusal the connection is of no more use: where the next request begins is not known.
class RequestReader {
 public:
  enum class Stage {
    idle,      ///< Nothing of a request came.
    head,      ///< Wants more of the head.
    body,      ///< The head is there; wants more of the body.
    complete,  ///< A request is ready to be taken.
  };

  /// `limits` must outlive the reader.
  explicit RequestReader(const ServerLimits& limits);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  /// Where the next octets go; never empty. Then how many came.
  [[nodiscard]] std::span<char> space();
  void came(std::size_t count);
  /// Takes in what came. An error is the refusal of the request.
  [[nodiscard]] Result<Stage> advance();

  /// The complete request, without peer and id. Once; then `next` before anything else.
  [[nodiscard]] Request take_request();
  void next();

  /// The client waits for "100 Continue" and has not begun to send the body (RFC 9110 §10.1.1).
  /// True once a request.
  [[nodiscard]] bool take_wait_for_continue();
  [[nodiscard]] bool keeps_alive() const;
  [[nodiscard]] bool is_http_1_0() const;
  /// The answer goes without a body. Stays true after take_request.
  [[nodiscard]] bool is_head() const;
  [[nodiscard]] bool has_octets() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mintmark::http
