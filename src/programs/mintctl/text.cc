#include "programs/mintctl/text.h"

#include <array>
#include <ctime>

namespace mintmark::programs {

std::string moment(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer()) return "-";
  const std::time_t time = found->get<std::time_t>();
  if (time == 0) return "-";
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 32> formatted{};
  std::strftime(formatted.data(), formatted.size(), "%Y-%m-%d %H:%M:%SZ", &parts);
  return formatted.data();
}

std::string text(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return "-";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

}  // namespace mintmark::programs
