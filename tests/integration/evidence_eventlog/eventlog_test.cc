#include <gtest/gtest.h>

#include <filesystem>

#include "base/json.h"
#include "support/boot_log.h"
#include "support/child_process.h"
#include "support/temporary_directory.h"

namespace mintmark {
namespace {

struct Answer {
  int status = -1;
  std::string output;
};

Answer mintctl(const std::filesystem::path& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), MINTCTL);
  test::ChildProcess child(arguments, folder / "output");
  Answer answer;
  answer.status = child.wait();
  answer.output = child.output();
  return answer;
}

class EvidenceEventlog : public testing::Test {
 protected:
  Answer ask(BytesView octets, bool json) {
    std::vector<std::string> arguments = {"evidence", "eventlog",
                                          directory_.write("log", as_text(octets)).string()};
    if (json) arguments.push_back("--json");
    return mintctl(directory_.path(), arguments);
  }
  test::TemporaryDirectory directory_;
};

TEST_F(EvidenceEventlog, PrintsEventsPcrsAndFactsAsJson) {
  const test::BootLog boot = test::BootLog::whole();
  const Answer answer = ask(boot.octets(), true);
  ASSERT_EQ(answer.status, 0) << answer.output;
  const Json json = Json::parse(answer.output);
  EXPECT_EQ(json["format"], "crypto-agile");
  EXPECT_EQ(json["events"].size(), boot.offsets().size());
  for (const char* const bank : {"sha1", "sha256", "sha384"}) {
    for (const auto& [pcr, value] : boot.pcrs(bank))
      EXPECT_EQ(json["pcrs"][bank][std::to_string(pcr)], to_hex(value));
  }
  EXPECT_EQ(json["facts"]["secure_boot"], true);
  EXPECT_EQ(json["bank"], "sha256");
}

TEST_F(EvidenceEventlog, PrintsTheSameForPeople) {
  const test::BootLog boot = test::BootLog::whole();
  const Answer answer = ask(boot.octets(), false);
  ASSERT_EQ(answer.status, 0) << answer.output;
  for (const std::string& part :
       {std::string("EV_EFI_BOOT_SERVICES_APPLICATION"), std::string("Nobody vouches"),
        to_hex(boot.pcrs("sha384").at(4)), std::string("/vmlinuz root=/dev/vda2 ro"),
        std::string("Secure Boot")})
    EXPECT_NE(answer.output.find(part), std::string::npos) << part;
}

TEST_F(EvidenceEventlog, EndsWith1AndTheOffsetOfWhatIsWrong) {
  Bytes octets = test::BootLog::whole().octets();
  octets.pop_back();
  const Answer answer = ask(octets, true);
  EXPECT_EQ(answer.status, 1);
  const Json json = Json::parse(answer.output);
  EXPECT_EQ(json["error"]["code"], "eventlog_malformed");
  EXPECT_NE(json["error"]["detail"].get<std::string>().find("offset"), std::string::npos);
}

TEST_F(EvidenceEventlog, WritesNothingThatATerminalWouldObey) {
  test::BootLog boot({"sha256"});
  boot.grub_command("echo \x1b[2J\x07").measure(4, test::ev_efi_action, "\x1b]0;title\x07");
  const Answer answer = ask(boot.octets(), false);
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(answer.output.find_first_of("\x1b\x07"), std::string::npos);
}

TEST_F(EvidenceEventlog, WithoutAFileEndsWith2) {
  EXPECT_EQ(mintctl(directory_.path(), {"evidence", "eventlog"}).status, 2);
}

}  // namespace
}  // namespace mintmark
