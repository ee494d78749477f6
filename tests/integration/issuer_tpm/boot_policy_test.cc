// Keys that demand a boot state: who approves it, what is signed without and with it, and that an
// update costs no key.
#include "boot_demanding.h"

#include "attest/tpm2/key_evidence.h"

namespace mintmark::hsm::tpm2 {
namespace {

class BootPolicyTest : public BootDemandingStore {
 protected:
  explicit BootPolicyTest(bool manufactured = false) : BootDemandingStore(manufactured) {}

  void SetUp() override {
    make_authority("authority");
    approve_now();
    open(demanding());
  }
};

class ManufacturedBootPolicyTest : public BootPolicyTest {
 protected:
  ManufacturedBootPolicyTest() : BootPolicyTest(true) {}
};

TEST_F(BootPolicyTest, KeySignsInAnApprovedStateInNoOtherAndAgainWhenThatIsApproved) {
  const KeyInfo key = make_key();
  EXPECT_TRUE(sign(key.id));
  extend(7);
  open(demanding());
  EXPECT_REFUSED(sign(key.id), Code::hsm_boot_state);
  EXPECT_EQ(list()->front().unfit, "");  // The key is as good as before.
  approve_now();
  open(demanding());
  const auto signature = sign(key.id);
  ASSERT_TRUE(signature) << signature.error().to_string();
  EXPECT_TRUE(key.public_key.verify(as_bytes("input"), *signature));
}

TEST_F(BootPolicyTest, ApprovalIsSeenWithoutReopening) {
  const KeyInfo key = make_key();
  extend(7);
  const auto values = read_pcr_values(tpm(), "sha256", {0, 2, 7}).value();
  open(demanding());
  EXPECT_REFUSED(sign(key.id), Code::hsm_boot_state);
  ASSERT_TRUE(approve(path("authority.key"), path("approved.json"),
                      pcr_selection_from("sha256:0,2,7").value(), values, ""));
  EXPECT_TRUE(sign(key.id));
}

TEST_F(BootPolicyTest, StateThatIsNoneOfManyIsNotApproved) {
  const KeyInfo key = make_key();
  extend(7);
  approve_now();
  extend(7);
  open(demanding());
  EXPECT_REFUSED(sign(key.id), Code::hsm_boot_state);
}

TEST_F(BootPolicyTest, WhereNoneIsApprovedNothingIsSigned) {
  const KeyInfo key = make_key();
  store_.reset();
  device_.directory().write("approved.json", R"({"approved": []})");
  open(demanding());
  const auto signature = sign(key.id);
  EXPECT_REFUSED(signature, Code::hsm_boot_state);
  EXPECT_NE(signature.error().detail.find("no state is approved at all"), std::string::npos);
}

TEST_F(BootPolicyTest, FileDamagedMeanwhileIsToldWhenItIsReadAgain) {
  const KeyInfo key = make_key();
  extend(7);
  open(demanding());
  device_.directory().write("approved.json", "no JSON");
  EXPECT_REFUSED(sign(key.id), Code::hsm_boot_policy);
}

TEST_F(BootPolicyTest, NoEvidenceIsGivenWhereTheAuthorityIsNotKnown) {
  const KeyInfo key = make_key();
  open();
  EXPECT_REFUSED(evidence(key.id), Code::hsm_boot_policy);
}

TEST_F(BootPolicyTest, PcrThatNobodyNamedMayChange) {
  const KeyInfo key = make_key();
  extend(16);
  open(demanding());
  EXPECT_TRUE(sign(key.id));
}

TEST_F(BootPolicyTest, NoKeyIsMadeInAStateThatNobodyApproved) {
  extend(0);
  open(demanding());
  EXPECT_REFUSED(generate({.id = random_key_id()}), Code::hsm_boot_state);
  EXPECT_TRUE(list()->empty());
  EXPECT_TRUE(counters().empty());
}

TEST_F(BootPolicyTest, OtherSelectionOfPcrsIsApprovedBesideTheFirst) {
  const KeyInfo key = make_key();
  extend(7);
  approve_now("sha256:0,2");
  open(demanding());
  EXPECT_TRUE(sign(key.id));
}

TEST_F(BootPolicyTest, AnotherAuthoritysApprovalIsRefusedByItsFile) {
  make_authority("other");
  approve_now("sha256:0,2,7", "other");
  const Error refusal = refusal_to_open(demanding());
  EXPECT_EQ(refusal.code, Code::hsm_boot_policy);
  EXPECT_NE(refusal.detail.find("approval 2 is not signed by the authority"), std::string::npos)
      << refusal.detail;
}

TEST_F(BootPolicyTest, KeyDoesNotFollowAnotherAuthority) {
  const KeyInfo key = make_key();
  make_authority("other");
  store_.reset();
  std::filesystem::remove(path("approved.json"));
  approve_now("sha256:0,2,7", "other");
  open(demanding("other"));
  EXPECT_REFUSED(sign(key.id), Code::hsm_boot_policy);
  EXPECT_TRUE(sign(make_key().id));
}

TEST_F(BootPolicyTest, KeyDoesNotSignWhereTheDemandIsTakenOutOfTheConfiguration) {
  const KeyInfo key = make_key();
  open();
  EXPECT_REFUSED(sign(key.id), Code::hsm_boot_policy);
}

TEST_F(BootPolicyTest, KeyMadeBeforeTheDemandSignsOn) {
  open();
  const KeyInfo key = make_key();
  extend(0);
  open(demanding());
  EXPECT_TRUE(sign(key.id));
}

TEST_F(BootPolicyTest, ForgedFileOfAKeyThatDemandsNothingDoesNotSign) {
  const KeyInfo key = make_key();
  Json file = read_file_of(key.id);
  file["boot_authority"] = "";
  store_.reset();
  device_.directory().write("blobs/" + to_string(key.id) + ".key", file.dump());
  open();
  EXPECT_REFUSED(sign(key.id), Code::hsm_key_unfit);
}

TEST_F(BootPolicyTest, DestroyedKeyStaysDeadInAnApprovedState) {
  const KeyInfo key = make_key();
  const std::string file = read_file(file_of(key.id)).value();
  ASSERT_TRUE(destroy(key.id));
  store_.reset();
  device_.directory().write("blobs/" + to_string(key.id) + ".key", file);
  open(demanding());
  EXPECT_REFUSED(sign(key.id), Code::hsm_key_ended);
}

TEST_F(BootPolicyTest, HoldsNothingInTheTpmAfterSigningOrRefusing) {
  const KeyInfo key = make_key();
  ASSERT_TRUE(sign(key.id));
  extend(7);
  open(demanding());
  EXPECT_REFUSED(sign(key.id), Code::hsm_boot_state);
  const Tpm connection = tpm();
  EXPECT_TRUE(connection.handles(0x80000000)->empty());
  EXPECT_TRUE(connection.handles(0x02000000)->empty());
  EXPECT_TRUE(connection.handles(0x03000000)->empty());
}

TEST_F(ManufacturedBootPolicyTest, EvidenceNamesTheAuthority) {
  const KeyInfo key = make_key();
  const auto facts = evidence(key.id);
  ASSERT_TRUE(facts) << facts.error().to_string();
  const auto trust = attest::tpm2::EkTrust::load(device_.tpm().roots().string(),
                                                 device_.tpm().intermediates().string());
  const auto verdict = attest::tpm2::verify_key_evidence(facts->facts, test::contract_issuer,
                                                         *trust, SystemClock().now());
  ASSERT_TRUE(verdict) << verdict.error().to_string();
  EXPECT_EQ(verdict->boot_authority(),
            BootPolicy::load(path("authority.pem"), path("approved.json"))->name());
}

TEST_F(BootPolicyTest, ToolApprovesWhatTheTpmShows) {
  const KeyInfo key = make_key();
  extend(7);
  store_.reset();
  const std::string said =
      test::run({MINTCTL, "hsm", "approve-boot", "--key", path("authority.key"), "--approved",
                 path("approved.json"), "--pcrs", "sha256:0,2,7", "--tcti", device_.tpm().tcti()});
  EXPECT_NE(said.find("PCR 7"), std::string::npos) << said;
  open(demanding());
  EXPECT_TRUE(sign(key.id));
}

TEST_F(BootPolicyTest, ToolApprovesValuesOfAFile) {
  const KeyInfo key = make_key();
  extend(7);
  const auto now = read_pcr_values(tpm(), "sha256", {0, 2, 7});
  ASSERT_TRUE(now);
  Json values = Json::object();
  for (const auto& [index, value] : *now) values[std::to_string(index)] = to_hex(value);
  const auto file = device_.directory().write("values.json", values.dump());
  test::run({MINTCTL, "hsm", "approve-boot", "--key", path("authority.key"), "--approved",
             path("approved.json"), "--pcrs", "sha256:7,2,0", "--values", file.string()});
  open(demanding());
  EXPECT_TRUE(sign(key.id));
}

TEST_F(BootPolicyTest, ToolRefusesWhatIsNoSelectionNoKeyOrNoValue) {
  const auto refused = [&](const std::string& key, const std::string& pcrs,
                           const std::string& values) {
    const auto file = device_.directory().write("values.json", values);
    EXPECT_THROW(test::run({MINTCTL, "hsm", "approve-boot", "--key", path(key), "--approved",
                            path("approved.json"), "--pcrs", pcrs, "--values", file.string()}),
                 std::runtime_error)
        << key << " " << pcrs << " " << values;
  };
  const std::string good = R"({"0": ")" + std::string(64, '0') + R"("})";
  refused("authority.key", "sha256:24", good);
  refused("authority.key", "sha1:0", good);
  refused("authority.key", "sha256:", good);
  refused("authority.key", "0,2,7", good);
  refused("authority.key", "sha256:0,1", good);
  refused("authority.key", "sha256:0", R"({"0": "not hex"})");
  refused("authority.pem", "sha256:0", good);
  refused("nothing.key", "sha256:0", good);
}

TEST_F(BootPolicyTest, DamagedFilesAreRefusedByName) {
  const auto refused = [&](const std::string& file, const std::string& content) {
    const std::string before = read_file(path(file)).value();
    store_.reset();
    device_.directory().write(file, content);
    const Error refusal = refusal_to_open(demanding());
    EXPECT_EQ(refusal.code, Code::hsm_boot_policy) << content;
    EXPECT_NE(refusal.detail.find(file), std::string::npos) << refusal.detail;
    device_.directory().write(file, before);
  };
  refused("authority.pem", "no key");
  refused("approved.json", "no JSON");
  refused("approved.json", "{}");
  refused("approved.json", R"({"approved": [{"pcrs": "sha256:0"}]})");
  Json changed = Json::parse(read_file(path("approved.json")).value());
  std::string policy = changed["approved"][0]["policy"];
  policy[0] = policy[0] == '0' ? '1' : '0';
  changed["approved"][0]["policy"] = policy;
  refused("approved.json", changed.dump());
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
