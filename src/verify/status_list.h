// Status lists (draft-ietf-oauth-status-list-20 §4): the statuses of many tokens, some bits each,
// compressed. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "base/json.h"
#include "cbor/cbor.h"

namespace mintmark::verify {

/// Entries that a list may have; more are not inflated.
inline constexpr std::size_t most_listed = std::size_t{1} << 24U;

/// What an entry says of its token (§7.1).
enum class ListedStatus : std::uint8_t { valid = 0, invalid = 1, suspended = 2 };

/// A list as somebody sent it. Immutable; thread-safe.
class StatusList {
 public:
  /// `compressed` is one zlib stream (RFC 1950) and nothing behind it, of at most `most_listed`
  /// entries of 1, 2, 4 or 8 bits: `status_list_malformed`.
  [[nodiscard]] static Result<StatusList> inflate(unsigned bits, BytesView compressed);
  /// {"bits", "lst", "aggregation_uri"?} (§4.2). `status_list_malformed`.
  [[nodiscard]] static Result<StatusList> from_json(const Json& object);
  /// Likewise as a CBOR map (§4.3).
  [[nodiscard]] static Result<StatusList> from_cbor(const cbor::Value& map);

  [[nodiscard]] unsigned bits() const { return bits_; }
  [[nodiscard]] std::size_t size() const { return octets_.size() * (8U / bits_); }  ///< Entries.
  [[nodiscard]] const Bytes& octets() const { return octets_; }                     ///< §4.1.
  /// Where the issuer's other lists are found (§9.2); "": it does not say.
  [[nodiscard]] const std::string& aggregation_uri() const { return aggregation_uri_; }

  /// The entry's bits. `status_index_out_of_range`.
  [[nodiscard]] Result<std::uint8_t> value(std::uint64_t index) const;
  /// What they say; a value that is not registered is `invalid`. `status_index_out_of_range`.
  [[nodiscard]] Result<ListedStatus> at(std::uint64_t index) const;

 private:
  StatusList(unsigned bits, Bytes octets) : bits_(bits), octets_(std::move(octets)) {}
  unsigned bits_;
  Bytes octets_;
  std::string aggregation_uri_;
};

/// zlib (§4.1 (4)).
[[nodiscard]] Bytes compressed_list(BytesView octets);
/// §4.2 and §4.3. Without an `aggregation_uri` that is "".
[[nodiscard]] Json status_list_json(unsigned bits, BytesView compressed,
                                    const std::string& aggregation_uri);
[[nodiscard]] Bytes status_list_cbor(unsigned bits, BytesView compressed,
                                     const std::string& aggregation_uri);

}  // namespace mintmark::verify
