#include "attest/eventlog/tagged.h"

#include <array>
#include <cstdio>

#include "attest/eventlog/cursor.h"
#include "attest/eventlog/text.h"

namespace mintmark::attest::eventlog {
namespace {

struct Known {
  std::uint32_t id;
  const char* kind;
};

// Linux: include/linux/efi.h; systemd: src/fundamental/tpm2-pcr.h.
constexpr std::array known = {
    Known{0x8F3B22EC, "initrd"},       Known{0x8F3B22ED, "load_options"},
    Known{0xF5BC582A, "loader_conf"},  Known{0x6C46F751, "devicetree_addon"},
    Known{0x49DFFE0F, "initrd_addon"}, Known{0xDAC08E1A, "ucode_addon"},
};

std::string text_of(BytesView data) {
  if (is_plain_text(data)) return for_people(as_text(without_terminators(data)));
  const auto text = utf16_text(data);
  if (text && !text->empty() && is_plain_text(as_bytes(*text))) return for_people(*text);
  return std::to_string(data.size()) + " octets";
}

}  // namespace

std::optional<Tagged> read_tagged(BytesView data) {
  // EDK II before 2023 left id and size away here.
  if (as_text(without_terminators(data)) == "LOADED_IMAGE::LoadOptions")
    return Tagged{known[1].id, known[1].kind, "LOADED_IMAGE::LoadOptions"};
  Cursor cursor(data);
  const auto id = cursor.number<std::uint32_t>();
  const auto size = cursor.number<std::uint32_t>();
  const auto body = size ? cursor.take(*size) : std::nullopt;
  if (!body) return std::nullopt;
  for (const Known& one : known) {
    if (one.id == *id) return Tagged{*id, one.kind, text_of(*body)};
  }
  std::array<char, 11> number{};
  std::snprintf(number.data(), number.size(), "0x%08X", *id);
  return Tagged{*id, "tagged", std::string(number.data()) + ": " + text_of(*body)};
}

}  // namespace mintmark::attest::eventlog
