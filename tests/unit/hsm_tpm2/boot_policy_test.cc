// Boot states that somebody signed for: files of every kind, and what may be approved.
#include "hsm/tpm2/boot_policy.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <tss2/tss2_mu.h>

#include "base/file.h"
#include "base/json.h"
#include "hsm/tpm2/public_area.h"
#include "jose/base64url.h"
#include "support/issued_certificate.h"
#include "support/owned_openssl.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark::hsm::tpm2 {
namespace {

template <typename Write>
std::string pem(Write write) {
  const test::Owned<BIO> memory(BIO_new(BIO_s_mem()));
  EXPECT_EQ(write(memory.get()), 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}
std::string public_pem(EVP_PKEY* key) {
  return pem([key](BIO* to) { return PEM_write_bio_PUBKEY(to, key); });
}
std::string private_pem(EVP_PKEY* key) {
  return pem([key](BIO* to) {
    return PEM_write_bio_PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

template <typename T>
void expect_refused(const Result<T>& result, Code code, const std::string& named,
                    const std::string& what = {}) {
  ASSERT_FALSE(result) << what;
  EXPECT_EQ(result.error().code, code) << what << result.error().to_string();
  EXPECT_NE(result.error().detail.find(named), std::string::npos) << what << result.error().detail;
}

class BootPolicyFiles : public testing::Test {
 protected:
  BootPolicyFiles() { put_keys("P-256"); }

  void put_keys(const std::string& kind) {
    const test::Pair pair = test::new_pair(kind);
    files_.write("authority.pem", public_pem(pair.get()));
    files_.write("authority.key", private_pem(pair.get()));
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (files_.path() / name).string();
  }
  [[nodiscard]] Result<Approval> approve_state(unsigned state = 0) const {
    return approve(path("authority.key"), path("approved.json"), selection_,
                   {{0, Bytes(32, static_cast<std::uint8_t>(state))}, {7, Bytes(32, 7)}},
                   "state " + std::to_string(state));
  }
  [[nodiscard]] Result<BootPolicy> load() const {
    return BootPolicy::load(path("authority.pem"), path("approved.json"));
  }
  [[nodiscard]] Json approved() const {
    return Json::parse(read_file(path("approved.json")).value());
  }

  test::TemporaryDirectory files_;
  const PcrSelection selection_ = pcr_selection_from("sha256:7,0").value();
};

TEST_F(BootPolicyFiles, SayWhatWasApproved) {
  for (const unsigned state : {1U, 2U, 3U}) ASSERT_TRUE(approve_state(state));
  const auto policy = load();
  ASSERT_TRUE(policy) << policy.error().to_string();
  ASSERT_EQ(policy->approvals().size(), 3U);
  EXPECT_EQ(policy->approvals()[1].comment, "state 2");
  EXPECT_EQ(policy->approvals()[1].pcrs, selection_);
  EXPECT_EQ(policy->approvals()[1].policy,
            pcr_policy(selection_, {{0, Bytes(32, 2)}, {7, Bytes(32, 7)}}).value());
  Bytes area(1024);
  std::size_t size = 0;
  ASSERT_EQ(Tss2_MU_TPM2B_PUBLIC_Marshal(&policy->area(), area.data(), area.size(), &size),
            TSS2_RC_SUCCESS);
  EXPECT_EQ(policy->name(), name_of_public(BytesView(area).first(size)).value());
}

TEST_F(BootPolicyFiles, AreReadAgain) {
  ASSERT_TRUE(approve_state(1));
  auto policy = load();
  ASSERT_TRUE(policy);
  ASSERT_TRUE(approve_state(2));
  ASSERT_TRUE(policy->reload());
  EXPECT_EQ(policy->approvals().size(), 2U);
  files_.write("approved.json", "{");
  expect_refused(policy->reload(), Code::hsm_boot_policy, "approved.json");
  EXPECT_EQ(policy->approvals().size(), 2U);  // What was known stays.
}

TEST_F(BootPolicyFiles, OfAnAuthorityWithAnotherKeyAreRefused) {
  ASSERT_TRUE(approve_state());
  for (const char* kind : {"P-384", "RSA", "RSA-short", "ED25519"}) {
    put_keys(kind);
    expect_refused(load(), Code::hsm_boot_policy, "authority.pem: must be an EC key on P-256",
                   kind);
  }
}

TEST_F(BootPolicyFiles, WithoutAnAuthorityAreRefused) {
  ASSERT_TRUE(approve_state());
  const std::string key = read_file(path("authority.pem")).value();
  for (const std::string& content :
       {std::string(), std::string("no PEM"), key.substr(0, key.size() / 2),
        read_file(path("authority.key")).value()}) {
    files_.write("authority.pem", content);
    expect_refused(load(), Code::hsm_boot_policy, "authority.pem: holds no public key", content);
  }
  std::filesystem::remove(path("authority.pem"));
  expect_refused(load(), Code::hsm_boot_policy, "authority.pem");
}

TEST_F(BootPolicyFiles, ThatAreNoListOfApprovalsAreRefused) {
  for (const char* content : {"", "no JSON", "7", "[]", "{}", R"({"approved": {}})",
                              R"({"approved": "all"})", R"({"approved": [], "approved": []})"}) {
    files_.write("approved.json", content);
    expect_refused(load(), Code::hsm_boot_policy, "approved.json: must be", content);
    // Nor is one more added to it.
    expect_refused(approve_state(), Code::hsm_boot_policy, "approved.json: must be", content);
    EXPECT_EQ(read_file(path("approved.json")).value(), content);
  }
  files_.write("approved.json", std::string((1U << 20U) + 1, ' '));
  expect_refused(load(), Code::hsm_boot_policy, "approved.json", "more than 1 MiB");
  std::filesystem::remove(path("approved.json"));
  expect_refused(load(), Code::hsm_boot_policy, "approved.json", "none");
}

TEST_F(BootPolicyFiles, WithAnApprovalThatLacksAMemberAreRefused) {
  ASSERT_TRUE(approve_state(1));
  ASSERT_TRUE(approve_state(2));
  const Json good = approved();
  const auto refused = [&](const Json& second, const std::string& why) {
    Json changed = good;
    changed["approved"][1] = second;
    files_.write("approved.json", changed.dump());
    expect_refused(load(), Code::hsm_boot_policy, "approved.json: approval 2 " + why,
                   second.dump());
  };
  const std::string form = "is not as mintctl hsm approve-boot writes it";
  for (const std::string member : {"pcrs", "policy", "signature"}) {
    Json changed = good["approved"][1];
    changed[member] = "no such !";
    refused(changed, form);
    const std::string without = member == "signature" ? "is not signed by the authority" : form;
    for (const Json& other : {Json(7), Json(nullptr), Json::array()}) {
      changed[member] = other;
      refused(changed, without);
    }
    changed.erase(member);
    refused(changed, without);
  }
  refused(Json("all"), form);
  refused(Json::array(), form);
  Json shorter = good["approved"][1];
  shorter["policy"] = std::string(62, 'a');
  refused(shorter, form);
  Json commented = good;
  commented["approved"][1]["comment"] = 7;  // For people alone.
  files_.write("approved.json", commented.dump());
  EXPECT_EQ(load()->approvals()[1].comment, "");
}

TEST_F(BootPolicyFiles, WithAnApprovalThatTheAuthorityDidNotSignAreRefused) {
  ASSERT_TRUE(approve_state(1));
  const Json good = approved();
  const auto refused = [&](const std::string& member, const std::string& content) {
    Json changed = good;
    changed["approved"][0][member] = content;
    files_.write("approved.json", changed.dump());
    expect_refused(load(), Code::hsm_boot_policy, "approval 1 is not signed by the authority",
                   member + " " + content);
  };
  const Sha256 policy = sha256("a state");
  refused("policy", to_hex(policy));
  refused("signature", "");
  refused("signature", jose::base64url(Bytes(64, 1)));
  refused("signature",
          jose::base64url(test::SoftKey().sign(approved_octets(sha256("by another")))));
  // The authority's own, without what it signs for.
  put_keys("P-256");
  expect_refused(load(), Code::hsm_boot_policy, "approval 1 is not signed");
}

TEST_F(BootPolicyFiles, AreNotAddedToByAnotherKindOfKey) {
  for (const char* kind : {"P-384", "RSA", "ED25519"}) {
    put_keys(kind);
    expect_refused(approve_state(), Code::hsm_boot_policy, "authority.key", kind);
  }
  for (const std::string& content :
       {std::string(), std::string("no PEM"), read_file(path("authority.pem")).value()}) {
    files_.write("authority.key", content);
    expect_refused(approve_state(), Code::hsm_boot_policy, "holds no private key", content);
  }
  std::filesystem::remove(path("authority.key"));
  expect_refused(approve_state(), Code::hsm_boot_policy, "authority.key");
  EXPECT_FALSE(std::filesystem::exists(path("approved.json")));
}

TEST_F(BootPolicyFiles, AreToldOfWhereTheyCannotBeWritten) {
  const auto approval = approve(path("authority.key"), path("nowhere/approved.json"), selection_,
                                {{0, Bytes(32)}, {7, Bytes(32)}}, "");
  expect_refused(approval, Code::io_failed, "nowhere/approved.json");
}

TEST(PcrSelections, AreReadInAnyOrderAndWrittenInOne) {
  for (const auto& [text, written] :
       {std::pair{"sha256:0", "sha256:0"}, std::pair{"sha256:23,0,7,0", "sha256:0,7,23"},
        std::pair{"sha384:07", "sha384:7"}}) {
    const auto selection = pcr_selection_from(text);
    ASSERT_TRUE(selection) << text;
    EXPECT_EQ(selection->to_string(), written);
  }
}

TEST(PcrSelections, ThatAreNoneAreRefused) {
  for (const char* text :
       {"", "sha256", "sha256:", ":0", "sha1:0", "sha512:0", "SHA256:0", "sha256:24", "sha256:-1",
        "sha256:+1", "sha256: 1", "sha256:1,", "sha256:,1", "sha256:1,,2", "sha256:1;2",
        "sha256:1 ", "sha256:one", "sha256:99999999999"})
    expect_refused(pcr_selection_from(text), Code::invalid_argument, "sha256:0,2,7", text);
}

TEST(PcrSelections, AreBitsForATpm) {
  const TPML_PCR_SELECTION list = tpml_of(pcr_selection_from("sha384:0,7,8,23").value());
  ASSERT_EQ(list.count, 1U);
  EXPECT_EQ(list.pcrSelections[0].hash, TPM2_ALG_SHA384);
  EXPECT_EQ(list.pcrSelections[0].sizeofSelect, 3);
  EXPECT_EQ(to_hex(BytesView(list.pcrSelections[0].pcrSelect, 3)), "810180");
  EXPECT_EQ(tpml_of(pcr_selection_from("sha256:1").value()).pcrSelections[0].hash, TPM2_ALG_SHA256);
}

TEST(PcrPolicy, NeedsAValueOfTheBankForEachPcr) {
  const auto sha256_ones = pcr_selection_from("sha256:0,2").value();
  const auto sha384_ones = pcr_selection_from("sha384:0").value();
  EXPECT_TRUE(pcr_policy(sha256_ones, {{0, Bytes(32)}, {2, Bytes(32)}, {7, Bytes(1)}}));
  EXPECT_TRUE(pcr_policy(sha384_ones, {{0, Bytes(48)}}));
  expect_refused(pcr_policy(sha256_ones, {{0, Bytes(32)}}), Code::invalid_argument, "PCR 2");
  for (const std::size_t size : {0U, 20U, 31U, 48U})
    expect_refused(pcr_policy(sha256_ones, {{0, Bytes(32)}, {2, Bytes(size)}}),
                   Code::invalid_argument, "PCR 2 has no value of sha256");
  expect_refused(pcr_policy(sha384_ones, {{0, Bytes(32)}}), Code::invalid_argument,
                 "PCR 0 has no value of sha384");
}

TEST(BootAuthority, HasAKeyOnP256) {
  for (const auto algorithm :
       {jose::Algorithm::es384, jose::Algorithm::rs256, jose::Algorithm::ed25519})
    expect_refused(authority_area(test::SoftKey(algorithm).public_key()), Code::hsm_boot_policy,
                   "P-256", std::string(jose::name_of(algorithm)));
  const test::SoftKey key;
  const auto area = authority_area(key.public_key());
  ASSERT_TRUE(area);
  Bytes point = {4};
  for (const TPM2B_ECC_PARAMETER* number :
       {&area->publicArea.unique.ecc.x, &area->publicArea.unique.ecc.y})
    point.insert(point.end(), number->buffer, number->buffer + number->size);
  EXPECT_EQ(point, key.public_key().to_point());
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
