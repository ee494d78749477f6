// What a key of each algorithm signs, and how it is published, judged by programs we did not write:
// the npm package jose, and the jose command where it knows the algorithm. The keys are in memory;
// that hardware signs the same is for tests/contract.
#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "jose/jws.h"
#include "keyring/keyring.h"
#include "support/child_process.h"
#include "support/fake_key_store.h"
#include "support/scratch.h"

namespace mintmark::test {
namespace {

using jose::Algorithm;

class AlgorithmJudges : public ::testing::TestWithParam<Algorithm> {
 protected:
  AlgorithmJudges() {
    // All of them published at once.
    std::vector<keyring::PublishedKey> keys;
    for (const Algorithm algorithm : jose::all_algorithms) {
      const auto key = store_.make_key(hsm::Purpose::access_token, hsm::random_key_id(), algorithm);
      keys.push_back({key.id, "main", key.purpose, true, key.public_key});
    }
    snapshot_ = keyring::Snapshot::make(1, std::move(keys)).value();
    std::ofstream(jwks_) << snapshot_->jwks();
  }

  [[nodiscard]] static std::string name() { return std::string(name_of(GetParam())); }

  std::string token_by(const keyring::PublishedKey& key, const std::string& alg) {
    const std::int64_t now = to_unix(SystemClock{}.now());
    const std::string input = jose::signing_input(
        {{"typ", "at+jwt"}, {"alg", alg}, {"kid", key.kid()}}, {{"iss", "https://issuer.example"},
                                                                {"aud", "https://api.example"},
                                                                {"sub", "device-1"},
                                                                {"client_id", "device-1"},
                                                                {"iat", now},
                                                                {"exp", now + 300},
                                                                {"jti", "1"},
                                                                {"scope", "read"},
                                                                {"cnf", {{"jkt", key.kid()}}}});
    std::promise<Result<Bytes>> signature;
    store_.sign(key.id, input, Deadline::in(std::chrono::seconds(10)),
                [&](Result<Bytes> made) { signature.set_value(std::move(made)); });
    return jose::compact(input, signature.get_future().get().value());
  }
  std::string token() {
    return token_by(*snapshot_->current(hsm::Purpose::access_token, GetParam()), name());
  }

  /// What the judge wrote, and "exit N" at its end.
  std::string by_node(const std::string& token, const std::string& alg) {
    return run({"bash", "-c",
                "printf %s \"$1\" | \"$2/run\" verify.mjs token \"$3\" https://issuer.example "
                "https://api.example \"$4\" 2>&1; echo \"exit $?\"",
                "bash", token, MINTMARK_JUDGES, jwks_, alg});
  }
  std::string by_command(const std::string& token) {
    return run({"bash", "-c",
                "printf %s \"$1\" | jose jws ver -i- -k \"$2\" -O- 2>&1; echo \"exit $?\"", "bash",
                token, jwks_});
  }

  FakeKeyStore store_;
  Scratch scratch_;
  std::string jwks_ = scratch_ / "jwks.json";
  std::shared_ptr<const keyring::Snapshot> snapshot_;
};

bool is_taken(const std::string& answer) {
  return answer.ends_with("exit 0\n") && answer.find("\"device-1\"") != std::string::npos;
}

bool is_refused(const std::string& answer) { return answer.ends_with("exit 1\n"); }

std::string altered(std::string jwt) {
  char& first = jwt[jwt.rfind('.') + 1];
  first = first == 'A' ? 'B' : 'A';
  return jwt;
}

INSTANTIATE_TEST_SUITE_P(Of, AlgorithmJudges, testing::ValuesIn(jose::all_algorithms),
                         [](const auto& one) { return std::string(name_of(one.param)); });

TEST_P(AlgorithmJudges, NodesJoseTakesTheToken) {
  const std::string good = token();
  EXPECT_TRUE(is_taken(by_node(good, name()))) << by_node(good, name());
  EXPECT_TRUE(is_refused(by_node(altered(good), name())));
}

TEST_P(AlgorithmJudges, NodesJoseTakesItForNoOtherAlgorithm) {
  const std::string good = token();
  for (const Algorithm other : jose::all_algorithms) {
    if (other == GetParam()) continue;
    EXPECT_TRUE(is_refused(by_node(good, std::string(name_of(other))))) << name_of(other);
  }
}

TEST_P(AlgorithmJudges, TheJoseCommandTakesTheTokenIfItKnowsTheAlgorithm) {
  const std::string good = token();
  const bool known = GetParam() != Algorithm::ed25519;  // As of jose 11 and 14.
  EXPECT_EQ(is_taken(by_command(good)), known) << by_command(good);
  EXPECT_TRUE(is_refused(by_command(altered(good))));
}

}  // namespace
}  // namespace mintmark::test
