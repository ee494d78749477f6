#include "issuer/token_revocation.h"

#include <optional>
#include <utility>

#include "jose/jws.h"

namespace mintmark::issuer {
namespace {

/// A client as either way of authenticating leaves it, to be used up last.
struct Caller {
  std::optional<AuthenticatedClient> proven;
  std::optional<verify::ClientAssertion> asserted;

  [[nodiscard]] const std::string& id() const {
    return proven ? proven->client_id() : asserted->client_id();
  }
};

Result<Caller> authenticate(ClientAuthentication& authentication, const Credentials& credentials,
                            const ProvenTarget& target, const keyring::Snapshot& keys, Moment now) {
  Caller caller;
  if (credentials.client_assertion && credentials.proof.empty()) {
    auto asserted = authentication.check_assertion(credentials, now);
    if (!asserted) return pass_on(asserted);
    caller.asserted = std::move(*asserted);
    return caller;
  }
  auto proven = authentication.check(credentials, target, keys, now);
  if (!proven) return pass_on(proven);
  caller.proven = std::move(*proven);
  return caller;
}

// RFC 7009 §2.2.1: they end by themselves, or with the device.
Result<void> check_type(std::string_view token) {
  const auto jws = jose::UnverifiedJws::parse(token);
  const std::string typ = jws ? jws->typ() : "";
  if (typ != "oauth-client-attestation+jwt" && typ != "eat+jwt") return {};
  return fail(Code::token_type_unsupported,
              "access tokens are revoked here; what is of type " + typ + " is not");
}

}  // namespace

void TokenRevocation::revoke(const Credentials& credentials, std::string_view token,
                             hsm::Done<void> done) {
  const auto named = accept(credentials, token);
  if (!named) return done(tl::unexpected<Error>(named.error()));
  // RFC 7009 §2.2: the purpose of the request is met already.
  if (!*named) return done({});
  parts_.revoke((*named)->token, [done = std::move(done)](const Result<void>& revoked) {
    const bool over = !revoked && revoked.error().code == Code::revoked_token_unknown;
    done(over ? Result<void>() : revoked);
  });
}

/// What is to be revoked; nothing: it is no token of ours.
Result<std::optional<NamedToken>> TokenRevocation::accept(const Credentials& credentials,
                                                          std::string_view token) {
  const auto now = parts_.clock.minting_moment();
  if (!now) return tl::unexpected<Error>(now.error());
  const auto keys = parts_.keyring.snapshot();
  if (!keys) return fail(Code::keys_not_ready, "the signing keys are not ready yet");
  ClientAuthentication& authentication = parts_.authentication;
  const auto caller = authenticate(authentication, credentials, {"POST", url_}, *keys, *now);
  if (!caller) return tl::unexpected<Error>(caller.error());
  if (auto known = check_type(token); !known) return pass_on(known);
  auto named = parts_.tokens.named(token);
  // Anything else says that we could not look, and not that there is nothing to take back.
  if (!named && facts_of(named.error().code).oauth_error != "invalid_token") return pass_on(named);
  if (named && named->client_id != caller->id()) {
    return fail(Code::revoked_token_foreign,
                "the token was issued to another client; its holder, or an operator (mintctl "
                "tokens revoke), may revoke it");
  }
  auto first = caller->proven ? authentication.use_up(*caller->proven, *now)
                              : authentication.use_up(*caller->asserted, *now);
  if (!first) return pass_on(first);
  if (parts_.rate != nullptr) {
    if (auto free = parts_.rate->take(caller->id(), RateLimit::Clock::now()); !free)
      return pass_on(free);
  }
  if (!named) return std::nullopt;
  return std::optional(*std::move(named));
}

}  // namespace mintmark::issuer
