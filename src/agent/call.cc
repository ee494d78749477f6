#include <algorithm>

#include "agent/agent.h"
#include "agent/answers.h"
#include "agent/own_fields.h"
#include "http/connection_fields.h"
#include "http/text.h"

namespace mintmark::agent {
namespace {

// Ours to set, or the connection's.
bool is_our_own(const std::string& name) {
  return std::find(made_anew.begin(), made_anew.end(), name) != made_anew.end() ||
         http::is_of_connection(name);
}

Result<void> check_headers(const http::Headers& headers) {
  for (const auto& [name, value] : headers.fields()) {
    if (!http::is_token(name) || !http::is_field_value(value)) {
      return fail(Code::agent_header_refused, "a header is \"Name: value\" on one line");
    }
    if (is_our_own(http::lower_case(name))) {
      return fail(Code::agent_header_refused, "the header " + name + " is set by the agent itself");
    }
  }
  return {};
}

}  // namespace

Result<Agent::Proven> Agent::prove(const Call& call) {
  auto access_token = token(call.token);
  if (!access_token) return pass_on(access_token);
  auto dpop = proof({call.method, call.url, *access_token});
  if (!dpop) return pass_on(dpop);
  return Proven{std::move(*access_token), std::move(*dpop)};
}

Result<Agent::Proven> Agent::prove_by_session(const Call& call) {
  const auto key = SessionKey::make(longest_session, surroundings_.clock.now());
  if (!key) return tl::unexpected<Error>(key.error());
  auto fresh = fresh_token(call.token, key->get());
  if (!fresh) return pass_on(fresh);
  auto dpop = make_proof(**key, {call.method, call.url, fresh->token}, surroundings_.clock.now());
  if (!dpop) return pass_on(dpop);
  return Proven{std::move(fresh->token), std::move(*dpop)};
}

Result<void> Agent::forget(const std::string& token) {
  const auto lock = state_.lock();
  if (!lock) return tl::unexpected<Error>(lock.error());
  auto kept = state_.tokens();
  if (!kept) return pass_on(kept);
  if (std::erase_if(*kept, [&](const CachedToken& one) { return one.token == token; }) == 0)
    return {};
  return state_.save(*kept);
}

// Whoever asks next gets another one: this one was revoked, or ended otherwise.
Result<http::Response> Agent::answered(Result<http::Response> response, const std::string& token) {
  if (!response || asked_by(*response) != Asked::token) return response;
  if (auto forgotten = forget(token); !forgotten) return pass_on(forgotten);
  return response;
}

Result<http::Response> Agent::call(const Call& call) {
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  if (auto checked = check_headers(call.headers); !checked) return pass_on(checked);
  // Judged before a token is fetched, with a word in its place.
  if (auto provable = check_provable({call.method, call.url, "token"}, identity->issuer); !provable)
    return pass_on(provable);

  if (call.token.by_certificate) return call_by_certificate(call);
  const auto proven = call.session ? prove_by_session(call) : prove(call);
  if (!proven) return tl::unexpected<Error>(proven.error());
  http::Headers headers = call.headers;
  headers.add("Authorization", "DPoP " + proven->token);
  headers.add("DPoP", proven->proof);
  // The service may take its time, and without a resource manager a connection shuts others out of
  // the TPM.
  device_.reset();
  const std::string& ca_file = call.ca_file.empty() ? identity->ca_file : call.ca_file;
  return answered(transport(ca_file).send(call.method, call.url, headers, call.body),
                  proven->token);
}

}  // namespace mintmark::agent
