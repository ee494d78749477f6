// Types of events (TCG PC Client Platform Firmware Profile 1.06, tables 27 and 28).
#pragma once

#include <cstdint>
#include <string>

namespace mintmark::attest::eventlog {

inline constexpr std::uint32_t ev_no_action = 0x3;
inline constexpr std::uint32_t ev_separator = 0x4;
inline constexpr std::uint32_t ev_action = 0x5;
inline constexpr std::uint32_t ev_event_tag = 0x6;
inline constexpr std::uint32_t ev_s_crtm_version = 0x8;
inline constexpr std::uint32_t ev_compact_hash = 0xC;
inline constexpr std::uint32_t ev_ipl = 0xD;
inline constexpr std::uint32_t ev_efi_variable_driver_config = 0x80000001;
inline constexpr std::uint32_t ev_efi_variable_boot = 0x80000002;
inline constexpr std::uint32_t ev_efi_boot_services_application = 0x80000003;
inline constexpr std::uint32_t ev_efi_boot_services_driver = 0x80000004;
inline constexpr std::uint32_t ev_efi_runtime_services_driver = 0x80000005;
inline constexpr std::uint32_t ev_efi_gpt_event = 0x80000006;
inline constexpr std::uint32_t ev_efi_action = 0x80000007;
inline constexpr std::uint32_t ev_efi_platform_firmware_blob = 0x80000008;
inline constexpr std::uint32_t ev_efi_handoff_tables = 0x80000009;
inline constexpr std::uint32_t ev_efi_platform_firmware_blob2 = 0x8000000A;
inline constexpr std::uint32_t ev_efi_handoff_tables2 = 0x8000000B;
inline constexpr std::uint32_t ev_efi_variable_boot2 = 0x8000000C;
inline constexpr std::uint32_t ev_efi_gpt_event2 = 0x8000000D;
inline constexpr std::uint32_t ev_efi_hcrtm_event = 0x80000010;
inline constexpr std::uint32_t ev_efi_variable_authority = 0x800000E0;

/// "EV_SEPARATOR"; "0x800000F0" where unknown.
[[nodiscard]] std::string type_name(std::uint32_t type);
[[nodiscard]] bool is_image_type(std::uint32_t type);
/// UEFI_VARIABLE_DATA is what such an event's data should be.
[[nodiscard]] bool is_variable_type(std::uint32_t type);

}  // namespace mintmark::attest::eventlog
