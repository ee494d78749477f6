#include <algorithm>

#include "attest/eventlog/cursor.h"
#include "attest/eventlog/event_types.h"
#include "attest/eventlog/log.h"

namespace mintmark::attest::eventlog {
namespace {

constexpr std::uint32_t pcr_count = 24;
constexpr std::size_t sha1_size = 20;
// Signatures at the front of EV_NO_ACTION events (§10.4.5), with their terminators.
constexpr std::string_view spec_id("Spec ID Event03", 16);
constexpr std::string_view startup_locality("StartupLocality", 16);
// Less cannot be told from an event that was cut off.
constexpr std::size_t least_padding = 8;

tl::unexpected<Error> malformed(std::size_t offset, const std::string& what) {
  return fail(Code::eventlog_malformed,
              "event log, offset " + std::to_string(offset) + ": " + what);
}

bool begins_with(BytesView data, std::string_view signature) {
  return data.size() >= signature.size() && as_text(data.first(signature.size())) == signature;
}

// A log that was copied from a buffer of fixed size: firmware fills it with ones, some with zeros.
bool is_padding(BytesView rest) {
  if (rest.size() < least_padding || (rest.front() != 0xFF && rest.front() != 0x00)) return false;
  return std::all_of(rest.begin(), rest.end(),
                     [&](std::uint8_t octet) { return octet == rest.front(); });
}

class Parser {
 public:
  explicit Parser(Log& log) : log_(log), cursor_(log.octets) {}

  Result<void> run() {
    if (log_.octets.empty()) return malformed(0, "it is empty");
    if (auto first = read_event(false); !first) return first;
    if (auto header = read_header(); !header) return header;
    while (cursor_.left() > 0) {
      if (is_padding(cursor_.rest())) {
        log_.padding = cursor_.left();
        return {};
      }
      if (log_.events.size() == most_events) {
        return fail(Code::eventlog_too_long,
                    "the event log has more than " + std::to_string(most_events) + " events");
      }
      if (auto read = read_event(log_.crypto_agile); !read) return read;
    }
    return {};
  }

 private:
  tl::unexpected<Error> cut(const char* what) const {
    return malformed(cursor_.at(), std::string("it ends inside ") + what);
  }

  Result<void> read_event(bool crypto_agile) {
    Event event;
    event.number = static_cast<std::uint32_t>(log_.events.size());
    event.offset = cursor_.at();
    const auto pcr = cursor_.number<std::uint32_t>();
    const auto type = cursor_.number<std::uint32_t>();
    if (!pcr || !type) return cut("an event's PCR and type");
    event.pcr = *pcr;
    event.type = *type;
    if (event.pcr >= pcr_count && event.extends())
      return malformed(event.offset, "there is no PCR " + std::to_string(event.pcr));
    if (auto read = crypto_agile ? read_digests(event) : read_sha1(event); !read) return read;
    const std::size_t at = cursor_.at();
    const auto size = cursor_.number<std::uint32_t>();
    if (!size) return cut("an event's size");
    const auto data = cursor_.take(*size);
    if (!data) {
      return malformed(at, "event " + std::to_string(event.number) + " is said to have " +
                               std::to_string(*size) + " octets; " +
                               std::to_string(cursor_.left()) + " are left");
    }
    event.data = *data;
    note_locality(event);
    log_.events.push_back(std::move(event));
    return {};
  }

  Result<void> read_sha1(Event& event) {
    const auto digest = cursor_.take(sha1_size);
    if (!digest) return cut("a digest");
    event.digests.push_back({bank_named("sha1")->id, *digest});
    return {};
  }

  // TPML_DIGEST_VALUES: each digest as long as the header says of its algorithm.
  Result<void> read_digests(Event& event) {
    const std::size_t at = cursor_.at();
    const auto count = cursor_.number<std::uint32_t>();
    if (!count) return cut("a count of digests");
    if (*count > log_.algorithms.size() || (*count == 0 && event.extends())) {
      return malformed(at, "event " + std::to_string(event.number) + " has " +
                               std::to_string(*count) + " digests; the header declares " +
                               std::to_string(log_.algorithms.size()) + " algorithms");
    }
    for (std::uint32_t i = 0; i < *count; ++i) {
      if (auto read = read_digest(event); !read) return read;
    }
    return {};
  }

  Result<void> read_digest(Event& event) {
    const std::size_t at = cursor_.at();
    const auto id = cursor_.number<std::uint16_t>();
    if (!id) return cut("a digest's algorithm");
    const auto declared =
        std::find_if(log_.algorithms.begin(), log_.algorithms.end(),
                     [&](const Algorithm& algorithm) { return algorithm.id == *id; });
    if (declared == log_.algorithms.end()) {
      return malformed(at, "algorithm " + std::to_string(*id) +
                               " is not in the header: how long "
                               "its digest is nobody knows");
    }
    for (const EventDigest& digest : event.digests) {
      if (digest.algorithm == *id)
        return malformed(at, "a second digest of algorithm " + std::to_string(*id));
    }
    const auto value = cursor_.take(declared->size);
    if (!value) return cut("a digest");
    event.digests.push_back({*id, *value});
    return {};
  }

  // TCG_EfiSpecIDEvent (§10.4.5.1). A log that does not begin with it is of the old form.
  Result<void> read_header() {
    const Event& first = log_.events.front();
    if (first.type != ev_no_action || !begins_with(first.data, spec_id)) {
      log_.algorithms = {{bank_named("sha1")->id, sha1_size, bank_named("sha1")}};
      return {};
    }
    log_.crypto_agile = true;
    log_.of_td = first.pcr == 1;
    const std::size_t base = first.offset + 4 + 4 + sha1_size + 4;
    Cursor header(first.data);
    // Signature, class of platform, version, size of a UINTN.
    if (!header.take(spec_id.size() + 4 + 4)) return malformed(base, "its header is cut off");
    const auto count = header.number<std::uint32_t>();
    if (!count || *count == 0 || *count > most_algorithms)
      return malformed(base, "its header declares no algorithms, or too many");
    for (std::uint32_t i = 0; i < *count; ++i) {
      if (auto read = read_algorithm(header, base); !read) return read;
    }
    // Some firmware leaves the vendor's part away.
    const auto vendor = header.number<std::uint8_t>();
    if (vendor && !header.take(*vendor))
      return malformed(base, "its header's vendor part is cut off");
    return {};
  }

  Result<void> read_algorithm(Cursor& header, std::size_t base) {
    const auto id = header.number<std::uint16_t>();
    const auto size = header.number<std::uint16_t>();
    if (!id || !size) return malformed(base + header.at(), "its header is cut off");
    for (const Algorithm& other : log_.algorithms) {
      if (other.id == *id)
        return malformed(base + header.at(), "its header declares an algorithm twice");
    }
    const Bank* bank = bank_of(*id);
    if (bank != nullptr && bank->size != *size) {
      return malformed(base + header.at(), std::string(bank->name) +
                                               " is said to have digests of " +
                                               std::to_string(*size) + " octets");
    }
    log_.algorithms.push_back({*id, *size, bank});
    return {};
  }

  // Before anything was extended into PCR 0 (§10.4.5.3): later it could only be a lie.
  void note_locality(const Event& event) {
    if (event.extends()) {
      pcr0_extended_ = pcr0_extended_ || event.pcr == 0;
      return;
    }
    if (pcr0_extended_ || log_.startup_locality) return;
    if (event.data.size() == startup_locality.size() + 1 &&
        begins_with(event.data, startup_locality))
      log_.startup_locality = event.data.back();
  }

  Log& log_;
  Cursor cursor_;
  bool pcr0_extended_ = false;
};

}  // namespace

BytesView Event::digest(const Bank& bank) const {
  for (const EventDigest& digest : digests) {
    if (digest.algorithm == bank.id) return digest.value;
  }
  return {};
}

bool Event::extends() const { return type != ev_no_action; }

Result<Log> parse(BytesView octets) {
  if (octets.size() > most_octets) {
    return fail(Code::eventlog_too_long,
                "the event log has more than " + std::to_string(most_octets) + " octets");
  }
  Log log;
  log.octets = to_bytes(octets);
  if (auto parsed = Parser(log).run(); !parsed) return pass_on(parsed);
  return log;
}

}  // namespace mintmark::attest::eventlog
