#include "jose/members.h"

#include <algorithm>

#include "jose/base64url.h"

namespace mintmark::jose {
namespace {

constexpr std::size_t longest_visible = 64U << 10U;
constexpr std::uint64_t ten_years = std::uint64_t{10} * 366 * 86400;

bool is_visible(const std::string& text) {
  return !text.empty() && text.size() <= longest_visible &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

std::string Members::text(const char* name) {
  const auto found = object_.find(name);
  if (found == object_.end() || !found->is_string()) {
    refuse(name, "a text");
    return {};
  }
  return found->get<std::string>();
}

std::string Members::non_empty(const char* name) {
  std::string value = text(name);
  if (value.empty()) refuse(name, "a text that is not empty");
  return value;
}

std::string Members::visible(const char* name) {
  std::string value = text(name);
  if (is_visible(value)) return value;
  refuse(name, "a text of visible characters");
  return {};
}

Bytes Members::octets(const char* name) {
  auto decoded = from_base64url(text(name));
  if (decoded) return std::move(*decoded);
  refuse(name, "base64url without padding");
  return {};
}

std::vector<Bytes> Members::octets_list(const char* name, std::size_t most) {
  std::vector<Bytes> all;
  const auto found = object_.find(name);
  const bool fits = found != object_.end() && found->is_array() && found->size() <= most;
  if (!fits) {
    refuse(name, "an array of at most " + std::to_string(most) + " base64url texts");
    return all;
  }
  for (const Json& entry : *found) {
    auto octets = entry.is_string() ? from_base64url(entry.get_ref<const std::string&>())
                                    : fail(Code::base64_malformed, "");
    if (!octets) {
      refuse(name, "an array of base64url texts");
      return {};
    }
    all.push_back(std::move(*octets));
  }
  return all;
}

Moment Members::moment(const char* name) {
  const auto found = object_.find(name);
  if (found == object_.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0) {
    refuse(name, "seconds since 1970");
    return {};
  }
  return from_unix(found->get<std::int64_t>());
}

std::chrono::seconds Members::seconds(const char* name) {
  const auto found = object_.find(name);
  const bool fits = found != object_.end() && found->is_number_unsigned() &&
                    found->get<std::uint64_t>() > 0 && found->get<std::uint64_t>() <= ten_years;
  if (fits) return std::chrono::seconds{found->get<std::int64_t>()};
  refuse(name, "a number of seconds");
  return {};
}

const Json& Members::object(const char* name) {
  static const Json none = Json::object();
  const auto found = object_.find(name);
  if (found == object_.end() || !found->is_object()) {
    refuse(name, "an object");
    return none;
  }
  return *found;
}

Members Members::below(const char* name) {
  return Members(object(name), code_, where_ + name + ": ");
}

void Members::adopt(const Members& inner) {
  if (!error_) error_ = inner.error_;
}

void Members::refuse(const std::string& name, const std::string& right) {
  if (!error_) error_ = Error{code_, where_ + "\"" + name + "\" must be " + right, 0};
}

Result<void> Members::result() const {
  if (error_) return tl::unexpected<Error>(*error_);
  return {};
}

}  // namespace mintmark::jose
