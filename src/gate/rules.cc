#include "gate/rules.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"

namespace mintmark::gate {
namespace {

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

Result<void> judge_binding(Binding binding, const VerifiedToken& token) {
  if (binding == Binding::dpop && token.jkt().empty()) {
    return fail(Code::gate_binding,
                "a token that is bound to a key by its thumbprint (cnf.jkt) is asked for here");
  }
  if (binding == Binding::mtls && token.certificate_thumbprint().empty()) {
    return fail(Code::gate_binding,
                "a token that is bound to a certificate (cnf.x5t#S256) is asked for here");
  }
  return {};
}

Result<void> judge_attestation(const Demand& demand, const VerifiedToken& token, Moment now) {
  if (!demand.attestation_formats.empty() &&
      !contains(demand.attestation_formats, token.attestation_format())) {
    return fail(Code::gate_attestation_format,
                "devices that proved themselves by " + listed(demand.attestation_formats) +
                    " are let in here; this one did by " +
                    (token.attestation_format().empty() ? "none that its token names"
                                                        : printable(token.attestation_format())));
  }
  if (!demand.attestation_age) return {};
  if (token.attested_at() && now - *token.attested_at() <= *demand.attestation_age) return {};
  return fail(Code::gate_attestation_old, "the device must have attested within the last " +
                                              std::to_string(demand.attestation_age->count()) +
                                              " s; attest again");
}

std::string_view without_slash(std::string_view path) {
  if (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

Result<void> judge(const Demand& demand, const VerifiedToken& token, Moment now) {
  if (auto bound = judge_binding(demand.binding, token); !bound) return bound;
  if (!contains(token.audiences(), demand.audience)) {
    return fail(Code::token_audience, "the token is not for " + demand.audience);
  }
  for (const std::string& scope : demand.scopes) {
    if (!token.has_scope(scope))
      return fail(Code::gate_scope, "the token lacks a scope that is asked for here");
  }
  if (!demand.key_protections.empty() &&
      !contains(demand.key_protections, token.key_protection())) {
    return fail(Code::gate_key_protection,
                "the key must be protected by " + listed(demand.key_protections) + "; it is by " +
                    (token.key_protection().empty() ? "nothing that its token names"
                                                    : printable(token.key_protection())));
  }
  return judge_attestation(demand, token, now);
}

bool Rules::add(const std::string& path, const std::vector<std::string>& methods,
                const Demand& demand) {
  const bool prefix = path.ends_with("/*");
  const std::string_view own =
      prefix ? std::string_view(path).substr(0, path.size() - 2) : without_slash(path);
  ByMethod& at = (prefix ? prefixes_ : exact_)[std::string(own)];
  return std::all_of(methods.begin(), methods.end(),
                     [&](const std::string& method) { return at.emplace(method, demand).second; });
}

const Rules::ByMethod* Rules::methods_at(std::string_view path) const {
  std::string_view left = without_slash(path);
  if (const auto found = exact_.find(left); found != exact_.end()) return &found->second;
  while (true) {
    if (const auto found = prefixes_.find(left); found != prefixes_.end()) return &found->second;
    if (left.empty()) return nullptr;
    left = left.substr(0, left.rfind('/'));
  }
}

Result<const Demand*> Rules::find(std::string_view method, std::string_view path) const {
  const ByMethod* methods = methods_at(path);
  if (methods == nullptr) return fail(Code::gate_no_rule, "no rule lets anybody in at this path");
  auto found = methods->find(method);
  if (found == methods->end() && method == "HEAD") found = methods->find(std::string_view("GET"));
  if (found == methods->end()) found = methods->find(std::string_view("*"));
  if (found != methods->end()) return &found->second;
  return fail(Code::gate_method_refused, "no rule lets anybody in with this method at this path");
}

std::vector<std::string> Rules::audiences() const {
  std::set<std::string> all;
  for (const ByPath* paths : {&exact_, &prefixes_}) {
    for (const auto& [path, methods] : *paths) {
      for (const auto& [method, demand] : methods) all.insert(demand.audience);
    }
  }
  return {all.begin(), all.end()};
}

}  // namespace mintmark::gate
