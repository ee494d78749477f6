// A gate with one rule, the keys and tokens of a test's issuer, and what it decides.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gate/answers.h"
#include "gate/gate.h"
#include "unit/verify/token_fixture.h"

namespace mintmark::gate {

using Fields = std::vector<std::pair<std::string, std::string>>;

inline std::string field(const http::Response& response, const char* name) {
  const std::string* value = response.headers.find(name);
  return value == nullptr ? "(none)" : *value;
}
inline std::string code(const http::Response& response) {
  return response.cause ? std::string(facts_of(response.cause->code).name) : "";
}

inline Demand usual() {
  Demand demand;
  demand.audience = test::service;
  return demand;
}

class Decided : public testing::Test, protected test::TokenFixture {
 protected:
  Decided() { policy_->verifier = std::make_shared<const Verifier>(verifier()); }

  void with_nonces(ProofNonces nonces) {
    VerifierOptions own = options();
    own.proof_nonces = policy_->nonces = nonces;
    policy_->verifier = std::make_shared<const Verifier>(verifier(std::move(own)));
  }
  /// The one rule.
  void rule(const Demand& demand, const std::string& path = "/*") {
    auto rules = std::make_shared<Rules>();
    ASSERT_TRUE(rules->add(path, {"GET"}, demand));
    policy_->services = Services();
    ASSERT_TRUE(policy_->services.add(test::service, rules));
  }
  [[nodiscard]] http::Response decide(const Fields& more, const std::string& uri = "/things",
                                      const std::string& method = "GET") const {
    http::Request check;
    check.peer = peer_;
    for (const auto& [name, value] : Fields{{"X-Original-Method", method},
                                            {"X-Original-Scheme", "https"},
                                            {"X-Original-Host", host_},
                                            {"X-Original-URI", uri}})
      check.headers.add(name, value);
    for (const auto& [name, value] : more) check.headers.add(name, value);
    const Gate gate(keys_, policy_);
    return gate.decide(check, door_);
  }
  [[nodiscard]] Fields shown(const std::string& token, const std::string& scheme = "DPoP") const {
    return {{"Authorization", scheme + " " + token}, {"DPoP", proof(token)}};
  }
  [[nodiscard]] http::Response decide_for(const std::string& token) const {
    return decide(shown(token));
  }

  std::shared_ptr<const KeptKeys> keys_ = [this] {
    auto keys = std::make_shared<KeptKeys>(source(), KeptKeysLimits{});
    while (!keys->usable()) std::this_thread::yield();
    return keys;
  }();
  std::shared_ptr<Policy> policy_ = std::make_shared<Policy>();
  Door door_{.dialect = Dialect::nginx,
             .path_prefix = "",
             .peers = {.networks = {*Network::parse("127.0.0.1")}, .users = {}},
             .certificate = CertificateFrom::none};
  std::string peer_ = "127.0.0.1:4711";
  std::string host_ = "service.example";
};

}  // namespace mintmark::gate
