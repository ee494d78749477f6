#include "programs/mint_gate/gate_figures.h"

#include "programs/descriptors.h"
#include "programs/out_of_memory.h"

namespace mintmark::programs {
namespace {

const std::vector<double> bounds{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                 0.005,   0.01,   0.025,   0.1,    0.5,   2.5};

// A refusal that says no code is ours to mend, and surely no grant.
const Error no_code{Code::internal, "", 0};

}  // namespace

GateFigures::GateFigures(std::shared_ptr<const gate::KeptKeys> keys,
                         std::shared_ptr<const Subscription> told,
                         std::function<std::shared_ptr<const Verifier>()> verifier)
    : decisions_(metrics_.outcomes("mintmark_gate_decisions_total",
                                   "Decisions by outcome: ok, or the code of the refusal.")),
      seconds_(metrics_.seconds("mintmark_gate_decision_seconds",
                                "From the whole check request to its answer.", bounds)) {
  metrics_
      .gauge("mintmark_build_info", "Always 1; the label says which version runs.",
             {{"version", MINTMARK_VERSION}})
      .set(1);
  metrics_.gauge("mintmark_gate_start_time_seconds", "When this gate started, as Unix time.")
      .set(static_cast<double>(to_unix(SystemClock().now())));
  auto usable = metrics_.gauge("mintmark_gate_keys_usable",
                               "1 while the issuer's keys are here and not too old to be used.");
  auto age = metrics_.gauge("mintmark_gate_keys_age_seconds",
                            "Since when the issuer's keys are here as they are.");
  auto failing = metrics_.gauge("mintmark_gate_keys_fetch_failing",
                                "1 while the last fetch of the issuer's keys failed.");
  auto fetches = metrics_.counter("mintmark_gate_keys_fetches_total",
                                  "How often the issuer answered for its keys, or failed to.");
  auto tokens = metrics_.gauge("mintmark_gate_tokens_remembered",
                               "Tokens whose signature need not be checked again.");
  auto proofs = metrics_.gauge("mintmark_gate_proofs_remembered",
                               "Proofs that were used and could be used again.");
  metrics_.before_text([usable, age, failing, fetches, tokens, proofs, keys = std::move(keys),
                        verifier = std::move(verifier)]() mutable {
    const auto in_force = verifier();
    tokens.set(static_cast<double>(in_force->tokens_remembered()));
    proofs.set(static_cast<double>(in_force->proofs_remembered()));
    const auto standing = keys->standing();
    usable.set(standing.usable ? 1 : 0);
    age.set(static_cast<double>(standing.age.count()));
    failing.set(standing.trouble ? 1 : 0);
    fetches.raise_to(keys->attempts());
  });
  if (told) show_revocations(std::move(told));
  show_what_is_scarce();
}

void GateFigures::show_failed_accepts(std::function<std::uint64_t()> count) {
  auto failed = metrics_.counter("mintmark_http_accepts_failed_total",
                                 "Tries to accept that failed: no descriptors, or no memory.");
  metrics_.before_text([failed, count = std::move(count)]() mutable { failed.raise_to(count()); });
}

void GateFigures::show_what_is_scarce() {
  auto refused = metrics_.counter("mintmark_out_of_memory_total",
                                  "Memory that a process did not get: it refused something for it.",
                                  {{"process", "gate"}, {"outcome", "refused"}});
  auto scarce =
      metrics_.gauge("mintmark_descriptors_scarce", "1 while hardly any file descriptor is left.");
  metrics_.before_text([refused, scarce]() mutable {
    refused.raise_to(memory_refusals());
    scarce.set(look_at_descriptors().scarce ? 1 : 0);
  });
}

void GateFigures::show_revocations(std::shared_ptr<const Subscription> told) {
  auto trusted = metrics_.gauge(
      "mintmark_gate_revocations_trusted",
      "1 while the issuer has said within its bound what was revoked; else every call is 503.");
  auto age = metrics_.gauge("mintmark_gate_revocations_age_seconds",
                            "How old the issuer's last word on it is, at most. -1: none came yet.");
  auto bound = metrics_.gauge("mintmark_gate_revocations_bound_seconds",
                              "How old it may be; 0 before the first.");
  auto entries = metrics_.gauge("mintmark_gate_revocations", "Revocations that are remembered.");
  metrics_.before_text([this, trusted, age, bound, entries, told = std::move(told)]() mutable {
    const auto standing = told->standing();
    trusted.set(standing.trusted ? 1 : 0);
    age.set(standing.ever ? std::chrono::duration<double>(standing.age).count() : -1);
    bound.set(static_cast<double>(standing.bound.count()));
    entries.set(static_cast<double>(standing.entries));
    for (const auto& [reason, times] : standing.ends) {
      metrics_
          .counter("mintmark_gate_event_stream_ends_total",
                   "Connections to the issuer's events that ended or came to nothing, by reason.",
                   {{"reason", reason}})
          .raise_to(times);
    }
  });
}

void GateFigures::decided(const http::Answered& answered) {
  seconds_.observe(answered.took);
  decisions_.count(answered.cause == nullptr && answered.status >= 400 ? &no_code : answered.cause);
}

void GateFigures::reloaded(bool successful) {
  metrics_.gauge("mintmark_reload_successful", "0 if the last reload was refused.")
      .set(successful ? 1 : 0);
  if (!successful) return;
  metrics_.gauge("mintmark_reload_time_seconds", "When what is in force was read, as Unix time.")
      .set(static_cast<double>(to_unix(SystemClock().now())));
}

void GateFigures::tls_certificate_ends(const std::string& listener, Moment when) {
  metrics_
      .gauge("mintmark_tls_certificate_end_seconds",
             "When the served TLS certificate ends, as Unix time.", {{"listener", listener}})
      .set(static_cast<double>(to_unix(when)));
}

}  // namespace mintmark::programs
