#include "attest/tpm2/structures.h"

#include <tss2/tss2_mu.h>

#include <algorithm>
#include <array>

#include "attest/tpm2/hash.h"

namespace mintmark::attest::tpm2 {
namespace {

tl::unexpected<Error> malformed(const char* what, const std::string& why) {
  return fail(Code::tpm_structure, std::string(what) + " " + why);
}

// Parses all of it, and insists that marshalling gives the same octets: what is hashed or signed is
// then what was read.
template <typename T>
Result<T> parse_whole(BytesView octets, const char* what,
                      TSS2_RC (*unmarshal)(const std::uint8_t[], std::size_t, std::size_t*, T*),
                      TSS2_RC (*marshal)(const T*, std::uint8_t[], std::size_t, std::size_t*)) {
  if (octets.empty() || octets.size() > longest_structure)
    return malformed(what, "has an impossible size");
  T value{};
  std::size_t at = 0;
  if (unmarshal(octets.data(), octets.size(), &at, &value) != TSS2_RC_SUCCESS)
    return malformed(what, "cannot be read");
  if (at != octets.size()) return malformed(what, "has octets after its end");
  std::array<std::uint8_t, 2 * longest_structure> again{};
  std::size_t written = 0;
  if (marshal(&value, again.data(), again.size(), &written) != TSS2_RC_SUCCESS ||
      written != octets.size() || !std::equal(octets.begin(), octets.end(), again.begin())) {
    return malformed(what, "is not in its canonical form");
  }
  return value;
}

}  // namespace

Result<PublicArea> parse_public(BytesView tpm2b, const char* what) {
  if (tpm2b.size() < 2 || tpm2b.size() > longest_structure)
    return malformed(what, "has an impossible size");
  const std::size_t size = static_cast<std::size_t>(tpm2b[0]) << 8U | tpm2b[1];
  if (size != tpm2b.size() - 2) return malformed(what, "is not as long as it says");
  const BytesView inner = tpm2b.subspan(2);
  auto area = parse_whole<TPMT_PUBLIC>(inner, what, &Tss2_MU_TPMT_PUBLIC_Unmarshal,
                                       &Tss2_MU_TPMT_PUBLIC_Marshal);
  if (!area) return pass_on(area);
  const auto hash = hash_of(area->nameAlg);
  if (!hash) return malformed(what, "has a name algorithm that is neither SHA-256 nor SHA-384");
  PublicArea parsed{*area,
                    {static_cast<std::uint8_t>(area->nameAlg >> 8U),
                     static_cast<std::uint8_t>(area->nameAlg & 0xFFU)}};
  const Bytes digest = hash->digest(inner);
  parsed.name.insert(parsed.name.end(), digest.begin(), digest.end());
  return parsed;
}

Result<TPMS_ATTEST> parse_attest(BytesView octets, const char* what) {
  return parse_whole<TPMS_ATTEST>(octets, what, &Tss2_MU_TPMS_ATTEST_Unmarshal,
                                  &Tss2_MU_TPMS_ATTEST_Marshal);
}

Result<TPMT_SIGNATURE> parse_signature(BytesView octets, const char* what) {
  return parse_whole<TPMT_SIGNATURE>(octets, what, &Tss2_MU_TPMT_SIGNATURE_Unmarshal,
                                     &Tss2_MU_TPMT_SIGNATURE_Marshal);
}

Result<CreationData> parse_creation(BytesView octets, const char* what) {
  // TPMS_CREATION_DATA begins with the count of a list, whose first two octets are 0.
  const bool sized = octets.size() > 2 && (octets[0] != 0 || octets[1] != 0);
  if (sized && static_cast<std::size_t>(octets[0] << 8U | octets[1]) != octets.size() - 2)
    return malformed(what, "is not as long as it says");
  const BytesView inner = sized ? octets.subspan(2) : octets;
  auto data = parse_whole<TPMS_CREATION_DATA>(inner, what, &Tss2_MU_TPMS_CREATION_DATA_Unmarshal,
                                              &Tss2_MU_TPMS_CREATION_DATA_Marshal);
  if (!data) return pass_on(data);
  return CreationData{*data, to_bytes(inner)};
}

}  // namespace mintmark::attest::tpm2
