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
    return read_boot_logs(files, {.event_log = true, .ima_log = true}, tcti, room_);
  }
  [[nodiscard]] Json finished() const {
    return Json::parse(bench_.issuer.seen_at(finish_url).back().body);
  }
  void ask_for(const Json& logs) { bench_.issuer.challenge["logs"] = logs; }

  /// Both are asked for, and enrolled with.
  void enroll_with_logs(const std::string& firmware, const std::string& ima) {
    write("firmware", firmware);
    write("ima", ima);
    ask_for({"eventlog", "ima"});
    bench_.enroll(files());
  }
  [[nodiscard]] std::size_t finished_octets() const {
    return bench_.issuer.seen_at(finish_url).back().body.size();
  }
  [[nodiscard]] std::size_t times_finished() const {
    return bench_.issuer.seen_at(finish_url).size();
  }

  Bench bench_;
  LogRoom room_;
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

TEST_F(Logs, AsLongAsCanBeSentAreTakenAndLongerOnesLeftOut) {
  for (const auto& [name, longest] :
       {std::pair{"firmware", longest_event_log}, {"ima", longest_ima_log}}) {
    write("firmware", "");
    write("ima", "");
    write(name, std::string(longest, 'x'));
    const auto whole = read(files());
    ASSERT_TRUE(whole) << name;
    EXPECT_EQ(whole->event_log.value().size() + whole->ima_log.value().size(), longest);
    EXPECT_TRUE(whole->missing.empty());

    write(name, std::string(longest + 1, 'x'));
    const auto without = read(files());
    ASSERT_TRUE(without) << without.error().to_string();
    EXPECT_EQ(without->event_log.has_value(), name != std::string("firmware"));
    EXPECT_EQ(without->ima_log.has_value(), name != std::string("ima"));
    ASSERT_EQ(without->missing.size(), 1U);
    EXPECT_NE(without->missing[0].find(file(name)), std::string::npos) << without->missing[0];
  }
}

TEST_F(Logs, FillTheirRoomToTheLastCharacterAndNoFurther) {
  write("ima", "");
  for (std::size_t octets = 1; octets <= 9; ++octets) {
    write("firmware", std::string(octets, 'x'));
    const std::size_t characters = jose::base64url(Bytes(octets)).size();
    room_ = {.longest_body = 100 + characters, .taken = 100};
    EXPECT_TRUE(read(files())->event_log) << octets;
    room_.taken = 101;
    EXPECT_FALSE(read(files())->event_log) << octets;
    room_.taken = 1000;
    EXPECT_FALSE(read(files())->event_log) << octets;
  }
}

TEST_F(Logs, OfTheKernelAreLeftOutFirstWhereTheBodyWouldBeTooLong) {
  const std::string firmware(1000, 'f');
  const std::string ima(2000, 'i');
  enroll_with_logs(firmware, ima);
  const std::size_t whole = finished_octets();

  bench_.issuer.challenge["longest_body"] = whole;
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_EQ(finished_octets(), whole);
  EXPECT_TRUE(bench_.said.empty());

  bench_.issuer.challenge["longest_body"] = whole - 1;
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_EQ(finished()["event_log"], jose::base64url(as_bytes(firmware)));
  EXPECT_FALSE(finished().contains("ima_log"));
  EXPECT_LT(finished_octets(), whole);
  ASSERT_EQ(bench_.said.size(), 1U);
  EXPECT_NE(bench_.said[0].find(file("ima")), std::string::npos) << bench_.said[0];
  EXPECT_NE(bench_.said[0].find(std::to_string(whole - 1)), std::string::npos) << bench_.said[0];
  EXPECT_EQ(bench_.said[0].find(file("firmware")), std::string::npos) << bench_.said[0];
  EXPECT_EQ(times_finished(), 3U);
}

TEST_F(Logs, OfTheFirmwareAreLeftOutWhereTheyDoNotFitEither) {
  enroll_with_logs(std::string(2000, 'f'), std::string(3000, 'i'));
  bench_.issuer.challenge["longest_body"] = finished_octets() - 4000 - 1334;
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_FALSE(finished().contains("event_log"));
  EXPECT_FALSE(finished().contains("ima_log"));
  for (const char* name : {"firmware", "ima"})
    EXPECT_NE(bench_.said.back().find(file(name)), std::string::npos) << bench_.said.back();
}

TEST_F(Logs, OfTheKernelAreSentWhereTheFirmwaresDoNotFitAndTheyDo) {
  enroll_with_logs(std::string(3000, 'f'), std::string(30, 'i'));
  bench_.issuer.challenge["longest_body"] = finished_octets() - 100;
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_FALSE(finished().contains("event_log"));
  EXPECT_TRUE(finished().contains("ima_log"));
}

TEST_F(Logs, ThatDoNotFitCostNoDeviceItsTokens) {
  enroll_with_logs(std::string(2000, 'f'), std::string(3000, 'i'));
  for (const std::size_t longest : {0U, 1U, 3000U}) {
    bench_.issuer.challenge["longest_body"] = longest;
    bench_.clock.advance(std::chrono::seconds{2700});
    const auto token = bench_.agent().token({"https://service.example", std::to_string(longest)});
    EXPECT_TRUE(token) << token.error().to_string();
    EXPECT_FALSE(finished().contains("ima_log"));
  }
  EXPECT_EQ(times_finished(), 4U);
  bench_.boot_id = "the-second-boot";
  write("ima", std::string(longest_ima_log + 1, 'i'));
  EXPECT_TRUE(bench_.agent().token({"https://service.example", "read"}));
}

TEST_F(Logs, ForABodyWhoseLengthIsNoNumberAreRefused) {
  const std::vector<Json> wrong = {-1, "4194304", 1.5, nullptr, Json::array()};
  for (const Json& longest : wrong) {
    bench_.issuer.challenge["longest_body"] = longest;
    const auto enrolment = bench_.agent().enroll({.issuer = bench_.issuer.issuer,
                                                  .ca_file = "",
                                                  .way = ByTpm{"t", std::nullopt, files(), {}}});
    ASSERT_FALSE(enrolment) << longest;
    EXPECT_EQ(enrolment.error().code, Code::issuer_answer_invalid);
  }
}

TEST_F(Logs, ThatAreTooLongAfterAllAreLeftOutAtOneMoreTry) {
  bench_.issuer.refuse_next(finish_url, Code::http_body_too_large);
  enroll_with_logs("log", "log");
  EXPECT_EQ(times_finished(), 2U);
  EXPECT_FALSE(finished().contains("event_log"));
  EXPECT_FALSE(finished().contains("ima_log"));
  ASSERT_EQ(bench_.said.size(), 1U);
  ASSERT_TRUE(bench_.agent().attest());
  EXPECT_TRUE(finished().contains("ima_log"));
}

TEST_F(Logs, ThatAProxyFindsTooLongAreLeftOutToo) {
  bench_.issuer.instead[finish_url].push_back({413, {}, "<html>Request Entity Too Large</html>"});
  enroll_with_logs("log", "log");
  EXPECT_EQ(times_finished(), 2U);
  EXPECT_FALSE(finished().contains("event_log"));
}

TEST_F(Logs, AreNotWhatIsTooLongWhereTheSameIsSaidWithoutThem) {
  enroll_with_logs("log", "log");
  const auto refuse = [this] {
    bench_.issuer.refuse_next(finish_url, Code::http_body_too_large);
    bench_.issuer.refuse_next(finish_url, Code::http_body_too_large);
  };
  refuse();
  EXPECT_EQ(bench_.agent().attest().error().code, Code::http_body_too_large);
  EXPECT_EQ(times_finished(), 3U);

  refuse();
  bench_.boot_id = "the-second-boot";
  bench_.clock.advance(std::chrono::seconds{60});
  const auto token = bench_.agent().token({"https://service.example", "read"});
  EXPECT_TRUE(token) << token.error().to_string();
  EXPECT_EQ(times_finished(), 5U);
}

TEST_F(Logs, ThatWereNotSentAreNotTriedWithoutAgain) {
  bench_.enroll(files());
  bench_.issuer.refuse_next(finish_url, Code::http_body_too_large);
  EXPECT_EQ(bench_.agent().attest().error().code, Code::http_body_too_large);
  EXPECT_EQ(times_finished(), 2U);
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
