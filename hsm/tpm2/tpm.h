// The connection to one TPM 2.0.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

struct ESYS_CONTEXT;

namespace mintmark::hsm::tpm2 {

/// Owns the transmission interface and the ESAPI context on it. Not thread-safe.
class Tpm {
 public:
  /// As open_device() takes it: "" tries /dev/tpmrm0, then /dev/tpm0. `tpm_unavailable`.
  [[nodiscard]] static Result<Tpm> open(const std::string& tcti);
  Tpm(Tpm&&) noexcept;
  Tpm& operator=(Tpm&&) noexcept;
  ~Tpm();

  [[nodiscard]] ESYS_CONTEXT* esys() const;

  /// All handles of the kind that `first` begins (TPM 2.0 Part 2, 7.4), from `first` on: NV
  /// indexes, persistent and transient objects, loaded sessions.
  [[nodiscard]] Result<std::vector<std::uint32_t>> handles(std::uint32_t first) const;
  /// Whether this very handle is there. `session` (ESYS_TR, set to audit): the answer carries its
  /// HMAC; without one anybody on the bus can have given it.
  [[nodiscard]] Result<bool> has(std::uint32_t handle) const;
  [[nodiscard]] Result<bool> has(std::uint32_t handle, std::uint32_t session) const;
  /// A TPM2_PT_… property (TPM 2.0 Part 2, 6.13).
  [[nodiscard]] Result<std::uint32_t> property(std::uint32_t name) const;

 private:
  struct Connection;
  explicit Tpm(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace mintmark::hsm::tpm2
