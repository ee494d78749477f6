#include <algorithm>

#include "attest/eventlog/event_types.h"
#include "attest/eventlog/facts.h"
#include "attest/eventlog/tagged.h"
#include "attest/eventlog/text.h"
#include "base/text.h"

namespace mintmark::attest::eventlog {
namespace {

constexpr std::size_t longest_text = 4096;

LoaderEvent event_of(const Seen& seen, std::string kind, std::string text, bool attested) {
  // What is not kept as it was hashed is not vouched for.
  if (text.size() > longest_text || !is_utf8(text)) {
    text = for_people(text, longest_text);
    attested = false;
  }
  return {seen.event->number, seen.event->pcr, std::move(kind),
          std::move(text),    seen.digest,     attested};
}

// GRUB logs what it hashed behind a prefix that it did not hash. What begins with the path of a
// kernel is a kernel's command line whatever the prefix says; no command of GRUB begins so.
LoaderEvent grub_event(const Seen& seen) {
  const BytesView data = seen.event->data;
  const std::string_view prefix = grub_prefix(data);
  std::string text(as_text(without_terminators(data.subspan(prefix.size()))));
  const bool proven = seen.proven.proof == Proof::text || seen.proven.proof == Proof::whole;
  const bool begins_with_path = text.starts_with('/') || text.starts_with('(');
  std::string kind = "loader_text";
  if (prefix.find("kernel_cmdline") != std::string_view::npos ||
      (begins_with_path && prefix != "module_cmdline: "))
    kind = "kernel_command_line";
  else if (prefix == "module_cmdline: ")
    kind = "module_command_line";
  else if (prefix.starts_with("grub_cmd"))
    kind = "grub_command";
  return event_of(seen, kind, std::move(text), proven);
}

// systemd-boot and systemd-stub measure command lines as UTF-16, terminator included.
std::optional<std::string> utf16_command_line(const Seen& seen) {
  const BytesView data = seen.event->data;
  if (data.size() < 4 || data.size() % 2 != 0 || data[1] != 0) return std::nullopt;
  auto text = utf16_text(data);
  if (!text || text->empty()) return std::nullopt;
  return text;
}

LoaderEvent tagged_event(const Seen& seen) {
  const auto tagged = read_tagged(seen.event->data);
  if (!tagged) return event_of(seen, "tagged", describe(*seen.event), false);
  return event_of(seen, tagged->kind, tagged->text, seen.proven.proof == Proof::whole);
}

LoaderEvent any_event(const Seen& seen) {
  if (seen.event->type == ev_event_tag) return tagged_event(seen);
  if (seen.event->type != ev_ipl)
    return event_of(seen, "measurement", describe(*seen.event), seen.hashed_whole());
  if (seen.event->pcr == 8 && !grub_prefix(seen.event->data).empty()) return grub_event(seen);
  const bool may_hold_command_line = seen.event->pcr == 8 || seen.event->pcr == 12;
  if (auto text = may_hold_command_line ? utf16_command_line(seen) : std::nullopt)
    return event_of(seen, "kernel_command_line", std::move(*text),
                    seen.proven.proof == Proof::whole);
  if (seen.event->pcr == 8) return grub_event(seen);
  const bool words = is_plain_text(seen.event->data);
  return event_of(
      seen, seen.event->pcr == 9 ? "grub_file" : "measurement",
      words ? std::string(as_text(without_terminators(seen.event->data))) : describe(*seen.event),
      words && seen.proven.proof != Proof::nothing);
}

// systemd-stub measures a section's name, then what the section holds under the same description
// (systemd, src/boot/stub.c).
class Sections {
 public:
  explicit Sections(const Bank& bank) : bank_(bank) {}

  std::optional<LoaderEvent> take(const Seen& seen) {
    if (running_ || is_phase(seen)) return std::nullopt;
    const auto name = seen.event->type == ev_ipl ? utf16_text(seen.event->data) : std::nullopt;
    if (!name || !name->starts_with('.')) {
      name_.clear();
      return any_event(seen);
    }
    if (seen.proven.proof == Proof::text) {
      name_ = *name;
      return std::nullopt;
    }
    const bool named = name_ == *name;
    name_.clear();
    return event_of(seen, "uki_section", *name, named);
  }

 private:
  // The system runs: whoever rules it may extend what looks like a section.
  bool is_phase(const Seen& seen) {
    for (const std::string_view phase : systemd_phases)
      running_ = running_ || seen.digest == to_hex(bank_.digest(as_bytes(phase)));
    return running_;
  }

  const Bank& bank_;
  bool running_ = false;
  std::string name_;  ///< That was hashed last, and whose content comes next.
};

// Which PCRs command lines are taken from; under another type none may hide there.
void tell_what_is_hidden(const View& view, unsigned pcr, BootFacts& facts) {
  for (const Seen* const seen : view.of_pcr(pcr)) {
    if (separator_of(*seen, *view.bank) != Separator::none) continue;
    if (seen->covered && seen->proven.proof != Proof::nothing) continue;
    facts.not_known["kernel_command_lines"] =
        "event " + std::to_string(seen->event->number) + " in PCR " + std::to_string(pcr) +
        (seen->covered ? ": its data are not what was hashed" : " was not quoted");
    return;
  }
}

}  // namespace

void add_loader(const View& view, BootFacts& facts) {
  Sections sections(*view.bank);
  for (const Seen& seen : view.events) {
    const Event& event = *seen.event;
    const bool loaders = event.pcr == 8 || event.pcr == 9 || (event.pcr >= 11 && event.pcr <= 13);
    if (view.of_td ? event.pcr != 3 : !loaders) continue;
    if (!seen.covered || !event.extends() || seen.digest.empty()) continue;
    if (separator_of(seen, *view.bank) != Separator::none) continue;
    auto read = event.pcr == 11 ? sections.take(seen) : any_event(seen);
    if (!read) continue;
    if (read->kind == "kernel_command_line" && read->attested)
      facts.kernel_command_lines.push_back(read->text);
    facts.loader.push_back(std::move(*read));
  }
  tell_what_is_hidden(view, 8, facts);
  if (!view.of_td) tell_what_is_hidden(view, 12, facts);
}

}  // namespace mintmark::attest::eventlog
