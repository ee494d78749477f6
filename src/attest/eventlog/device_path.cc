#include "attest/eventlog/device_path.h"

#include <array>
#include <cstdio>
#include <optional>

#include "attest/eventlog/cursor.h"
#include "attest/eventlog/text.h"

namespace mintmark::attest::eventlog {
namespace {

constexpr std::size_t most_nodes = 32;
constexpr std::size_t longest_text = 512;
// EISA id of a PCI root bridge, PNP0A03 and PNP0A08.
constexpr std::uint32_t pci_root = 0x0A0341D0;
constexpr std::uint32_t pcie_root = 0x0A0841D0;

std::string hex(std::uint64_t value) {
  std::array<char, 19> text{};
  std::snprintf(text.data(), text.size(), "0x%llX", static_cast<unsigned long long>(value));
  return text.data();
}

// Zero where the node is too short to have it.
template <typename Integer>
std::uint64_t at(BytesView body, std::size_t offset) {
  if (offset > body.size()) return 0;
  Cursor cursor(body.subspan(offset));
  return cursor.number<Integer>().value_or(0);
}

std::string guid_at(BytesView body, std::size_t offset) {
  return body.size() >= offset + 16 ? guid_text(body.subspan(offset, 16)) : "?";
}

std::string hardware(std::uint8_t subtype, BytesView body) {
  if (subtype == 1)
    return "Pci(" + hex(at<std::uint8_t>(body, 1)) + "," + hex(at<std::uint8_t>(body, 0)) + ")";
  if (subtype == 3) {
    return "MemoryMapped(" + hex(at<std::uint32_t>(body, 0)) + "," +
           hex(at<std::uint64_t>(body, 4)) + "," + hex(at<std::uint64_t>(body, 12)) + ")";
  }
  if (subtype == 4) return "VenHw(" + guid_at(body, 0) + ")";
  return {};
}

std::string acpi(std::uint8_t subtype, BytesView body) {
  if (subtype != 1) return {};
  const std::uint64_t id = at<std::uint32_t>(body, 0);
  const std::string unit = hex(at<std::uint32_t>(body, 4));
  if (id == pci_root) return "PciRoot(" + unit + ")";
  if (id == pcie_root) return "PcieRoot(" + unit + ")";
  return "Acpi(" + hex(id) + "," + unit + ")";
}

std::string messaging(std::uint8_t subtype, BytesView body) {
  switch (subtype) {
    case 2:
      return "Scsi(" + hex(at<std::uint16_t>(body, 0)) + "," + hex(at<std::uint16_t>(body, 2)) +
             ")";
    case 5:
      return "USB(" + hex(at<std::uint8_t>(body, 0)) + "," + hex(at<std::uint8_t>(body, 1)) + ")";
    case 10:
      return "VenMsg(" + guid_at(body, 0) + ")";
    case 11:
      return "MAC(" + to_hex(body.first(std::min<std::size_t>(body.size(), 6))) + ")";
    case 12:
      return "IPv4()";
    case 13:
      return "IPv6()";
    case 18:
      return "Sata(" + hex(at<std::uint16_t>(body, 0)) + "," + hex(at<std::uint16_t>(body, 2)) +
             "," + hex(at<std::uint16_t>(body, 4)) + ")";
    case 23:
      return "NVMe(" + hex(at<std::uint32_t>(body, 0)) + ")";
    case 24:
      return "Uri(" + for_people(as_text(body)) + ")";
    default:
      return {};
  }
}

std::string hard_drive(BytesView body) {
  const std::string number = std::to_string(at<std::uint32_t>(body, 0));
  // The signature's type stands behind signature and format; 2: GPT, a GUID.
  if (at<std::uint8_t>(body, 37) == 2) return "HD(" + number + ",GPT," + guid_at(body, 20) + ")";
  return "HD(" + number + ",MBR," + hex(at<std::uint32_t>(body, 20)) + ")";
}

std::string media(std::uint8_t subtype, BytesView body) {
  switch (subtype) {
    case 1:
      return hard_drive(body);
    case 2:
      return "CDROM(" + hex(at<std::uint32_t>(body, 0)) + ")";
    case 3:
      return "VenMedia(" + guid_at(body, 0) + ")";
    case 4:
      return utf16_for_people(body);
    case 6:
      return "FvFile(" + guid_at(body, 0) + ")";
    case 7:
      return "Fv(" + guid_at(body, 0) + ")";
    case 8:
      return "Offset(" + hex(at<std::uint64_t>(body, 4)) + "," + hex(at<std::uint64_t>(body, 12)) +
             ")";
    default:
      return {};
  }
}

std::string node_text(std::uint8_t type, std::uint8_t subtype, BytesView body) {
  std::string text;
  if (type == 1) text = hardware(subtype, body);
  if (type == 2) text = acpi(subtype, body);
  if (type == 3) text = messaging(subtype, body);
  if (type == 4) text = media(subtype, body);
  if (type == 5)
    text =
        "BBS(" + hex(at<std::uint16_t>(body, 0)) + "," +
        for_people(as_text(without_terminators(body.size() > 4 ? body.subspan(4) : BytesView{}))) +
        ")";
  if (!text.empty()) return text;
  return "Path(" + std::to_string(type) + "," + std::to_string(subtype) + ")";
}

}  // namespace

std::string device_path_text(BytesView path) {
  constexpr std::uint8_t end = 0x7F;
  Cursor cursor(path);
  std::string text;
  for (std::size_t nodes = 0; cursor.left() > 0; ++nodes) {
    const auto type = cursor.number<std::uint8_t>();
    const auto subtype = cursor.number<std::uint8_t>();
    const auto length = cursor.number<std::uint16_t>();
    const auto body = length && *length >= 4 ? cursor.take(*length - 4U) : std::nullopt;
    if (!body || nodes == most_nodes || text.size() > longest_text) return text + "...";
    if (*type == end) return text;
    if (!text.empty()) text += '/';
    text += node_text(*type, *subtype, *body);
  }
  return text;
}

std::string image_path(BytesView image_load_event) {
  Cursor cursor(image_load_event);
  // Where it was loaded to, its size, where it was linked for.
  if (!cursor.take(24)) return {};
  const auto length = cursor.number<std::uint64_t>();
  if (!length) return {};
  const auto path = cursor.take(*length);
  return path ? device_path_text(*path) : std::string();
}

}  // namespace mintmark::attest::eventlog
