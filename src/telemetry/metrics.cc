#include "telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <atomic>
#include <sstream>

namespace mintmark::telemetry {
namespace {

constexpr std::size_t code_count = 0
#define MINTMARK_ERROR(code, action, http_status, oauth_error) +1
#include "base/error_codes.def"
#undef MINTMARK_ERROR
    ;

}  // namespace

void Counter::add(std::uint64_t count) { counter_->Increment(static_cast<double>(count)); }

void Counter::raise_to(std::uint64_t total) {
  const double more = static_cast<double>(total) - counter_->Value();
  if (more > 0) counter_->Increment(more);
}

void Gauge::set(double value) { gauge_->Set(value); }
void Gauge::add(double difference) { gauge_->Increment(difference); }

void Seconds::observe(std::chrono::nanoseconds took) {
  histogram_->Observe(std::chrono::duration<double>(took).count());
}

struct Metrics::State {
  prometheus::Registry registry;
  std::vector<std::function<void()>> refreshers;
};

/// The family is asked (a lock and a look-up) only when a code is met first.
struct Outcomes::Counters {
  Counters(prometheus::Family<prometheus::Counter>& family_, const Labels& labels_)
      : family(family_), labels(labels_), ok(make("ok")) {}

  prometheus::Counter& make(std::string_view outcome) {
    Labels all = labels;
    all["outcome"] = outcome;
    return family.Add(all);
  }

  prometheus::Counter& of(Code code) {
    std::atomic<prometheus::Counter*>& kept = by_code.at(static_cast<std::size_t>(code));
    prometheus::Counter* counter = kept.load(std::memory_order_acquire);
    if (counter == nullptr) {
      counter = &make(facts_of(code).name);
      kept.store(counter, std::memory_order_release);
    }
    return *counter;
  }

  prometheus::Family<prometheus::Counter>& family;
  const Labels labels;
  prometheus::Counter& ok;
  std::array<std::atomic<prometheus::Counter*>, code_count> by_code{};
};

void Outcomes::count(const Error* cause) {
  (cause == nullptr ? counters_->ok : counters_->of(cause->code)).Increment();
}

Metrics::Metrics() : state_(std::make_shared<State>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return Counter(
      prometheus::BuildCounter().Name(name).Help(help).Register(state_->registry).Add(labels));
}

Gauge Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return Gauge(
      prometheus::BuildGauge().Name(name).Help(help).Register(state_->registry).Add(labels));
}

Seconds Metrics::seconds(const std::string& name, const std::string& help,
                         const std::vector<double>& bounds, const Labels& labels) {
  return Seconds(prometheus::BuildHistogram()
                     .Name(name)
                     .Help(help)
                     .Register(state_->registry)
                     .Add(labels, bounds));
}

Outcomes Metrics::outcomes(const std::string& name, const std::string& help, const Labels& labels) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(state_->registry);
  return Outcomes(std::make_shared<Outcomes::Counters>(family, labels));
}

void Metrics::before_text(std::function<void()> refresh) {
  state_->refreshers.push_back(std::move(refresh));
}

std::string Metrics::text() const {
  for (const auto& refresh : state_->refreshers) refresh();
  std::ostringstream out;
  out.imbue(std::locale::classic());
  prometheus::TextSerializer().Serialize(out, state_->registry.Collect());
  return out.str();
}

}  // namespace mintmark::telemetry
