// mintmark.h over verifier.h: nothing is decided here.
#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <variant>

#include "mintmark/mintmark.h"
#include "mintmark/verifier.h"

struct mintmark_options {
  mintmark::VerifierOptions verifier;
  std::string ca_file;
  std::string instance;
  std::optional<std::string> jwks;
  std::string client_id;  // "": it does not subscribe.
  std::string key_file;
};

struct mintmark_verifier {
  std::shared_ptr<const mintmark::Subscription> subscription;  // Null: there is none.
  mintmark::Verifier verifier;
};

struct mintmark_result {
  std::variant<mintmark::VerifiedToken, mintmark::Refused> outcome;
};

namespace mintmark {
namespace {

// Runs what may throw; no exception goes on from here.
template <typename Run>
int guarded(Run run) noexcept {
  try {
    return run();
  } catch (const std::bad_alloc&) {
    return MINTMARK_NO_MEMORY;
  } catch (const std::invalid_argument&) {
    return MINTMARK_INVALID_ARGUMENT;
  } catch (...) {
    return MINTMARK_FAILED;
  }
}

std::string_view text_or_empty(const char* text) { return text == nullptr ? "" : text; }

int set_text(std::string* place, const char* text) {
  if (place == nullptr || text == nullptr) return MINTMARK_INVALID_ARGUMENT;
  return guarded([&] {
    *place = text;
    return MINTMARK_OK;
  });
}

int add_text(std::vector<std::string>* place, const char* text) {
  if (place == nullptr || text == nullptr || *text == '\0') return MINTMARK_INVALID_ARGUMENT;
  return guarded([&] {
    place->emplace_back(text);
    return MINTMARK_OK;
  });
}

std::chrono::seconds* span_of(VerifierOptions& options, int span) {
  switch (span) {
    case MINTMARK_SKEW:
      return &options.skew;
    case MINTMARK_PROOF_PAST:
      return &options.proof_past;
    case MINTMARK_PROOF_FUTURE:
      return &options.proof_future;
    case MINTMARK_KEYS_GRACE:
      return &options.keys_grace;
    case MINTMARK_KEYS_LONGEST:
      return &options.keys_longest;
    case MINTMARK_KEYS_PAUSE:
      return &options.keys_pause;
    default:
      return nullptr;
  }
}

std::unique_ptr<KeySource> source_of(const mintmark_options& options) {
  if (options.jwks) return given_keys(*options.jwks);
  return published_keys(options.verifier.issuer, options.ca_file, options.instance);
}

std::shared_ptr<const Subscription> subscription_of(const mintmark_options& options) {
  if (options.client_id.empty()) return nullptr;
  SubscriptionOptions wanted(options.verifier.issuer, options.client_id, options.key_file);
  wanted.ca_file = options.ca_file;
  return subscribe(std::move(wanted));
}

int give(tl::expected<VerifiedToken, Refused> outcome, mintmark_result** result) {
  if (outcome) {
    *result = new mintmark_result{std::move(*outcome)};
    return MINTMARK_OK;
  }
  const int status =
      is_unavailable(outcome.error().refusal) ? MINTMARK_UNAVAILABLE : MINTMARK_REFUSED;
  *result = new mintmark_result{std::move(outcome.error())};
  return status;
}

const VerifiedToken* token_in(const mintmark_result* result) {
  return result == nullptr ? nullptr : std::get_if<VerifiedToken>(&result->outcome);
}

const Refused* refused_in(const mintmark_result* result) {
  return result == nullptr ? nullptr : std::get_if<Refused>(&result->outcome);
}

const char* text_of(const mintmark_result* result,
                    const std::string& (VerifiedToken::*text)() const) {
  const VerifiedToken* token = token_in(result);
  return token == nullptr ? nullptr : (token->*text)().c_str();
}

using Texts = const std::vector<std::string>& (VerifiedToken::*)() const;

std::size_t count_of(const mintmark_result* result, Texts texts) {
  const VerifiedToken* token = token_in(result);
  return token == nullptr ? 0 : (token->*texts)().size();
}

const char* text_at(const mintmark_result* result, Texts texts, std::size_t index) {
  return index < count_of(result, texts) ? (token_in(result)->*texts)()[index].c_str() : nullptr;
}

std::int64_t unix_time(std::chrono::sys_seconds moment) {
  return moment.time_since_epoch().count();
}

}  // namespace
}  // namespace mintmark

using mintmark::VerifiedToken;

int mintmark_abi_version() { return MINTMARK_ABI_VERSION; }

int mintmark_options_new(const char* issuer, const char* audience, mintmark_options** options) {
  if (options == nullptr) return MINTMARK_INVALID_ARGUMENT;
  *options = nullptr;
  if (issuer == nullptr || audience == nullptr || *issuer == '\0' || *audience == '\0')
    return MINTMARK_INVALID_ARGUMENT;
  return mintmark::guarded([&] {
    *options = new mintmark_options{{issuer, audience}, {}, {}, {}, {}, {}};
    return MINTMARK_OK;
  });
}

void mintmark_options_free(mintmark_options* options) { delete options; }

int mintmark_options_set_ca_file(mintmark_options* options, const char* file) {
  return mintmark::set_text(options == nullptr ? nullptr : &options->ca_file, file);
}

int mintmark_options_set_jwks(mintmark_options* options, const char* jwks) {
  if (options == nullptr || jwks == nullptr) return MINTMARK_INVALID_ARGUMENT;
  return mintmark::guarded([&] {
    (void)mintmark::given_keys(jwks);  // What is none is refused here, where it is given.
    options->jwks = jwks;
    return MINTMARK_OK;
  });
}

int mintmark_options_set_instance(mintmark_options* options, const char* instance) {
  return mintmark::set_text(options == nullptr ? nullptr : &options->instance, instance);
}

int mintmark_options_subscribe(mintmark_options* options, const char* client_id,
                               const char* key_file) {
  if (options == nullptr || client_id == nullptr || key_file == nullptr || *client_id == '\0' ||
      *key_file == '\0')
    return MINTMARK_INVALID_ARGUMENT;
  return mintmark::guarded([&] {
    std::string id = client_id;
    options->key_file = key_file;
    options->client_id = std::move(id);
    return MINTMARK_OK;
  });
}

int mintmark_options_add_audience(mintmark_options* options, const char* audience) {
  return mintmark::add_text(options == nullptr ? nullptr : &options->verifier.further_audiences,
                            audience);
}

int mintmark_options_add_key_protection(mintmark_options* options, const char* key_protection) {
  return mintmark::add_text(options == nullptr ? nullptr : &options->verifier.key_protections,
                            key_protection);
}

int mintmark_options_set_seconds(mintmark_options* options, int span, std::int64_t seconds) {
  // Ten years: beyond it times would overflow, and nobody means it.
  constexpr std::int64_t longest = std::int64_t{10} * 366 * 86400;
  if (options == nullptr || seconds < 0 || seconds > longest) return MINTMARK_INVALID_ARGUMENT;
  std::chrono::seconds* place = mintmark::span_of(options->verifier, span);
  if (place == nullptr) return MINTMARK_INVALID_ARGUMENT;
  *place = std::chrono::seconds{seconds};
  return MINTMARK_OK;
}

int mintmark_options_set_count(mintmark_options* options, int count, std::size_t value) {
  if (options == nullptr) return MINTMARK_INVALID_ARGUMENT;
  if (count == MINTMARK_PROOFS_REMEMBERED) {
    if (value == 0) return MINTMARK_INVALID_ARGUMENT;
    options->verifier.proofs_remembered = value;
  } else if (count == MINTMARK_TOKENS_REMEMBERED) {
    options->verifier.tokens_remembered = value;
  } else {
    return MINTMARK_INVALID_ARGUMENT;
  }
  return MINTMARK_OK;
}

int mintmark_options_set_proof_memory(mintmark_options* options, int memory) {
  if (options == nullptr ||
      (memory != MINTMARK_MEMORY_OF_VERIFIER && memory != MINTMARK_MEMORY_OF_CALLER))
    return MINTMARK_INVALID_ARGUMENT;
  options->verifier.proof_memory = memory == MINTMARK_MEMORY_OF_CALLER
                                       ? mintmark::ProofMemory::of_caller
                                       : mintmark::ProofMemory::of_verifier;
  return MINTMARK_OK;
}

int mintmark_options_set_proof_nonces(mintmark_options* options, int nonces) {
  using mintmark::ProofNonces;
  constexpr ProofNonces known[] = {ProofNonces::never, ProofNonces::when_unsure,
                                   ProofNonces::always};
  if (options == nullptr || nonces < MINTMARK_NONCES_NEVER || nonces > MINTMARK_NONCES_ALWAYS)
    return MINTMARK_INVALID_ARGUMENT;
  options->verifier.proof_nonces = known[nonces];
  return MINTMARK_OK;
}

int mintmark_verifier_new(const mintmark_options* options, mintmark_verifier** verifier) {
  if (verifier == nullptr) return MINTMARK_INVALID_ARGUMENT;
  *verifier = nullptr;
  if (options == nullptr) return MINTMARK_INVALID_ARGUMENT;
  return mintmark::guarded([&] {
    auto subscription = mintmark::subscription_of(*options);
    auto own = options->verifier;
    own.revocations = subscription;
    *verifier = new mintmark_verifier{
        std::move(subscription), mintmark::Verifier(std::move(own), mintmark::source_of(*options))};
    return MINTMARK_OK;
  });
}

void mintmark_verifier_free(mintmark_verifier* verifier) { delete verifier; }

std::int64_t mintmark_revocations_age(const mintmark_verifier* verifier) {
  if (verifier == nullptr || verifier->subscription == nullptr) return -1;
  try {
    const auto standing = verifier->subscription->standing();
    return standing.ever ? standing.age.count() : -1;
  } catch (...) {
    return -1;
  }
}

int mintmark_fresh_nonce(const mintmark_verifier* verifier, char* nonce, std::size_t octets) {
  if (verifier == nullptr || nonce == nullptr) return MINTMARK_INVALID_ARGUMENT;
  return mintmark::guarded([&] {
    const std::string fresh = verifier->verifier.fresh_nonce();
    if (octets <= fresh.size()) return MINTMARK_INVALID_ARGUMENT;
    std::memcpy(nonce, fresh.c_str(), fresh.size() + 1);
    return MINTMARK_OK;
  });
}

int mintmark_check(const mintmark_verifier* verifier, const char* token, int scheme,
                   const char* method, const char* url, const char* proof,
                   const unsigned char* certificate, std::size_t certificate_octets,
                   mintmark_result** result) {
  if (result == nullptr) return MINTMARK_INVALID_ARGUMENT;
  *result = nullptr;
  const bool known = scheme == MINTMARK_SCHEME_DPOP || scheme == MINTMARK_SCHEME_BEARER;
  if (verifier == nullptr || token == nullptr || method == nullptr || url == nullptr || !known)
    return MINTMARK_INVALID_ARGUMENT;
  const std::size_t shown = certificate == nullptr ? 0 : certificate_octets;
  return mintmark::guarded([&] {
    const mintmark::ProofContext context{
        .method = method,
        .url = url,
        .proof = mintmark::text_or_empty(proof),
        .scheme =
            scheme == MINTMARK_SCHEME_BEARER ? mintmark::Scheme::bearer : mintmark::Scheme::dpop,
        .certificate = {reinterpret_cast<const char*>(certificate), shown}};
    return mintmark::give(verifier->verifier.check(token, context), result);
  });
}

int mintmark_check_without_proof(const mintmark_verifier* verifier, const char* token,
                                 mintmark_result** result) {
  if (result == nullptr) return MINTMARK_INVALID_ARGUMENT;
  *result = nullptr;
  if (verifier == nullptr || token == nullptr) return MINTMARK_INVALID_ARGUMENT;
  return mintmark::guarded(
      [&] { return mintmark::give(verifier->verifier.check_without_proof(token), result); });
}

void mintmark_result_free(mintmark_result* result) { delete result; }

int mintmark_result_refusal(const mintmark_result* result) {
  const mintmark::Refused* refused = mintmark::refused_in(result);
  return refused == nullptr ? 0 : static_cast<int>(refused->refusal) + 1;
}

const char* mintmark_result_refusal_name(const mintmark_result* result) {
  const mintmark::Refused* refused = mintmark::refused_in(result);
  // The names are literals, which end in NUL.
  return refused == nullptr ? "" : mintmark::name_of(refused->refusal).data();
}

const char* mintmark_result_detail(const mintmark_result* result) {
  const mintmark::Refused* refused = mintmark::refused_in(result);
  return refused == nullptr ? "" : refused->detail.c_str();
}

const char* mintmark_result_subject(const mintmark_result* result) {
  return mintmark::text_of(result, &VerifiedToken::subject);
}
const char* mintmark_result_client_id(const mintmark_result* result) {
  return mintmark::text_of(result, &VerifiedToken::client_id);
}
const char* mintmark_result_token_id(const mintmark_result* result) {
  return mintmark::text_of(result, &VerifiedToken::token_id);
}
std::size_t mintmark_result_scopes(const mintmark_result* result) {
  return mintmark::count_of(result, &VerifiedToken::scopes);
}
const char* mintmark_result_scope(const mintmark_result* result, std::size_t index) {
  return mintmark::text_at(result, &VerifiedToken::scopes, index);
}
int mintmark_result_has_scope(const mintmark_result* result, const char* scope) {
  const VerifiedToken* token = mintmark::token_in(result);
  return token != nullptr && scope != nullptr && token->has_scope(scope) ? 1 : 0;
}
std::size_t mintmark_result_audiences(const mintmark_result* result) {
  return mintmark::count_of(result, &VerifiedToken::audiences);
}
const char* mintmark_result_audience(const mintmark_result* result, std::size_t index) {
  return mintmark::text_at(result, &VerifiedToken::audiences, index);
}
std::int64_t mintmark_result_issued_at(const mintmark_result* result) {
  const VerifiedToken* token = mintmark::token_in(result);
  return token == nullptr ? -1 : mintmark::unix_time(token->issued_at());
}
std::int64_t mintmark_result_expires_at(const mintmark_result* result) {
  const VerifiedToken* token = mintmark::token_in(result);
  return token == nullptr ? -1 : mintmark::unix_time(token->expires_at());
}
const char* mintmark_result_jkt(const mintmark_result* result) {
  return mintmark::text_of(result, &VerifiedToken::jkt);
}
const char* mintmark_result_certificate_thumbprint(const mintmark_result* result) {
  return mintmark::text_of(result, &VerifiedToken::certificate_thumbprint);
}
const char* mintmark_result_key_protection(const mintmark_result* result) {
  return mintmark::text_of(result, &VerifiedToken::key_protection);
}
const char* mintmark_result_attestation_format(const mintmark_result* result) {
  return mintmark::text_of(result, &VerifiedToken::attestation_format);
}
std::int64_t mintmark_result_attested_at(const mintmark_result* result) {
  const VerifiedToken* token = mintmark::token_in(result);
  return token == nullptr || !token->attested_at() ? -1
                                                   : mintmark::unix_time(*token->attested_at());
}
const char* mintmark_result_claims(const mintmark_result* result) {
  return mintmark::text_of(result, &VerifiedToken::claims);
}
int mintmark_result_proof_checked(const mintmark_result* result) {
  const VerifiedToken* token = mintmark::token_in(result);
  return token != nullptr && token->proof_checked() ? 1 : 0;
}
const char* mintmark_result_proof_jti(const mintmark_result* result) {
  const VerifiedToken* token = mintmark::token_in(result);
  if (token == nullptr) return nullptr;
  return token->proof_jti() ? token->proof_jti()->c_str() : "";
}
std::int64_t mintmark_result_proof_iat(const mintmark_result* result) {
  const VerifiedToken* token = mintmark::token_in(result);
  return token == nullptr || !token->proof_jti() ? -1 : mintmark::unix_time(token->proof_iat());
}
