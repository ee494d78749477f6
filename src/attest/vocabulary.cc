#include "attest/vocabulary.h"

#include <algorithm>

namespace mintmark::attest {

const std::vector<std::string>& evidence_formats() {
  static const std::vector<std::string> all = {
      "android-key", "apple-appattest", "eat", "nitro", "sev-snp", "tdx", "webauthn", "x509"};
  return all;
}

const std::vector<FactName>& fact_names() {
  static const std::vector<FactName> all = {
      {"aaguid", FactKind::text, "WebAuthn: the authenticator's model"},
      {"application", FactKind::texts,
       "who asks: an Android package, an App Attest id, a WebAuthn relying party"},
      {"application_signer", FactKind::texts,
       "hexadecimal digests of who signed the application: Android, Nitro (PCR 8)"},
      {"attester", FactKind::text, "EAT: the issuer that its key is bound to, or that key"},
      {"attester_status", FactKind::text, "EAR: affirming, warning, contraindicated, none"},
      {"boot_locked", FactKind::boolean, "Android: the boot loader is locked"},
      {"boot_patch_level", FactKind::number, "Android: YYYYMMDD"},
      {"boot_state", FactKind::text, "Android: verified, self_signed, unverified, failed"},
      {"certified_by_fido", FactKind::text,
       "WebAuthn: the authenticator's status in FIDO's metadata"},
      {"chip", FactKind::text, "SEV-SNP: hexadecimal; \"\" where it is masked"},
      {"environment", FactKind::text, "App Attest: production or development"},
      {"hardware_module", FactKind::text, "x509: hardwareModuleName, TYPE:SERIAL"},
      {"host_data", FactKind::text, "SEV-SNP: hexadecimal, what the host put in"},
      {"measurement", FactKind::text,
       "hexadecimal: SEV-SNP's launch measurement, TDX's MRTD, Nitro's PCR 0"},
      {"module", FactKind::text, "Nitro: the instance and enclave"},
      {"not_evaluated", FactKind::texts,
       "what nobody looked at: parts of TDX and SEV-SNP collateral, Google's revocation list"},
      {"os_patch_level", FactKind::number, "Android: YYYYMM"},
      {"os_version", FactKind::number, "Android: 140000 is 14.0.0"},
      {"policies", FactKind::texts, "x509: certificate policies, dotted"},
      {"product", FactKind::text, "SEV-SNP: Milan, Genoa, Turin"},
      {"rtmrs", FactKind::texts, "TDX: RTMR 0 to 3, hexadecimal"},
      {"security_level", FactKind::text, "Android: software, trusted_environment, strongbox"},
      {"security_version", FactKind::number, "SEV-SNP's guest SVN"},
      {"signer_measurement", FactKind::text,
       "TDX's MRSIGNERSEAM, MROWNER; SEV-SNP's author key digest: hexadecimal"},
      {"tcb", FactKind::text, "hexadecimal: SEV-SNP's reported TCB, TDX's TEE TCB SVN"},
      {"tcb_advisories", FactKind::texts, "TDX: Intel's advisories for this TCB level"},
      {"tcb_status", FactKind::text, "TDX: Intel's word for its TCB level, or not_evaluated"},
      {"user_verified", FactKind::boolean, "WebAuthn: a person was verified"},
      {"vendor_patch_level", FactKind::number, "Android: YYYYMMDD"},
      {"verified_boot_key", FactKind::text, "Android: hexadecimal: the key that verified the boot"},
      {"vmpl", FactKind::number,
       "SEV-SNP: 0 is the most privileged level of a guest, 3 the least"}};
  return all;
}

const FactName* fact_named(std::string_view name) {
  const auto& all = fact_names();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const FactName& fact) { return name == fact.name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace mintmark::attest
