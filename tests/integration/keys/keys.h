// A stack whose mintd has two key stores and lets successors sign at once (max_age_seconds 0).
#pragma once

#include <string>
#include <vector>

#include "asking.h"
#include "operating.h"

namespace mintmark::test {

class Keys : public Operating {
 protected:
  static void SetUpTestSuite();
  void SetUp() override;

  /// What mintctl keys list shows, in those states.
  [[nodiscard]] std::vector<Json> keys(const std::vector<std::string>& states) const;
  /// The kid of the key that signs tokens in that store.
  [[nodiscard]] std::string active(const std::string& store) const;
  [[nodiscard]] Json key(const std::string& kid) const;
  /// The kids that verifiers are given.
  [[nodiscard]] std::vector<std::string> published() const;

  /// Asks for a token as a client with a key in software; the answer, head included.
  [[nodiscard]] std::string ask() const;
  /// A token, or "" and a failure.
  [[nodiscard]] std::string token() const;
  [[nodiscard]] static std::string kid_of(const std::string& token);
  /// mint-gate's answer: 0 good, 1 not.
  [[nodiscard]] int verify(const std::string& token) const;
  [[nodiscard]] Json signer(const std::string& store) const;

 private:
  static inline SoftKey key_{};
  static inline std::string client_id_;
};

}  // namespace mintmark::test
