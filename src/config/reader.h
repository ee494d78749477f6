// Reads members of a document a person wrote, with errors that say where, which key, and what would be right.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace mintmark::config {

/// One object of a document. Collects the first error; after it every getter gives its default. `finish()` refuses members that nobody asked
/// for, so that a misspelt key is no silent default, and gives the error.
class ObjectReader {
 public:
  /// `code`: config_invalid or policy_invalid.
  ObjectReader(const JsonDocument& document, Code code);

  std::string text(const char* key, std::optional<std::string> fallback = std::nullopt);
  std::int64_t integer(const char* key, std::int64_t least, std::int64_t most,
                       std::optional<std::int64_t> fallback = std::nullopt);
  bool boolean(const char* key, std::optional<bool> fallback = std::nullopt);
  std::vector<std::string> texts(const char* key, std::optional<std::vector<std::string>> fallback = std::nullopt);
  /// Calls `read` with the object under the key; nothing if it is absent and not required.
  void object(const char* key, bool required, const std::function<void(ObjectReader&)>& read);
  /// Calls `read` for each object of the array under the key.
  void objects(const char* key, bool required, const std::function<void(ObjectReader&)>& read);
  /// Calls `read` for each member of the object under the key, whose names are free.
  void members(const char* key, bool required, const std::function<void(const std::string& name, ObjectReader&)>& read);
  /// A map of free names to texts.
  void text_members(const char* key, const std::function<void(const std::string& name, const std::string& value)>& read);
  [[nodiscard]] bool has(const char* key) const;

  /// For checks of one's own: "FILE:LINE: key \"a.b\": <what would be right>".
  void refuse(const char* key, const std::string& what_would_be_right);

  /// The first error of this object and all below it.
  [[nodiscard]] Result<void> finish();

 private:
  struct Shared;
  ObjectReader(std::shared_ptr<Shared> shared, const Json* node, std::string pointer);
  const Json* take(const char* key, bool required);
  std::string path_of(const char* key) const;
  void refuse_unknown();

  std::shared_ptr<Shared> shared_;
  const Json* node_;
  std::string pointer_;
  std::set<std::string> asked_;
};

}  // namespace mintmark::config
