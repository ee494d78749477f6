// What proves where an issuer's keys live, as strangers and operators ask a whole mintd that has
// keys in a SoftHSM token and in a TPM.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "attest/evidence/judge.h"
#include "jose/base64url.h"
#include "jose/key.h"
#include "operating.h"
#include "support/swtpm.h"
#include "support/yubihsm_chain.h"

namespace mintmark::test {
namespace {

using attest::evidence::Row;
using attest::tpm2::EkTrust;
using attest::tpm2::KeyVerdict;

class KeyEvidence : public Operating {
 protected:
  static void SetUpTestSuite() {
    Operating::SetUpTestSuite();
    if (tpm_) return;
    tpm_ = std::make_unique<Swtpm>(Swtpm::Options{.manufactured = true});
    const KeyEvidence operation;
    Json configuration = Json::parse(operation.content("mintd.json"));
    configuration["hsm"]["stores"]["chip"] = {{"tpm", {{"tcti", tpm_->tcti()}}},
                                              {"pin", {{"file", "hsm/pin"}}}};
    configuration["keys"]["evidence"] = {{"activations_per_minute", 120}};
    configuration["keys"]["max_age_seconds"] = 0;
    operation.write("mintd.json", configuration.dump(2));
    operation.stack.down();
    operation.stack.up();
  }
  static void TearDownTestSuite() {
    Stack::instance().down();  // Before its TPM.
    tpm_.reset();
  }
  void TestBody() override {}
  void SetUp() override { wait_until_proven(); }

  void wait_until_proven() const {
    await("evidence of every key of both stores", [&] {
      const auto answer = stack.curl({"--fail", url("/.well-known/key-evidence")});
      const Json document = Json::parse(answer.output, nullptr, false);
      if (answer.status != 0 || !document.is_object() || document["keys"].size() < 16) return false;
      return std::none_of(document["keys"].begin(), document["keys"].end(),
                          [](const Json& key) { return key["evidence"].is_null(); });
    });
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return stack["MINT_ISSUER"] + path;
  }
  [[nodiscard]] Json get(const std::string& path) const {
    return Json::parse(stack.curl({"--fail", url(path)}).output);
  }
  [[nodiscard]] Outcome gate(std::vector<std::string> more, bool with_ca = true) const {
    std::vector<std::string> words = {stack["MINT_BIN"] + "/mint-gate", "verify-evidence",
                                      "--issuer", stack["MINT_ISSUER"]};
    if (with_ca) words.insert(words.end(), {"--ca", stack["MINT_CA"]});
    words.insert(words.end(), more.begin(), more.end());
    return execute(words);
  }
  [[nodiscard]] static std::vector<std::string> trusting(const Swtpm& tpm,
                                                         std::vector<std::string> more = {}) {
    more.insert(more.end(),
                {"--roots", tpm.roots().string(), "--intermediates", tpm.intermediates().string()});
    return more;
  }
  /// What mintctl keys evidence --json writes, changed; and mint-gate's word on it.
  [[nodiscard]] Outcome offline(const std::function<void(Json&)>& change,
                                std::vector<std::string> more = {}) const {
    Json document = stack.control({"keys", "evidence"});
    change(document);
    std::ofstream(file("evidence.json")) << document.dump();
    more.insert(more.end(), {"--evidence", file("evidence.json")});
    return gate(trusting(*tpm_, std::move(more)), false);
  }
  static Json& first_of(Json& document, const std::string& kind) {
    for (Json& key : document["keys"]) {
      if (key["evidence"]["kind"] == kind) return key;
    }
    throw std::runtime_error("no evidence of kind " + kind);
  }

  /// The verdict on the first key in the TPM.
  [[nodiscard]] KeyVerdict verdict() const {
    Json document = get("/.well-known/key-evidence");
    const auto trust = EkTrust::load(tpm_->roots().string(), tpm_->intermediates().string());
    auto judged =
        attest::tpm2::verify_key_evidence(first_of(document, "tpm2-certify")["evidence"]["facts"],
                                          stack["MINT_ISSUER"], trust.value(), SystemClock().now());
    return std::move(judged.value());
  }
  [[nodiscard]] Json activate(const std::string& kid, std::uint32_t index,
                              const attest::tpm2::Challenge& sealed) const {
    const Json body = {{"kid", kid},
                       {"ek_nv_index", index},
                       {"credential_blob", jose::base64url(sealed.credential_blob)},
                       {"encrypted_secret", jose::base64url(sealed.encrypted_secret)}};
    return Json::parse(stack
                           .curl({"--header", "Content-Type: application/json", "--data",
                                  body.dump(), url("/key-evidence/activate")})
                           .output);
  }

  static inline std::unique_ptr<Swtpm> tpm_;
};

bool says(const Outcome& outcome, const std::string& text) {
  return outcome.output.find(text) != std::string::npos;
}

TEST_F(KeyEvidence, StandsBesideEachPublishedKey) {
  const Json document = get("/.well-known/key-evidence");
  EXPECT_EQ(document["issuer"], stack["MINT_ISSUER"]);
  const Json jwks = get("/.well-known/jwks.json");
  ASSERT_EQ(document["keys"].size(), jwks["keys"].size());
  for (std::size_t i = 0; i < jwks["keys"].size(); ++i) {
    EXPECT_EQ(document["keys"][i]["kid"], jwks["keys"][i]["kid"]);
    EXPECT_EQ(document["keys"][i]["purpose"], jwks["keys"][i]["mintmark_purpose"]);
  }
  EXPECT_EQ(get("/.well-known/oauth-authorization-server")["mintmark_key_evidence_endpoint"],
            url("/.well-known/key-evidence"));
}

TEST_F(KeyEvidence, IsTheSameOfANewFrontAndAskedOfNoSignerAgain) {
  const Json before = get("/.well-known/key-evidence");
  const auto collected = [&] {
    const std::string lines = log();
    std::size_t count = 0;
    for (auto at = lines.find("key_evidence_collected"); at != std::string::npos;
         at = lines.find("key_evidence_collected", at + 1))
      ++count;
    return count;
  };
  const std::size_t once = collected();
  const int front = stack.front_pid();
  ASSERT_EQ(kill(front, SIGKILL), 0);
  await("another front", [&] { return stack.front_pid() != front && stack.front_pid() > 0; });
  stack.wait_until_ready();
  wait_until_proven();
  EXPECT_EQ(get("/.well-known/key-evidence"), before);
  EXPECT_EQ(collected(), once);
}

TEST_F(KeyEvidence, IsProvenToOneWhoActivatesTheTpmHimself) {
  const Outcome outcome = gate(trusting(*tpm_, {"--json"}));
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  const Json answer = Json::parse(outcome.output);
  EXPECT_EQ(answer["proven"], true);
  std::size_t by_tpm = 0;
  for (const Json& key : answer["keys"]) {
    EXPECT_EQ(key["proven"], true) << key;
    EXPECT_EQ(key["level"], key["kind"] == "tpm2-certify" ? "tpm" : "claim") << key;
    if (key["level"] == "tpm") ++by_tpm;
  }
  EXPECT_EQ(by_tpm, 8U);
  const Outcome people = gate(trusting(*tpm_));
  EXPECT_TRUE(says(people, "the module's claim")) << people.output;
  EXPECT_TRUE(says(people, "proved to be in that TPM just now")) << people.output;
}

TEST_F(KeyEvidence, OfAModuleIsNotEnoughWhereATpmsWordIsAsked) {
  const Outcome outcome = gate(trusting(*tpm_, {"--require", "tpm"}));
  EXPECT_EQ(outcome.status, 1) << outcome.output;
  EXPECT_TRUE(says(outcome, "evidence_claim_alone")) << outcome.output;
  EXPECT_TRUE(says(outcome, "NOT PROVEN")) << outcome.output;
}

TEST_F(KeyEvidence, OfATpmIsNotJudgedWithoutRoots) {
  const Outcome outcome = gate({});
  EXPECT_EQ(outcome.status, 1) << outcome.output;
  EXPECT_TRUE(says(outcome, "evidence_roots_missing")) << outcome.output;
}

TEST_F(KeyEvidence, OfATpmThatNoRootVouchesForIsRefused) {
  const Swtpm other({.manufactured = true});
  const Outcome outcome = gate(trusting(other));
  EXPECT_EQ(outcome.status, 1) << outcome.output;
  EXPECT_TRUE(says(outcome, "ek_untrusted_root")) << outcome.output;
}

TEST_F(KeyEvidence, InAFileLeavesTheAkToTheIssuersWord) {
  const auto as_it_is = [](Json&) {};
  const Outcome claimed = offline(as_it_is);
  EXPECT_EQ(claimed.status, 0) << claimed.output;
  EXPECT_TRUE(says(claimed, "is the issuer's claim")) << claimed.output;
  const Outcome demanded = offline(as_it_is, {"--require", "tpm"});
  EXPECT_EQ(demanded.status, 1);
  EXPECT_TRUE(says(demanded, "evidence_ak_claimed")) << demanded.output;
}

TEST_F(KeyEvidence, ThatSomebodyEditedIsRefused) {
  const auto other_kid = [](Json& document) {
    std::swap(first_of(document, "tpm2-certify")["kid"],
              first_of(document, "pkcs11-attributes")["kid"]);
  };
  const auto other_counter = [](Json& document) {
    Json& value = first_of(document, "tpm2-certify")["evidence"]["facts"]["counter"]["value"];
    value = value.get<std::uint64_t>() + 1;
  };
  const auto extractable = [](Json& document) {
    first_of(document,
             "pkcs11-attributes")["evidence"]["facts"]["private_key"]["CKA_NEVER_EXTRACTABLE"] =
        false;
  };
  const auto nothing = [](Json& document) {
    first_of(document, "tpm2-certify")["evidence"] = nullptr;
  };
  const std::pair<std::function<void(Json&)>, std::string> edits[] = {
      {other_kid, "evidence_kid"},
      {other_counter, "evidence_counter_value"},
      {extractable, "evidence_attribute"},
      {nothing, "evidence_missing"},
      {[](Json& document) { document["issuer"] = "https://other.example"; },
       "evidence_issuer_mismatch"}};
  for (const auto& [edit, code] : edits) {
    const Outcome outcome = offline(edit);
    EXPECT_EQ(outcome.status, 1) << code << ": " << outcome.output;
    EXPECT_TRUE(says(outcome, code)) << code << ": " << outcome.output;
  }
}

// Another issuer shows this one's evidence as its own.
TEST_F(KeyEvidence, ReplayedByAnotherIssuerIsRefused) {
  Json document = stack.control({"keys", "evidence"});
  document["issuer"] = "https://other.example";
  std::ofstream(file("evidence.json")) << document.dump();
  std::vector<std::string> words = {
      stack["MINT_BIN"] + "/mint-gate", "verify-evidence", "--issuer",
      "https://other.example",          "--evidence",      file("evidence.json")};
  for (const std::string& word : trusting(*tpm_)) words.push_back(word);
  const Outcome outcome = execute(words);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(says(outcome, "certify_binding")) << outcome.output;
}

TEST_F(KeyEvidence, EndsWithTwoForWrongUsageAndThreeWhereNobodyAnswers) {
  EXPECT_EQ(gate({"--roots", "/nowhere"}).status, 2);
  EXPECT_EQ(gate({"--require", "faith"}).status, 2);
  EXPECT_EQ(gate({"--evidence", "/nowhere"}, false).status, 2);
  EXPECT_EQ(gate({"--intermediates", tpm_->intermediates().string()}).status, 2);
  const Outcome nobody = execute(
      {stack["MINT_BIN"] + "/mint-gate", "verify-evidence", "--issuer", "https://127.0.0.1:1"});
  EXPECT_EQ(nobody.status, 3) << nobody.output;
}

TEST_F(KeyEvidence, ActivationGivesBackASecretThatNoLogHolds) {
  const KeyVerdict judged = verdict();
  for (const auto& ek : judged.eks()) {
    const Bytes secret = attest::tpm2::activation_secret();
    const auto sealed = seal_for(judged, ek, secret);
    const Json answer = activate(judged.kid(), ek.nv_index, sealed.value());
    EXPECT_EQ(answer.value("secret", ""), jose::base64url(secret)) << answer;
    EXPECT_EQ(log().find(jose::base64url(secret)), std::string::npos);
    EXPECT_EQ(log().find(to_hex(BytesView(secret).last(16))), std::string::npos);
  }
}

TEST_F(KeyEvidence, ActivationForAnotherAttestationKeyIsRefused) {
  const KeyVerdict judged = verdict();
  const auto& ek = judged.eks().front();
  Bytes name = judged.ak_name();
  name.back() ^= 1U;
  const auto sealed = attest::tpm2::make_credential(ek.endorsement.kind, *ek.endorsement.key, name,
                                                    attest::tpm2::activation_secret());
  EXPECT_EQ(activate(judged.kid(), ek.nv_index, sealed.value()).value("code", ""),
            "activation_refused");
}

// Somebody enrols elsewhere with this TPM's EK and its AK, and would have us answer for him.
TEST_F(KeyEvidence, ActivationOpensNoCredentialOfAnEnrolment) {
  const KeyVerdict judged = verdict();
  const auto& ek = judged.eks().front();
  const auto sealed = seal_for(judged, ek, random_bytes(32));
  const Json answer = activate(judged.kid(), ek.nv_index, sealed.value());
  EXPECT_EQ(answer.value("code", ""), "activation_secret_foreign") << answer;
  EXPECT_FALSE(answer.contains("secret"));
}

TEST_F(KeyEvidence, ActivationOfAKeyInATokenIsRefused) {
  Json document = get("/.well-known/key-evidence");
  const std::string kid = first_of(document, "pkcs11-attributes")["kid"];
  EXPECT_EQ(activate(kid, 0x01C00002, {Bytes{0, 1, 1}, Bytes{0, 1, 2}}).value("code", ""),
            "activation_store");
}

TEST_F(KeyEvidence, IsShownToOperatorsWithWhoseWordItIs) {
  const Outcome table = mintctl({"keys", "evidence"});
  EXPECT_EQ(table.status, 0) << table.output;
  EXPECT_TRUE(says(table, "tpm2-certify")) << table.output;
  EXPECT_TRUE(says(table, "the PKCS#11 module says so, and nobody else")) << table.output;
  const std::string kid = verdict().kid();
  const Json one = stack.control({"keys", "evidence", "--", kid});
  ASSERT_EQ(one["keys"].size(), 1U);
  EXPECT_EQ(one["keys"][0]["kid"], kid);
  EXPECT_EQ(one["keys"][0]["store"], "chip");
  EXPECT_EQ(mintctl({"keys", "evidence", "nobody"}).status, 1);
}

/// Files as an operator fetches them from a YubiHSM, for every key in the token, under one root.
void write_attestations(Json document, const std::filesystem::path& directory,
                        const std::string& root_file) {
  std::filesystem::create_directory(directory);
  const auto root = vendor::new_pair();
  const auto device = vendor::new_pair();
  const vendor::Certificate of_root{"Root", root.get(), true, {}, {}};
  const vendor::Certificate of_device{"Device", device.get(), true, {}, {}};
  std::ofstream(root_file) << vendor::pem_of(issue(of_root, "Root", root.get()));
  for (const Json& key : document["keys"]) {
    if (key["evidence"]["kind"] != "pkcs11-attributes") continue;
    const Bytes spki = jose::PublicKey::from_jwk(key["evidence"]["facts"]["jwk"]).value().to_spki();
    const std::uint8_t* at = spki.data();
    const vendor::Pair pair(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())),
                            &EVP_PKEY_free);
    const vendor::Certificate of_key{"Key", pair.get(), false, vendor::good_extensions(), {}};
    std::ofstream(directory / (key["kid"].get<std::string>() + ".pem"))
        << vendor::pem_of(issue(of_key, "Device", device.get()))
        << vendor::pem_of(issue(of_device, "Root", root.get()));
  }
}

TEST_F(KeyEvidence, OfAVendorIsShownFromTheOperatorsFiles) {
  const PutBack files(stack, {"mintd.json"});
  write_attestations(get("/.well-known/key-evidence"), file("attestations"),
                     file("vendor-root.pem"));
  Json configuration = Json::parse(content("mintd.json"));
  configuration["hsm"]["stores"]["main"]["attestation"] = {{"kind", "yubihsm-attestation"},
                                                           {"directory", "attestations"}};
  write("mintd.json", configuration.dump(2));
  stack.down();
  stack.up();
  wait_until_proven();
  // The TPM's root and the vendor's, as one who trusts both has them.
  std::filesystem::create_directory(file("roots"));
  for (const auto& entry : std::filesystem::directory_iterator(tpm_->roots()))
    std::filesystem::copy_file(entry.path(),
                               file("roots") + "/" + entry.path().filename().string());
  std::filesystem::copy_file(file("vendor-root.pem"), file("roots/vendor.pem"));
  const std::vector<std::string> both = {"--roots",         file("roots"),
                                         "--intermediates", tpm_->intermediates().string(),
                                         "--require",       "vendor"};
  const Outcome proven = gate(both);
  EXPECT_EQ(proven.status, 0) << proven.output;
  EXPECT_TRUE(says(proven, "in a YubiHSM 2, serial 34331133")) << proven.output;
  EXPECT_TRUE(says(mintctl({"keys", "evidence"}), "yubihsm-attestation"));
  // To one who trusts no such vendor it is nothing.
  const Outcome stranger = gate(trusting(*tpm_));
  EXPECT_EQ(stranger.status, 1);
  EXPECT_TRUE(says(stranger, "vendor_attestation_chain")) << stranger.output;
}

TEST_F(KeyEvidence, ActivationsAreLimitedAndTellWhenToComeBack) {
  const PutBack files(stack, {"mintd.json"});
  replace("mintd.json", R"("activations_per_minute": 120)", R"("activations_per_minute": 2)");
  stack.down();
  stack.up();
  wait_until_proven();
  EXPECT_EQ(gate(trusting(*tpm_)).status, 0);  // One AK, one activation, however many keys.
  const Outcome outcome = gate(trusting(*tpm_));
  EXPECT_EQ(outcome.status, 3) << outcome.output;
  EXPECT_TRUE(says(outcome, "activation_rate")) << outcome.output;
  EXPECT_EQ(fresh_token("read").status, 0);
}

}  // namespace
}  // namespace mintmark::test
