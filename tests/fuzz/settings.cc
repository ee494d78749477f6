// Any octets as what people write: a configuration of each program, a policy, the files that it
// names, the URI of a token. Refused with the place and what would be right, or read; and what is
// packed for another process is read there to the same.
#include "agent/serve/settings.h"
#include "config/config.h"
#include "gate/settings.h"
#include "hsm/pkcs11/uri.h"
#include "policy/bundle.h"
#include "policy/policy.h"
#include "policy/reference.h"
#include "support/mutations.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

void require_place(const Error& error, Code code, std::string_view text) {
  require(error.code == code);
  require_told(error);
  require(test::names_a_line(error.detail, "file.json", std::string(text)));
}

void run_mintd_config(BytesView octets) {
  const std::string_view text = as_text(octets);
  const auto config = config::parse("file.json", text);
  if (!config) return require_place(config.error(), Code::config_invalid, text);
  require(config->issuer.starts_with("https://") && !config->stores.empty());
  require(config->tls || config->trusted_proxy);
  require(config->longest_token_life > std::chrono::seconds(0));
}

void run_gate_config(BytesView octets) {
  const std::string_view text = as_text(octets);
  const auto settings = gate::parse_settings("file.json", text);
  if (!settings) return require_place(settings.error(), Code::config_invalid, text);
  require(settings->issuer.starts_with("https://") && !settings->listeners.empty());
  const auto again = gate::parse_settings("file.json", text);
  require(again && again->fixed == settings->fixed);
}

void run_agent_config(BytesView octets) {
  const std::string_view text = as_text(octets);
  const auto settings = agent::serve::parse_settings("file.json", text);
  if (!settings) return require_place(settings.error(), Code::config_invalid, text);
  require(!settings->socket.path.empty() && settings->socket.path.front() == '/');
  for (const auto& rule : settings->users) require(rule.user || rule.group);
}

Result<std::string> one_reference(const std::string& /*name*/) {
  return std::string(R"({"name": "r", "bank": "sha256", "pcrs": {"0": [")") + std::string(64, 'a') +
         R"("]}})";
}

void run_policy(BytesView octets) {
  const std::string_view text = as_text(octets);
  const auto read = policy::Policy::from_text("file.json", text, one_reference);
  if (!read) {
    require_told(read.error());
    return require(read.error().code == Code::policy_invalid ||
                   read.error().code == Code::reference_invalid);
  }
  // Nobody has a rule of his own; what is decided is decided alike.
  attest::RecordedDevice device;
  device.id = "d";
  device.state = "enrolled";
  policy::TokenRequest request;
  request.audience = "urn:api";
  request.now = from_unix(1'800'000'000);
  const auto one = read->explain(device, request, std::chrono::seconds(300));
  const auto two = read->explain(device, request, std::chrono::seconds(300));
  require(policy::to_json(one) == policy::to_json(two));
  (void)read->needed_pcrs();
  (void)read->wanted_logs();
  const policy::Bundle bundle{"file.json", std::string(text), {{"a", "b"}}};
  const auto unpacked = policy::Bundle::from(bundle.packed());
  require(unpacked && *unpacked == bundle);
}

void run_reference(BytesView octets) {
  const std::string_view text = as_text(octets);
  const auto reference = policy::read_reference("file.json", text);
  if (!reference) require_place(reference.error(), Code::reference_invalid, text);
  for (const auto& event : reference ? reference->events : std::vector<policy::ReferenceEvent>{})
    require(event.pcr < 24 && !event.digests.empty());
  const auto lines = policy::read_ima_reference("file.json", text);
  if (!lines) require_place(lines.error(), Code::reference_invalid, text);
  const auto bundle = policy::Bundle::from(text);
  require(!bundle || policy::Bundle::from(bundle->packed()) == *bundle);
}

void run_pkcs11_uri(BytesView octets) {
  namespace pkcs11 = hsm::pkcs11;
  const std::string_view text = as_text(octets);
  const auto token = pkcs11::parse_token_selector(text);
  if (!token) {
    require(token.error().code == Code::hsm_uri_malformed ||
            token.error().code == Code::hsm_uri_pin);
    require_told(token.error());
  } else {
    require(!text.starts_with("pkcs11:") || text.find(";pin-value=") == std::string_view::npos);
    pkcs11::TokenFacts facts{token->slot_id.value_or(3), token->label.value_or("l"),
                             token->manufacturer.value_or("m"), token->model.value_or("o"),
                             token->serial.value_or("s")};
    require(token->matches(facts));
    const auto again = pkcs11::parse_token_selector(facts.to_uri());
    require(text.find('\0') != std::string_view::npos || again);
    if (!again) return;
    require(again->matches(facts));
    facts.serial += "x";
    require(!again->matches(facts) && token->matches(facts) == !token->serial);
  }
  const auto key = pkcs11::parse_key_uri(text);
  if (!key) return require_told(key.error());
  require(!key->module_path.empty() && !key->pin_file.empty());
  require(key->object.has_value() || !key->id.empty());
  require(!token);
}

const Registered settings_targets{{"mintd_config", &run_mintd_config},
                                  {"gate_config", &run_gate_config},
                                  {"agent_config", &run_agent_config},
                                  {"policy", &run_policy},
                                  {"reference", &run_reference, {}, nullptr, 4000},
                                  {"pkcs11_uri", &run_pkcs11_uri, {}, nullptr, 4000}};

}  // namespace
}  // namespace mintmark::fuzz
