#include "revoke/signals/mapping.h"

#include <algorithm>
#include <array>

namespace mintmark::revoke::signals {
namespace {

std::string text_in(const Json& entry, const char* name) {
  const auto found = entry.find(name);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// CAEP 1.0 §2: what every event may say.
Json event_of(const Json& entry, std::string_view by, const std::string& why) {
  Json event = {{"reason_admin", {{"en", why}}}};
  if (const auto at = entry.find("at"); at != entry.end() && at->is_number_integer())
    event["event_timestamp"] = *at;
  constexpr std::array<std::string_view, 4> entities{"admin", "user", "policy", "system"};
  const std::string said = text_in(entry, "by");
  const bool known = std::find(entities.begin(), entities.end(), said) != entities.end();
  if (known || !by.empty()) event["initiating_entity"] = known ? said : std::string(by);
  return event;
}

Json device_member(const std::string& issuer, const std::string& device) {
  return {{"format", "iss_sub"}, {"iss", issuer}, {"sub", device}};
}

Json device_subject(const std::string& issuer, const std::string& device) {
  return {{"format", "complex"}, {"device", device_member(issuer, device)}};
}

/// All that the issuer ever gave: its tenant, of which there is one.
Json issuer_subject(const std::string& issuer) {
  return {{"format", "complex"}, {"tenant", {{"format", "opaque"}, {"id", issuer}}}};
}

/// RFC 9278: a kid of ours is the key's thumbprint.
Json key_subject(const std::string& kid) {
  return {{"format", "uri"}, {"uri", "urn:ietf:params:oauth:jwk-thumbprint:sha-256:" + kid}};
}

class Mapping {
 public:
  Mapping(const Json& entry, const std::string& issuer, const TokenLookup& lookup)
      : entry_(entry), issuer_(issuer), lookup_(lookup) {}

  [[nodiscard]] std::vector<Signal> made() {
    const std::string type = text_in(entry_, "type");
    if (type == "token") token(text_in(entry_, "jti"), text_in(entry_, "sub"));
    if (type == "tokens") tokens();
    if (type == "device") device();
    if (type == "issued_before") everybody();
    if (type == "key") key();
    if (type == "keys") keys();
    if (type == "compliance") compliance();
    if (type == "claims") claims();
    return std::move(signals_);
  }

 private:
  void add(std::string_view type, Json subject, Json event, const std::string& token = "") {
    signals_.push_back({std::string(type), std::move(subject), std::move(event), token});
  }
  void token(const std::string& jti, std::string device) {
    if (jti.empty()) return;
    if (device.empty() && lookup_) {
      if (const auto facts = lookup_(jti)) device = facts->device;
    }
    Json subject = {{"format", "complex"}, {"session", {{"format", "opaque"}, {"id", jti}}}};
    if (!device.empty()) subject["device"] = device_member(issuer_, device);
    add(session_revoked, std::move(subject), event_of(entry_, "", "This token was revoked."), jti);
  }
  void tokens() {
    const auto jtis = entry_.find("jtis");
    if (jtis == entry_.end() || !jtis->is_array()) return;
    for (const Json& jti : *jtis) {
      if (jti.is_string()) token(jti.get<std::string>(), "");
    }
  }
  void device() {
    const std::string id = text_in(entry_, "sub");
    if (id.empty()) return;
    const std::string why = "All tokens of this device that were issued before were revoked.";
    add(session_revoked, device_subject(issuer_, id), event_of(entry_, "admin", why));
  }
  void everybody() {
    Json event = event_of(entry_, "admin", "All tokens issued before a moment were revoked.");
    if (const auto before = entry_.find("before"); before != entry_.end())
      event["mintmark_issued_before"] = *before;
    add(session_revoked, issuer_subject(issuer_), std::move(event));
  }
  void key() {
    const std::string kid = text_in(entry_, "kid");
    if (kid.empty()) return;
    add(credential_change, key_subject(kid),
        credential("revoke", kid, event_of(entry_, "admin", "This signing key was revoked.")));
  }
  void keys() {
    add(credential_change, {{"format", "uri"}, {"uri", issuer_ + "/.well-known/jwks.json"}},
        credential("update", "", event_of(entry_, "system", "The published keys have changed.")));
  }
  static Json credential(const char* change, const std::string& kid, Json event) {
    event["credential_type"] = "jwk";
    event["change_type"] = change;
    if (!kid.empty()) event["friendly_name"] = kid;
    return event;
  }
  void compliance() {
    const std::string id = text_in(entry_, "sub");
    const auto compliant = entry_.find("compliant");
    if (id.empty() || compliant == entry_.end() || !compliant->is_boolean()) return;
    const bool good = compliant->get<bool>();
    standing(id, good,
             event_of(entry_, "policy",
                      good ? "This device may have tokens again."
                           : "This device may have no tokens: it was revoked, or has to attest."));
  }
  void standing(const std::string& id, bool good, Json event) {
    event["current_status"] = good ? "compliant" : "not-compliant";
    event["previous_status"] = good ? "not-compliant" : "compliant";
    add(device_compliance_change, device_subject(issuer_, id), std::move(event));
  }
  void claims() {
    const std::string id = text_in(entry_, "sub");
    const auto changed = entry_.find("claims");
    if (id.empty() || changed == entry_.end() || !changed->is_object() || changed->empty()) return;
    Json event = event_of(entry_, "policy", "The next tokens of this device say other things.");
    event["claims"] = *changed;
    add(token_claims_change, device_subject(issuer_, id), std::move(event));
  }

  const Json& entry_;
  const std::string& issuer_;
  const TokenLookup& lookup_;
  std::vector<Signal> signals_;
};

}  // namespace

const std::vector<std::string>& supported_events() {
  static const std::vector<std::string> all{
      std::string(session_revoked), std::string(token_claims_change),
      std::string(device_compliance_change), std::string(credential_change)};
  return all;
}

std::vector<Signal> signals_of(const Json& entry, const std::string& issuer,
                               const TokenLookup& lookup) {
  if (!entry.is_object()) return {};
  return Mapping(entry, issuer, lookup).made();
}

}  // namespace mintmark::revoke::signals
