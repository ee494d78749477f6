#include "target.h"

#include <algorithm>

#include "base/text.h"

namespace mintmark::fuzz {
namespace {

std::vector<Target>& registry() {
  static std::vector<Target> all;
  return all;
}

bool is_plain(std::string_view text) {
  return is_utf8(text) && std::none_of(text.begin(), text.end(), [](char octet) {
           const auto value = static_cast<unsigned char>(octet);
           return value < 0x20 || value == 0x7F;
         });
}

}  // namespace

const std::vector<Target>& targets() { return registry(); }

const Target* target_named(const std::string& name) {
  const auto found = std::find_if(targets().begin(), targets().end(),
                                  [&](const Target& target) { return target.name == name; });
  return found == targets().end() ? nullptr : &*found;
}

Registered::Registered(std::initializer_list<Target> some) {
  for (const Target& target : some) {
    const auto place = std::find_if(registry().begin(), registry().end(),
                                    [&](const Target& other) { return other.name > target.name; });
    registry().insert(place, target);
  }
}

void require_told(const Error& error, const char* file, int line) {
  require(!facts_of(error.code).name.empty() && error.code != Code::internal, file, line);
  require(!error.detail.empty() && error.detail.size() <= 4096, file, line);
  if (!is_plain(error.detail)) std::fprintf(stderr, "%s\n", to_hex(as_bytes(error.detail)).c_str());
  require(is_plain(error.detail), file, line);
}

}  // namespace mintmark::fuzz
