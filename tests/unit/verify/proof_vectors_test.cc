// Proofs of RFC 9449 and of go-dpop. ES512 is not taken here, so a proof that others would
// take by another one is `proof_alg`; where the window of a case is not ours, the case's own
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

// What our checks say of what the cases give as reason; of a reason not listed, any refusal is
// right.
const std::map<std::string, Code> refusals = {{"invalid: htm", Code::proof_htm},
                                              {"invalid: iat too old", Code::proof_iat_old},
                                              {"invalid: signature", Code::proof_signature},
                                              {"invalid: typ must be dpop+jwt", Code::proof_typ},
                                              {"invalid: jwk header missing", Code::proof_jwk},
                                              {"invalid: not a JWS", Code::proof_malformed}};

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
  if (!token.empty()) expected.token_hash = sha256(token);
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
    } else if (!alg.empty() && !jose::algorithm_named(alg, jose::AlgorithmNames::polymorphic_too)) {
      ++refused;
      expect_refused(id, Code::proof_alg, proven);
    } else if (item["expect"]["answer"] == "reject") {
      ++refused;
      const auto code = refusals.find(item["expect"].value("because", ""));
      if (code != refusals.end()) expect_refused(id, code->second, proven);
      EXPECT_FALSE(proven) << id;
    } else {
      ++taken;
      expect_taken(id, file, proven);
    }
  }
  EXPECT_GE(taken, 5);
  EXPECT_GE(refused, 7);
}

TEST_F(ProofVectors, OfAFutureThatOthersAllowAreRefusedByOurWindow) {
  int judged = 0;
  for (const Json& item : test::cases_of("dpop")) {
    if (item["expect"]["answer"] != "either") continue;
    const Json file = read_json(item["files"][0]);
    const std::string proof = file["proof"];
    const std::string method = file["htm"];
    const std::string url = file["htu"];
    const auto now = from_unix(file["now"]);
    if (from_unix(item["expect"]["claims"].value("iat", std::int64_t{0})) <= now + proof_future) {
      continue;
    }
    ++judged;
    expect_refused(item["id"], Code::proof_iat_future,
                   check_proof(proof, {.method = method, .url = url, .now = now}));
  }
  EXPECT_GE(judged, 1);
}

}  // namespace
}  // namespace mintmark::verify
