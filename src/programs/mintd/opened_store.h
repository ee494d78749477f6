// The signer's key store, whichever hardware it is in.
#pragma once

#include <memory>
#include <vector>

#include "config/config.h"
#include "hsm/evidence_activation.h"
#include "hsm/key_store.h"
#include "hsm/vitals.h"

namespace mintmark::mintd {

/// Both ports of one open store. `activation` is null where its evidence has no attestation key.
struct OpenedStore {
  std::shared_ptr<void> owner;  ///< Ends the store: refuses what waits, lets what runs end.
  hsm::Signer* signer = nullptr;
  hsm::KeyAdmin* admin = nullptr;
  hsm::EvidenceActivation* activation = nullptr;
};

/// A PKCS#11 token or a TPM, as the configuration says. Blocks. What opening it taught about a
/// TPM's speed stands in the log (`tpm_speed`). Errors: those of hsm::pkcs11::open_key_store and of
/// hsm::tpm2::open_key_store.
[[nodiscard]] Result<OpenedStore> open_store(const config::HsmStore& store,
                                             const std::string& issuer,
                                             const std::vector<jose::Algorithm>& needed,
                                             const std::shared_ptr<hsm::Vitals>& vitals);

}  // namespace mintmark::mintd
