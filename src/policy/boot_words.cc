#include "policy/boot_words.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "policy/texts.h"

namespace mintmark::policy {
namespace {

constexpr std::size_t longest_list = 512;
constexpr std::size_t longest_what = 256;  // Device paths end in the file's name.

constexpr auto kernel_update = "kernel update";
constexpr auto loader_update = "boot loader update";
constexpr auto firmware_update = "firmware update";
constexpr auto option_rom_update = "option ROM or driver update";
constexpr auto command_line_changed = "kernel command line changed";
constexpr auto loader_configuration_changed = "boot loader configuration changed";
constexpr auto settings_changed = "firmware settings or hardware changed";
constexpr auto keys_changed = "Secure Boot keys changed";
constexpr auto owner_keys_changed = "machine owner keys changed";

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// A variable's event names it, alone or before its GUID.
bool is_variable(const std::string& what, std::string_view name) {
  const bool ends =
      what.size() == name.size() || (what.size() > name.size() && what[name.size()] != '_' &&
                                     !std::isalnum(static_cast<unsigned char>(what[name.size()])));
  return what.starts_with(name) && ends;
}

std::string variable_cause(const Event& event, const attest::BootRecord& now) {
  if (is_variable(event.what, "SecureBoot")) {
    return now.facts.secure_boot.value_or(false) ? "Secure Boot was turned on"
                                                 : "Secure Boot was turned off";
  }
  if (is_variable(event.what, "dbx")) return "dbx update";
  if (is_variable(event.what, "SbatLevel")) return "SBAT level update";
  if (event.what.starts_with("Mok")) return owner_keys_changed;
  return event.type == "EV_EFI_VARIABLE_AUTHORITY" ? "an image of another signer was started"
                                                   : keys_changed;
}

/// What a shim starts for GRUB has no path in the log; kernels that have one say so.
bool is_kernel(const Event& event, const attest::BootRecord& now) {
  const std::string path = in_lower_case(event.what);
  if (contains(path, "vmlinu") || contains(path, "linux")) return true;
  const auto& images = now.facts.images;
  const bool first = std::none_of(images.begin(), images.end(), [&](const auto& image) {
    return image.event < event.number && image.type == event.type;
  });
  return (path.empty() || path == "no path") && !first;
}

std::string loader_cause(const Event& event) {
  const std::string what = in_lower_case(event.what);
  if (contains(what, "kernel_cmdline") || contains(what, "kernel command line"))
    return command_line_changed;
  if (contains(what, "vmlinu") || contains(what, "initr")) return kernel_update;
  if (what.starts_with("mok")) return owner_keys_changed;
  switch (event.pcr) {
    case 4:
      return loader_update;
    case 8:
      return loader_configuration_changed;
    case 9:
    case 11:
      return kernel_update;
    case 12:
      return command_line_changed;
    case 14:
      return owner_keys_changed;
    default:
      return "";
  }
}

std::string cause_by_pcr(unsigned pcr) {
  static constexpr std::array<const char*, 16> causes = {firmware_update,
                                                         settings_changed,
                                                         option_rom_update,
                                                         settings_changed,
                                                         loader_update,
                                                         "partition table changed",
                                                         firmware_update,
                                                         keys_changed,
                                                         loader_configuration_changed,
                                                         kernel_update,
                                                         "",
                                                         kernel_update,
                                                         command_line_changed,
                                                         "",
                                                         owner_keys_changed,
                                                         ""};
  return pcr < causes.size() ? causes[pcr] : "";
}

bool is_firmware(const std::string& type) {
  return type.starts_with("EV_S_CRTM") || type.starts_with("EV_POST_CODE") ||
         type.starts_with("EV_EFI_PLATFORM_FIRMWARE_BLOB");
}

/// The clause on the last good boot.
std::string compared(const Event& event, const Event* before, const attest::BootRecord* good) {
  if (good == nullptr) return "; there is no good boot to compare with";
  if (!good->log_given) return "; the last good boot had no event log to compare with";
  if (before == nullptr) return "; the last good boot had no such event";
  if (before->digest == event.digest) return "; the last good boot had the same";
  return "; the last good boot had " + before->digest;
}

}  // namespace

std::string any_of(const std::vector<std::string>& all) {
  std::string text;
  for (const std::string& one : all) {
    text += (text.empty() ? "" : " or ") + one;
    if (text.size() > longest_list) break;
  }
  return printable(text, longest_list);
}

bool holds(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string named(const Event& event) {
  std::string text = "event " + std::to_string(event.number) + ", " + printable(event.type) +
                     ", digest " + printable(event.digest, 128);
  if (!event.what.empty()) text += " (" + printable(event.what, longest_what) + ")";
  return text;
}

std::string likely_cause(const Change& change, const attest::BootRecord& now) {
  const Event& event = change.now != nullptr ? *change.now : *change.before;
  const std::string& type = event.type;
  if (is_firmware(type)) return firmware_update;
  if (type == "EV_EFI_BOOT_SERVICES_APPLICATION") {
    // One that replaced nothing is no update of anything.
    if (change.now != nullptr && change.before == nullptr)
      return "another boot application was started";
    return is_kernel(event, now) ? kernel_update : loader_update;
  }
  if (type.ends_with("_SERVICES_DRIVER")) return option_rom_update;
  if (type == "EV_EFI_VARIABLE_DRIVER_CONFIG" || type == "EV_EFI_VARIABLE_AUTHORITY")
    return variable_cause(event, now);
  if (type.starts_with("EV_EFI_VARIABLE_BOOT")) return "boot order changed";
  if (type.starts_with("EV_EFI_GPT_EVENT")) return "partition table changed";
  if (type == "EV_IPL") {
    if (std::string cause = loader_cause(event); !cause.empty()) return cause;
  }
  return cause_by_pcr(event.pcr);
}

std::string likely_words(const std::string& likely) {
  if (likely.empty()) return "";
  if (!likely.ends_with(" update")) return "; likely: " + likely;
  const bool vowel = std::string_view("aeiouAEIOUS").find(likely.front()) != std::string_view::npos;
  return std::string("; likely ") + (vowel ? "an " : "a ") + likely;
}

void explain_event(Finding& finding, const Event& event, const Event* before,
                   const attest::BootRecord& now, const attest::BootRecord* good) {
  finding.pcr = event.pcr;
  finding.event = event.number;
  finding.event_type = printable(event.type);
  if (before != nullptr) finding.last_good = before->digest;
  const bool same = before != nullptr && before->digest == event.digest;
  if (same)
    finding.likely = "the policy changed";
  else if (good != nullptr && good->log_given)
    finding.likely = likely_cause({&event, before}, now);
  finding.text = "PCR " + std::to_string(event.pcr) + " differs: " + named(event) +
                 " is not one of the allowed" + compared(event, before, good) +
                 likely_words(finding.likely);
}

}  // namespace mintmark::policy
