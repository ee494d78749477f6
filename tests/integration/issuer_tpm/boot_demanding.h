// A store whose keys demand a boot state, and who approves it.
#pragma once

#include "hsm/tpm2/attestation.h"
#include "hsm/tpm2/boot_policy.h"
#include "integration/issuer_tpm/issuer_tpm.h"

namespace mintmark::hsm::tpm2 {

class BootDemandingStore : public IssuerTpmStore {
 protected:
  using IssuerTpmStore::IssuerTpmStore;

  void make_authority(const std::string& name) {
    test::run({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-out", path(name + ".key")});
    test::run(
        {"openssl", "pkey", "-in", path(name + ".key"), "-pubout", "-out", path(name + ".pem")});
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (device_.directory().path() / name).string();
  }
  [[nodiscard]] config::HsmStore demanding(const std::string& authority = "authority") const {
    config::HsmStore settings = device_.store();
    settings.tpm->boot = config::BootPolicyFiles{path(authority + ".pem"), path("approved.json")};
    return settings;
  }
  void approve_now(const std::string& pcrs = "sha256:0,2,7",
                   const std::string& authority = "authority") {
    const auto selection = pcr_selection_from(pcrs).value();
    const auto values = read_pcr_values(tpm(), selection.bank, selection.indexes);
    ASSERT_TRUE(values) << values.error().to_string();
    const auto approved =
        approve(path(authority + ".key"), path("approved.json"), selection, *values, "by a test");
    ASSERT_TRUE(approved) << approved.error().to_string();
  }
  void extend(unsigned pcr) {
    tool({"tpm2_pcrextend", "-Q", std::to_string(pcr) + ":sha256=" + std::string(64, 'a')});
  }
};

}  // namespace mintmark::hsm::tpm2
