// The facts that formats share (Facts::more): what policy may ask for by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mintmark::attest {

enum class FactKind : std::uint8_t { text, number, boolean, texts };

struct FactName {
  const char* name;
  FactKind kind;
  const char* what;  ///< For people; which formats tell it.
};

/// Names of all formats of attest/format.h: "android-key", …; sorted.
[[nodiscard]] const std::vector<std::string>& evidence_formats();

/// Sorted by name. A format puts nothing else into Facts::more (tests hold it).
[[nodiscard]] const std::vector<FactName>& fact_names();
/// nullptr: nobody tells such a fact.
[[nodiscard]] const FactName* fact_named(std::string_view name);

}  // namespace mintmark::attest
