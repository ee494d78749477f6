// Answers of the issuer, read with suspicion.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "http/message.h"

namespace mintmark::agent {

/// The JSON object of a 200; anything else is an error with the issuer's own code, where we know
/// it.
[[nodiscard]] Result<Json> object_in(const http::Response& response);

/// Reads members of an answer and remembers the first that is wrong (`issuer_answer_invalid`).
class AnswerMembers {
 public:
  explicit AnswerMembers(const Json& object) : object_(object) {}

  [[nodiscard]] std::string text(const char* name);  ///< Not empty, visible ASCII.
  [[nodiscard]] Bytes octets(const char* name);      ///< base64url
  [[nodiscard]] std::chrono::seconds seconds(
      const char* name);  ///< More than zero, at most ten years.
  [[nodiscard]] std::vector<unsigned> indexes(const char* name);
  void refuse(const char* name, const std::string& right);
  [[nodiscard]] Result<void> result() const;

 private:
  const Json& object_;
  std::optional<Error> error_;
};

}  // namespace mintmark::agent
