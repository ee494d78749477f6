#include "attest/boot_record.h"

#include <gtest/gtest.h>

#include "attest/eventlog/judge.h"
#include "support/boot_log.h"

namespace mintmark::attest {
namespace {

BootRecord record_of_a_boot() {
  const test::BootLog boot = test::BootLog::whole();
  const auto log = eventlog::parse(boot.octets());
  auto record = *eventlog::judge(*log, "sha256", boot.pcrs("sha256", {2, 3, 6, 12, 13, 14}));
  record.facts.authorities.push_back({7, "db", {"x509", "aa", "CN=Vendor", "owner"}});
  record.facts.shim["SbatLevel"] = "sbat,1,2021030218";
  record.facts.not_known["db"] = "a reason";
  record.facts.startup_locality = 3;
  record.ima = ImaSummary{"ima-ng", 5, 2, 1, 3, {{"/usr/bin/init", "sha256:00"}}, true};
  record.log_problem = LogProblem{"eventlog_replay", "PCR 4 differs"};
  record.ima_problem = LogProblem{"ima_replay", "PCR 10 differs"};
  record.clock_safe = true;
  record.clock = 1ULL << 40U;
  record.reset_count = 7;
  record.restart_count = 8;
  record.firmware = 0xFFFFFFFFFFFFFFFFULL;
  return record;
}

TEST(BootRecordJson, IsReadBackAsItWasWritten) {
  const Json written = to_json(record_of_a_boot());
  const auto read = boot_record_from_json(written);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(to_json(*read), written);
  EXPECT_EQ(read->events.size(), record_of_a_boot().events.size());
  EXPECT_EQ(read->facts.secure_boot, true);
  EXPECT_EQ(read->ima->files.size(), 1U);
  ASSERT_TRUE(read->log_problem && read->ima_problem);
  EXPECT_EQ(read->log_problem->code, "eventlog_replay");
  EXPECT_EQ(read->ima_problem->text, "PCR 10 differs");
  EXPECT_EQ(read->firmware, 0xFFFFFFFFFFFFFFFFULL);
}

TEST(BootRecordJson, WithoutALogIsReadBackToo) {
  BootRecord record;
  record.bank = "sha256";
  record.pcrs[4] = "00";
  const auto read = boot_record_from_json(to_json(record));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_FALSE(read->log_given);
  EXPECT_FALSE(read->facts.secure_boot);
  EXPECT_FALSE(read->ima);
  EXPECT_EQ(read->pcrs.at(4), "00");
}

TEST(BootRecordJson, WithAMemberOfAnotherTypeIsRefused) {
  const Json good = to_json(record_of_a_boot());
  std::size_t refused = 0;
  const Json members = good.flatten();
  for (const auto& [pointer, value] : members.items()) {
    Json bad = good;
    bad[Json::json_pointer(pointer)] = value.is_object() ? Json(1) : Json::object({{"x", 1}});
    const auto read = boot_record_from_json(bad);
    ASSERT_FALSE(read) << pointer;
    EXPECT_EQ(read.error().code, Code::facts_malformed);
    ++refused;
  }
  EXPECT_GT(refused, 100U);
}

TEST(BootRecordJson, ThatIsNoRecordIsRefused) {
  for (const char* const text :
       {"null", "[]", "1", "\"x\"", "{}", R"({"bank":""})", R"({"bank":"sha256","pcrs":[]})",
        R"({"bank":"sha256","pcrs":{"99":"00"}})", R"({"bank":"sha256","pcrs":{"-1":"00"}})",
        R"({"bank":"sha256","facts":[]})", R"({"bank":"sha256","events":{}})",
        R"({"bank":"sha256","ima":1})", R"({"bank":"sha256","ima":{"files":[["a"]]}})",
        R"({"bank":"sha256","log_problem":"x"})", R"({"bank":"sha256","ima_problem":{}})",
        R"({"bank":"sha256","reset_count":-1})", R"({"bank":"sha256","reset_count":4294967296})",
        R"({"bank":"sha256","facts":{"secure_boot":"yes"}})"}) {
    const auto read = boot_record_from_json(Json::parse(text));
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Code::facts_malformed);
  }
}

TEST(BootRecordJson, WithMoreEntriesThanARecordHasIsRefused) {
  Json json = to_json(record_of_a_boot());
  const Json event = json["events"][0];
  json["events"] = Json(40'000, event);
  EXPECT_FALSE(boot_record_from_json(json));
}

TEST(BootRecordJson, WithATextLongerThanARecordHasIsRefused) {
  Json json = to_json(record_of_a_boot());
  json["events"][0]["what"] = std::string(10'000, 'x');
  EXPECT_FALSE(boot_record_from_json(json));
}

}  // namespace
}  // namespace mintmark::attest
