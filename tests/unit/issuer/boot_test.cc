// What a device booted decides whether it gets in, and whether it stays.
#include "admin/boot_endpoints.h"
#include "enrolment_fixture.h"
#include "issuer/boot_judge.h"
#include "jose/base64url.h"
#include "support/boot_log.h"

namespace mintmark::issuer {
namespace {

using test::BootLog;

class BootOfADevice : public EnrolmentTest {
 protected:
  BootOfADevice() {
    options.pcrs = {"sha256", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 14}};
    start();
    boot(BootLog::whole());
  }

  void boot(const BootLog& log) {
    log_ = log.octets();
    tpm.pcrs = log.pcrs("sha256", options.pcrs.indexes);
  }
  void rules(const std::string& text) {
    policies.swap(std::make_shared<const policy::Policy>(
        policy::Policy::from_text("policy.json", R"({"boot": [)" + text + R"(], "rules": []})")
            .value()));
  }
  /// One rule for every TPM, in that mode.
  void rule(const std::string& mode, const std::string& expect, const std::string& more = "") {
    rules(R"({"name": "known", "match": {"format": "tpm2"}, "mode": ")" + mode +
          R"(", "expect": {)" + expect + "}" + more + "}");
  }
  FinishCall call() {
    const auto begun = enrolment->begin(tpm.presented());
    EXPECT_TRUE(begun) << begun.error().to_string();
    FinishCall made;
    made.presented = tpm.presented();
    made.ticket = begun->ticket;
    const Sha256 binding = attest::tpm2::binding_of(issuer_url, begun->ticket, tpm.ek_spki(),
                                                    tpm.ak_name(), tpm.device_name());
    made.answer = tpm.answer(begun->challenge, binding, options.pcrs);
    made.answer.logs.event_log = log_;
    made.proof = proof_by(tpm.device_key());
    return made;
  }
  Result<EnrolledDevice> attest() {
    clock.advance(std::chrono::seconds(2));
    return finish(call());
  }
  void expect_refused(Code code) {
    const auto refused = attest();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, code) << refused.error().to_string();
  }
  store::DeviceRecord row() { return store.list().value().front(); }
  Code standing() {
    const auto device = devices.find(row().id);
    if (!device) return Code::device_unknown;
    const auto checked =
        attest::check_standing(*device, device->jkt, std::chrono::hours(24), clock.now());
    return checked ? Code::internal : checked.error().code;
  }

  Bytes log_;
};

constexpr const char* secure_boot = R"("secure_boot": true)";

TEST_F(BootOfADevice, IsKeptWithItAndNotAppraisedWhereNoRuleIs) {
  ASSERT_TRUE(attest());
  EXPECT_EQ(row().boot, "not_appraised");
  const auto boots = store.boots(row().id);
  ASSERT_TRUE(boots && boots->good && boots->last);
  const auto record =
      attest::boot_record_from_json(*parse_json(boots->good->record, boot_record_limits));
  ASSERT_TRUE(record) << record.error().to_string();
  EXPECT_TRUE(record->log_given);
  EXPECT_EQ(record->facts.secure_boot, true);
  EXPECT_EQ(record->pcrs.at(7), to_hex(tpm.pcrs.at(7)));
}

TEST_F(BootOfADevice, ThatPassesLetsItIn) {
  rule("enforce", secure_boot);
  ASSERT_TRUE(attest());
  EXPECT_EQ(row().boot, "passed");
  EXPECT_EQ(standing(), Code::internal);
}

TEST_F(BootOfADevice, ThatIsRefusedKeepsAStrangerOut) {
  rule("enforce", secure_boot);
  boot(BootLog::whole("shim 15.8", false));
  expect_refused(Code::boot_refused);
  EXPECT_EQ(row().state, "pending");
  EXPECT_EQ(row().boot, "refused");
  EXPECT_EQ(key_store->signatures(), 0U);
  EXPECT_EQ(standing(), Code::device_unknown);
}

TEST_F(BootOfADevice, ThatIsRefusedEndsTheStandingOfOneThatIsInUntilItPassesAgain) {
  rule("enforce", secure_boot);
  ASSERT_TRUE(attest());
  const std::string jkt = row().jkt;
  boot(BootLog::whole("shim 15.8", false));
  expect_refused(Code::boot_refused);
  EXPECT_EQ(row().state, "enrolled");
  EXPECT_EQ(row().jkt, jkt);
  EXPECT_EQ(standing(), Code::evidence_stale);
  boot(BootLog::whole());
  ASSERT_TRUE(attest());
  EXPECT_EQ(standing(), Code::internal);
}

TEST_F(BootOfADevice, ThatARuleOnlyWatchesIsLetPassAndSaidSo) {
  rule("monitor", secure_boot);
  boot(BootLog::whole("shim 15.8", false));
  ASSERT_TRUE(attest());
  EXPECT_EQ(row().boot, "would_be_refused");
  const Json appraisal = Json::parse(store.boots(row().id)->last->appraisal);
  EXPECT_EQ(appraisal["outcome"], "passed");
  EXPECT_EQ(appraisal["would_refuse"], true);
  EXPECT_EQ(appraisal["findings"][0]["ok"], false);
}

TEST_F(BootOfADevice, WithoutALogIsRefusedWhereARuleNeedsOne) {
  log_.clear();
  ASSERT_TRUE(attest()) << "and only there";
  rule("enforce", secure_boot);
  expect_refused(Code::boot_refused);
}

TEST_F(BootOfADevice, WithALogOfAnotherBootMayTryAgain) {
  const Bytes other = BootLog::whole("another shim").octets();
  log_ = other;
  ASSERT_TRUE(attest()) << "no rule needs it";
  EXPECT_FALSE(store.boots(row().id)->last->record.find("eventlog_replay") == std::string::npos);
  rule("enforce", secure_boot);
  log_ = other;
  expect_refused(Code::eventlog_replay);
  EXPECT_EQ(facts_of(Code::eventlog_replay).action, Action::retry_later);
  boot(BootLog::whole());
  EXPECT_TRUE(attest());
}

TEST_F(BootOfADevice, WithALogOfGarbageIsRefusedWithoutASecondTry) {
  rule("enforce", secure_boot);
  log_ = Bytes(1000, 0xA5);
  expect_refused(Code::boot_refused);
}

TEST_F(BootOfADevice, IsJudgedByTheRulesInForceWhenItFinishes) {
  clock.advance(std::chrono::seconds(2));
  const FinishCall begun = call();
  rule("enforce", R"("pcrs": {"7": [")" + std::string(64, '0') + R"("]})");
  const auto refused = finish(begun);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::boot_refused);
}

TEST_F(BootOfADevice, MayHaveToBeAttestedMoreOften) {
  rule("enforce", secure_boot, R"(, "attest_again_seconds": 600)");
  const auto enrolled = attest();
  ASSERT_TRUE(enrolled);
  EXPECT_EQ(enrolled->expires_in, std::chrono::seconds(600));
  clock.advance(std::chrono::seconds(600));
  EXPECT_EQ(standing(), Code::evidence_stale);
}

TEST_F(BootOfADevice, ByRulesForLabelsIsJudgedByThoseOfItsRow) {
  rules(R"({"name": "berlin", "match": {"labels": {"site": "berlin"}}, "mode": "enforce",
            "expect": {"secure_boot": true}})");
  boot(BootLog::whole("shim 15.8", false));
  ASSERT_TRUE(attest());
  ASSERT_TRUE(store.label(row().id, {{"site", "berlin"}}, {}));
  expect_refused(Code::boot_refused);
}

TEST_F(BootOfADevice, AfterARebootIsSeenAsSuch) {
  ASSERT_TRUE(attest());
  const auto reboot_seen = [this] { return Json::parse(row().facts)["reboot_seen"]; };
  EXPECT_EQ(reboot_seen(), 0);
  tpm.before_quote = [](TPMS_ATTEST& quote) { quote.clockInfo.resetCount += 1; };
  ASSERT_TRUE(attest());
  EXPECT_EQ(reboot_seen(), to_unix(clock.now()));
}

TEST_F(BootOfADevice, OfATpmThatWentBackIsRefused) {
  tpm.before_quote = [](TPMS_ATTEST& quote) { quote.clockInfo.resetCount += 5; };
  ASSERT_TRUE(attest());
  tpm.before_quote = [](TPMS_ATTEST& quote) { quote.clockInfo.resetCount += 4; };
  expect_refused(Code::quote_went_back);
  tpm.before_quote = [](TPMS_ATTEST& quote) { quote.clockInfo.resetCount += 5; };
  EXPECT_TRUE(attest());
}

TEST_F(BootOfADevice, IsExplainedByThePolicyInForceWithTheLastGoodOneBeside) {
  const admin::BootSources sources{store, [this] { return policies.present(); },
                                   [] { return std::string("policy.json"); }};
  EXPECT_EQ(admin::explain_boot(sources, "nobody").error().code, Code::device_not_found);
  ASSERT_TRUE(attest());
  rule("enforce", secure_boot);
  const Json good = admin::explain_boot(sources, row().id).value();
  EXPECT_EQ(good["code"], "");
  boot(BootLog::whole("shim 15.8", false));
  expect_refused(Code::boot_refused);
  const Json bad = admin::explain_boot(sources, row().id).value();
  EXPECT_EQ(bad["code"], "boot_refused");
  EXPECT_EQ(bad["appraisal"]["outcome"], "refused");
  EXPECT_EQ(bad["policy_file"], "policy.json");
  const Json boots = admin::boots_of(sources, row().id).value();
  EXPECT_EQ(boots["good"]["record"]["facts"]["secure_boot"], true);
  EXPECT_EQ(boots["last"]["record"]["facts"]["secure_boot"], false);
  EXPECT_EQ(boots["last"]["refused"], "boot_refused");
  rules("");
  EXPECT_EQ(admin::explain_boot(sources, row().id).value()["code"], "")
      << "by what is in force now";
}

TEST(LongAnswers, AreToldInPartsOfOneAnswer) {
  const Json answer = {{"text", std::string(300'000, 'x')}, {"unit", "\u00e9"}};
  admin::LongAnswers answers;
  int made = 0;
  const auto ask = [&](const std::string& query) {
    return answers.part("a/boot", query, [&]() -> Result<Json> {
      ++made;
      return answer;
    });
  };
  std::string whole;
  std::size_t parts = 1;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto response = ask("part=" + std::to_string(part));
    ASSERT_EQ(response.status, 200U);
    EXPECT_LT(response.body.size(), 200'000U) << "fits a frame";
    const Json one = Json::parse(response.body);
    parts = one["parts"];
    const Bytes octets = *jose::from_base64url(one["content"].get<std::string>());
    whole.append(octets.begin(), octets.end());
  }
  EXPECT_EQ(Json::parse(whole), answer);
  EXPECT_EQ(made, 1);
  for (const char* wrong : {"part=3", "part=-1", "part=x", "part="})
    EXPECT_EQ(ask(wrong).status, 400U) << wrong;
}

TEST(LongAnswers, OfSomethingElseAreMadeAnew) {
  admin::LongAnswers answers;
  const auto of = [&](const std::string& what) {
    return answers.part(what, "part=0", [&]() -> Result<Json> {
      return Json{{"a", what}, {"long", std::string(200'000, 'x')}};
    });
  };
  EXPECT_NE(of("a/boot").body, of("b/boot").body);
  const auto refused = answers.part(
      "c/boot", "", []() -> Result<Json> { return fail(Code::device_not_found, "c"); });
  EXPECT_EQ(refused.status, 404U);
}

}  // namespace
}  // namespace mintmark::issuer
