// Honest messages, and the means of making them otherwise: each change signed by the right key, so
// that what refuses it is the check and not the signature.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/time.h"
#include "support/soft_key.h"

namespace mintmark::attacks {

enum class Message {
  proof,         ///< DPoP (RFC 9449)
  access_token,  ///< RFC 9068
  attestation,   ///< OAuth-Client-Attestation
  assertion,     ///< private_key_jwt (RFC 7523)
  status_list,   ///< As a JWT.
  frontier,      ///< Of the event log.
};
[[nodiscard]] std::string_view name_of(Message message);

/// Everybody's keys: of the issuer one a purpose, of the device, and of a stranger.
struct Keys {
  test::SoftKey token;
  test::SoftKey attestation;
  test::SoftKey status_list;
  test::SoftKey event;
  test::SoftKey result;
  test::SoftKey device;
  test::SoftKey stranger;
  test::SoftKey rsa{jose::Algorithm::rs256};
};
/// One set for all doors.
[[nodiscard]] const Keys& keys();

/// Who speaks with whom at a door.
struct Scene {
  std::string issuer;
  std::string audience;  ///< Of the access token.
  std::string method;    ///< Of the request that a proof speaks of.
  std::string url;
  std::string subject;  ///< Of token, attestation and assertion.
  std::string scope;
  std::string nonce;  ///< A good one.
  Moment now;
};

/// A message as it should be. All that changes it gives a compact JWS.
class Honest {
 public:
  /// `token`: what a proof's `ath` speaks of; "": none.
  Honest(Message message, Scene scene, const std::string& token = "");

  Message message;
  Scene scene;
  Json header;
  Json claims;
  const test::SoftKey* key;  ///< Whose it is to sign.

  [[nodiscard]] std::string jws() const;
  /// Null removes; `null_member` is a JSON null.
  [[nodiscard]] std::string with_header(const char* name, const Json& value) const;
  [[nodiscard]] std::string with_claim(const char* name, const Json& value) const;
  [[nodiscard]] std::string without_header(const char* name) const;
  [[nodiscard]] std::string without_claim(const char* name) const;
  /// The member's JSON text as it stands.
  [[nodiscard]] std::string raw_header(const char* name, std::string_view text) const;
  [[nodiscard]] std::string raw_claim(const char* name, std::string_view text) const;
  /// More members, as text, behind the others.
  [[nodiscard]] std::string header_and(std::string_view members) const;
  [[nodiscard]] std::string claims_and(std::string_view members) const;
  /// Header and payload as texts, as segments; signed.
  [[nodiscard]] std::string of_texts(std::string_view header_text,
                                     std::string_view payload_text) const;
  [[nodiscard]] std::string of_segments(std::string_view header_segment,
                                        std::string_view payload_segment) const;
  [[nodiscard]] std::string by(const test::SoftKey& other) const;
  [[nodiscard]] std::string by(const test::SoftKey& other, const Json& other_header) const;
  /// The honest signing input under what this makes of it and its honest signature.
  [[nodiscard]] std::string signed_as(
      const std::function<Bytes(BytesView input, BytesView signature)>& make) const;
  [[nodiscard]] std::string signed_as(const Json& other_header,
                                      const std::function<Bytes(BytesView input)>& make) const;
};

}  // namespace mintmark::attacks
