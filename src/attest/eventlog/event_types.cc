#include "attest/eventlog/event_types.h"

#include <array>
#include <cstdio>
#include <utility>

namespace mintmark::attest::eventlog {
namespace {

constexpr auto names = std::to_array<std::pair<std::uint32_t, const char*>>({
    {0x0, "EV_PREBOOT_CERT"},
    {0x1, "EV_POST_CODE"},
    {0x2, "EV_UNUSED"},
    {ev_no_action, "EV_NO_ACTION"},
    {ev_separator, "EV_SEPARATOR"},
    {ev_action, "EV_ACTION"},
    {ev_event_tag, "EV_EVENT_TAG"},
    {0x7, "EV_S_CRTM_CONTENTS"},
    {ev_s_crtm_version, "EV_S_CRTM_VERSION"},
    {0x9, "EV_CPU_MICROCODE"},
    {0xA, "EV_PLATFORM_CONFIG_FLAGS"},
    {0xB, "EV_TABLE_OF_DEVICES"},
    {ev_compact_hash, "EV_COMPACT_HASH"},
    {ev_ipl, "EV_IPL"},
    {0xE, "EV_IPL_PARTITION_DATA"},
    {0xF, "EV_NONHOST_CODE"},
    {0x10, "EV_NONHOST_CONFIG"},
    {0x11, "EV_NONHOST_INFO"},
    {0x12, "EV_OMIT_BOOT_DEVICE_EVENTS"},
    {0x13, "EV_POST_CODE2"},
    {ev_efi_variable_driver_config, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
    {ev_efi_variable_boot, "EV_EFI_VARIABLE_BOOT"},
    {ev_efi_boot_services_application, "EV_EFI_BOOT_SERVICES_APPLICATION"},
    {ev_efi_boot_services_driver, "EV_EFI_BOOT_SERVICES_DRIVER"},
    {ev_efi_runtime_services_driver, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
    {ev_efi_gpt_event, "EV_EFI_GPT_EVENT"},
    {ev_efi_action, "EV_EFI_ACTION"},
    {ev_efi_platform_firmware_blob, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
    {ev_efi_handoff_tables, "EV_EFI_HANDOFF_TABLES"},
    {ev_efi_platform_firmware_blob2, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
    {ev_efi_handoff_tables2, "EV_EFI_HANDOFF_TABLES2"},
    {ev_efi_variable_boot2, "EV_EFI_VARIABLE_BOOT2"},
    {ev_efi_gpt_event2, "EV_EFI_GPT_EVENT2"},
    {ev_efi_hcrtm_event, "EV_EFI_HCRTM_EVENT"},
    {ev_efi_variable_authority, "EV_EFI_VARIABLE_AUTHORITY"},
    {0x800000E1, "EV_EFI_SPDM_FIRMWARE_BLOB"},
    {0x800000E2, "EV_EFI_SPDM_FIRMWARE_CONFIG"},
    {0x800000E3, "EV_EFI_SPDM_DEVICE_POLICY"},
    {0x800000E4, "EV_EFI_SPDM_DEVICE_AUTHORITY"},
});

}  // namespace

std::string type_name(std::uint32_t type) {
  for (const auto& [known, name] : names) {
    if (known == type) return name;
  }
  std::array<char, 11> text{};
  std::snprintf(text.data(), text.size(), "0x%08X", type);
  return text.data();
}

bool is_image_type(std::uint32_t type) {
  return type == ev_efi_boot_services_application || type == ev_efi_boot_services_driver ||
         type == ev_efi_runtime_services_driver;
}

bool is_variable_type(std::uint32_t type) {
  return type == ev_efi_variable_driver_config || type == ev_efi_variable_boot ||
         type == ev_efi_variable_boot2 || type == ev_efi_variable_authority;
}

}  // namespace mintmark::attest::eventlog
