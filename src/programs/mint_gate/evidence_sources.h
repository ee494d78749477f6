// Where evidence comes from: the issuer, or a file.
#pragma once

#include <string>
#include <vector>

#include "attest/evidence/judge.h"
#include "http/client.h"

namespace mintmark::programs {

/// What an issuer publishes now, and what its TPMs open. One thread.
class IssuerAsked {
 public:
  IssuerAsked(std::string issuer, const std::string& ca_file);

  /// The rows of all published keys. `keys_unavailable` and `metadata_…` (of the JWK set),
  /// `evidence_unavailable`, and those of rows_in and rows_of_published.
  [[nodiscard]] Result<std::vector<attest::evidence::Row>> rows();
  /// What the issuer's TPM opened; the issuer's own refusal with its code. `evidence_unavailable`.
  [[nodiscard]] Result<Bytes> activate(const std::string& kid, std::uint32_t ek_nv_index,
                                       const attest::tpm2::Challenge& sealed);

 private:
  [[nodiscard]] Result<Json> get_evidence();

  const std::string issuer_;
  const std::string ca_file_;
  http::Client client_;
};

/// As GET /.well-known/key-evidence, or mintctl keys evidence --json, wrote it. `invalid_argument`
/// if it cannot be read; those of rows_in.
[[nodiscard]] Result<std::vector<attest::evidence::Row>> rows_of_file(const std::string& file,
                                                                      const std::string& issuer);

}  // namespace mintmark::programs
