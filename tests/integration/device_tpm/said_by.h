// What a TPM says under an attestation key on P-256, looked at.
#pragma once

#include <gtest/gtest.h>

#include "hsm/tpm2/device.h"
#include "hsm/tpm2/public_area.h"

namespace mintmark::hsm::tpm2 {

// TPMT_SIGNATURE of ECDSA: algorithm, hash, r, s.
inline Bytes raw_signature(const Bytes& signature) {
  EXPECT_EQ(to_hex(BytesView(signature).first(4)), "0018000b");
  Bytes raw;
  std::size_t at = 4;
  for (int i = 0; i < 2; ++i) {
    const std::size_t size = static_cast<std::size_t>(signature[at]) << 8U | signature[at + 1];
    raw.insert(raw.end(), 32 - size, 0);
    raw.insert(raw.end(), signature.begin() + static_cast<std::ptrdiff_t>(at + 2),
               signature.begin() + static_cast<std::ptrdiff_t>(at + 2 + size));
    at += 2 + size;
  }
  EXPECT_EQ(at, signature.size());
  return raw;
}

inline void expect_said_by(const KeyBlobs& ak, const Statement& statement,
                           BytesView qualifying_data) {
  const auto key = key_of_public(ak.public_area);
  ASSERT_TRUE(key) << key.error().to_string();
  EXPECT_TRUE(key->verify(statement.attest, raw_signature(statement.signature)));
  EXPECT_TRUE(to_hex(statement.attest).starts_with("ff544347"));
  EXPECT_NE(to_hex(statement.attest).find(to_hex(qualifying_data)), std::string::npos);
}

}  // namespace mintmark::hsm::tpm2
