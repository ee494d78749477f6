#include "programs/mintd/front_events.h"

#include <algorithm>

#include "programs/mintd/algorithms.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// For services whose clock is behind ours.
constexpr seconds allowed_for_clocks{60};
constexpr milliseconds longest_signature{5000};

revoke::FrontierParts frontier_parts(const config::Config& config,
                                     const FrontEvents::Parts& parts) {
  const seconds bound = config.revocation.bound;
  return {.events = parts.revocation.events(),
          .clock = parts.clock,
          .sign = event_signing(config, parts.keyring, parts.stores),
          .revoked_keys = [&revocation = parts.revocation] { return *revocation.revoked_keys(); },
          .issuer = config.issuer,
          .bound = bound,
          .life = std::min(config.revocation.event_life, bound + allowed_for_clocks),
          .sign_deadline = std::min<milliseconds>(longest_signature, milliseconds(bound) / 2)};
}

// Told when it begins and when it is over, not ten times a second; that the keys are not there yet
// is no news at the start.
api::EventHub::Told tell_of(Figures& figures) {
  auto outcomes = figures.metrics().outcomes("mintmark_frontiers_total",
                                             "Frontiers of the event log by outcome.");
  return [outcomes, failing = true](const Result<revoke::SignedFrontier>& frontier) mutable {
    outcomes.count(frontier ? nullptr : &frontier.error());
    if (frontier.has_value() != failing) return;
    failing = !frontier;
    if (failing)
      telemetry::log(telemetry::Level::error, "frontiers_not_signed", frontier.error());
    else
      telemetry::log(telemetry::Level::info, "frontiers_signed");
  };
}

void show(Figures& figures, const std::shared_ptr<api::EventHub>& hub,
          const revoke::EventLog& events) {
  telemetry::Metrics& metrics = figures.metrics();
  auto subscribers = metrics.gauge("mintmark_event_subscribers", "Services that listen to events.");
  auto slow = metrics.counter("mintmark_event_subscribers_slow_total",
                              "How often one could not keep up and was sent to the snapshot.");
  auto age = metrics.gauge(
      "mintmark_frontier_age_seconds",
      "While anybody listens: since the last frontier; past the bound nothing is trusted.");
  auto entries =
      metrics.counter("mintmark_event_log_entries_total", "Entries of the event log, ever.");
  metrics.before_text(
      [weak = std::weak_ptr(hub), &events, subscribers, slow, age, entries]() mutable {
        const auto there = weak.lock();
        if (!there) return;
        subscribers.set(static_cast<double>(there->subscribers()));
        slow.raise_to(there->slow());
        age.set(std::chrono::duration<double>(there->frontier_age()).count());
        entries.raise_to(events.position().seq);
      });
}

}  // namespace

revoke::SignEvent event_signing(const config::Config& config, const keyring::Keyring& keyring,
                                issuer::KeyStores& stores) {
  const keyring::KeyKind kind{hsm::Purpose::event, signing_algorithms(config).usual};
  return [&keyring, &stores, kind](
             std::function<std::string(std::string_view, std::string_view)> input,
             Deadline deadline, std::function<void(Result<std::string>)> done) {
    stores.sign_jws(
        keyring.snapshot(), kind,
        [input = std::move(input)](const keyring::PublishedKey& key) {
          return input(jose::name_of(key.public_key.algorithm()), key.kid());
        },
        deadline, std::move(done));
  };
}

FrontEvents::FrontEvents(const config::Config& config, const Parts& parts)
    : snapshots_(std::make_shared<revoke::Snapshots>(frontier_parts(config, parts))),
      hub_(api::EventHub::make(frontier_parts(config, parts),
                               {.subscribers = config.revocation.subscribers},
                               tell_of(parts.figures))) {
  show(parts.figures, hub_, parts.revocation.events());
}

FrontEvents::~FrontEvents() {
  hub_->close();
  snapshots_->stop();
}

void FrontEvents::add_routes(http::Router& router, const std::string& path,
                             api::ServiceAccess access, api::ServiceRefusal refuse) const {
  api::add_events(router, path, {hub_, snapshots_, std::move(access), std::move(refuse)});
}

}  // namespace mintmark::mintd
