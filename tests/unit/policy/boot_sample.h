// A boot made by hand: firmware, shim, GRUB, a kernel, all as they should be.
#pragma once

#include <map>
#include <string>

#include "attest/boot_record.h"
#include "base/json.h"
#include "sample.h"

namespace mintmark::policy::test {

/// 64 digits that begin as told.
inline std::string digest(const std::string& start) {
  return start + std::string(64 - start.size(), '0');
}

inline const std::string shim = digest("5a1");
inline const std::string grub = digest("6b2");
inline const std::string kernel = digest("7c3");
inline const std::string vendor_certificate = digest("ce47");
inline const std::string microsoft_certificate = digest("ca11");
inline const std::string dbx_entry = digest("db0");
inline constexpr auto command_line = "/vmlinuz-6.1 root=/dev/vda1 ro quiet";

inline void add_event(attest::BootRecord& record, unsigned pcr, const std::string& type,
                      const std::string& event_digest, const std::string& what) {
  record.events.push_back(
      {static_cast<std::uint32_t>(record.events.size()), pcr, type, event_digest, what, true});
}

inline void add_application(attest::BootRecord& record, const std::string& image,
                            const std::string& path) {
  record.facts.images.push_back({static_cast<std::uint32_t>(record.events.size()), 4,
                                 "EV_EFI_BOOT_SERVICES_APPLICATION", path, image});
  add_event(record, 4, "EV_EFI_BOOT_SERVICES_APPLICATION", image, path);
}

inline attest::BootRecord good_boot() {
  attest::BootRecord record;
  record.bank = "sha256";
  record.pcrs = {{0, digest("00a")}, {4, digest("04a")}, {7, digest("07a")},
                 {8, digest("08a")}, {9, digest("09a")}, {10, digest("10a")}};
  record.log_given = true;
  record.clock_safe = true;
  add_event(record, 0, "EV_NO_ACTION", digest("0"), "Spec ID Event03");
  add_event(record, 0, "EV_S_CRTM_VERSION", digest("f1"), "1.16.0");
  add_event(record, 7, "EV_EFI_VARIABLE_DRIVER_CONFIG", digest("5b1"), "SecureBoot");
  add_event(record, 7, "EV_EFI_VARIABLE_DRIVER_CONFIG", digest("9c0"), "PK");
  add_event(record, 7, "EV_EFI_VARIABLE_DRIVER_CONFIG", digest("9c1"), "dbx");
  add_event(record, 7, "EV_SEPARATOR", digest("df3"), "");
  record.facts.authorities.push_back(
      {6, "db", {"x509", microsoft_certificate, "CN=UEFI CA", "owner"}});
  add_event(record, 7, "EV_EFI_VARIABLE_AUTHORITY", digest("a01"), "db");
  add_event(record, 4, "EV_SEPARATOR", digest("df3"), "");
  add_application(record, shim, "\\EFI\\debian\\shimx64.efi");
  add_application(record, grub, "\\EFI\\debian\\grubx64.efi");
  add_application(record, kernel, "");
  add_event(record, 8, "EV_IPL", digest("c1"), std::string("kernel_cmdline: ") + command_line);
  add_event(record, 9, "EV_IPL", digest("c2"), "/vmlinuz-6.1");
  attest::BootFacts& facts = record.facts;
  facts.secure_boot = true;
  facts.pk = {{"x509", digest("9"), "CN=Maker PK", "owner"}};
  facts.kek = {{"x509", digest("8"), "CN=KEK", "owner"}};
  facts.db = {{"x509", microsoft_certificate, "CN=UEFI CA", "owner"}};
  facts.dbx = {{"sha256", dbx_entry, "", "owner"}};
  facts.kernel_command_lines = {command_line};
  facts.firmware_version = "1.16.0";
  facts.exit_boot_services = true;
  record.ima = attest::ImaSummary{
      "ima-ng",
      2,
      0,
      0,
      0,
      {{"boot_aggregate", "sha256:" + digest("b0")}, {"/usr/bin/true", "sha256:" + digest("7e")}},
      false};
  return record;
}

/// The same machine after its shim was updated.
inline attest::BootRecord boot_with_other_shim() {
  attest::BootRecord record = good_boot();
  record.pcrs[4] = digest("04b");
  record.events.at(8).digest = digest("e5");
  record.facts.images.at(0).digest = digest("e5");
  return record;
}

/// A policy with one boot rule for every TPM.
inline std::string boot_policy(const std::string& expect, const std::string& mode = "enforce") {
  return R"({
  "rules": [],
  "boot": [
    {
      "name": "machines",
      "match": {"format": "tpm2"},
      "mode": ")" +
         mode + R"(",
      "expect": )" +
         expect + R"(
    }
  ]
}
)";
}

inline ReadNamed files_of(std::map<std::string, std::string> files) {
  return [files = std::move(files)](const std::string& name) -> Result<std::string> {
    const auto found = files.find(name);
    if (found == files.end()) return fail(Code::io_failed, name + ": no such file");
    return found->second;
  };
}

inline Policy boot_policy_of(const std::string& expect, const std::string& mode = "enforce",
                             const std::map<std::string, std::string>& files = {}) {
  auto policy = Policy::from_text("policy.json", boot_policy(expect, mode), files_of(files));
  if (!policy) throw std::runtime_error(policy.error().to_string());
  return *policy;
}

/// What the rule says of the boot; the good one was the last.
inline Appraisal appraised(const std::string& expect, const attest::BootRecord& record,
                           const std::map<std::string, std::string>& files = {}) {
  const attest::BootRecord good = good_boot();
  return boot_policy_of(expect, "enforce", files).appraise(fitting_device(), record, &good);
}

inline std::string list_of(const std::string& one) { return "[\"" + one + "\"]"; }

}  // namespace mintmark::policy::test
