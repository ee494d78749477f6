// Proofs of RFC 9449 and of go-dpop. ES256 is the only algorithm taken here, so a proof that others
// would take by another one is `proof_alg`; where the window of a case is not ours, the case's own
// is used.
#include <gtest/gtest.h>

#include "jose/jws.h"
#include "support/test_data.h"
#include "verify/proof.h"

namespace mintmark::verify {
namespace {

Json read_json(const std::string& name) {
  const Bytes text = test::data_file(name);
  return Json::parse(text.begin(), text.end());
}

// What our checks say of each case that is refused; by its name, since the reasons there are prose.
const std::map<std::string, Code> refusals = {
    {"dpop/go-dpop-es256-wrong-htm", Code::proof_htm},
    {"dpop/go-dpop-es256-expired", Code::proof_iat_old},
    {"dpop/go-dpop-es256-bad-signature", Code::proof_signature},
    {"dpop/go-dpop-es256-typ-missing", Code::proof_typ},
    {"dpop/go-dpop-jwk-missing", Code::proof_jwk},
    {"dpop/go-dpop-not-a-jwt", Code::proof_malformed}};

class ProofVectors : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

std::string alg_of(const std::string& proof) {
  const auto jws = jose::UnverifiedJws::parse(proof);
  return jws ? jws->alg() : "";
}

Result<ProvenRequest> judge(const Json& file) {
  const std::string proof = file["proof"];
  const std::string method = file["htm"];
  const std::string url = file["htu"];
  const std::string token = file.value("access_token", "");
  const std::chrono::seconds window{file.value("max_age_s", 60)};
  ProofExpectation expected{.method = method,
                            .url = url,
                            .now = from_unix(file.value("now", 1'700'000'000)),
                            .past = window,
                            .future = window};
  if (!token.empty()) expected.access_token = token;
  return check_proof(proof, expected);
}

void expect_taken(const std::string& id, const Json& file, const Result<ProvenRequest>& proven) {
  ASSERT_TRUE(proven) << id << ": " << proven.error().to_string();
  EXPECT_EQ(proven->jkt(), file["expected_jkt"].get<std::string>()) << id;
}

void expect_refused(const std::string& id, Code code, const Result<ProvenRequest>& proven) {
  ASSERT_FALSE(proven) << id;
  EXPECT_EQ(proven.error().code, code) << id << ": " << proven.error().to_string();
}

TEST_F(ProofVectors, AreJudgedAsTheirAlgorithmAndAnswerSay) {
  int taken = 0;
  int refused = 0;
  for (const Json& item : test::cases_of("dpop")) {
    const std::string id = item["id"];
    const Json file = read_json(item["files"][0]);
    if (!file.contains("proof")) continue;  // A known thumbprint: tests/unit/jose.
    const auto proven = judge(file);
    const std::string alg = alg_of(file["proof"]);
    if (file.contains("required_nonce")) {
      // The nonce that is wanted is the caller's business; the proof shows that it has none.
      ASSERT_TRUE(proven) << id;
      EXPECT_FALSE(proven->nonce());
    } else if (!alg.empty() && alg != "ES256") {
      ++refused;
      expect_refused(id, Code::proof_alg, proven);
    } else if (item["expect"]["answer"] == "reject") {
      ++refused;
      ASSERT_EQ(refusals.count(id), 1U) << id;
      expect_refused(id, refusals.at(id), proven);
    } else {
      ++taken;
      expect_taken(id, file, proven);
    }
  }
  EXPECT_GE(taken, 4);
  EXPECT_GE(refused, 9);
}

TEST_F(ProofVectors, FromTheFutureAreRefusedByOurWindow) {
  const Json file = read_json("dpop/go-dpop-es256-iat-future-within-window.json");
  const std::string proof = file["proof"];
  const auto proven = check_proof(
      proof,
      {.method = "POST", .url = "https://server.example.com/token", .now = from_unix(file["now"])});
  expect_refused("30 s ahead", Code::proof_iat_future, proven);
}

}  // namespace
}  // namespace mintmark::verify
