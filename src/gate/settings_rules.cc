#include "gate/settings_rules.h"

#include <algorithm>

#include "gate/target.h"
#include "http/text.h"
#include "http/url.h"

namespace mintmark::gate {
namespace {

using config::ObjectReader;

std::string percent_encoded(std::string_view path) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    if (http::is_alphanumeric(c) || std::string_view("/-._~").find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out += {'%', hex[octet >> 4U], hex[octet & 15U]};
  }
  return out;
}

// A rule for a path that the gate refuses anyway would be read by people as letting somebody in.
bool can_be_asked_for(std::string_view path) {
  if (path.ends_with("/*")) path.remove_suffix(1);
  if (path.find('*') != std::string_view::npos) return false;
  return read_target(percent_encoded(path), "").has_value();
}

bool is_scope(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return c > 0x20 && c < 0x7F && c != '"' && c != '\\';
  });
}

Binding read_binding(ObjectReader& rule) {
  const std::string word = rule.choice("binding", {"dpop", "mtls", "bound"});
  return word == "dpop" ? Binding::dpop : word == "mtls" ? Binding::mtls : Binding::bound;
}

// A list that asks for one of nothing would let nobody in, or everybody.
std::vector<std::string> read_choices(ObjectReader& reader, const char* key) {
  auto words = reader.texts(key, std::vector<std::string>());
  if (!reader.failed() && reader.has(key) && words.empty())
    reader.refuse(key, "must name at least one, or be left out: then nothing is asked");
  return words;
}

void read_key_protection(ObjectReader& rule, Demand& demand) {
  demand.key_protections = read_choices(rule, "key_protection");
  for (std::size_t i = 0; i < demand.key_protections.size(); ++i) {
    const std::string& word = demand.key_protections[i];
    if (word != "hardware" && word != "session" && word != "unproven" && word != "none")
      rule.refuse_element("key_protection", i,
                          R"(must be "hardware", "session", "unproven" or "none")");
  }
}

Demand read_demand(ObjectReader& rule) {
  Demand demand;
  demand.audience = rule.text("audience");
  demand.scopes = rule.texts("scopes", std::vector<std::string>());
  for (std::size_t i = 0; i < demand.scopes.size(); ++i) {
    if (!is_scope(demand.scopes[i]))
      rule.refuse_element("scopes", i, "must be one scope (RFC 6749 §3.3): no spaces, no quotes");
  }
  demand.binding = read_binding(rule);
  read_key_protection(rule, demand);
  rule.object("attestation", false, [&](ObjectReader& attestation) {
    demand.attestation_formats = read_choices(attestation, "formats");
    if (attestation.has("max_age_seconds"))
      demand.attestation_age =
          std::chrono::seconds(attestation.integer("max_age_seconds", 1, 31'536'000));
    else
      (void)attestation.integer("max_age_seconds", 1, 31'536'000, 1);
  });
  return demand;
}

std::vector<std::string> read_methods(ObjectReader& rule) {
  auto methods = rule.texts("methods");
  for (std::size_t i = 0; i < methods.size(); ++i) {
    if (!http::is_token(methods[i]))
      rule.refuse_element("methods", i, R"(must be a method as it stands in requests, or "*")");
  }
  if (!rule.failed() && methods.empty())
    rule.refuse("methods", R"(must name at least one method; "*" is any)");
  return methods;
}

void read_rule(ObjectReader& reader, Rules& rules) {
  const std::string path = reader.text("path");
  const auto methods = read_methods(reader);
  const Demand demand = read_demand(reader);
  if (reader.failed()) return;
  if (!can_be_asked_for(path)) {
    reader.refuse("path",
                  R"(must be a decoded path that can be asked for: "/orders" or, with all below )"
                  R"(it, "/orders/*"; no query, no ';', no "." segment, no '*' elsewhere)");
  } else if (!rules.add(path, methods, demand)) {
    reader.refuse("path", "has a rule for one of these methods already");
  }
}

void read_service(ObjectReader& reader, Services& services) {
  const auto origins = reader.texts("origins");
  const auto rules = std::make_shared<Rules>();
  reader.objects("rules", true, [&](ObjectReader& rule) { read_rule(rule, *rules); });
  if (!reader.failed() && origins.empty())
    reader.refuse("origins", "must name at least one origin that clients call");
  for (std::size_t i = 0; i < origins.size() && !reader.failed(); ++i) {
    const auto url = http::parse_url(origins[i]);
    if (!url || url->scheme != "https" || url->origin() != origins[i])
      reader.refuse_element("origins", i,
                            R"(must be an origin as clients call it: https, host in lower case, )"
                            R"(a port where it is not 443, nothing behind: "https://api.example")");
    else if (!services.add(origins[i], rules))
      reader.refuse_element("origins", i, "is another service's already");
  }
}

}  // namespace

Services read_services(ObjectReader& root) {
  Services services;
  root.objects("services", true, [&](ObjectReader& one) { read_service(one, services); });
  if (!root.failed() && services.audiences().empty())
    root.refuse("services",
                "must have at least one service with a rule: without one nobody gets in");
  return services;
}

}  // namespace mintmark::gate
