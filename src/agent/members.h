// Members of the files in a state directory.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/json.h"
#include "base/time.h"

namespace mintmark::agent {

/// Reads members and remembers the first that is wrong, as `agent_state_invalid`. The object must
/// outlive it.
class StateMembers {
 public:
  /// `where`: the file, and the path inside it.
  StateMembers(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  [[nodiscard]] std::string text(const char* name);
  [[nodiscard]] std::string non_empty(const char* name);
  [[nodiscard]] Bytes octets(const char* name);
  [[nodiscard]] Moment moment(const char* name);
  /// The object of that name; an empty one where it is none.
  [[nodiscard]] const Json& object(const char* name);
  [[nodiscard]] bool has(const char* name) const { return object_.contains(name); }
  void refuse(const char* name, const char* right);
  /// The first error of a reader of an object inside this one.
  void adopt(const StateMembers& inner);

  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  const Json& object_;
  std::string where_;
  std::optional<Error> error_;
};

}  // namespace mintmark::agent
