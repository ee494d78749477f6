// The logs that an issuer asks for, from files that a test writes.
#include "agent/boot_logs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "fake_issuer.h"
#include "jose/base64url.h"

namespace mintmark::agent {
namespace {

const std::string begin_url = "https://issuer.example/attest/tpm2/begin";
const std::string finish_url = "https://issuer.example/attest/tpm2/finish";

class Logs : public testing::Test {
 protected:
  [[nodiscard]] LogFiles files() const { return {file("firmware"), file("ima")}; }
  [[nodiscard]] std::string file(const char* name) const {
    return (bench_.directory.path() / name).string();
  }
  void write(const char* name, const std::string& content) const {
    std::ofstream(file(name), std::ios::binary) << content;
  }
  Result<BootLogs> read(const LogFiles& files, const std::string& tcti = "swtpm:") const {
    return read_boot_logs(files, {.event_log = true, .ima_log = true}, tcti);
  }
  [[nodiscard]] Json finished() const {
    return Json::parse(bench_.issuer.seen_at(finish_url).back().body);
  }
  void ask_for(const Json& logs) { bench_.issuer.challenge["logs"] = logs; }

  Bench bench_;
};

TEST_F(Logs, AreSentWhereTheIssuerAsksForThem) {
  write("firmware", std::string("the firmware's\0log", 18));
  write("ima", "IMA's log");
  ask_for({"eventlog", "ima"});
  bench_.enroll(files());
  EXPECT_EQ(finished()["event_log"],
            jose::base64url(as_bytes(std::string("the firmware's\0log", 18))));
  EXPECT_EQ(finished()["ima_log"], jose::base64url(as_bytes("IMA's log")));
  EXPECT_TRUE(bench_.said.empty());
}

TEST_F(Logs, AreSentAgainAtTheNextAttestation) {
  write("firmware", "one");
  ask_for({"eventlog"});
  bench_.enroll(files());
  write("firmware", "another");
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_EQ(finished()["event_log"], jose::base64url(as_bytes("another")));
}

TEST_F(Logs, AreNotSentUnasked) {
  write("firmware", "log");
  write("ima", "log");
  bench_.enroll(files());
  EXPECT_FALSE(finished().contains("event_log"));
  EXPECT_FALSE(finished().contains("ima_log"));
  ask_for({"ima", "of the future"});
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_FALSE(finished().contains("event_log"));
  EXPECT_TRUE(finished().contains("ima_log"));
}

TEST_F(Logs, AskedForInAnotherFormAreRefused) {
  const std::vector<Json> wrong = {"eventlog", Json::object(), 1, nullptr};
  for (const Json& logs : wrong) {
    ask_for(logs);
    const auto enrolment = bench_.agent().enroll({.issuer = bench_.issuer.issuer,
                                                  .ca_file = "",
                                                  .way = ByTpm{"t", std::nullopt, files(), {}}});
    ASSERT_FALSE(enrolment) << logs;
    EXPECT_EQ(enrolment.error().code, Code::issuer_answer_invalid);
  }
}

TEST_F(Logs, AreReadAfterTheQuote) {
  write("firmware", "before");
  ask_for({"eventlog"});
  bench_.tpm.on_quote = [this] { write("firmware", "before and after"); };
  bench_.enroll(files());
  EXPECT_EQ(finished()["event_log"], jose::base64url(as_bytes("before and after")));
}

TEST_F(Logs, AreReadAnewWithEachTry) {
  ask_for({"eventlog"});
  int quotes = 0;
  bench_.tpm.on_quote = [&] { write("firmware", "log " + std::to_string(++quotes)); };
  bench_.issuer.refuse_next(finish_url, Code::eventlog_replay);
  bench_.enroll(files());
  EXPECT_EQ(finished()["event_log"], jose::base64url(as_bytes("log 2")));
}

TEST_F(Logs, ThatAreNotThereAreNotSentAndThatIsSaidOnce) {
  ask_for({"eventlog", "ima"});
  bench_.issuer.refuse_next(finish_url, Code::eventlog_replay);
  bench_.enroll(files());
  EXPECT_FALSE(finished().contains("event_log"));
  ASSERT_EQ(bench_.said.size(), 1U);
  for (const char* name : {"firmware", "ima"})
    EXPECT_NE(bench_.said[0].find(file(name)), std::string::npos) << bench_.said[0];
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_EQ(bench_.said.size(), 1U);

  write("ima", "log");
  ASSERT_TRUE(bench_.agent().attest());
  ASSERT_EQ(bench_.said.size(), 2U);
  EXPECT_EQ(bench_.said[1].find(file("ima")), std::string::npos);
}

TEST_F(Logs, OfTheMachineTellNothingOfAnotherTpm) {
  for (const char* tcti : {"swtpm:host=127.0.0.1,port=2321", "mssim:"}) {
    const auto logs = read({}, tcti);
    ASSERT_TRUE(logs);
    EXPECT_FALSE(logs->event_log);
    EXPECT_FALSE(logs->ima_log);
    EXPECT_TRUE(logs->missing.empty());
  }
}

TEST_F(Logs, AsLongAsCanBeSentAreTakenAndLongerOnesRefused) {
  for (const auto& [name, longest, code] :
       {std::tuple{"firmware", longest_event_log, Code::eventlog_too_long},
        {"ima", longest_ima_log, Code::ima_too_long}}) {
    write(name, std::string(longest, 'x'));
    ASSERT_TRUE(read(files())) << name;
    write(name, std::string(longest + 1, 'x'));
    const auto refused = read(files());
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, code);
    EXPECT_NE(refused.error().detail.find(file(name)), std::string::npos);
    write(name, "");
  }
}

TEST_F(Logs, WhoseFilesTellNoSizeAreReadToTheirEnd) {
  ASSERT_EQ(mkfifo(file("firmware").c_str(), 0600), 0);
  write("ima", "");
  std::thread writer([this] { write("firmware", std::string(300'000, 'x')); });
  const auto logs = read(files());
  writer.join();
  ASSERT_TRUE(logs) << logs.error().to_string();
  EXPECT_EQ(logs->event_log.value().size(), 300'000U);
  EXPECT_TRUE(logs->ima_log.value().empty());
}

TEST_F(Logs, ThatCannotBeReadToTheirEndAreAnError) {
  const auto logs = read({bench_.directory.path().string(), file("ima")});
  ASSERT_FALSE(logs);
  EXPECT_EQ(logs.error().code, Code::io_failed);
}

TEST_F(Logs, AreOfABootThatTheKernelHasANameFor) {
  EXPECT_EQ(boot_id_of_kernel().size(), 36U);
  EXPECT_EQ(boot_id_of_kernel(), boot_id_of_kernel());
}

}  // namespace
}  // namespace mintmark::agent
