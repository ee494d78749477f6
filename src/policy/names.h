// How the things a rule names are spelt. Private to this folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mintmark::policy {

/// Each gives "" if the text is good, otherwise what would be right.
[[nodiscard]] std::string wrong_with_audience(
    std::string_view text);  ///< Absolute URI without fragment (RFC 8707 §2).
[[nodiscard]] std::string wrong_with_scope(
    std::string_view text);  ///< scope-token (RFC 6749 §3.3).
[[nodiscard]] std::string wrong_with_manufacturer(
    std::string_view text);  ///< TCG vendor id: "id:49465800"; or a name: "Apple".
[[nodiscard]] std::string wrong_with_sha256(std::string_view text);  ///< 64 hexadecimal digits.
/// A PCR's value of a bank that is taken: 64, 96 or 128 hexadecimal digits.
[[nodiscard]] std::string wrong_with_pcr_value(std::string_view text);
/// A digest of some bank: 40, 64, 96 or 128 hexadecimal digits.
[[nodiscard]] std::string wrong_with_digest(std::string_view text);
[[nodiscard]] std::string wrong_with_format(std::string_view text);  ///< Of an attestation.
[[nodiscard]] std::string wrong_with_proof(std::string_view text);   ///< A word of attest::proves.
[[nodiscard]] std::string wrong_with_key_protection(std::string_view text);
[[nodiscard]] std::string wrong_with_day(std::string_view text);  ///< "mon" to "sun".

/// Of a value of that bank ("sha256": 64); 0: a bank that is not known.
[[nodiscard]] std::size_t hex_digits_of_bank(std::string_view bank);

/// "0" to "23", written in one way only.
[[nodiscard]] std::optional<unsigned> pcr_index(std::string_view text);

}  // namespace mintmark::policy
