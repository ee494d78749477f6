// A stack whose mintd serves figures and knows groups; files of it are changed and put back.
#pragma once

#include <map>
#include <string>

#include "http/client.h"
#include "stack.h"

namespace mintmark::test {

class Operating : public ::testing::Test {
 protected:
  /// Adds figures, groups and limits to the stack's configuration, once.
  static void SetUpTestSuite();

  /// A group that every Debian has and nobody of the stack's is in.
  static constexpr const char* read_group = "games";
  static constexpr const char* operate_group = "mail";

  [[nodiscard]] std::string metrics_url() const;
  /// The figures' text.
  [[nodiscard]] std::string figures() const;
  /// The value of one line's figure, e.g. `mintmark_signer_up{store="main"}`; -1 where absent.
  [[nodiscard]] double figure(const std::string& name) const;

  [[nodiscard]] std::string file(const std::string& name) const {
    return stack.directory() + "/" + name;
  }
  [[nodiscard]] std::string content(const std::string& name) const;
  /// Keeps owner and mode.
  void write(const std::string& name, const std::string& text) const;
  /// Replaces the first `from`; fails the test if it is not there.
  void replace(const std::string& name, const std::string& from, const std::string& to) const;

  /// mintctl with these words, as the operator runs it.
  [[nodiscard]] Outcome mintctl(std::vector<std::string> words) const;
  /// A token for this scope from the issuer, none that the agent has kept.
  [[nodiscard]] Outcome fresh_token(const std::string& scope) const;
  [[nodiscard]] std::string log() const { return content("mintd.log"); }
  /// GET of a path with a client that keeps its connection.
  [[nodiscard]] Result<http::Response> get(http::Client& client, const std::string& path) const;
  [[nodiscard]] http::Client client(const std::string& ca_file = "") const;

  Stack& stack = Stack::instance();
};

/// Puts files of the stack back, and mintd with them, however the test ends.
class PutBack {
 public:
  PutBack(const Stack& stack, std::vector<std::string> names);
  ~PutBack();
  PutBack(const PutBack&) = delete;
  PutBack& operator=(const PutBack&) = delete;

 private:
  const Stack& stack_;
  std::map<std::string, std::string> contents_;
};

}  // namespace mintmark::test
