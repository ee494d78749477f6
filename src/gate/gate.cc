#include "gate/gate.h"

#include <optional>

#include "base/time.h"
#include "gate/answers.h"
#include "gate/target.h"
#include "http/client_certificate.h"
#include "verify/authorization.h"

namespace mintmark::gate {
namespace {

/// One check request on its way to an answer.
class Decision {
 public:
  Decision(const http::Request& check, const Door& door, const Policy& policy, const KeptKeys& keys)
      : check_(check), door_(door), policy_(policy), keys_(keys) {}

  http::Response answer() {
    auto token = caller();
    if (!token) return refusal(token.error());
    http::Response response = granted(*token);
    if (policy_.nonces == ProofNonces::always)
      response.headers.add("DPoP-Nonce", policy_.verifier->fresh_nonce());
    return response;
  }

 private:
  Result<VerifiedToken> caller() {
    if (!door_.peers.trust(check_)) {
      return fail(Code::gate_peer_untrusted,
                  "this listener answers the configured proxies alone (trusted_networks, "
                  "trusted_users)");
    }
    const auto original = read_original(check_, door_.dialect, door_.path_prefix);
    if (!original) return tl::unexpected<Error>(original.error());
    if (auto found = find_rule(*original); !found) return pass_on(found);
    const auto authorization = verify::read_authorization(check_.headers);
    if (!authorization) return tl::unexpected<Error>(authorization.error());
    came_under_ = authorization->scheme;
    return check_token(*authorization, original->method);
  }

  Result<void> find_rule(const Original& original) {
    const auto place = policy_.services.find(original.scheme, original.host);
    if (!place) return tl::unexpected<Error>(place.error());
    const auto target = read_target(original.uri, (*place)->origin);
    if (!target) return tl::unexpected<Error>(target.error());
    const auto demand = (*place)->rules->find(original.method, target->path);
    if (!demand) return tl::unexpected<Error>(demand.error());
    demand_ = *demand;
    url_.append((*place)->origin).append(target->raw);
    return {};
  }

  Result<VerifiedToken> check_token(const verify::Authorization& authorization,
                                    std::string_view method) {
    const auto proof = only_value(check_.headers, "DPoP", Code::proof_repeated);
    if (!proof) return tl::unexpected<Error>(proof.error());
    const auto certificate = client_certificate();
    if (!certificate) return tl::unexpected<Error>(certificate.error());
    if (auto usable = keys_usable(); !usable) return pass_on(usable);
    auto token =
        policy_.verifier->check(authorization.token, {.method = method,
                                                      .url = url_,
                                                      .proof = *proof,
                                                      .scheme = authorization.scheme,
                                                      .certificate = as_text(*certificate)});
    if (!token)
      return fail(code_named(name_of(token.error().refusal)), std::move(token.error().detail));
    if (auto fits = judge(*demand_, *token, SystemClock().now()); !fits) return pass_on(fits);
    return std::move(*token);
  }

  Result<Bytes> client_certificate() const {
    if (door_.certificate == CertificateFrom::none) return Bytes();
    if (door_.certificate == CertificateFrom::tls)
      return check_.client_certificate ? *check_.client_certificate : Bytes();
    auto told =
        http::forwarded_certificate(check_.headers, door_.certificate == CertificateFrom::nginx
                                                        ? http::CertificateHeader::nginx_escaped
                                                        : http::CertificateHeader::client_cert);
    if (!told) return pass_on(told);
    return std::move(*told).value_or(Bytes());
  }

  Result<void> keys_usable() const {
    if (keys_.usable()) return {};
    const auto standing = keys_.standing();
    if (!standing.ever)
      return fail(Code::gate_starting, "the issuer's keys are not here yet; try again");
    return fail(Code::keys_unavailable,
                "the issuer's keys are too old to be used and no fresh ones can be had");
  }

  [[nodiscard]] Scheme challenge_scheme(Code code) const {
    if (code == Code::token_scheme)
      return came_under_ == Scheme::bearer ? Scheme::dpop : Scheme::bearer;
    if (demand_ == nullptr || demand_->binding == Binding::dpop) return Scheme::dpop;
    return came_under_.value_or(demand_->binding == Binding::mtls ? Scheme::bearer : Scheme::dpop);
  }

  http::Response refusal(const Error& error) const {
    Challenge challenge{.scheme = challenge_scheme(error.code), .demand = demand_};
    // Whoever is refused for his proof or has none yet can make the next one with it.
    if (policy_.nonces != ProofNonces::never && status_of(error.code) == 401 &&
        challenge.scheme == Scheme::dpop)
      challenge.nonce = policy_.verifier->fresh_nonce();
    return refused(error, challenge);
  }

  const http::Request& check_;
  const Door& door_;
  const Policy& policy_;
  const KeptKeys& keys_;
  const Demand* demand_ = nullptr;
  std::optional<Scheme> came_under_;
  std::string url_;
};

}  // namespace

bool Gate::may_change(const http::Response& answer, std::uint64_t attempts) const {
  if (!answer.cause) return false;
  const Code code = answer.cause->code;
  if (code != Code::token_key_unknown && code != Code::keys_unavailable) return false;
  return keys_->attempts() != attempts || keys_->asking();
}

http::Response Gate::decide(const http::Request& check, const Door& door) const {
  const auto policy = policy_.load();
  return Decision(check, door, *policy, *keys_).answer();
}

}  // namespace mintmark::gate
