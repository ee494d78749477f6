// Members of a stranger's JSON request, with one error for the first that is wrong.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/json.h"
#include "http/message.h"

namespace mintmark::api {

/// The body of an application/json request, an object; bounded. `content_type_wrong`,
/// `json_malformed` and parse_json's other errors.
[[nodiscard]] Result<Json> read_object(const http::Request& request);

/// The object must outlive it. After the first error every getter gives nothing.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  [[nodiscard]] Bytes octets(const char* name);  ///< base64url
  [[nodiscard]] std::string text(const char* name);
  [[nodiscard]] const Json& object(const char* name);

  /// "the member NAME must be WHAT".
  void refuse(const std::string& name, const std::string& what);
  /// The error of an object below, if there is none here.
  void adopt(const Members& part);
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  const Json& object_;
  std::optional<Error> error_;
};

}  // namespace mintmark::api
