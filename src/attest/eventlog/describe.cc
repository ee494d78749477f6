#include "attest/eventlog/describe.h"

#include <array>
#include <cstdio>

#include "attest/eventlog/cursor.h"
#include "attest/eventlog/device_path.h"
#include "attest/eventlog/event_types.h"
#include "attest/eventlog/signatures.h"
#include "attest/eventlog/tagged.h"
#include "attest/eventlog/text.h"
#include "attest/eventlog/variable.h"

namespace mintmark::attest::eventlog {
namespace {

constexpr std::size_t most_shown = 16;

std::string octets_text(BytesView data) {
  if (data.empty()) return "";
  const BytesView words = without_terminators(data);
  if (is_plain_text(words)) return for_people(as_text(words));
  const auto text = utf16_text(data);
  if (text && !text->empty() && is_plain_text(as_bytes(*text))) return for_people(*text);
  const std::string shown = to_hex(data.first(std::min(data.size(), most_shown)));
  return data.size() > most_shown ? shown + "... (" + std::to_string(data.size()) + " octets)"
                                  : shown;
}

std::string separator_text(BytesView data) {
  if (data.size() == 4 && as_text(data) == "WBCL") return "WBCL";
  const std::string value = to_hex(data.first(std::min<std::size_t>(data.size(), 8)));
  if (value == "00000000" || value == "ffffffff") return "separator";
  return value == "01000000" ? "error separator" : "separator " + value;
}

std::string count_text(BytesView lists) {
  if (lists.empty()) return "empty";
  const auto entries = read_signatures(lists);
  if (!entries) return std::to_string(lists.size()) + " octets";
  return std::to_string(entries->size()) + (entries->size() == 1 ? " entry" : " entries");
}

// BootOrder: numbers of Boot#### (UEFI 2.10 §3.1.1).
std::string order_text(BytesView content) {
  std::string text;
  Cursor cursor(content);
  while (const auto number = cursor.number<std::uint16_t>()) {
    std::array<char, 5> digits{};
    std::snprintf(digits.data(), digits.size(), "%04X", *number);
    text += (text.empty() ? "" : ",") + std::string(digits.data());
    if (text.size() > 100) return text + ",...";
  }
  return text;
}

// EFI_LOAD_OPTION (UEFI 2.10 §3.1.3): attributes, length of the path, description, path.
std::string load_option_text(BytesView content) {
  Cursor cursor(content);
  if (!cursor.take(4)) return octets_text(content);
  const auto length = cursor.number<std::uint16_t>();
  if (!length) return octets_text(content);
  const std::string description = utf16_for_people(cursor.rest());
  while (const auto unit = cursor.number<std::uint16_t>()) {
    if (*unit == 0) break;
  }
  const auto path = cursor.take(*length);
  return "\"" + description + "\" " + (path ? device_path_text(*path) : "...");
}

std::string authority_text(BytesView content) {
  const SignatureEntry entry = read_authority(content);
  if (entry.kind == "x509") return entry.subject;
  return is_plain_text(content) || content.size() <= most_shown ? octets_text(content)
                                                                : entry.kind + " " + entry.digest;
}

bool is_boot_option(const std::string& name) {
  return name.size() == 8 && name.starts_with("Boot") &&
         name.find_first_not_of("0123456789ABCDEFabcdef", 4) == std::string::npos;
}

std::string value_text(const Variable& variable, std::uint32_t type) {
  const std::string& name = variable.name;
  if (name == "BootOrder") return order_text(variable.content);
  if (is_boot_option(name)) return load_option_text(variable.content);
  if (type == ev_efi_variable_authority) return authority_text(variable.content);
  if (name == "PK" || name == "KEK" || name == "db" || name == "dbx" || name == "dbt" ||
      name == "dbr")
    return count_text(variable.content);
  if (name == "SecureBoot" && variable.content.size() <= 1)
    return !variable.content.empty() && variable.content.front() == 1 ? "on" : "off";
  return variable.content.empty() ? "empty" : octets_text(variable.content);
}

std::string variable_text(const Event& event) {
  const auto variable = read_variable(event.data);
  if (!variable) return octets_text(event.data);
  return for_people(variable->name, 64) + ": " + value_text(*variable, event.type);
}

std::string extent_text(Cursor& cursor) {
  const auto base = cursor.number<std::uint64_t>();
  const auto length = cursor.number<std::uint64_t>();
  if (!length) return {};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "0x%llX, %llu octets",
                static_cast<unsigned long long>(*base), static_cast<unsigned long long>(*length));
  return text.data();
}

// UEFI_PLATFORM_FIRMWARE_BLOB2: a description with its length in front.
std::string blob_text(const Event& event) {
  Cursor cursor(event.data);
  std::string name;
  if (event.type == ev_efi_platform_firmware_blob2) {
    const auto length = cursor.number<std::uint8_t>();
    const auto description = length ? cursor.take(*length) : std::nullopt;
    if (!description) return octets_text(event.data);
    name = for_people(as_text(without_terminators(*description))) + " at ";
  }
  const std::string extent = extent_text(cursor);
  return extent.empty() || cursor.left() > 0 ? octets_text(event.data) : name + extent;
}

// UEFI_GPT_DATA: the header's disk GUID, then how many partitions (TCG PC Client PFP §10.2.5).
std::string gpt_text(BytesView data) {
  constexpr std::size_t disk_guid = 56;
  constexpr std::size_t header = 92;
  if (data.size() < header + 8) return octets_text(data);
  Cursor cursor(data.subspan(header));
  return "disk " + guid_text(data.subspan(disk_guid, 16)) + ", " +
         std::to_string(cursor.number<std::uint64_t>().value_or(0)) + " partitions";
}

// EV_NO_ACTION's words begin with a signature of up to 16 octets.
std::string no_action_text(BytesView data) {
  const std::string_view all = as_text(data);
  const std::string_view signature = all.substr(0, std::min(all.find('\0'), std::size_t{16}));
  if (!is_plain_text(as_bytes(signature))) return octets_text(data);
  if (signature == "StartupLocality" && data.size() == 17)
    return "StartupLocality " + std::to_string(data.back());
  return for_people(signature, 16);
}

std::string image_text(BytesView data) {
  const std::string path = image_path(data);
  return path.empty() ? "no path" : path;
}

}  // namespace

std::string describe(const Event& event) {
  if (is_variable_type(event.type)) return variable_text(event);
  if (is_image_type(event.type)) return image_text(event.data);
  switch (event.type) {
    case ev_no_action:
      return no_action_text(event.data);
    case ev_separator:
      return separator_text(event.data);
    case ev_efi_platform_firmware_blob:
    case ev_efi_platform_firmware_blob2:
      return blob_text(event);
    case ev_efi_gpt_event:
    case ev_efi_gpt_event2:
      return gpt_text(event.data);
    case ev_event_tag: {
      const auto tagged = read_tagged(event.data);
      return tagged ? tagged->kind + " " + tagged->text : octets_text(event.data);
    }
    default:
      return octets_text(event.data);
  }
}

}  // namespace mintmark::attest::eventlog
