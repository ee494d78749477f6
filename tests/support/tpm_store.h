// A software TPM and a directory for an issuer's key store in it.
#pragma once

#include <string>

#include "config/config.h"
#include "support/swtpm.h"
#include "support/temporary_directory.h"

namespace mintmark::test {

/// Its own TPM, a PIN file and a directory that is not there yet. Throws with the reason if swtpm
/// is missing.
class TpmStore {
 public:
  explicit TpmStore(Swtpm::Options options) : tpm_(options) {
    pin_ = directory_.write("pin", "a long secret of a test\n");
  }
  TpmStore() : TpmStore(Swtpm::Options{}) {}

  [[nodiscard]] config::HsmStore store() const {
    config::HsmStore store;
    store.name = "tpm";
    store.tpm =
        config::TpmStore{.tcti = tpm_.tcti(), .blobs = blobs().string(), .owner = "", .boot = {}};
    store.pin.file = pin_.string();
    return store;
  }
  [[nodiscard]] Swtpm& tpm() { return tpm_; }
  [[nodiscard]] std::filesystem::path blobs() const { return directory_.path() / "blobs"; }
  [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }

 private:
  Swtpm tpm_;
  TemporaryDirectory directory_;
  std::filesystem::path pin_;
};

}  // namespace mintmark::test
