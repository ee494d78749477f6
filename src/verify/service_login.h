// A registered service at its issuer: a token for the issuer itself, and proofs for the calls that
// it is shown with.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "http/client.h"
#include "http/message.h"
#include "jose/file_key.h"

namespace mintmark::verify {

/// The token is asked for at ISSUER/token by private_key_jwt (RFC 7523 §2.2) and DPoP by one key,
/// and again when three quarters of its life are over. An issuer takes nothing that is dated more
/// than some seconds ahead of its clock: where it refuses, what is made next is dated by its own,
/// as its answers' Date says. One thread.
class ServiceLogin {
 public:
  struct Service {
    std::string issuer;
    std::string client_id;
    std::string scope;
  };
  /// `options`: for the calls to ISSUER/token.
  ServiceLogin(Service service, jose::FileKey key, http::ClientOptions options);

  /// Authorization and DPoP for GET of `url`. `now`: the wall clock. Errors of http::Client; what
  /// the issuer refuses with, by its own code where we know it, else `issuer_refused` or
  /// `unavailable`; `issuer_answer_invalid`.
  [[nodiscard]] Result<http::Headers> headers_for(const std::string& url, Moment now,
                                                  Deadline deadline);
  /// Of each answer to such a GET, which came `now`. Keeps the nonce that it brings (RFC 9449 §9).
  /// True: with it, with the issuer's time or with another token the call may pass; the next
  /// headers_for has them.
  [[nodiscard]] bool may_pass_again(const http::Response& answer, Moment now);

 private:
  [[nodiscard]] Result<void> ask(Moment now, Deadline deadline);
  [[nodiscard]] Result<http::Response> ask_once(Moment now, Deadline deadline);
  [[nodiscard]] Result<void> take(const http::Response& answer,
                                  std::chrono::steady_clock::time_point asked_at);
  void keep_clock(const http::Response& answer, Moment now);

  Service service_;
  jose::FileKey key_;
  http::Client client_;
  std::chrono::seconds ahead_{0};  // The issuer's clock is, of ours.
  std::string nonce_of_token_;  // Of the token endpoint; the other is of all others (RFC 9449 §9).
  std::string nonce_of_calls_;
  std::string token_;
  bool token_passed_ = false;  // A call was taken with it.
  std::optional<std::chrono::steady_clock::time_point> due_;
};

/// What an answer other than 200 says, for people, with the issuer's own code where we know it,
/// else `issuer_refused` or `unavailable`.
[[nodiscard]] Error refusal_in(unsigned status, std::string_view body);

}  // namespace mintmark::verify
