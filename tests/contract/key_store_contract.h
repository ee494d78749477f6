// What every key store must hold to, whatever stands behind it. key_store_contract.cc has the tests
// (TEST_P); a backend is one more source file that instantiates them:
//
//   INSTANTIATE_TEST_SUITE_P(SoftHsm, KeyStoreContract,
//   ::testing::Values(KeyStoreBackend{"softhsm", &make_softhsm}));
//
//   mintmark_test(test_contract_softhsm LABEL contract SOURCES key_store_contract.cc
//   softhsm_backend.cc USES …)
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hsm/key_store.h"
#include "support/answer.h"

namespace mintmark::test {

struct KeyStoreOptions {
  unsigned sessions = 2;
  unsigned queue = 1024;  ///< Calls that may wait before `overloaded`.
};

/// One key store with everything it needs (token, daemons, processes), all of it its own and gone
/// with it.
class KeyStoreUnderTest {
 public:
  virtual ~KeyStoreUnderTest() = default;
  [[nodiscard]] virtual hsm::Signer& signer() = 0;
  [[nodiscard]] virtual hsm::KeyAdmin& admin() = 0;
  /// Closes the store and opens it again on the same keys; references from before are dead.
  virtual void reopen() = 0;
  /// Something this key may sign; `serial` makes them differ. The default is well-formed for the
  /// key's purpose: typ, alg, kid, iss `contract_issuer`, iat now, exp in 300 s, cnf, so that a
  /// store with rules of purpose signs it too.
  [[nodiscard]] virtual std::string signing_input(const hsm::KeyInfo& key, unsigned serial);
};

inline constexpr const char* contract_issuer = "https://issuer.example";

inline const std::vector<jose::Algorithm> every_algorithm{jose::all_algorithms.begin(),
                                                          jose::all_algorithms.end()};

struct KeyStoreBackend {
  std::string name;
  /// Throws, with what is missing, if it cannot be made: that fails the test, it does not skip it.
  std::function<std::unique_ptr<KeyStoreUnderTest>(const KeyStoreOptions&)> make;
  std::vector<jose::Algorithm> algorithms;    ///< What it can sign with, ES256 among them.
  std::vector<jose::Algorithm> lacking = {};  ///< What it refuses with `hsm_mechanism_missing`.
};
void PrintTo(const KeyStoreBackend& backend, std::ostream* out);

class KeyStoreContract : public ::testing::TestWithParam<KeyStoreBackend> {
 protected:
  /// Opens the store; called by SetUp with the default options.
  void open(const KeyStoreOptions& options);
  void SetUp() override { open({}); }

  [[nodiscard]] KeyStoreUnderTest& store() { return *store_; }

  // The ports' calls, waited for.
  Result<hsm::KeyInfo> generate(hsm::Purpose purpose = hsm::Purpose::access_token,
                                const hsm::KeyId& id = hsm::random_key_id(),
                                jose::Algorithm algorithm = jose::Algorithm::es256);
  Result<Bytes> sign(const hsm::KeyId& key, const std::string& input);
  Result<std::vector<hsm::KeyInfo>> list();
  Result<void> destroy(const hsm::KeyId& key);
  Result<hsm::KeyEvidence> evidence(const hsm::KeyId& key);

 private:
  std::unique_ptr<KeyStoreUnderTest> store_;
};

}  // namespace mintmark::test
