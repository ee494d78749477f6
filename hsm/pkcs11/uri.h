// Which token: a plain label or a PKCS#11 URI (RFC 7512); and of a device, which key in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"

namespace mintmark::hsm::pkcs11 {

/// A token as its module describes it, padding blanks taken off.
struct TokenFacts {
  std::uint64_t slot_id = 0;
  std::string label;
  std::string manufacturer;
  std::string model;
  std::string serial;

  /// As a PKCS#11 URI, for messages: what an operator can paste into the configuration.
  [[nodiscard]] std::string to_uri() const;
};

/// What a token has to be. Absent members match anything.
struct TokenSelector {
  std::optional<std::string> label{};
  std::optional<std::string> manufacturer{};
  std::optional<std::string> model{};
  std::optional<std::string> serial{};
  std::optional<std::uint64_t> slot_id{};

  [[nodiscard]] bool matches(const TokenFacts& token) const;
  /// Of all tokens the one that matches. `hsm_token_missing` names the tokens there are;
  /// `hsm_token_ambiguous` names those that match: the first of several would be another one after
  /// a restart.
  [[nodiscard]] Result<TokenFacts> choose(const std::vector<TokenFacts>& tokens) const;
};

/// Text that begins with "pkcs11:" is a URI, all else a label. Of RFC 7512 §2.3: token,
/// manufacturer, model, serial, slot-id, each at most once; at least one. Refused as
/// `hsm_uri_malformed`: every other attribute (the configuration names one token, no object and no
/// module), bad percent-encoding, characters the grammar does not allow. Refused as `hsm_uri_pin`:
/// pin-value and pin-source: a PIN never stands in configuration, and where it comes from is the
/// key "pin".
[[nodiscard]] Result<TokenSelector> parse_token_selector(std::string_view text);

/// A key in a token, by which module it is reached, and where the PIN is.
struct KeyUri {
  TokenSelector token{};
  std::optional<std::string> object{};  ///< CKA_LABEL
  Bytes id{};                           ///< CKA_ID; empty where it is not named.
  std::string module_path{};
  std::string pin_file{};
};

/// RFC 7512 §2.3: a token as above, `object` or `id` (at least one), `type=private`;
/// `module-path`, `pin-source` (a path, or file:PATH) behind the "?": both must be there. Each at
/// most once. `hsm_uri_malformed`: any other attribute, and what parse_token_selector refuses;
/// `hsm_uri_pin`: pin-value (it would stand in process lists and in what is kept), and a pin-source
/// that is a command.
[[nodiscard]] Result<KeyUri> parse_key_uri(std::string_view text);

}  // namespace mintmark::hsm::pkcs11
