#include <optional>

#include "attest/eventlog/command_line.h"
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

LoaderEvent tagged_event(const Seen& seen) {
  const auto tagged = read_tagged(seen.event->data);
  if (!tagged) return event_of(seen, "tagged", describe(*seen.event), false);
  return event_of(seen, tagged->kind, tagged->text, seen.proven.proof == Proof::whole);
}

LoaderEvent any_event(const Seen& seen) {
  if (seen.event->type == ev_event_tag) return tagged_event(seen);
  if (seen.event->type != ev_ipl)
    return event_of(seen, "measurement", describe(*seen.event), seen.hashed_whole());
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

// The PCRs that command lines are taken from. Each event there is a command line that is kept,
// something that is known to be none, or leaves unknown which others there were.
class CommandLines {
 public:
  CommandLines(const View& view, BootFacts& facts)
      : reader_(view.of_td), of_td_(view.of_td), facts_(facts) {
    for (const unsigned pcr : {8U, 12U}) {
      if (!view.covers(pcr)) not_known("PCR " + std::to_string(pcr) + " was not quoted");
    }
  }

  [[nodiscard]] bool has(const Event& event) const {
    return of_td_ || event.pcr == 8 || event.pcr == 12;
  }

  LoaderEvent take(const Seen& seen) {
    LoaderWords words = reader_.read(seen);
    switch (words.kind) {
      case LoaderWords::Kind::command:
        return event_of(seen, "grub_command", std::move(words.text), true);
      case LoaderWords::Kind::command_line: {
        auto line = event_of(seen, "kernel_command_line", std::move(words.text), true);
        if (line.attested)
          facts_.kernel_command_lines.push_back(line.text);
        else
          not_known(seen, "a command line that is too long, or is no UTF-8");
        return line;
      }
      case LoaderWords::Kind::unknown:
        break;
    }
    not_known(seen, seen.proven.proof == Proof::nothing ? "its data are not what was hashed"
                                                        : "it may be any command line");
    return any_event(seen);
  }

 private:
  void not_known(const std::string& why) {
    facts_.not_known.emplace("kernel_command_lines", why);  // The first reason is kept.
  }
  void not_known(const Seen& seen, const std::string& why) {
    not_known("event " + std::to_string(seen.event->number) + " in PCR " +
              std::to_string(seen.event->pcr) + ": " + why);
  }

  LoaderReader reader_;
  bool of_td_;
  BootFacts& facts_;
};

}  // namespace

void add_loader(const View& view, BootFacts& facts) {
  Sections sections(*view.bank);
  CommandLines lines(view, facts);
  for (const Seen& seen : view.events) {
    const Event& event = *seen.event;
    const bool loaders = event.pcr == 8 || event.pcr == 9 || (event.pcr >= 11 && event.pcr <= 13);
    if (view.of_td ? event.pcr != 3 : !loaders) continue;
    if (!seen.covered || !event.extends() || seen.digest.empty()) continue;
    if (separator_of(seen, *view.bank) != Separator::none) continue;
    auto read = lines.has(event)  ? std::optional(lines.take(seen))
                : event.pcr == 11 ? sections.take(seen)
                                  : any_event(seen);
    if (read) facts.loader.push_back(std::move(*read));
  }
}

}  // namespace mintmark::attest::eventlog
