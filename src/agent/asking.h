// How the issuer is asked for what needs a proof: with the nonce that it wants.
#pragma once

#include <functional>
#include <string>

#include "agent/enrolment.h"
#include "agent/issuer_client.h"

namespace mintmark::agent {

/// A refusal that another proof may get past: made anew, or with the nonce that came with it.
[[nodiscard]] inline bool another_proof_may_pass(const Error& error, const std::string& nonce) {
  const std::string_view oauth = facts_of(error.code).oauth_error;
  const bool asks_for_nonce = oauth == "use_dpop_nonce" || oauth == "use_attestation_challenge";
  return is_about_proof(error) || (asks_for_nonce && !nonce.empty());
}

/// Asks once, and where another proof may pass once more. `nonce`: for the first proof. The reply's
/// nonce is the last that came.
template <typename Answer>
[[nodiscard]] Reply<Answer> ask_with_nonce(
    const std::string& nonce, const std::function<Reply<Answer>(const std::string&)>& ask_once) {
  Reply<Answer> first = ask_once(nonce);
  if (first.answer || !another_proof_may_pass(first.answer.error(), first.nonce)) return first;
  Reply<Answer> second = ask_once(first.nonce.empty() ? nonce : first.nonce);
  if (second.nonce.empty()) second.nonce = std::move(first.nonce);
  return second;
}

}  // namespace mintmark::agent
