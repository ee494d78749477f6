#include "programs/mintd/opened_store.h"

#include <array>
#include <cstdio>

#include "hsm/pkcs11/key_store.h"
#include "hsm/tpm2/issuer_key_store.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

/// A tenth is exact enough, and two figures more would be noise.
std::string in_tenths(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", number);
  return text.data();
}

Result<OpenedStore> open_tpm(const config::HsmStore& store, const std::string& issuer,
                             const std::vector<jose::Algorithm>& needed,
                             const std::shared_ptr<hsm::Vitals>& vitals) {
  auto opened = hsm::tpm2::open_key_store(store, issuer, needed, vitals);
  if (!opened) return pass_on(opened);
  const std::shared_ptr<hsm::tpm2::TpmKeyStore> owner = std::move(*opened);
  telemetry::log(telemetry::Level::info, "tpm_speed",
                 {{"store", store.name},
                  {"signatures_a_second", in_tenths(owner->signatures_a_second())},
                  {"meaning",
                   "a TPM signs one call after the other; beyond this rate requests are answered "
                   "503 with a Retry-After"}});
  return OpenedStore{owner, owner.get(), owner.get(), owner.get()};
}

}  // namespace

Result<OpenedStore> open_store(const config::HsmStore& store, const std::string& issuer,
                               const std::vector<jose::Algorithm>& needed,
                               const std::shared_ptr<hsm::Vitals>& vitals) {
  if (store.tpm) return open_tpm(store, issuer, needed, vitals);
  auto opened = hsm::pkcs11::open_key_store(store, needed, vitals);
  if (!opened) return pass_on(opened);
  const std::shared_ptr<hsm::pkcs11::Pkcs11KeyStore> owner = std::move(*opened);
  return OpenedStore{owner, owner.get(), owner.get(), nullptr};
}

}  // namespace mintmark::mintd
