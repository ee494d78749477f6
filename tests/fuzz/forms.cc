// Any octets as the body of a request: a client's form, a stranger's JSON, a poll, a stream that a
// service wishes, a subject that it names, an entry of the log that signals are made of.
#include "api/client_form.h"
#include "api/members.h"
#include "api/signals/poll_wish.h"
#include "base/json.h"
#include "http/text.h"
#include "revoke/signals/set.h"
#include "revoke/signals/stream_wish.h"
#include "revoke/signals/subjects.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

namespace signals = revoke::signals;

http::Request request_of(const char* type, BytesView body) {
  http::Request request;
  request.method = "POST";
  request.target = request.path = "/token";
  request.headers.add("Content-Type", type);
  request.headers.add("OAuth-Client-Attestation", "an attestation");
  request.headers.add("DPoP", "a proof");
  request.body = as_text(body);
  return request;
}

void run_client_form(BytesView octets) {
  const auto request = request_of("application/x-www-form-urlencoded", octets);
  auto form = api::read_client_form(request);
  require(!api::read_client_form(request_of("application/json", octets)));
  if (!form) return require_told(form.error());
  for (const auto& [name, value] : form->parameters) {
    require(!value.empty() && form->value(name) == value);
    require(name != "client_id" && name != "client_secret" && name != "client_assertion");
  }
  require(form->credentials.client_assertion.has_value() ==
          !form->value("client_assertion_type").empty());
  const auto sender = api::read_sender(request, {}, api::BesideAssertion::proof, form->credentials);
  require(sender && form->credentials.client_attestation && !form->credentials.proof.empty());
}

void run_request_body(BytesView octets) {
  const auto request = request_of("application/json; charset=utf-8", octets);
  const auto object = api::read_object(request);
  if (!object) return require_told(object.error());
  require(object->is_object());
  for (const char* const name : {"ek_certificate", "ak_public", "chain", "at", "life", "nonce"}) {
    auto members = api::members_of_request(*object);
    const std::string text = members.text(name);
    if (members.error()) require_told(*members.error());
    require(members.error() || object->at(name) == text);
    auto octets_of = api::members_of_request(*object);
    (void)octets_of.octets(name);
    (void)octets_of.octets_list(name, 4);
    (void)octets_of.moment(name);
    (void)octets_of.seconds(name);
    (void)octets_of.visible(name);
    (void)octets_of.below(name).text("a");
    if (octets_of.error()) require_told(*octets_of.error());
  }
}

void run_poll(BytesView octets) {
  const auto wish = api::read_poll(request_of("application/json", octets));
  if (!wish) return require_told(wish.error());
  require(wish->acknowledged.size() <= 1024 && wish->errors.size() <= 256);
  for (const std::string& jti : wish->acknowledged) require(!jti.empty() && jti.size() <= 128);
}

void look_at_settings(const Result<signals::StreamSettings>& settings) {
  if (!settings) return require_told(settings.error());
  require(!settings->audience.empty());
  require(!settings->push || http::lower_case(settings->endpoint).starts_with("https://"));
  const auto again = signals::StreamSettings::from_json(settings->to_json());
  require(again && again->to_json() == settings->to_json());
  require(settings->to_json().dump().find("a secret of the receiver") == std::string::npos);
  for (const std::string& event : settings->delivered()) {
    const auto& all = signals::supported_events();
    require(std::find(all.begin(), all.end(), event) != all.end());
  }
}

void run_stream_wish(BytesView octets) {
  static const signals::EndpointRules rules{{}};
  static const signals::Owner owner{"service-1", {"urn:api", "urn:other"}};
  const auto wish = parse_json(as_text(octets));
  if (!wish) return;
  const auto settings = signals::settings_of_new(*wish, owner, rules);
  look_at_settings(settings);
  signals::StreamSettings before;
  before.audience = {"urn:api"};
  look_at_settings(signals::settings_changed(*wish, before, rules));
  look_at_settings(signals::settings_replaced(*wish, settings ? *settings : before, rules));
  const auto kept = signals::StreamSettings::from_json(*wish);
  const auto again = kept ? signals::StreamSettings::from_json(kept->to_json()) : kept;
  require(!kept || (again && again->to_json() == kept->to_json()));
  const auto state = signals::StreamState::from_json(*wish);
  if (!state) return;
  const auto same = signals::StreamState::from_json(state->to_json());
  require(same && same->to_json() == state->to_json());
}

void run_subject(BytesView octets) {
  const auto subject = parse_json(as_text(octets));
  if (!subject) return;
  const auto checked = signals::check_subject(*subject);
  if (!checked) require_told(checked.error());
  require(!checked || signals::takes_away(*subject, *subject));
}

void run_signals(BytesView octets) {
  const auto entry = parse_json(as_text(octets));
  if (!entry) return;
  const std::string issuer = "https://issuer.example";
  const auto blind = signals::signals_of(*entry, issuer, {});
  const auto knowing = signals::signals_of(*entry, issuer, [](std::string_view /*jti*/) {
    return std::optional(signals::TokenFacts{"urn:api", "device-1"});
  });
  require(blind.size() == knowing.size());
  for (std::size_t i = 0; i < blind.size(); ++i) {
    require(blind[i].type == knowing[i].type && blind[i].token == knowing[i].token);
    require(signals::check_subject(blind[i].subject).has_value());
    require(signals::check_subject(knowing[i].subject).has_value());
    const Json claims = signals::set_claims({"jti-1", "txn-1", knowing[i]}, issuer, {"urn:api"},
                                            from_unix(1'800'000'000));
    require(claims.at("events").size() == 1 && !claims.contains("sub") && !claims.contains("exp"));
  }
}

const Registered form_targets{{"client_form", &run_client_form, {}, nullptr, 4000},
                              {"request_body", &run_request_body},
                              {"poll", &run_poll},
                              {"stream_wish", &run_stream_wish},
                              {"subject", &run_subject},
                              {"signals", &run_signals}};

}  // namespace
}  // namespace mintmark::fuzz
