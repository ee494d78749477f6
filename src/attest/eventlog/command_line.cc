#include "attest/eventlog/command_line.h"

#include <algorithm>
#include <array>
#include <optional>

#include "attest/eventlog/text.h"

namespace mintmark::attest::eventlog {
namespace {

using Kind = LoaderWords::Kind;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

// "set", "search.fs_uuid", "[", "default=2". The name of a file on a disk is a path, or a list of
// blocks, and begins with none of these (grub-core/kern/file.c).
bool is_command_word(std::string_view word) {
  if (word == "[" || word == ".") return true;
  const std::string_view name = word.substr(0, word.find('='));
  if (name.empty() || !is_letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '-'; });
}

// What such a command loads is measured again, as a command line. From the network it may have any
// name, a command's too: "linux set init=/bin/sh".
std::string_view file_of_loader(std::string_view command) {
  constexpr std::array loaders = {"linux", "multiboot", "module", "xen_"};
  if (std::none_of(loaders.begin(), loaders.end(),
                   [&](const char* loader) { return command.starts_with(loader); }))
    return {};
  while (command.find(' ') != std::string_view::npos) {
    command.remove_prefix(command.find(' ') + 1);
    if (const std::string_view word = first_word(command); !word.starts_with("--")) return word;
  }
  return {};
}

// GRUB hashes no terminator, Red Hat's before 2.06 one.
std::optional<std::string> narrow_text(BytesView octets) {
  if (!octets.empty() && octets.back() == 0) octets = octets.first(octets.size() - 1);
  if (octets.empty() || std::find(octets.begin(), octets.end(), 0) != octets.end())
    return std::nullopt;
  return std::string(as_text(octets));
}

// All of it: behind a terminator nothing may stand but more of them.
std::optional<std::string> wide_text(BytesView octets) {
  auto text = utf16_text(octets);
  if (!text || text->empty()) return std::nullopt;
  bool ended = false;
  for (std::size_t i = 0; i + 1 < octets.size(); i += 2) {
    const bool terminator = octets[i] == 0 && octets[i + 1] == 0;
    if (ended && !terminator) return std::nullopt;
    ended = ended || terminator;
  }
  return text;
}

}  // namespace

LoaderWords LoaderReader::read_grub(const Seen& seen, std::string text) {
  const std::string_view word = first_word(text);
  const std::string_view prefix = grub_prefix(seen.event->data);
  // The log's own word may make a command line of anything, and of a command line nothing else.
  const bool said_to_be = prefix.find("cmdline") != std::string_view::npos;
  const bool begins_with_file =
      !word.empty() && (word.front() == '/' || word.front() == '(' || loaded_.count(word) != 0);
  if (said_to_be || begins_with_file) return {Kind::command_line, std::move(text)};
  if (!is_command_word(word)) return {};
  if (const std::string_view file = file_of_loader(text); !file.empty()) loaded_.emplace(file);
  return {Kind::command, std::move(text)};
}

LoaderWords LoaderReader::read(const Seen& seen) {
  const BytesView octets = seen.proven.octets;
  // Text that is all of the data is a section's name, which has no place here.
  const bool names_section =
      seen.proven.proof == Proof::text && octets.size() == seen.event->data.size();
  if (seen.proven.proof == Proof::nothing || names_section) return {};
  const bool may_be_grub = of_td_ || seen.event->pcr == 8;
  if (auto text = may_be_grub ? narrow_text(octets) : std::nullopt)
    return read_grub(seen, std::move(*text));
  if (auto text = wide_text(octets)) return {Kind::command_line, std::move(*text)};
  return {};
}

}  // namespace mintmark::attest::eventlog
