// An issuer in memory, a device, and a verifier between them: everything good, for tests to break
// one thing.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "mintmark/verifier.h"
#include "support/manual_clock.h"
#include "support/soft_key.h"

namespace mintmark::test {

inline constexpr const char* issuer_url = "https://issuer.example";
inline constexpr const char* service = "https://service.example";
inline constexpr const char* resource = "https://service.example/things";

/// A JWK as our jwks.json has it.
inline Json published(const SoftKey& key, const char* purpose = "access_token") {
  Json jwk = key.public_key().to_jwk();
  jwk["kid"] = key.jkt();
  jwk["use"] = "sig";
  jwk["alg"] = jose::name_of(key.public_key().algorithm());
  jwk["mintmark_purpose"] = purpose;
  return jwk;
}

inline Json key_document(std::initializer_list<Json> keys) {
  return {{"keys", Json::array_t(keys)}};
}

/// What a KeySource of a test answers, and how often it was asked; the test changes it.
struct KeyAnswers {
  tl::expected<KeyDocument, Refused> answer;
  std::atomic<int> asked{0};
};

class FakeKeySource final : public KeySource {
 public:
  explicit FakeKeySource(std::shared_ptr<KeyAnswers> answers) : answers_(std::move(answers)) {}
  tl::expected<KeyDocument, Refused> fetch() override {
    ++answers_->asked;
    return answers_->answer;
  }

 private:
  std::shared_ptr<KeyAnswers> answers_;
};

/// What was revoked, as the test says it.
class ToldByTest final : public Revocations {
 public:
  [[nodiscard]] tl::expected<void, Refused> judge(const Token& token) const override {
    ++asked;
    if (token.token_id == "token-1" && token.subject == "device-1" && refusal)
      return tl::unexpected<Refused>({*refusal, "told by the test"});
    if (!revoked_kid.empty() && token.kid == revoked_kid)
      return tl::unexpected<Refused>({Refusal::token_key_revoked, "told by the test"});
    return {};
  }
  [[nodiscard]] std::uint64_t keys_epoch() const override { return epoch; }

  std::optional<Refusal> refusal;
  std::string revoked_kid;
  std::atomic<std::uint64_t> epoch{0};
  mutable std::atomic<int> asked{0};
};

class TokenFixture {
 public:
  TokenFixture() {
    publish(key_document({published(issuer_key_), published(attester_, "client_attestation")}));
  }

  [[nodiscard]] const SoftKey& issuer_key() const { return issuer_key_; }
  [[nodiscard]] const SoftKey& attester() const { return attester_; }
  [[nodiscard]] const SoftKey& device() const { return device_; }
  [[nodiscard]] ManualClock& clock() { return *clock_; }
  [[nodiscard]] Moment now() const { return clock_->now(); }
  [[nodiscard]] KeyAnswers& keys() { return *answers_; }
  [[nodiscard]] std::unique_ptr<KeySource> source() const {
    return std::make_unique<FakeKeySource>(answers_);
  }

  void publish(const Json& document, std::chrono::seconds max_age = std::chrono::seconds{300}) {
    answers_->answer = KeyDocument{document.dump(), max_age};
  }

  [[nodiscard]] Json header() const {
    return {{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", issuer_key_.jkt()}};
  }
  [[nodiscard]] Json claims() const {
    return {{"iss", issuer_url},
            {"aud", service},
            {"sub", "device-1"},
            {"client_id", "device-1"},
            {"iat", to_unix(now())},
            {"exp", to_unix(now()) + 300},
            {"jti", "token-1"},
            {"scope", "read write"},
            {"cnf", {{"jkt", device_.jkt()}}},
            {"key_protection", "hardware"},
            {"attestation", {{"format", "tpm2"}, {"at", to_unix(now())}}}};
  }
  [[nodiscard]] std::string token() const { return issuer_key_.sign_jws(header(), claims()); }
  /// Null leaves the member out.
  [[nodiscard]] std::string token_with_claim(const char* name, const Json& value) const {
    return issuer_key_.sign_jws(header(), changed(claims(), name, value));
  }
  [[nodiscard]] std::string token_with_claims(const Json& others) const {
    Json all = claims();
    all.update(others);
    return issuer_key_.sign_jws(header(), all);
  }
  [[nodiscard]] std::string token_with_header(const char* name, const Json& value) const {
    return issuer_key_.sign_jws(changed(header(), name, value), claims());
  }

  [[nodiscard]] ProofContent proof_content(const std::string& token) const {
    return {.method = "GET", .url = resource, .at = now(), .access_token = token};
  }
  [[nodiscard]] std::string proof(const std::string& token) const {
    return make_proof(device_, proof_content(token));
  }

  /// On this fixture's clock.
  [[nodiscard]] VerifierOptions options() const {
    VerifierOptions options(issuer_url, service);
    options.now = [clock = clock_] { return clock->now(); };
    return options;
  }
  [[nodiscard]] Verifier verifier() { return verifier(options()); }
  /// Begun so long ago that it takes proofs of the second that begins with it.
  [[nodiscard]] Verifier verifier(VerifierOptions options) {
    const auto future = options.proof_future;
    clock_->advance(-future);
    Verifier made(std::move(options), source());
    clock_->advance(future + std::chrono::seconds{1});
    return made;
  }

  [[nodiscard]] static Json changed(Json object, const char* name, const Json& value) {
    object.erase(name);
    if (!value.is_null()) object[name] = value;
    return object;
  }

 private:
  SoftKey issuer_key_;
  SoftKey attester_;
  SoftKey device_;
  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::shared_ptr<KeyAnswers> answers_ = std::make_shared<KeyAnswers>();
};

}  // namespace mintmark::test
