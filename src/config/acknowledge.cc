#include "config/acknowledge.h"

#include <algorithm>
#include <set>

namespace mintmark::config {
namespace {

constexpr std::int64_t day = 86400;
constexpr std::size_t most_verifiers = 1024;
constexpr std::size_t longest_id = 64;
// Our verifier uses keys for 3600 s and another 300 while it cannot fetch them. One that was silent
// for less may still verify with those of before.
constexpr std::int64_t longest_use = 3900;

bool is_instance_id(const std::string& id) {
  return id.size() <= longest_id && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

void check_verifiers(ObjectReader& reader, const std::vector<std::string>& verifiers) {
  if (verifiers.size() > most_verifiers)
    reader.refuse("verifiers", "must name at most " + std::to_string(most_verifiers));
  std::set<std::string> seen;
  for (std::size_t i = 0; i < verifiers.size(); ++i) {
    if (!is_instance_id(verifiers[i]))
      reader.refuse_element("verifiers", i, "must be 1 to 64 letters, digits, . _ and -");
    if (!seen.insert(verifiers[i]).second)
      reader.refuse_element("verifiers", i, "stands twice; each verifier has an id of its own");
  }
}

}  // namespace

Acknowledge read_acknowledge(ObjectReader& keys) {
  Acknowledge read;
  keys.object("acknowledge", false, [&](ObjectReader& reader) {
    read.verifiers = reader.texts("verifiers", std::vector<std::string>{});
    read.deadline = std::chrono::seconds(reader.integer("deadline_seconds", 0, 7 * day, 3600));
    read.forget =
        std::chrono::seconds(reader.integer("forget_seconds", longest_use, 366 * day, day));
    if (!reader.failed()) check_verifiers(reader, read.verifiers);
  });
  return read;
}

}  // namespace mintmark::config
