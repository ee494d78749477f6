#include "agent/members.h"

#include "jose/base64url.h"

namespace mintmark::agent {

std::string StateMembers::text(const char* name) {
  const auto found = object_.find(name);
  if (found == object_.end() || !found->is_string()) {
    refuse(name, "a text");
    return {};
  }
  return found->get<std::string>();
}

std::string StateMembers::non_empty(const char* name) {
  std::string value = text(name);
  if (value.empty()) refuse(name, "a text that is not empty");
  return value;
}

Bytes StateMembers::octets(const char* name) {
  auto decoded = jose::from_base64url(non_empty(name));
  if (!decoded) {
    refuse(name, "base64url");
    return {};
  }
  return std::move(*decoded);
}

Moment StateMembers::moment(const char* name) {
  const auto found = object_.find(name);
  if (found == object_.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0) {
    refuse(name, "seconds since 1970");
    return {};
  }
  return from_unix(found->get<std::int64_t>());
}

const Json& StateMembers::object(const char* name) {
  static const Json none = Json::object();
  const auto found = object_.find(name);
  if (found == object_.end() || !found->is_object()) {
    refuse(name, "an object");
    return none;
  }
  return *found;
}

void StateMembers::refuse(const char* name, const char* right) {
  if (error_) return;
  error_ = Error{Code::agent_state_invalid, where_ + ": \"" + name + "\" must be " + right, 0};
}

void StateMembers::adopt(const StateMembers& inner) {
  if (!error_) error_ = inner.error_;
}

}  // namespace mintmark::agent
