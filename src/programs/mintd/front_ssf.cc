#include "programs/mintd/front_ssf.h"

#include "api/signals/shared_signals.h"
#include "http/client.h"
#include "http/tls.h"
#include "programs/mintd/front_events.h"
#include "revoke/signals/polls.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

namespace signals = revoke::signals;
using telemetry::Level;

constexpr std::chrono::seconds longest_signature{5};
constexpr std::size_t longest_receivers_answer = 16U << 10U;

std::function<signals::SendSet()> senders(const config::SharedSignals& config) {
  return [ca = config.push_ca, rules = signals::EndpointRules(config.push_networks)] {
    auto client = std::make_shared<http::Client>(http::ClientOptions{
        .ca_file = ca,
        .answer_octets = longest_receivers_answer,
        .address_rule = [rules](const std::string& address) { return rules.may_call(address); }});
    return
        [client](const std::string& url, const http::Headers& headers, const std::string& set,
                 Deadline deadline) { return client->send("POST", url, headers, set, deadline); };
  };
}

signals::TokenLookup lookup_in(const revoke::LiveTokens& tokens) {
  return [&tokens](std::string_view jti) -> std::optional<signals::TokenFacts> {
    const auto token = tokens.find(jti);
    if (!token) return std::nullopt;
    return signals::TokenFacts{token->audience, token->device};
  };
}

}  // namespace

/// What the event log, too, may call at the end.
struct FrontSsf::Deliverers {
  std::optional<signals::Streams> streams;
  std::optional<signals::Polls> polls;
  std::optional<signals::Pusher> pusher;

  void wake() {
    if (polls) polls->wake();
    if (pusher) pusher->wake();
  }
};

FrontSsf::FrontSsf(const config::Config& config, const Parts& parts,
                   std::unique_ptr<store::SignalStore> store)
    : parts_(parts),
      issuer_(config.issuer),
      max_age_(config.keys.max_age),
      store_(std::move(store)),
      deliverers_(std::make_shared<Deliverers>()) {}

Result<std::unique_ptr<FrontSsf>> FrontSsf::open(const config::Config& config, const Parts& parts) {
  auto store = store::open_signal_store(config.state_directory + "/front/ssf.db");
  if (!store) return pass_on(store);
  std::unique_ptr<FrontSsf> made(new FrontSsf(config, parts, std::move(*store)));
  Deliverers& all = *made->deliverers_;
  all.streams.emplace(
      config.issuer, signals::EndpointRules(config.shared_signals.push_networks),
      signals::Streams::Parts{.clock = parts.clock,
                              .log = parts.revocation.events(),
                              .store = *made->store_,
                              .audiences_of = [&services = parts.services](const std::string& id)
                                  -> std::optional<std::vector<std::string>> {
                                const auto service = services.find(id);
                                if (!service || !service->has_role(issuer::role_events))
                                  return std::nullopt;
                                return service->audiences;
                              },
                              .lookup = lookup_in(parts.revocation.tokens()),
                              .wake = [&all] { all.wake(); }});
  if (auto loaded = all.streams->load(); !loaded) return pass_on(loaded);
  const auto sign =
      signals::sign_sets_by(event_signing(config, parts.keyring, parts.stores), longest_signature);
  all.polls.emplace(*all.streams, sign);
  all.pusher.emplace(*all.streams, sign, senders(config.shared_signals),
                     [outcomes = parts.figures.pushed_sets()](const Error* error) mutable {
                       outcomes.count(error);
                     });
  // No reason to give no tokens; pushes will say so too.
  if (const auto roots = http::TlsClientContext::trusting(config.shared_signals.push_ca); !roots)
    telemetry::log(Level::error, "ssf_push_ca_unusable", roots.error());
  const std::weak_ptr<Deliverers> weak = made->deliverers_;
  parts.revocation.events().on_appended([weak](const std::vector<revoke::Event>& /*events*/) {
    if (const auto there = weak.lock()) there->wake();
  });
  made->news_.emplace(parts.devices, parts.revocation.events());
  made->show();
  return made;
}

FrontSsf::~FrontSsf() {
  news_.reset();
  // Somebody may hold them for a moment longer, and their threads use what ends before.
  if (deliverers_->polls) deliverers_->polls->end();
  if (deliverers_->pusher) deliverers_->pusher->end();
}

void FrontSsf::stop() { deliverers_->polls->end(); }

void FrontSsf::add_routes(http::Router& router, api::ServiceAccess access,
                          api::ServiceRefusal refuse) {
  api::add_shared_signals(router, {issuer_, max_age_, std::move(access), std::move(refuse),
                                   *deliverers_->streams, *deliverers_->polls});
}

void FrontSsf::show() {
  telemetry::Metrics& metrics = parts_.figures.metrics();
  auto streams = metrics.gauge("mintmark_ssf_streams", "Streams of security events.");
  auto paused =
      metrics.gauge("mintmark_ssf_streams_paused",
                    "Of those, paused: by their services, or because nobody took events.");
  auto behind = metrics.gauge("mintmark_ssf_entries_behind",
                              "Entries of the event log that the slowest stream has yet to take.");
  auto failing =
      metrics.gauge("mintmark_ssf_failing_seconds",
                    "Since when a receiver has taken no event that was pushed; 0: all do.");
  metrics.before_text([weak = std::weak_ptr(deliverers_), &clock = parts_.clock, streams, paused,
                       behind, failing]() mutable {
    const auto there = weak.lock();
    if (!there) return;
    const auto census = there->streams->census();
    streams.set(static_cast<double>(census.streams));
    paused.set(static_cast<double>(census.paused));
    behind.set(static_cast<double>(census.behind));
    const bool any = census.failing_since != Moment{};
    const auto since = any ? clock.now() - census.failing_since : std::chrono::seconds{0};
    failing.set(static_cast<double>(since.count()));
  });
}

}  // namespace mintmark::mintd
