#include "http/event_reader.h"

#include <utility>

namespace mintmark::http {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

tl::unexpected<Error> too_long(std::size_t longest) {
  return fail(Code::http_answer_too_large,
              "an event of the stream is longer than " + std::to_string(longest) + " octets");
}

}  // namespace

Result<void> EventReader::take_line() {
  std::string_view line = line_;
  if (at_start_ && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  at_start_ = false;
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") event_.type = value;
  if (field == "data") {
    if (event_.data.size() + value.size() >= longest_) return too_long(longest_);
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  }
  line_.clear();
  return {};
}

Result<bool> EventReader::take(std::string_view part,
                               const std::function<bool(const ServerEvent&)>& taken) {
  while (!part.empty()) {
    if (after_return_ && part.front() == '\n') part.remove_prefix(1);
    after_return_ = false;
    const std::size_t end = part.find_first_of("\r\n");
    line_ += part.substr(0, end);
    if (line_.size() > longest_) return too_long(longest_);
    if (end == std::string_view::npos) return true;
    after_return_ = part[end] == '\r';
    part.remove_prefix(end + 1);
    if (!line_.empty()) {
      if (auto line = take_line(); !line) return pass_on(line);
      continue;
    }
    // An empty line ends the event; one without data is none.
    const ServerEvent event = std::move(event_);
    event_ = {};
    at_start_ = false;
    if (std::exchange(has_data_, false) && !taken(event)) return false;
  }
  return true;
}

}  // namespace mintmark::http
