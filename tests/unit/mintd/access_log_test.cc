#include "programs/mintd/access_log.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "support/captured_error.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using namespace std::chrono_literals;

class AccessLog : public testing::Test {
 protected:
  AccessLog() { telemetry::configure("mintd-front", telemetry::Level::info); }
  Json line_of(const http::Answered& answered) const {
    const test::CapturedError captured;
    log_access(answered, figures_);
    const auto lines = captured.lines();
    return lines.size() == 1 ? Json::parse(lines[0]) : Json();
  }
  Figures figures_{""};
};

TEST_F(AccessLog, LineHasIdPeerMethodPathStatusAndTime) {
  const Json line = line_of({"r1", "127.0.0.1:4711", "POST", "/token", 200, nullptr, 1500us});
  EXPECT_EQ(line["event"], "request");
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["request"], "r1");
  EXPECT_EQ(line["peer"], "127.0.0.1:4711");
  EXPECT_EQ(line["method"], "POST");
  EXPECT_EQ(line["path"], "/token");
  EXPECT_EQ(line["status"], "200");
  EXPECT_EQ(line["code"], "");
  EXPECT_EQ(line["us"], "1500");
}

TEST_F(AccessLog, LineOfARefusalHasItsCodeAndNotWhatTheStrangerSent) {
  const Error error{Code::parameter_repeated, "parameter eyJhbGciOi stands twice", 0};
  const Json line = line_of({"r1", "p", "POST", "/token", 400, &error, 1us});
  EXPECT_EQ(line["code"], "parameter_repeated");
  EXPECT_EQ(line.dump().find("eyJ"), std::string::npos);
}

TEST_F(AccessLog, LineOfOurOwnFaultHasTheWholeCause) {
  const Error error{Code::hsm_failed, "C_Sign of slot 3", 0x30};
  const Json line = line_of({"r1", "p", "POST", "/token", 503, &error, 1us});
  EXPECT_EQ(line["level"], "error");
  EXPECT_EQ(line["code"], "hsm_failed");
  EXPECT_EQ(line["detail"], "C_Sign of slot 3");
  EXPECT_EQ(line["native"], "0x30");
  EXPECT_EQ(line["request"], "r1");
}

TEST_F(AccessLog, ForeignPathsAndMethodsAreCutShort) {
  const std::string path = "/" + std::string(300, 'a');
  const std::string method(300, 'M');
  const Json line = line_of({"r1", "p", method, path, 404, nullptr, 1us});
  EXPECT_EQ(line["path"].get<std::string>().size(), 40U);
  EXPECT_EQ(line["method"].get<std::string>().size(), 16U);
}

}  // namespace
}  // namespace mintmark::mintd
