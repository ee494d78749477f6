#include "programs/mintd/figures.h"

#include "attest/vocabulary.h"

namespace mintmark::mintd {
namespace {

using telemetry::Labels;

const std::vector<double> request_bounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                         0.05,   0.1,   0.25,   0.5,   1,    2.5};
const std::vector<double> signing_bounds{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                         0.01,    0.025,  0.05,    0.1,    0.25,  0.5,    1};

// The first of a version's line and of the process's, so that a change can be seen in a graph.
void add_constants(telemetry::Metrics& metrics) {
  metrics
      .gauge("mintmark_build_info", "Always 1; the label says which version runs.",
             {{"version", MINTMARK_VERSION}})
      .set(1);
  metrics.gauge("mintmark_front_start_time_seconds", "When this front started, as Unix time.")
      .set(static_cast<double>(to_unix(SystemClock().now())));
}

double number(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return 0;
  if (found->is_boolean()) return found->get<bool>() ? 1 : 0;
  return found->is_number() ? found->get<double>() : 0;
}

std::uint64_t count(const Json& object, const char* name) {
  return static_cast<std::uint64_t>(std::max(number(object, name), 0.0));
}

const char* const memory_name = "mintmark_out_of_memory_total";
const char* const memory_help =
    "Memory that a process did not get: it refused something for it, or ended.";
const char* const store_name = "mintmark_store_trouble";
const char* const store_help = "1 while a database file cannot be written.";
const char* const store_failures_name = "mintmark_store_failures_total";
const char* const store_failures_help =
    "Calls of a database that failed, looks whether its trouble is over included, by what "
    "hindered them.";

// A refusal that says no code is ours to mend, and surely no success.
const Error no_code{Code::internal, "", 0};

}  // namespace

Figures::Figures(const std::string& issuer_path)
    : refusals_(metrics_.outcomes("mintmark_http_refusals_total",
                                  "Requests refused on the public listeners, by code.")),
      devices_(issuer_path + "/devices/"),
      polls_(issuer_path + "/ssf/poll/"),
      device_result_(make_route("device_result")),
      lists_(issuer_path + "/status/"),
      status_list_(make_route("status_list")),
      poll_(make_route("ssf_poll")),
      other_(make_route("other")) {
  add_constants(metrics_);
  add_routes(issuer_path);
}

Figures::Route Figures::make_route(const std::string& name) {
  const auto of_class = [&](const char* status) {
    return metrics_.counter("mintmark_http_requests_total",
                            "Requests answered on the public listeners.",
                            {{"route", name}, {"status", status}});
  };
  return {metrics_.seconds("mintmark_http_request_seconds",
                           "From the whole request to its answer, the hardware's time included.",
                           request_bounds, {{"route", name}}),
          {of_class("2xx"), of_class("3xx"), of_class("4xx"), of_class("5xx")},
          std::nullopt};
}

void Figures::add_routes(const std::string& path) {
  const auto add = [&](const std::string& at, const std::string& name) -> Route& {
    return routes_.emplace(at, make_route(name)).first->second;
  };
  add("/healthz", "healthz");
  add("/readyz", "readyz");
  add("/.well-known/oauth-authorization-server" + path, "metadata");
  add(path + "/.well-known/jwks.json", "jwks");
  add(path + "/statuslists", "status_lists");
  add(path + "/challenge", "challenge");
  add(path + "/events", "events");
  add(path + "/events/snapshot", "events_snapshot");
  add("/.well-known/ssf-configuration" + path, "ssf_metadata");
  add(path + "/ssf/streams", "ssf_streams");
  add(path + "/ssf/status", "ssf_status");
  add(path + "/ssf/subjects/add", "ssf_subjects_add");
  add(path + "/ssf/subjects/remove", "ssf_subjects_remove");
  add(path + "/ssf/verify", "ssf_verify");
  add(path + "/token", "token").outcomes =
      metrics_.outcomes("mintmark_token_requests_total", "Token requests by outcome.");
  add(path + "/introspect", "introspect").outcomes =
      metrics_.outcomes("mintmark_introspections_total", "Introspections by outcome.");
  add(path + "/revoke", "revoke").outcomes = metrics_.outcomes(
      "mintmark_holder_revocations_total", "Tokens that their holders took back, by outcome.");
  std::vector<std::string> formats = attest::evidence_formats();
  formats.insert(formats.end(), {"tpm2", "key"});
  for (const std::string& format : formats) {
    add(path + "/attest/" + format + "/begin", "attest_" + format + "_begin").outcomes =
        metrics_.outcomes("mintmark_enrolment_begins_total",
                          "First requests of enrolments by outcome.", {{"format", format}});
    add(path + "/attest/" + format + "/finish", "attest_" + format + "_finish").outcomes =
        metrics_.outcomes("mintmark_enrolments_total", "Enrolments by outcome.",
                          {{"format", format}});
  }
}

bool Figures::is_route(std::string_view path) const { return routes_.contains(path); }

Figures::Route& Figures::route_of(std::string_view path) {
  if (const auto found = routes_.find(path); found != routes_.end()) return found->second;
  if (path.starts_with(lists_)) return status_list_;
  if (path.starts_with(polls_)) return poll_;
  const bool of_device = path.starts_with(devices_) && path.ends_with("/result");
  return of_device ? device_result_ : other_;
}

void Figures::answered(const http::Answered& answered) {
  Route& route = route_of(answered.path);
  route.seconds.observe(answered.took);
  const unsigned hundreds = std::min(std::max(answered.status / 100, 2U), 5U);
  route.by_class.at(hundreds - 2).add();
  const Error* cause = answered.cause;
  if (cause == nullptr && answered.status >= 400) cause = &no_code;
  if (cause != nullptr) refusals_.count(cause);
  if (route.outcomes) route.outcomes->count(cause);
}

Figures::Signing Figures::signing(const std::string& store) {
  const Labels labels{{"store", store}};
  return {
      metrics_.outcomes("mintmark_signatures_total", "Signatures asked for by outcome.", labels),
      metrics_.seconds("mintmark_signing_seconds",
                       "From asking a key store to its signature, its queue included.",
                       signing_bounds, labels),
      metrics_.gauge("mintmark_signing_pending",
                     "Signatures asked for and not yet there: the queue's depth.", labels)};
}

Figures::Acknowledgements Figures::acknowledgements() {
  const auto of = [&](const char* outcome) {
    return metrics_.counter("mintmark_verifier_acknowledgements_total",
                            "Requests for the keys that said which ones their sender holds.",
                            {{"outcome", outcome}});
  };
  return {of("taken"), of("unlisted"), of("malformed")};
}

Figures::Revocations Figures::revocations() {
  return {metrics_.gauge("mintmark_live_tokens", "Tokens that have not ended, revoked or not."),
          metrics_.counter("mintmark_issuance_log_entries_total",
                           "Tokens written to the log of issued tokens."),
          metrics_.counter("mintmark_issuance_log_groups_total",
                           "Flushes that they shared: entries by groups wait for one."),
          metrics_.counter("mintmark_revoked_tokens_total",
                           "Tokens that were good until a revocation met them.")};
}

Figures::StatusLists Figures::status_lists() {
  return {metrics_.outcomes("mintmark_status_list_builds_total",
                            "Tokens of status lists that were made, by outcome."),
          metrics_.seconds("mintmark_status_list_build_seconds",
                           "From a copy of the list to its signed token.", signing_bounds),
          metrics_.gauge("mintmark_status_list_octets", "Of the token that was made last.")};
}

telemetry::Counter Figures::revocations_of(const std::string& what) {
  return metrics_.counter("mintmark_revocations_total", "Revocations that had something to say.",
                          {{"what", what}});
}

telemetry::Outcomes Figures::pushed_sets() {
  return metrics_.outcomes("mintmark_ssf_pushes_total",
                           "Security event tokens pushed to receivers, by outcome.");
}

telemetry::Outcomes Figures::tls_signatures() {
  return metrics_.outcomes("mintmark_tls_signatures_total",
                           "Handshakes' signatures asked of the key store, by outcome.");
}

telemetry::Gauge Figures::breaker_open(const std::string& store) {
  return metrics_.gauge("mintmark_signer_breaker_open",
                        "1 while a key store that only fails is asked no more than now and then.",
                        {{"store", store}});
}

void Figures::keeper_said(const Json& message) {
  metrics_.counter("mintmark_front_restarts_total", "How often the front was started again.")
      .raise_to(count(message, "front_restarts"));
  for (const Json& signer : message.value("signers", Json::array())) {
    const Labels labels{{"store", signer.value("store", "")}};
    metrics_
        .gauge("mintmark_signer_up", "1 if the key store is open and its keys are in order.",
               labels)
        .set(number(signer, "up"));
    metrics_
        .gauge("mintmark_signer_pin_refused",
               "1 if the token refused the PIN, which is not tried again by itself.", labels)
        .set(number(signer, "pin_refused"));
    metrics_
        .counter("mintmark_signer_restarts_total", "How often the signer was started again.",
                 labels)
        .raise_to(count(signer, "restarts"));
    signer_said(signer, labels);
    starts_failed("signer", count(signer, "starts_failed"), labels);
    ended_for_memory("signer", count(signer, "out_of_memory"), labels);
  }
  starts_failed("front", count(message, "front_starts_failed"), {});
  ended_for_memory("front", count(message, "front_out_of_memory"), {});
  for (const Json& file : message.value("stores", Json::array())) store_said(file);
  metrics_
      .counter("mintmark_lease_losses_total",
               "How often mintd stopped all work because its lease was gone.")
      .raise_to(count(message, "lease_losses"));
  for (const Json& key : message.value("keys", Json::array())) {
    key_said(key, {{"store", key.value("store", "")},
                   {"purpose", key.value("purpose", "")},
                   {"algorithm", key.value("algorithm", "")}});
  }
  metrics_
      .gauge("mintmark_key_troubles",
             "What could not be done about signing keys (/readyz says it).")
      .set(static_cast<double>(message.value("warnings", Json::array()).size()));
  metrics_.gauge("mintmark_reload_successful", "0 if the last reload was refused.")
      .set(number(message, "reload_successful"));
  metrics_.gauge("mintmark_reload_time_seconds", "When what is in force was read, as Unix time.")
      .set(number(message, "reloaded_at"));
}

void Figures::starts_failed(const char* process, std::uint64_t times, Labels labels) {
  labels["process"] = process;
  metrics_
      .counter("mintmark_starts_failed_total",
               "How often mintd could not start a process: no descriptor, no memory.", labels)
      .raise_to(times);
}

void Figures::ended_for_memory(const char* process, std::uint64_t times, Labels labels) {
  labels["process"] = process;
  labels["outcome"] = "ended";
  metrics_.counter(memory_name, memory_help, labels).raise_to(times);
}

void Figures::memory_refused(std::uint64_t times) {
  metrics_.counter(memory_name, memory_help, {{"process", "front"}, {"outcome", "refused"}})
      .raise_to(times);
}

void Figures::store_said(const Json& file) {
  const std::string name = file.value("file", "");
  metrics_.gauge(store_name, store_help, {{"file", name}})
      .set(file.value("trouble", "").empty() ? 0 : 1);
  const Json failures = file.value("failures", Json::object());
  for (const auto& [hindrance, times] : failures.items())
    metrics_
        .counter(store_failures_name, store_failures_help,
                 {{"file", name}, {"hindrance", hindrance}})
        .raise_to(count(failures, hindrance.c_str()));
}

void Figures::disk_left(double octets) {
  metrics_
      .gauge("mintmark_state_disk_free_octets",
             "What may still be written on the disk of the front's databases.")
      .set(octets);
}

void Figures::clock_stands(std::chrono::seconds behind, std::chrono::seconds doubted) {
  metrics_
      .gauge("mintmark_clock_behind_seconds",
             "How far the clock is behind a moment at which this issuer worked.")
      .set(static_cast<double>(behind.count()));
  metrics_
      .gauge("mintmark_clock_jumped_seconds",
             "How far the clock jumped ahead, while that is not believed.")
      .set(static_cast<double>(doubted.count()));
}

void Figures::descriptors_stand(std::uint64_t limit, bool scarce) {
  metrics_.gauge("mintmark_descriptors_limit", "File descriptors that the front may have.")
      .set(static_cast<double>(limit));
  metrics_.gauge("mintmark_descriptors_scarce", "1 while hardly any is left of them.")
      .set(scarce ? 1 : 0);
}

void Figures::key_said(const Json& key, const Labels& labels) {
  const auto say = [&](const char* member, const char* name, const char* help) {
    if (key.contains(member)) metrics_.gauge(name, help, labels).set(number(key, member));
  };
  say("active_since", "mintmark_key_active_since_seconds",
      "Since when the key of this kind signs, as Unix time.");
  say("rotation_due", "mintmark_key_rotation_due_seconds",
      "When its successor is to sign, as Unix time; 0 where none can be made.");
  say("verifiers_listed", "mintmark_key_ahead_verifiers_listed",
      "Verifiers that the configuration lists, of whom the successor may wait for some.");
  say("verifiers_holding", "mintmark_key_ahead_verifiers_holding",
      "Those of them that hold the successor, by their own word.");
}

void Figures::signer_said(const Json& signer, const Labels& labels) {
  metrics_
      .counter("mintmark_signer_hung_total",
               "How often the signer was cut off because a call did not come back.", labels)
      .raise_to(count(signer, "hung"));
  metrics_
      .gauge("mintmark_signer_left_alone",
             "1 while a signer hangs in a call that writes the token, and is left to end.", labels)
      .set(number(signer, "left_alone"));
  metrics_.counter("mintmark_hsm_logins_total", "Logins into the token that were tried.", labels)
      .raise_to(count(signer, "logins"));
  metrics_.gauge("mintmark_hsm_sessions", "Open sessions with the token.", labels)
      .set(number(signer, "sessions"));
  const auto each = [&](const char* member, const char* name, const char* help, const char* label) {
    const Json counts = signer.value(member, Json::object());
    for (const auto& [key, value] : counts.items()) {
      Labels with = labels;
      with[label] = key;
      metrics_.counter(name, help, with).raise_to(count(counts, key.c_str()));
    }
  };
  each("faults", "mintmark_hsm_faults_total", "What the module answered but CKR_OK.", "rv");
  each("recoveries", "mintmark_hsm_recoveries_total", "What was done about faults.", "remedy");
}

void Figures::tls_certificate_ends(Moment when) {
  metrics_
      .gauge("mintmark_tls_certificate_end_seconds",
             "When the served TLS certificate ends, as Unix time.")
      .set(static_cast<double>(to_unix(when)));
}

}  // namespace mintmark::mintd
