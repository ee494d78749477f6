#include "telemetry/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <regex>
#include <sstream>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "support/captured_error.h"

namespace mintmark::telemetry {
namespace {

using test::CapturedError;

TEST(Log, LevelOfAnUnknownNameIsRefused) {
  for (const auto* name : {"", "INFO", "warn", "trace", "info "}) {
    const auto level = level_named(name);
    ASSERT_FALSE(level) << name;
    EXPECT_EQ(level.error().code, Code::invalid_argument);
  }
  EXPECT_EQ(*level_named("debug"), Level::debug);
  EXPECT_EQ(*level_named("error"), Level::error);
}

TEST(Log, LineBelowTheLeastLevelIsDropped) {
  configure("mintd", Level::warning);
  const CapturedError captured;
  log(Level::info, "quiet");
  log(Level::info, "quiet", Error{Code::internal, "x", 0});
  log(Level::warning, "loud");
  ASSERT_EQ(captured.lines().size(), 1U);
  EXPECT_NE(captured.lines()[0].find("\"loud\""), std::string::npos);
}

TEST(Log, StrangersTextStaysOneLineOfJson) {
  configure("mintd", Level::info);
  const CapturedError captured;
  log(Level::info, "refused", {{"detail", "a\n{\"level\":\"error\"}\xff\"\\"}});
  const auto lines = captured.lines();
  ASSERT_EQ(lines.size(), 1U);
  const auto line = parse_json(lines[0]);
  ASSERT_TRUE(line) << line.error().to_string();
  EXPECT_EQ((*line)["level"], "info");
}

TEST(Log, LineHasTimeLevelProgramEventAndFields) {
  configure("mintctl", Level::debug);
  const CapturedError captured;
  log(Level::debug, "started", {{"port", "8443"}});
  const auto line = parse_json(captured.lines().at(0));
  ASSERT_TRUE(line);
  EXPECT_EQ((*line)["level"], "debug");
  EXPECT_EQ((*line)["program"], "mintctl");
  EXPECT_EQ((*line)["event"], "started");
  EXPECT_EQ((*line)["port"], "8443");
  EXPECT_TRUE(std::regex_match((*line)["ts"].get<std::string>(),
                               std::regex(R"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
}

TEST(Log, ErrorSaysCodeActionDetailAndNative) {
  configure("mintd", Level::info);
  const CapturedError captured;
  log(Level::error, "sign_failed", Error{Code::hsm_session_lost, "gone", 0xB3}, {{"store", "a"}});
  const auto line = parse_json(captured.lines().at(0));
  ASSERT_TRUE(line);
  EXPECT_EQ((*line)["code"], "hsm_session_lost");
  EXPECT_EQ((*line)["action"], "reset_session");
  EXPECT_EQ((*line)["detail"], "gone");
  EXPECT_EQ((*line)["native"], "0xb3");
  EXPECT_EQ((*line)["store"], "a");
}

TEST(Log, LinesOfManyThreadsDoNotMix) {
  configure("mintd", Level::info);
  const CapturedError captured;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([] {
      for (int count = 0; count < 200; ++count) {
        log(Level::info, "event", {{"long", std::string(300, 'x')}});
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto lines = captured.lines();
  EXPECT_EQ(lines.size(), 800U);
  for (const auto& line : lines) EXPECT_TRUE(parse_json(line));
}

}  // namespace
}  // namespace mintmark::telemetry
