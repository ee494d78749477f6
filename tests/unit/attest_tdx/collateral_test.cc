// What Intel publishes of a platform: levels, signatures, times, revocation; each broken alone.
#include <gtest/gtest.h>

#include "attest/tdx/check.h"
#include "attest/tdx/format.h"
#include "attest/tdx/tcb.h"
#include "support/soft_key.h"
#include "support/tdx_maker.h"

namespace mintmark::attest::tdx {
namespace {

const Moment now = from_unix(1'800'000'000);
const Sha256 binding = sha256("a ticket's binding");
using Words = std::vector<std::string>;

class TdxCollateral : public ::testing::Test {
 protected:
  Result<Verdict> checked_at(Moment at = now) const {
    x509::Trust::Parts parts;
    parts.anchors.push_back({x509::parse_certificate(maker.root_der()), rule});
    auto format = make_format(
        {.trust = std::make_shared<const x509::Trust>(*x509::Trust::of(std::move(parts))),
         .collateral = files(),
         .collateral_required = required});
    if (!format) return pass_on(format);
    const Json evidence = maker.evidence(binding, key.public_key());
    return (*format)->check({evidence, binding, key.public_key(), at});
  }
  std::vector<Bytes> files() const {
    std::vector<Bytes> all;
    if (with_info) all.push_back(maker.response("tcbInfo", info));
    if (with_identity) all.push_back(maker.response("enclaveIdentity", identity));
    if (with_chain) all.push_back(maker.signing_chain_pem());
    all.insert(all.end(), crls.begin(), crls.end());
    return all;
  }
  void refused(Code code, Moment at = now) const {
    const auto verdict = checked_at(at);
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().code, code) << verdict.error().to_string();
  }
  // Words of not_evaluated, without the one that is always there.
  Words left_out(Moment at = now) const {
    const auto verdict = checked_at(at);
    if (!verdict) return {verdict.error().to_string()};
    auto words = std::get<Words>(verdict->facts().more.at("not_evaluated"));
    words.erase(std::remove(words.begin(), words.end(), "xfam"), words.end());
    return words;
  }
  std::string status() const {
    const auto verdict = checked_at();
    if (!verdict) return verdict.error().to_string();
    return std::get<std::string>(verdict->facts().more.at("tcb_status"));
  }
  Words advisories() const {
    return std::get<Words>(checked_at()->facts().more.at("tcb_advisories"));
  }

  test::TdxMaker maker;
  test::SoftKey key;
  Json info = test::TdxMaker::tcb_info();
  Json identity = test::TdxMaker::qe_identity();
  std::vector<Bytes> crls = {maker.root_crl(), maker.pck_crl()};
  bool with_info = true;
  bool with_identity = true;
  bool with_chain = true;
  bool required = true;
  x509::RootRule rule = x509::RootRule::trust;
};

TEST_F(TdxCollateral, ThatIsAllThereLeavesNothingOut) {
  EXPECT_EQ(left_out(), Words{});
  EXPECT_EQ(status(), "UpToDate");
  EXPECT_EQ(advisories(), Words{});
}

TEST_F(TdxCollateral, OfAnOlderLevelIsToldWithItsAdvisories) {
  maker.pck_extension = [] { return test::TdxMaker::sgx_extension(4, 11); };
  EXPECT_EQ(status(), "OutOfDate");
  EXPECT_EQ(advisories(), (Words{"INTEL-SA-1", "INTEL-SA-3"}));
  maker.pck_extension = [] { return test::TdxMaker::sgx_extension(5, 10); };
  EXPECT_EQ(status(), "OutOfDate");
  maker.pck_extension = nullptr;
  maker.before_signing = [](Bytes& quote) { quote[48 + 2] = 2; };
  EXPECT_EQ(status(), "OutOfDate");
}

TEST_F(TdxCollateral, OfNoLevelThatIsReachedIsRefused) {
  maker.pck_extension = [] { return test::TdxMaker::sgx_extension(1, 11); };
  refused(Code::tdx_tcb_level);
  maker.pck_extension = nullptr;
  maker.before_signing = [](Bytes& quote) { quote[48] = 1; };  // The module's SVN.
  refused(Code::tdx_tcb_level);
  maker.before_signing = nullptr;
  maker.before_qe_signing = [](Bytes& report) { report[258] = 1; };
  refused(Code::tdx_tcb_level);
}

TEST_F(TdxCollateral, OfAModuleWithoutAVersionIsByThePlatformsLevelAlone) {
  maker.before_signing = [](Bytes& quote) { quote[48 + 1] = 0; };
  EXPECT_EQ(status(), "UpToDate");
  maker.before_signing = [](Bytes& quote) {
    quote[48 + 1] = 0;
    quote[48] = 4;
  };
  refused(Code::tdx_tcb_level);
}

TEST_F(TdxCollateral, OfAnOlderModuleOrQuotingEnclaveMakesTheWholeWorse) {
  maker.before_signing = [](Bytes& quote) { quote[48] = 3; };
  EXPECT_EQ(status(), "OutOfDate");
  EXPECT_EQ(advisories(), Words{"INTEL-SA-2"});
  maker.before_signing = nullptr;
  maker.before_qe_signing = [](Bytes& report) { report[258] = 3; };
  EXPECT_EQ(status(), "OutOfDate");
  EXPECT_EQ(advisories(), Words{"INTEL-SA-4"});
  info["tcbLevels"][0]["tcbStatus"] = "ConfigurationNeeded";
  EXPECT_EQ(status(), "OutOfDateConfigurationNeeded");
  info["tcbLevels"][0]["tcbStatus"] = "SWHardeningNeeded";
  EXPECT_EQ(status(), "OutOfDate");
}

TEST_F(TdxCollateral, ThatRevokesALevelRefuses) {
  info["tcbLevels"][0]["tcbStatus"] = "Revoked";
  refused(Code::tdx_tcb_revoked);
  info = test::TdxMaker::tcb_info();
  info["tdxModuleIdentities"][0]["tcbLevels"][0]["tcbStatus"] = "Revoked";
  refused(Code::tdx_tcb_revoked);
  info = test::TdxMaker::tcb_info();
  identity["tcbLevels"][0]["tcbStatus"] = "Revoked";
  refused(Code::tdx_tcb_revoked);
}

TEST_F(TdxCollateral, ThatRevokedALevelRefusesAlsoWhenItHasExpired) {
  required = false;
  info["nextUpdate"] = "2026-01-02T00:00:00Z";
  EXPECT_EQ(left_out(), Words{"tcb_info_expired"});
  info["tcbLevels"][0]["tcbStatus"] = "Revoked";
  refused(Code::tdx_tcb_revoked);
}

TEST_F(TdxCollateral, OfAnotherModuleRefuses) {
  info["tdxModuleIdentities"][0]["mrsigner"] = std::string(96, '1');
  refused(Code::tdx_module);
  info["tdxModuleIdentities"][0]["mrsigner"] = std::string(96, '0');
  info["tdxModuleIdentities"][0]["attributes"] = "0000000000000001";
  refused(Code::tdx_module);
  info["tdxModuleIdentities"][0]["id"] = "TDX_02";
  refused(Code::tdx_module);
  info.erase("tdxModuleIdentities");
  refused(Code::tdx_module);
}

TEST_F(TdxCollateral, OfAnotherQuotingEnclaveRefuses) {
  for (const auto& [name, value] : std::vector<std::pair<const char*, Json>>{
           {"mrsigner", std::string(64, '1')},
           {"isvprodid", 1},
           {"miscselect", "00000001"},
           {"attributes", "13000000000000000000000000000000"}}) {
    SCOPED_TRACE(name);
    identity = test::TdxMaker::qe_identity();
    identity[name] = value;
    refused(Code::tdx_qe_identity);
  }
}

TEST_F(TdxCollateral, OfOtherPlatformsIsToldOrRefused) {
  for (const auto& [name, value] : std::vector<std::pair<const char*, const char*>>{
           {"fmspc", "00806F050001"}, {"pceId", "0001"}}) {
    info = test::TdxMaker::tcb_info();
    info[name] = value;
    required = true;
    refused(Code::tdx_fmspc);
    required = false;
    EXPECT_EQ(left_out(), Words{"tcb_info"});
    EXPECT_EQ(status(), "not_evaluated");
  }
}

TEST_F(TdxCollateral, ThatIsMissingIsToldOrRefused) {
  required = false;
  with_info = false;
  EXPECT_EQ(left_out(), Words{"tcb_info"});
  with_identity = false;
  EXPECT_EQ(left_out(), (Words{"qe_identity", "tcb_info"}));
  crls.clear();
  EXPECT_EQ(left_out(), (Words{"pck_crl", "qe_identity", "root_crl", "tcb_info"}));
  EXPECT_EQ(status(), "not_evaluated");
  required = true;
  refused(Code::tdx_collateral_missing);
  with_info = true;
  refused(Code::tdx_collateral_missing);
  with_identity = true;
  refused(Code::tdx_collateral_missing);
  crls = {maker.pck_crl()};
  refused(Code::tdx_collateral_missing);
  crls = {maker.root_crl()};
  refused(Code::tdx_collateral_missing);
}

TEST_F(TdxCollateral, WithoutASigningChainIsToldOrRefused) {
  with_chain = false;
  refused(Code::tdx_collateral_missing);
  required = false;
  EXPECT_EQ(left_out(), (Words{"qe_identity_unsigned", "tcb_info_unsigned"}));
  EXPECT_EQ(status(), "not_evaluated");
}

TEST_F(TdxCollateral, OfAnotherTimeIsToldOrRefused) {
  refused(Code::tdx_collateral_expired, from_unix(1'767'225'599));  // The second before its issue.
  refused(Code::tdx_collateral_expired, from_unix(1'830'297'601));  // The second after its end.
  required = false;
  EXPECT_EQ(left_out(from_unix(1'830'297'601)), (Words{"qe_identity_expired", "tcb_info_expired"}));
  crls = {maker.root_crl({}, from_unix(1'750'000'000)),
          maker.pck_crl({}, from_unix(1'750'000'000))};
  EXPECT_EQ(left_out(), (Words{"pck_crl_expired", "root_crl_expired"}));
  required = true;
  refused(Code::tdx_collateral_expired);
  crls = {maker.root_crl(), maker.pck_crl()};
  maker.signer_not_after = from_unix(1'790'000'000);
  refused(Code::tdx_collateral_expired);
}

TEST_F(TdxCollateral, ChangedInAnyWayIsRefusedAtOnce) {
  const Bytes good = maker.response("tcbInfo", info);
  const auto code = [&](const Bytes& file) {
    const auto read = read_collateral({file, maker.signing_chain_pem()});
    return read ? Code::internal : read.error().code;
  };
  EXPECT_EQ(code(good), Code::internal);
  std::string text(as_text(good));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    return to_bytes(as_bytes(changed));
  };
  EXPECT_EQ(code(with("OutOfDate", "UpToDate")), Code::tdx_collateral_signature);
  EXPECT_EQ(code(with("\"id\":\"TDX\"", "\"id\": \"TDX\"")), Code::tdx_collateral_signature);
  EXPECT_EQ(code(with("\"version\":3", "\"version\":2")), Code::tdx_collateral_malformed);
  EXPECT_EQ(code(with("\"id\":\"TDX\"", "\"id\":\"SGX\"")), Code::tdx_collateral_malformed);
  EXPECT_EQ(code(with("UpToDate", "Splendid")), Code::tdx_collateral_malformed);
  EXPECT_EQ(code(with("\"signature\"", "\"signatura\"")), Code::tdx_collateral_malformed);
  EXPECT_EQ(code(with("\"pcesvn\":11", "\"pcesvn\":70000")), Code::tdx_collateral_malformed);
  EXPECT_EQ(code(with("2026-01-01T00:00:00Z", "yesterday")), Code::tdx_collateral_malformed);
  EXPECT_EQ(code(to_bytes(as_bytes(text + "{}"))), Code::tdx_collateral_malformed);
}

TEST_F(TdxCollateral, MayHaveItsSignatureInFrontAndBlanksAround) {
  const std::string text(as_text(maker.response("tcbInfo", info)));
  const std::size_t at = text.rfind(",\"signature\"");
  const std::string signature = text.substr(at + 1, text.size() - at - 2);
  const std::string turned =
      " {\n" + signature + " ,\"tcbInfo\" : " + text.substr(11, at - 11) + " }\n";
  const auto read = read_collateral({to_bytes(as_bytes(turned)), maker.signing_chain_pem()});
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_TRUE(read->tcb_infos[0].signer);
}

TEST_F(TdxCollateral, SignedBySomebodyElseOfIntelIsNot) {
  // A chain to the same root that is no TCB signer's.
  maker.signer_common_name = "Intel SGX PCK Certificate";
  refused(Code::tdx_collateral_missing);
  maker.signer_common_name = "Intel SGX TCB Signing";
  const test::TdxMaker other;
  const auto read = read_collateral({maker.response("tcbInfo", info), other.signing_chain_pem()});
  EXPECT_EQ(read.error().code, Code::tdx_collateral_signature);
}

TEST_F(TdxCollateral, SignedUnderAnotherRootIsRefused) {
  const test::TdxMaker other;
  crls = {other.response("tcbInfo", info), other.response("enclaveIdentity", identity),
          other.signing_chain_pem()};
  with_info = with_identity = with_chain = false;
  refused(Code::tdx_collateral_signature);
}

TEST_F(TdxCollateral, SignedByOneWhomAPersonHasToLookAtCountsForNothing) {
  rule = x509::RootRule::review;
  required = false;
  EXPECT_EQ(status(), "not_evaluated");
  required = true;
  refused(Code::tdx_collateral_missing);
}

TEST_F(TdxCollateral, ThatIsNothingKnownIsRefused) {
  for (const char* bad : {"", "x", "{}", "{\"tcbInfo\":7,\"signature\":\"00\"}", "[]",
                          "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"}) {
    const auto read = read_collateral({to_bytes(as_bytes(bad))});
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().code, Code::tdx_collateral_malformed) << bad;
  }
}

TEST_F(TdxCollateral, WithAnyMemberOfAnotherKindOrAbsentIsMalformed) {
  const auto read = [&](const char* name, const Json& body) {
    const auto collateral = read_collateral({maker.response(name, body)});
    return collateral ? Code::internal : collateral.error().code;
  };
  ASSERT_NE(read("tcbInfo", info), Code::tdx_collateral_malformed);
  ASSERT_NE(read("enclaveIdentity", identity), Code::tdx_collateral_malformed);
  const auto broken = [&](const char* name, const Json& good, const char* path) {
    const Json::json_pointer at(path);
    ASSERT_TRUE(good.contains(at)) << path;
    for (const Json& value :
         {Json(), Json(-1), Json(1ULL << 40U), Json("zz"), Json::array({7}), Json::object()}) {
      Json bad = good;
      bad[at] = value;
      EXPECT_EQ(read(name, bad), Code::tdx_collateral_malformed) << path << value;
    }
    // A list's entry may be absent, and what Intel leaves out where there is nothing.
    if (!good[at.parent_pointer()].is_object() || at.back() == "advisoryIDs" ||
        at.back() == "tdxModuleIdentities")
      return;
    Json bad = good;
    bad[at.parent_pointer()].erase(at.back());
    EXPECT_EQ(read(name, bad), Code::tdx_collateral_malformed) << path;
  };
  for (const char* path : {"/id",
                           "/version",
                           "/issueDate",
                           "/nextUpdate",
                           "/fmspc",
                           "/pceId",
                           "/tcbType",
                           "/tcbEvaluationDataNumber",
                           "/tdxModule",
                           "/tdxModule/mrsigner",
                           "/tdxModule/attributes",
                           "/tdxModule/attributesMask",
                           "/tdxModuleIdentities/0",
                           "/tdxModuleIdentities",
                           "/tdxModuleIdentities/0/tcbLevels/0/tcb/isvsvn",
                           "/tcbLevels/0",
                           "/tcbLevels/0/tcb",
                           "/tcbLevels/0/tcb/pcesvn",
                           "/tcbLevels/0/tcb/sgxtcbcomponents",
                           "/tcbLevels/0/tcb/tdxtcbcomponents",
                           "/tcbLevels/0/tcb/sgxtcbcomponents/0/svn",
                           "/tcbLevels/0/tcbStatus",
                           "/tcbLevels/1/advisoryIDs"})
    broken("tcbInfo", info, path);
  for (const char* path :
       {"/id", "/version", "/issueDate", "/nextUpdate", "/tcbEvaluationDataNumber", "/miscselect",
        "/miscselectMask", "/attributes", "/attributesMask", "/mrsigner", "/isvprodid",
        "/tcbLevels/0/tcb/isvsvn", "/tcbLevels/0/tcbStatus", "/tcbLevels/1/advisoryIDs"})
    broken("enclaveIdentity", identity, path);
}

TEST_F(TdxCollateral, OfMoreThanIsTakenIsMalformed) {
  const auto code = [&](const Json& body) {
    const auto read = read_collateral({maker.response("tcbInfo", body)});
    return read ? Code::internal : read.error().code;
  };
  ASSERT_NE(code(info), Code::tdx_collateral_malformed);
  Json bad = info;
  bad["tcbLevels"] = std::vector<Json>(257, info["tcbLevels"][0]);
  EXPECT_EQ(code(bad), Code::tdx_collateral_malformed);
  bad = info;
  bad["tdxModuleIdentities"] = std::vector<Json>(33, info["tdxModuleIdentities"][0]);
  EXPECT_EQ(code(bad), Code::tdx_collateral_malformed);
  bad = info;
  bad["tcbLevels"][1]["advisoryIDs"] = std::vector<Json>(257, "INTEL-SA-1");
  EXPECT_EQ(code(bad), Code::tdx_collateral_malformed);
  bad = info;
  Json& components = bad["tcbLevels"][0]["tcb"]["sgxtcbcomponents"];
  components.push_back(components[0]);
  EXPECT_EQ(code(bad), Code::tdx_collateral_malformed);
  components.erase(15);
  components.erase(15);
  EXPECT_EQ(code(bad), Code::tdx_collateral_malformed) << "nor fewer";
}

TEST_F(TdxCollateral, WithAKeyThatCostsTooMuchIsRefused) {
  const auto wide = test::new_pair("RSA-wide");
  const auto costly = test::issue({.subject = {{"CN", "costly"}}, .key = wide}, {nullptr, wide});
  const auto read = read_collateral({test::der_of(costly.get())});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::tdx_collateral_malformed);
}

TEST_F(TdxCollateral, ThatRevokesACertificateRefuses) {
  crls = {maker.root_crl(), maker.pck_crl({test::TdxMaker::pck_serial})};
  refused(Code::certificate_revoked);
  crls = {maker.root_crl({test::TdxMaker::intermediate_serial}), maker.pck_crl()};
  refused(Code::certificate_revoked);
  crls = {maker.root_crl({test::TdxMaker::signer_serial}), maker.pck_crl()};
  refused(Code::certificate_revoked);
  required = false;
  crls = {maker.pck_crl({test::TdxMaker::pck_serial}, from_unix(1'750'000'000))};
  refused(Code::certificate_revoked);
}

TEST_F(TdxCollateral, WithAForgedListIsRefused) {
  const test::TdxMaker other;
  crls = {maker.root_crl(), other.pck_crl()};
  refused(Code::tdx_collateral_signature);
}

TEST_F(TdxCollateral, OfTwoTheOneOfTheLaterEvaluationCounts) {
  Json older = info;
  older["tcbEvaluationDataNumber"] = 17;
  older["tcbLevels"][0]["tcbStatus"] = "Revoked";
  crls.push_back(maker.response("tcbInfo", older));
  EXPECT_EQ(status(), "UpToDate");
}

TEST_F(TdxCollateral, WordsAreJoinedByTheWorse) {
  const auto of = [](TcbStatus whole, TcbStatus part) {
    return together({whole, {"b", "a"}}, {part, {"a"}});
  };
  EXPECT_EQ(of(TcbStatus::up_to_date, TcbStatus::up_to_date).advisories, (Words{"a", "b"}));
  EXPECT_EQ(of(TcbStatus::up_to_date, TcbStatus::out_of_date).status, TcbStatus::out_of_date);
  EXPECT_EQ(of(TcbStatus::configuration_and_sw_hardening_needed, TcbStatus::out_of_date).status,
            TcbStatus::out_of_date_configuration_needed);
  EXPECT_EQ(of(TcbStatus::out_of_date, TcbStatus::up_to_date).status, TcbStatus::out_of_date);
  EXPECT_EQ(of(TcbStatus::out_of_date, TcbStatus::revoked).status, TcbStatus::revoked);
  EXPECT_EQ(of(TcbStatus::revoked, TcbStatus::out_of_date).status, TcbStatus::revoked);
}

}  // namespace
}  // namespace mintmark::attest::tdx
