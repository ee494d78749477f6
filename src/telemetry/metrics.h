// Figures for a monitoring system, in the Prometheus text format. Label values come from our own
// tables and from the configuration, never from what a stranger sent: their number is bounded.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace mintmark::telemetry {

using Labels = std::map<std::string, std::string>;

/// Only ever grows. Thread-safe, like all that follows.
class Counter {
 public:
  explicit Counter(prometheus::Counter& counter) : counter_(&counter) {}
  void add(std::uint64_t count = 1);
  /// For what somebody else counts: raises the counter to `total`; never lowers it.
  void raise_to(std::uint64_t total);

 private:
  prometheus::Counter* counter_;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& gauge) : gauge_(&gauge) {}
  void set(double value);
  void add(double difference);

 private:
  prometheus::Gauge* gauge_;
};

/// A histogram of how long something took.
class Seconds {
 public:
  explicit Seconds(prometheus::Histogram& histogram) : histogram_(&histogram) {}
  void observe(std::chrono::nanoseconds took);

 private:
  prometheus::Histogram* histogram_;
};

/// A counter for each code that something can end with, and "ok".
class Outcomes {
 public:
  /// `cause` null: it went well.
  void count(const Error* cause);

 private:
  friend class Metrics;
  struct Counters;
  explicit Outcomes(std::shared_ptr<Counters> counters) : counters_(std::move(counters)) {}
  std::shared_ptr<Counters> counters_;
};

/// Names and meanings of the figures are given once each; asking for the same name and labels again
/// gives the same figure. A figure lives as long as the Metrics that made it.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  [[nodiscard]] Counter counter(const std::string& name, const std::string& help,
                                const Labels& labels = {});
  [[nodiscard]] Gauge gauge(const std::string& name, const std::string& help,
                            const Labels& labels = {});
  /// `bounds`: the upper ends of the buckets, in seconds, rising.
  [[nodiscard]] Seconds seconds(const std::string& name, const std::string& help,
                                const std::vector<double>& bounds, const Labels& labels = {});
  /// With the label `outcome` besides `labels`. "ok" is there from the start, a code when it was
  /// met first.
  [[nodiscard]] Outcomes outcomes(const std::string& name, const std::string& help,
                                  const Labels& labels = {});

  /// Called before each text(), to set gauges that are read and not kept. Before the first text().
  void before_text(std::function<void()> refresh);
  /// All figures as text/plain; version=0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mintmark::telemetry
