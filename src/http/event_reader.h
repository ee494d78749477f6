// Server-Sent Events, read as they come (WHATWG HTML §9.2.5, §9.2.6).
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace mintmark::http {

/// One event of a text/event-stream.
struct ServerEvent {
  std::string type = {};  ///< "" where the stream says none: "message".
  std::string data = {};  ///< Its lines, with a line feed between.
};

/// Not thread-safe. `id` and `retry` are passed over: whoever follows a stream of ours knows better
/// where he is. Octets that are no UTF-8 are left as they are.
class EventReader {
 public:
  /// `longest`: octets of one line, and of one event's data.
  explicit EventReader(std::size_t longest) : longest_(longest) {}

  /// Calls `taken` for each event that is complete with this part of the stream; false: it wants no
  /// more of them, and nothing more may be read. `http_answer_too_large`.
  [[nodiscard]] Result<bool> take(std::string_view part,
                                  const std::function<bool(const ServerEvent&)>& taken);

 private:
  [[nodiscard]] Result<void> take_line();

  std::size_t longest_;
  bool at_start_ = true;
  bool after_return_ = false;  // A line feed now belongs to the line end before.
  bool has_data_ = false;
  std::string line_;
  ServerEvent event_;
};

}  // namespace mintmark::http
