#include "hsm/pkcs11/key_kind.h"

#include <algorithm>

namespace mintmark::hsm::pkcs11 {
namespace {

using jose::Algorithm;

bool is_rsa(Algorithm algorithm) {
  return algorithm == Algorithm::rs256 || algorithm == Algorithm::ps256;
}

std::vector<KeyKind> make_all_kinds() {
  std::vector<KeyKind> kinds;
  for (std::uint8_t i = 0; name_of(static_cast<Purpose>(i)) != "unknown"; ++i) {
    const auto purpose = static_cast<Purpose>(i);
    kinds.push_back({purpose, std::nullopt});
    for (const Algorithm algorithm : jose::all_algorithms) {
      if (is_rsa(algorithm)) kinds.push_back({purpose, algorithm});
    }
  }
  return kinds;
}

}  // namespace

KeyKind kind_of(Purpose purpose, Algorithm algorithm) {
  return {purpose, is_rsa(algorithm) ? std::optional(algorithm) : std::nullopt};
}

std::string label_of(const KeyKind& kind) {
  std::string label = "mintmark " + std::string(name_of(kind.purpose));
  if (kind.rsa_algorithm) label += " " + std::string(jose::name_of(*kind.rsa_algorithm));
  return label;
}

std::optional<KeyKind> kind_of_label(std::string_view label) {
  const auto& kinds = all_kinds();
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [label](const KeyKind& kind) { return label_of(kind) == label; });
  if (found == kinds.end()) return std::nullopt;
  return *found;
}

const std::vector<KeyKind>& all_kinds() {
  static const std::vector<KeyKind> kinds = make_all_kinds();
  return kinds;
}

}  // namespace mintmark::hsm::pkcs11
