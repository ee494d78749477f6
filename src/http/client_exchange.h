// One request and its answer over one connection.
#pragma once

#include <string>

#include "base/error.h"
#include "base/time.h"
#include "http/client_connection.h"
#include "http/client_stream.h"
#include "http/message.h"

namespace mintmark::http {

struct Exchange {
  Result<Response> answer = fail(Code::connect_failed, "nothing was tried");
  bool written = false;      ///< The whole request left; the server may have acted on it.
  bool any_octet = false;    ///< Something of an answer came.
  bool keeps_alive = false;  ///< The connection can take another request.
};

/// Sends `request`, octets of HTTP/1.1, and reads one answer (RFC 9112 §6.3); interim answers (1xx)
/// are passed over. `answers_head`: the request is HEAD, whose answer has no body.
/// `http_answer_malformed`, `http_answer_too_large`.
[[nodiscard]] Exchange exchange(ClientConnection& connection, const std::string& request,
                                bool answers_head, std::size_t body_limit, Deadline deadline);

/// The same, with a body that goes to the caller as it comes.
[[nodiscard]] Result<StreamEnd> stream_exchange(ClientConnection& connection,
                                                const std::string& request,
                                                const StreamedCall& call);

}  // namespace mintmark::http
