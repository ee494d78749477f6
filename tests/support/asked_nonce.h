// In its first seconds an issuer asks for a nonce (docs/adr/0008), as clients know: so must tests
// that ask by hand.
#pragma once

#include <optional>
#include <string>

namespace mintmark::test {

/// Of an answer with its head, as curl --include has it; nothing where none is asked for.
inline std::optional<std::string> asked_nonce(const std::string& answer) {
  constexpr const char* field = "DPoP-Nonce: ";
  if (answer.find("use_dpop_nonce") == std::string::npos) return std::nullopt;
  const auto at = answer.find(field);
  if (at == std::string::npos) return std::nullopt;
  const auto begin = at + std::string(field).size();
  return answer.substr(begin, answer.find_first_of("\r\n", begin) - begin);
}

}  // namespace mintmark::test
