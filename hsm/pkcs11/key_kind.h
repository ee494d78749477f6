// What our keys are called on a token: the label says what a key is for, and of an RSA key which of
// the two algorithms it signs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hsm/key_store.h"

namespace mintmark::hsm::pkcs11 {

/// "mintmark access_token"; "mintmark access_token RS256". An elliptic curve has one algorithm of
/// ours; an RSA key could sign two, and signs the one that its label has named since its birth.
struct KeyKind {
  Purpose purpose = Purpose::access_token;
  std::optional<jose::Algorithm> rsa_algorithm{};

  [[nodiscard]] bool operator==(const KeyKind&) const = default;
};

[[nodiscard]] KeyKind kind_of(Purpose purpose, jose::Algorithm algorithm);
[[nodiscard]] std::string label_of(const KeyKind& kind);
/// nullopt: no label of ours.
[[nodiscard]] std::optional<KeyKind> kind_of_label(std::string_view label);
[[nodiscard]] const std::vector<KeyKind>& all_kinds();

}  // namespace mintmark::hsm::pkcs11
