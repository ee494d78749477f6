// Members of a JSON object that came from elsewhere, with one error for the first that is wrong.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/time.h"

namespace mintmark::jose {

/// The object must outlive it. A getter whose member is wrong remembers that, if nothing was wrong
/// before, and gives nothing.
class Members {
 public:
  /// The error is `code`: WHERE"NAME" must be WHAT; so `where` ends in a blank, or is "".
  Members(const Json& object, Code code, std::string where)
      : object_(object), code_(code), where_(std::move(where)) {}

  [[nodiscard]] std::string text(const char* name);
  [[nodiscard]] std::string non_empty(const char* name);
  [[nodiscard]] std::string visible(const char* name);  ///< Visible ASCII, at most 64 KiB.
  [[nodiscard]] Bytes octets(const char* name);         ///< base64url without padding.
  /// An array of such texts, at most `most`.
  [[nodiscard]] std::vector<Bytes> octets_list(const char* name, std::size_t most);
  [[nodiscard]] Moment moment(const char* name);  ///< Unix seconds.
  /// More than zero, at most ten years.
  [[nodiscard]] std::chrono::seconds seconds(const char* name);
  /// The object of that name; an empty one where it is none.
  [[nodiscard]] const Json& object(const char* name);
  [[nodiscard]] bool has(const char* name) const { return object_.contains(name); }

  /// A reader of the object of that name, for its members.
  [[nodiscard]] Members below(const char* name);
  /// Takes over the error of a reader below, if there is none here.
  void adopt(const Members& inner);
  void refuse(const std::string& name, const std::string& right);

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] Result<void> result() const;

 private:
  const Json& object_;
  Code code_;
  std::string where_;
  std::optional<Error> error_;
};

}  // namespace mintmark::jose
