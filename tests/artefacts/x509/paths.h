// The topic's paths as questions to attest/x509: each at its time, with its anchors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/x509/chain.h"
#include "base/json.h"

namespace mintmark::test::x509 {

namespace product = attest::x509;

/// One case of a file of paths.
struct Path {
  std::string id;  ///< With its entry's.
  Json entry;

  [[nodiscard]] std::string text(const char* member) const { return entry.value(member, ""); }
  [[nodiscard]] std::string expected() const { return text("expected"); }
  /// What strict OpenSSL refused it for; "" where it did not.
  [[nodiscard]] std::string named_by_strict() const;
  /// One in the standard's words, not the suite's opinion alone.
  [[nodiscard]] bool confirmed() const;
};

/// All cases of the topic's files that have member `marks`, by entry and file order. What cannot be
/// read fails the test, and is not among them.
[[nodiscard]] std::vector<Path> cases_with(const char* marks);

/// The certificates that a case has under `member`, DER.
[[nodiscard]] std::vector<Bytes> der_of(const Json& entry, const char* member);

enum class Order : std::uint8_t { given, reversed };

/// How a device with that chain is answered.
struct Answer {
  bool accepted = false;
  std::string why;                   ///< Of a refusal.
  std::vector<product::Link> links;  ///< Of what was accepted.
};
/// What is more than a device may offer beside its own is known to the operator instead.
[[nodiscard]] Answer answer_to(const Path& path, product::Strength strength,
                               Order order = Order::given);

/// Whether all below the last of `links` is signed with 112 bits by keys of 112 bits.
[[nodiscard]] bool is_strong(const Path& path, const std::vector<product::Link>& links);

/// Oddities of the certificates that `links` are.
[[nodiscard]] std::vector<std::string> oddities_in(const Path& path,
                                                   const std::vector<product::Link>& links);
/// Whether what strict OpenSSL names is to be found in the last of `links`, by OpenSSL, and in none
/// of the others.
[[nodiscard]] bool is_of_the_anchor_alone(const Path& path,
                                          const std::vector<product::Link>& links);
/// One of its certificates ends at the very second at which it is judged.
[[nodiscard]] bool ends_at_that_second(const Path& path);

}  // namespace mintmark::test::x509
