// A registered service gets a token for the issuer itself: bound to its key, of short life.
#pragma once

#include <chrono>
#include <string>

#include "issuer/mint.h"
#include "issuer/services.h"

namespace mintmark::issuer {

/// Thread-safe. All references must outlive it and every call under way.
class ServiceTokens {
 public:
  static constexpr std::chrono::seconds longest_life{300};

  struct Options {
    std::string issuer;
    std::chrono::seconds life = longest_life;  ///< No longer than that.
    jose::Algorithm algorithm = jose::Algorithm::es256;
  };
  /// `issuer` keeps one memory of proofs and one way out for the tokens of both.
  ServiceTokens(Options options, const Services& services, Issuer& issuer);

  /// Whether the call says that it comes from a service, known by now or once; nothing of it is
  /// believed. What says so is for mint, whatever else it brings.
  [[nodiscard]] bool is_for_service(const Credentials& credentials) const;

  /// As Issuer::mint, for a service: by private_key_jwt (RFC 7523) and a proof by the same key; the
  /// policy is not asked. Audience is the issuer (`service_audience` for any other), scope what its
  /// role allows: "events" (`service_role`, `service_scope`). Errors: of ClientAuthentication, with
  /// `service_unknown`; `proof_key_mismatch`; of Issuance::issue.
  void mint(TokenCall call, hsm::Done<IssuedToken> done);

 private:
  [[nodiscard]] Result<TokenDraft> decide(const TokenCall& call, const keyring::Snapshot& keys,
                                          Moment now);

  Options options_;
  const Services& services_;
  Issuer& issuer_;
};

}  // namespace mintmark::issuer
