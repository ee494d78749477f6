// mintctl beside a token of a test's own.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "hsm/key_store.h"
#include "support/child_process.h"
#include "support/softhsm.h"
#include "support/temporary_directory.h"

namespace mintmark::test {

struct Outcome {
  int status = 0;
  std::string output;  ///< Standard output and error.

  [[nodiscard]] bool says(const std::string& text) const {
    return output.find(text) != std::string::npos;
  }
  /// Of a call with --json.
  [[nodiscard]] Json json() const;
  [[nodiscard]] std::string code() const { return json()["error"]["code"]; }
};

/// `mintctl hsm …`; never asks: there is no terminal.
Outcome mintctl(const std::vector<std::string>& arguments, const Environment& environment = {});
/// The same with --json.
Outcome mintctl_json(std::vector<std::string> arguments, const Environment& environment = {});

/// A store opened in this process, for one call of its KeyAdmin.
hsm::KeyInfo generate(const config::HsmStore& store, hsm::Purpose purpose);

class HsmTools : public testing::Test {
 protected:
  /// Options of the token and of its PIN, added to the arguments.
  [[nodiscard]] std::vector<std::string> on_token(std::vector<std::string> arguments) const;
  [[nodiscard]] Outcome on(std::vector<std::string> arguments) const {
    return mintctl_json(on_token(std::move(arguments)));
  }
  /// pkcs11-tool logged in with the token's user PIN.
  std::string pkcs11_tool(std::vector<std::string> arguments,
                          const std::string& pin = SoftHsm::pin()) const;
  /// A key pair of somebody else's making; `type` as pkcs11-tool's --key-type.
  void make_key(const std::string& type, const std::string& id, const std::string& label) const;
  /// As make_key, then a certificate for it by a CA of the test's own; PEM's path.
  [[nodiscard]] std::string certificate_for(const std::string& id,
                                            const std::string& name = "/CN=issuer.example");
  [[nodiscard]] std::string path(const std::string& name) const {
    return (softhsm_.directory() / name).string();
  }

  SoftHsm softhsm_;
};

}  // namespace mintmark::test
