#include "attest/tpm2/quote.h"

#include <array>

#include "attest/tpm2/hash.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr std::size_t bitmap_octets = 4;

using Bitmap = std::array<std::uint8_t, bitmap_octets>;

Bitmap bitmap_of(const std::vector<unsigned>& indexes) {
  Bitmap bitmap{};
  for (const unsigned index : indexes) {
    if (index / 8 < bitmap.size())
      bitmap[index / 8] = static_cast<std::uint8_t>(bitmap[index / 8] | 1U << index % 8);
  }
  return bitmap;
}

bool selects(const TPML_PCR_SELECTION& quoted, TPM2_ALG_ID bank, const Bitmap& asked) {
  Bitmap found{};
  bool named = false;
  for (UINT32 i = 0; i < quoted.count && i < TPM2_NUM_PCR_BANKS; ++i) {
    const TPMS_PCR_SELECTION& selection = quoted.pcrSelections[i];
    for (std::size_t octet = 0; octet < selection.sizeofSelect && octet < found.size(); ++octet) {
      if (selection.pcrSelect[octet] == 0) continue;
      // Another bank with a bit set, or the same bank a second time, is another selection than the
      // one asked for.
      if (selection.hash != bank || (named && i > 0)) return false;
      found[octet] = selection.pcrSelect[octet];
    }
    named = named || selection.hash == bank;
  }
  return named && found == asked;
}

}  // namespace

Result<void> check_quoted(const TPMS_QUOTE_INFO& quoted, TPM2_ALG_ID digest_hash,
                          const PcrSelection& asked, const PcrValues& values) {
  const auto bank = hash_named(asked.bank);
  const auto digest = hash_of(digest_hash);
  if (!bank || !digest) return fail(Code::quote_selection, "the PCR bank must be sha256 or sha384");
  if (!selects(quoted.pcrSelect, bank->id, bitmap_of(asked.indexes))) {
    return fail(Code::quote_selection,
                "the quote is over other PCRs or another bank than was asked for");
  }
  if (values.size() != asked.indexes.size())
    return fail(Code::quote_values, "the values of exactly the quoted PCRs must be given");
  for (const unsigned index : asked.indexes) {
    const auto value = values.find(index);
    if (value == values.end() || value->second.size() != bank->size) {
      return fail(Code::quote_values, "PCR " + std::to_string(index) + " must be given with " +
                                          std::to_string(bank->size) + " octets");
    }
  }
  // A TPM hashes the values in the order of their indexes, however they were asked for.
  Bytes all;
  for (const auto& [index, value] : values) all.insert(all.end(), value.begin(), value.end());
  if (!equal_in_constant_time(digest->digest(all), view_of(quoted.pcrDigest))) {
    return fail(Code::quote_digest, "the PCR values given are not the quoted ones");
  }
  return {};
}

}  // namespace mintmark::attest::tpm2
