// Headers, claims and keys of published suites read without any of our parsers: a reason to differ
// from a suite that asked the parser which it judges would hold for one that refuses everything.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/json.h"

namespace mintmark::artefacts::second {

/// nlohmann's reading; nothing where the text is no JSON. Of members that stand twice, the last.
[[nodiscard]] std::optional<Json> json(const std::string& text);
[[nodiscard]] bool has_member_twice(const std::string& text);

/// Octets of base64url, padded or not; nothing where it is none.
[[nodiscard]] std::optional<Bytes> base64url(std::string text);
/// That segment of a compact JWS, as JSON; null where it is none.
[[nodiscard]] Json segment(const std::string& compact, std::size_t place);
[[nodiscard]] inline Json header(const std::string& compact) { return segment(compact, 0); }

/// What OpenSSL finds in a SubjectPublicKeyInfo.
struct Key {
  std::string kind;      ///< "RSA", the curve ("P-256"), "Ed25519"; "" of what it cannot read.
  int rsa_bits = 0;      ///< Of the modulus.
  bool is_roca = false;  ///< A modulus of CVE-2017-15361.
  bool has_fair_exponent = false;  ///< Odd, 3 at least, of 32 bits at most.

  [[nodiscard]] bool is_rsa() const { return kind == "RSA"; }
  [[nodiscard]] bool is_rsa_of_other_size() const {
    return is_rsa() && (rsa_bits < 2048 || rsa_bits > 8192);
  }
};
[[nodiscard]] Key key_in_der(const Bytes& spki);
[[nodiscard]] Key key_in_pem(const std::string& text);

/// Whether the coordinates of a JWK are a point of its curve: EC by OpenSSL, Ed25519 by RFC 8032
/// §5.1.3.
[[nodiscard]] bool is_on_curve(const Json& jwk);

/// The member, where it is a text; else "".
[[nodiscard]] std::string text_in(const Json& object, const char* name);

}  // namespace mintmark::artefacts::second
