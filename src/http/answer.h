// An answer as octets of HTTP/1.1.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace mintmark::http {

struct AnswerFrame {
  std::string_view id;  ///< Goes out as X-Request-Id.
  bool keeps_alive = true;
  bool to_http_1_0 = false;
  bool to_head = false;  ///< The body is left out, its length is told (RFC 9110 §9.3.2).
  std::string_view refusal_header = {};  ///< As ServerLimits has it.
};

/// Whether its body is Response::stream's to write: where its status has one.
[[nodiscard]] bool goes_on(const Response& response);

/// Appends head and body; of an answer that goes on the head alone. The framing's own fields
/// (Content-Length, Transfer-Encoding, Connection, Date, X-Request-Id) are not taken from the
/// response, but for the Content-Length of an answer to HEAD without a body. `http_answer_invalid`:
/// a status outside 200–599, or a field that would break the framing; then nothing was appended.
[[nodiscard]] Result<void> append_answer(std::string& out, const Response& response,
                                         const AnswerFrame& frame);

}  // namespace mintmark::http
