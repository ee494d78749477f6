// TPM structures to octets and back (tss2-mu), and TPM2B buffers. For this folder alone.
#pragma once

#include <tss2/tss2_mu.h>

#include <algorithm>
#include <iterator>

#include "base/bytes.h"
#include "base/error.h"

namespace mintmark::hsm::tpm2 {

/// `marshal` is the Tss2_MU_…_Marshal of T. What came from the TPM always fits.
template <typename T, typename Marshal>
[[nodiscard]] Bytes marshalled(const T& value, Marshal marshal) {
  Bytes octets(sizeof(T) + 16);
  std::size_t size = 0;
  if (marshal(&value, octets.data(), octets.size(), &size) != TSS2_RC_SUCCESS) size = 0;
  octets.resize(size);
  return octets;
}

/// All octets must be read; else `refusal` with `what`.
template <typename T, typename Unmarshal>
[[nodiscard]] Result<T> unmarshalled(BytesView octets, Unmarshal unmarshal, Code refusal,
                                     const char* what) {
  T value{};
  std::size_t offset = 0;
  const TSS2_RC rc = unmarshal(octets.data(), octets.size(), &offset, &value);
  if (rc != TSS2_RC_SUCCESS || offset != octets.size()) {
    return fail(refusal, std::string(what) + " is malformed", rc);
  }
  return value;
}

/// Into a TPM2B with a `buffer`; `invalid_argument` if it is too long for it.
template <typename Tpm2b>
[[nodiscard]] Result<Tpm2b> tpm2b_of(BytesView octets, const char* what) {
  Tpm2b value{};
  if (octets.size() > std::size(value.buffer)) {
    return fail(Code::invalid_argument, std::string(what) + " is too long for a TPM");
  }
  value.size = static_cast<UINT16>(octets.size());
  std::copy(octets.begin(), octets.end(), std::begin(value.buffer));
  return value;
}

template <typename Tpm2b>
[[nodiscard]] BytesView content_of(const Tpm2b& value) {
  return {value.buffer, value.size};
}

}  // namespace mintmark::hsm::tpm2
