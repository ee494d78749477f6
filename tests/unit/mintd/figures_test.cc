#include "programs/mintd/figures.h"

#include <gtest/gtest.h>

namespace mintmark::mintd {
namespace {

using namespace std::chrono_literals;

class FiguresTest : public testing::Test {
 protected:
  void answer(const std::string& path, unsigned status, std::optional<Code> code = {}) {
    const Error error{code.value_or(Code::internal), "a stranger's text", 0};
    figures_.answered({"id", "peer", "POST", path, status, code ? &error : nullptr, 3ms});
  }
  void expect_line(const std::string& line) {
    const std::string text = figures_.metrics().text();
    EXPECT_NE(("\n" + text).find("\n" + line + "\n"), std::string::npos) << line << "\n" << text;
  }

  Figures figures_{"/tenant"};
};

TEST_F(FiguresTest, CountTokenRequestsByOutcome) {
  answer("/tenant/token", 200);
  answer("/tenant/token", 400, Code::proof_replayed);
  answer("/tenant/token", 400, Code::proof_replayed);
  expect_line(R"(mintmark_token_requests_total{outcome="ok"} 1)");
  expect_line(R"(mintmark_token_requests_total{outcome="proof_replayed"} 2)");
  expect_line(R"(mintmark_http_refusals_total{outcome="proof_replayed"} 2)");
  expect_line(R"(mintmark_http_requests_total{route="token",status="4xx"} 2)");
  expect_line(R"(mintmark_http_request_seconds_bucket{route="token",le="0.005"} 3)");
}

TEST_F(FiguresTest, CountEnrolmentsByFormatAndOutcome) {
  answer("/tenant/attest/tpm2/begin", 200);
  answer("/tenant/attest/tpm2/finish", 403, Code::enrolment_pending);
  answer("/tenant/attest/key/finish", 200);
  expect_line(R"(mintmark_enrolment_begins_total{format="tpm2",outcome="ok"} 1)");
  expect_line(R"(mintmark_enrolments_total{format="tpm2",outcome="enrolment_pending"} 1)");
  expect_line(R"(mintmark_enrolments_total{format="tpm2",outcome="ok"} 0)");
  expect_line(R"(mintmark_enrolments_total{format="key",outcome="ok"} 1)");
}

TEST_F(FiguresTest, CountResultsOfAllDevicesAsOneRoute) {
  answer("/tenant/devices/AAAAAAAAAAAAAAAAAAAAAA/result", 200);
  answer("/tenant/devices/whatever/result", 404, Code::device_not_found);
  answer("/devices/AAAAAAAAAAAAAAAAAAAAAA/result", 404, Code::http_path_unknown);
  expect_line(R"(mintmark_http_requests_total{route="device_result",status="2xx"} 1)");
  expect_line(R"(mintmark_http_requests_total{route="device_result",status="4xx"} 1)");
  expect_line(R"(mintmark_http_requests_total{route="other",status="4xx"} 1)");
  EXPECT_EQ(figures_.metrics().text().find("AAAAAAAA"), std::string::npos);
}

TEST_F(FiguresTest, ARefusalWithoutACodeIsNoSuccess) {
  answer("/tenant/token", 403);
  expect_line(R"(mintmark_token_requests_total{outcome="ok"} 0)");
  expect_line(R"(mintmark_token_requests_total{outcome="internal"} 1)");
}

TEST_F(FiguresTest, TakeNothingFromAStrangerAsALabel) {
  const std::size_t before = figures_.metrics().text().size();
  for (int count = 0; count < 100; ++count)
    answer("/a-stranger's-path/" + std::to_string(count), 404, Code::http_path_unknown);
  const std::string text = figures_.metrics().text();
  EXPECT_EQ(text.find("stranger"), std::string::npos);
  EXPECT_LT(text.size(), before + 400);
  expect_line(R"(mintmark_http_requests_total{route="other",status="4xx"} 100)");
}

TEST_F(FiguresTest, OneRequestOfNoKnownPathIsNoRequestForATokenEither) {
  answer("/token", 404, Code::http_path_unknown);
  expect_line(R"(mintmark_token_requests_total{outcome="ok"} 0)");
  EXPECT_FALSE(figures_.is_route("/token"));
  EXPECT_TRUE(figures_.is_route("/tenant/token"));
}

TEST_F(FiguresTest, ShowWhatOnlyTheKeeperKnows) {
  figures_.keeper_said({{"front_restarts", 2},
                        {"front_starts_failed", 1},
                        {"signers", Json::array({{{"store", "main"},
                                                  {"up", false},
                                                  {"pin_refused", true},
                                                  {"restarts", 3},
                                                  {"starts_failed", 4}}})},
                        {"reload_successful", false},
                        {"reloaded_at", 1'700'000'000}});
  expect_line("mintmark_front_restarts_total 2");
  expect_line(R"(mintmark_signer_up{store="main"} 0)");
  expect_line(R"(mintmark_signer_pin_refused{store="main"} 1)");
  expect_line(R"(mintmark_signer_restarts_total{store="main"} 3)");
  expect_line(R"(mintmark_starts_failed_total{process="signer",store="main"} 4)");
  expect_line(R"(mintmark_starts_failed_total{process="front"} 1)");
  expect_line("mintmark_reload_successful 0");
  expect_line("mintmark_reload_time_seconds 1700000000");
}

TEST_F(FiguresTest, SayWhenTheCertificateEnds) {
  figures_.tls_certificate_ends(from_unix(1'800'000'000));
  expect_line("mintmark_tls_certificate_end_seconds 1800000000");
}

}  // namespace
}  // namespace mintmark::mintd
