#include <algorithm>

#include "mintmark/verifier.h"
#include "verify/access_token.h"

namespace mintmark {

VerifiedToken::VerifiedToken(std::shared_ptr<const verify::TokenFacts> facts)
    : facts_(std::move(facts)) {}

const std::string& VerifiedToken::subject() const { return facts_->subject; }
const std::string& VerifiedToken::client_id() const { return facts_->client_id; }
const std::string& VerifiedToken::token_id() const { return facts_->token_id; }
const std::vector<std::string>& VerifiedToken::scopes() const { return facts_->scopes; }
std::chrono::sys_seconds VerifiedToken::issued_at() const { return facts_->issued_at; }
std::chrono::sys_seconds VerifiedToken::expires_at() const { return facts_->expires_at; }
const std::vector<std::string>& VerifiedToken::audiences() const { return facts_->audiences; }
const std::string& VerifiedToken::jkt() const { return facts_->jkt; }
const std::string& VerifiedToken::certificate_thumbprint() const {
  return facts_->certificate_thumbprint;
}
const std::string& VerifiedToken::key_protection() const { return facts_->key_protection; }
const std::string& VerifiedToken::attestation_format() const { return facts_->attestation_format; }
const std::optional<std::chrono::sys_seconds>& VerifiedToken::attested_at() const {
  return facts_->attested_at;
}
const std::string& VerifiedToken::claims() const { return facts_->claims; }

bool VerifiedToken::has_scope(std::string_view scope) const {
  return std::find(scopes().begin(), scopes().end(), scope) != scopes().end();
}

}  // namespace mintmark
