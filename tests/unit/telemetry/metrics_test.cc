#include "telemetry/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace mintmark::telemetry {
namespace {

using namespace std::chrono_literals;

bool has_line(const Metrics& metrics, const std::string& line) {
  return ("\n" + metrics.text()).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, CountersOnlyGrow) {
  Metrics metrics;
  Counter counter = metrics.counter("restarts_total", "how often it was started again");
  counter.raise_to(5);
  counter.raise_to(3);
  EXPECT_TRUE(has_line(metrics, "restarts_total 5")) << metrics.text();
  counter.add(2);
  EXPECT_TRUE(has_line(metrics, "restarts_total 7"));
}

TEST(Metrics, SameNameAndLabelsAreTheSameFigure) {
  Metrics metrics;
  metrics.counter("a_total", "help", {{"store", "main"}}).add();
  metrics.counter("a_total", "help", {{"store", "main"}}).add();
  metrics.counter("a_total", "help", {{"store", "other"}}).add();
  EXPECT_TRUE(has_line(metrics, "a_total{store=\"main\"} 2")) << metrics.text();
  EXPECT_TRUE(has_line(metrics, "a_total{store=\"other\"} 1"));
}

TEST(Metrics, OutcomesAreOkAndTheCodesThatWereMet) {
  Metrics metrics;
  Outcomes outcomes = metrics.outcomes("tokens_total", "help", {{"format", "tpm2"}});
  EXPECT_TRUE(has_line(metrics, "tokens_total{format=\"tpm2\",outcome=\"ok\"} 0"))
      << "a rate has a beginning: " << metrics.text();
  EXPECT_EQ(metrics.text().find("proof_replayed"), std::string::npos);
  const Error replayed{Code::proof_replayed, "a stranger's text", 0};
  outcomes.count(&replayed);
  outcomes.count(&replayed);
  outcomes.count(nullptr);
  EXPECT_TRUE(has_line(metrics, "tokens_total{format=\"tpm2\",outcome=\"ok\"} 1"));
  EXPECT_TRUE(has_line(metrics, "tokens_total{format=\"tpm2\",outcome=\"proof_replayed\"} 2"));
  EXPECT_EQ(metrics.text().find("stranger"), std::string::npos);
}

TEST(Metrics, OutcomesHaveRoomForEveryCode) {
  Metrics metrics;
  Outcomes outcomes = metrics.outcomes("tokens_total", "help");
  const Error last{Code::signature_invalid, "", 0};
  outcomes.count(&last);
  EXPECT_TRUE(has_line(metrics, "tokens_total{outcome=\"signature_invalid\"} 1"));
}

TEST(Metrics, SecondsFallIntoTheirBuckets) {
  Metrics metrics;
  Seconds seconds = metrics.seconds("signing_seconds", "help", {0.001, 0.01});
  seconds.observe(1ms);
  seconds.observe(5ms);
  seconds.observe(2s);
  EXPECT_TRUE(has_line(metrics, "signing_seconds_bucket{le=\"0.001\"} 1")) << metrics.text();
  EXPECT_TRUE(has_line(metrics, "signing_seconds_bucket{le=\"0.01\"} 2"));
  EXPECT_TRUE(has_line(metrics, "signing_seconds_bucket{le=\"+Inf\"} 3"));
  EXPECT_TRUE(has_line(metrics, "signing_seconds_count 3"));
}

TEST(Metrics, GaugesAreReadWhenTheTextIsMade) {
  Metrics metrics;
  Gauge gauge = metrics.gauge("connections", "open now");
  int now = 0;
  metrics.before_text([&] { gauge.set(now); });
  now = 7;
  EXPECT_TRUE(has_line(metrics, "connections 7")) << metrics.text();
  gauge.set(1);
  now = 8;
  EXPECT_TRUE(has_line(metrics, "connections 8"));
  EXPECT_TRUE(has_line(metrics, "# TYPE connections gauge"));
  EXPECT_TRUE(has_line(metrics, "# HELP connections open now"));
}

TEST(Metrics, CountExactlyFromManyThreads) {
  Metrics metrics;
  Outcomes outcomes = metrics.outcomes("a_total", "help");
  const Error error{Code::overloaded, "", 0};
  {
    std::vector<std::jthread> threads;
    for (int count = 0; count < 4; ++count) {
      threads.emplace_back([&] {
        for (int round = 0; round < 10'000; ++round) outcomes.count(&error);
      });
    }
  }
  EXPECT_TRUE(has_line(metrics, "a_total{outcome=\"overloaded\"} 40000")) << metrics.text();
}

}  // namespace
}  // namespace mintmark::telemetry
