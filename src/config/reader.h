// Reads members of a document a person wrote, with errors that say where, which key, and what would
// be right.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace mintmark::config {

/// One object of a document. Collects the first error of the whole document; after it every getter
/// gives its default. `finish()` refuses members that nobody asked for, so that a misspelt key is
/// no silent default, and gives the error; objects below are finished by themselves when their
/// `read` returns. Ask for every key that may stand, also where its value is of no interest. Values
/// are never quoted in errors unless they are numbers: a file may hold a secret by mistake. The
/// document must outlive its readers. Not thread-safe.
class ObjectReader {
 public:
  /// `code`: config_invalid or policy_invalid.
  ObjectReader(const JsonDocument& document, Code code);

  /// A getter without `fallback` refuses an absent key. Empty text and control characters are
  /// refused.
  std::string text(const char* key, const std::optional<std::string>& fallback = std::nullopt);
  std::int64_t integer(const char* key, std::int64_t least, std::int64_t most,
                       const std::optional<std::int64_t>& fallback = std::nullopt);
  bool boolean(const char* key, const std::optional<bool>& fallback = std::nullopt);
  std::vector<std::string> texts(
      const char* key, const std::optional<std::vector<std::string>>& fallback = std::nullopt);
  /// One of the words; what is not is refused with all of them named.
  std::string choice(const char* key, std::initializer_list<const char*> words,
                     const std::optional<std::string>& fallback = std::nullopt);
  std::vector<std::int64_t> integers(
      const char* key, std::int64_t least, std::int64_t most,
      const std::optional<std::vector<std::int64_t>>& fallback = std::nullopt);
  /// Calls `read` with the object under the key; nothing if it is absent and not required.
  void object(const char* key, bool required, const std::function<void(ObjectReader&)>& read);
  /// Calls `read` for each object of the array under the key.
  void objects(const char* key, bool required, const std::function<void(ObjectReader&)>& read);
  /// Calls `read` for each member of the object under the key, whose names are free.
  void members(const char* key, bool required,
               const std::function<void(const std::string& name, ObjectReader&)>& read);
  /// A map of free names to texts.
  void text_members(
      const char* key,
      const std::function<void(const std::string& name, const std::string& value)>& read);
  /// The names of all members that stand here, for objects whose names are free.
  [[nodiscard]] std::vector<std::string> names() const;
  [[nodiscard]] bool has(const char* key) const;
  [[nodiscard]] bool is_text(const char* key) const;
  [[nodiscard]] bool is_object(const char* key) const;
  /// The number of members that stand here.
  [[nodiscard]] std::size_t size() const;
  /// An error was found, here or elsewhere in the document: what the getters give is no longer of
  /// the file.
  [[nodiscard]] bool failed() const;

  /// For checks of one's own: "FILE:LINE: key \"a.b\": <what is wrong and what would be right>".
  void refuse(const char* key, const std::string& what_would_be_right);
  /// As refuse, of element `index` of the array under the key.
  void refuse_element(const char* key, std::size_t index, const std::string& what_would_be_right);
  /// As refuse, of this object itself.
  void refuse_here(const std::string& what_would_be_right);

  /// The first error of this object and all below it.
  [[nodiscard]] Result<void> finish();

 private:
  struct Shared;
  struct Place {
    std::string pointer;  ///< RFC 6901, to find the line.
    std::string path;     ///< "hsm.stores.main", for people.
  };
  ObjectReader(std::shared_ptr<Shared> shared, const Json* node, Place place);
  const Json* take(const char* key, bool required);
  [[nodiscard]] Place below(const std::string& key) const;
  [[nodiscard]] static Place element(const Place& array, std::size_t index);
  void refuse_at(const Place& place, const std::string& what);
  bool is_fit_text(const Json& value, const Place& place);
  std::optional<std::int64_t> integer_of(const Json& value, const Place& place, std::int64_t least,
                                         std::int64_t most);
  std::vector<std::string> texts_of(const Json& value, const Place& place);
  void descend(const Json& value, const Place& place,
               const std::function<void(ObjectReader&)>& read);
  void refuse_unknown();

  std::shared_ptr<Shared> shared_;
  const Json* node_;
  Place place_;
  std::set<std::string> asked_;
};

}  // namespace mintmark::config
