// mintctl evidence check: the program gives what the judge in it gives, and ends as it says.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "base/file.h"
#include "support/artefacts.h"
#include "support/child_process.h"
#include "support/eat_maker.h"
#include "support/temporary_directory.h"
#include "support/test_data.h"

namespace mintmark::test {
namespace {

struct Outcome {
  int status = 0;
  std::string output;
};

Outcome mintctl(std::vector<std::string> arguments) {
  const TemporaryDirectory scratch;
  arguments.insert(arguments.begin(), {MINTCTL, "evidence", "check"});
  ChildProcess child(arguments, scratch.path() / "log");
  const int status = child.wait();
  return {status, child.output()};
}

std::string rfc3339(Moment moment) {
  const std::time_t seconds = static_cast<std::time_t>(to_unix(moment));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::vector<std::string> arguments_for(const Artefact& artefact) {
  std::vector<std::string> arguments = {"--format", artefact.format, "--at", rfc3339(artefact.at)};
  for (const std::string& root : artefact.roots) {
    arguments.emplace_back("--roots");
    arguments.push_back((test_data() / root).string());
  }
  if (artefact.expect.contains("nonce_hex")) {
    arguments.emplace_back("--challenge");
    arguments.push_back(artefact.expect["nonce_hex"].get<std::string>());
  }
  arguments.emplace_back("--");
  for (const std::string& file : artefact.files) arguments.push_back((test_data() / file).string());
  return arguments;
}

void expect_the_judges_answer(const Artefact& artefact) {
  const Outcome outcome = mintctl(arguments_for(artefact));
  const Json answer = Json::parse(outcome.output, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(answer.is_object()) << outcome.output;
  EXPECT_EQ(outcome.status, answer["verdict"] == "reject" ? 1 : 0);
  if (artefact.answer() != "either") {
    EXPECT_EQ(answer["verdict"], artefact.answer());
  }
  const auto trust = artefact.trust();
  EXPECT_EQ(answer,
            attest::offline::to_json(judged(question_of(artefact, trust ? &*trust : nullptr))));
}

TEST(EvidenceCheck, AnswersForEveryEntryAsTheEntrySays) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t count = 0;
  for (const std::string& topic : evidence_topics) {
    for (const Artefact& artefact : artefacts_of(topic)) {
      judge_apart(artefact.id, [&] { expect_the_judges_answer(artefact); });
      ++count;
    }
  }
  test::expect_some(count);
}

void expect_the_log_as_its_entry_says(const Json& entry) {
  const std::string file = (test_data() / entry.at("files").at(0).get<std::string>()).string();
  const Outcome outcome = mintctl({"--format", "eventlog", "--", file});
  const Json answer = Json::parse(outcome.output, nullptr, /*allow_exceptions=*/false);
  ASSERT_TRUE(answer.is_object()) << outcome.output;
  const Json& expect = entry.at("expect");
  if (expect.at("answer") != "either") {
    EXPECT_EQ(answer["verdict"], expect["answer"]);
  }
  EXPECT_EQ(outcome.status, answer["verdict"] == "reject" ? 1 : 0);
  if (answer["verdict"] != "accept" || !expect.contains("parse")) return;
  const Json& log = answer["facts"]["event_log"];
  for (const auto& [name, value] : expect["parse"].items()) {
    if (name == "mr_index_note") continue;  // Words for people.
    EXPECT_EQ(log.value(name, Json("absent")), value) << name;
  }
}

TEST(EvidenceCheck, ReadsEveryEventLogAsItsEntrySays) {
  if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  test::expect_some(for_each_entry("tpm_eventlogs", expect_the_log_as_its_entry_says));
}

TEST(EvidenceCheck, RefusesWrongUsageByName) {
  for (const auto& [arguments, word] :
       {std::pair<std::vector<std::string>, const char*>{{"/dev/null"}, "--format"},
        {{"--format", "no such"}, "FILE"},
        {{"--format", "no such", "/dev/null"}, "no such"},
        {{"--format", "tpm2", "--at", "yesterday", "/dev/null"}, "--at"},
        {{"--format", "tpm2", "--at", "2026-05-01T12:00:00", "/dev/null"}, "--at"},
        {{"--format", "tpm2", "--challenge", "xyz", "/dev/null"}, "--challenge"},
        {{"--format", "tpm2", "--roots", "/dev/null", "/dev/null"}, "--roots"},
        {{"--format", "eat", "--expect", "issuer", "/dev/null"}, "--expect"},
        {{"--format", "eat", "--expect", "=x", "/dev/null"}, "--expect"},
        {{"--format", "eat", "--expect", "issuer=a", "--expect", "issuer=b", "/dev/null"}, "once"},
        {{"--format", "eat", "--expect", "weather=fine", "/dev/null"}, "weather"},
        {{"--format", "eat", "--allow", "anything", "/dev/null"}, "anything"},
        {{"--format", "tpm2", "/no/such/file"}, "/no/such/file"}}) {
    const Outcome outcome = mintctl(arguments);
    EXPECT_EQ(outcome.status, 2) << outcome.output;
    EXPECT_NE(outcome.output.find(word), std::string::npos) << outcome.output;
  }
}

TEST(EvidenceCheck, HoldsWhatIsExpectedAndAllowsWhatIsNamed) {
  EatMaker maker;
  maker.claims["aud"] = "https://issuer.example";
  const TemporaryDirectory scratch;
  const auto file = [&](const char* name, const std::string& text) {
    const std::string path = scratch.path() / name;
    EXPECT_TRUE(write_file_atomically(path, text));
    return path;
  };
  const std::string keys = file("keys.json", maker.keys());
  const std::string token = file("token.jwt", maker.jwt(maker.bound_claims(Bytes(32, 7))));
  const std::string nonce(64, '0');
  const auto judged_with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--format", "eat"});
    arguments.insert(arguments.end(), {"--", keys, token});
    return mintctl(arguments);
  };
  const Outcome good = judged_with(
      {"--expect", "audience=https://issuer.example", "--challenge", to_hex(Bytes(32, 7))});
  EXPECT_EQ(good.status, 0) << good.output;
  const Outcome other = judged_with({"--expect", "audience=https://other.example"});
  EXPECT_EQ(other.status, 1);
  EXPECT_NE(other.output.find("eat_audience"), std::string::npos) << other.output;
  const Outcome unbound = judged_with({"--challenge", nonce});
  EXPECT_EQ(unbound.status, 1);
  EXPECT_NE(unbound.output.find("eat_nonce"), std::string::npos) << unbound.output;
}

TEST(EvidenceCheck, OfAnEmptyFileIsARefusal) {
  const Outcome outcome = mintctl({"--format", "tpm2", "/dev/null"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.output.find("evidence_files"), std::string::npos) << outcome.output;
}

}  // namespace
}  // namespace mintmark::test
