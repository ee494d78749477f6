#include "attest/ima/fields.h"

#include <algorithm>
#include <optional>

namespace mintmark::attest::ima {
namespace {

constexpr std::uint32_t pcr_count = 24;
constexpr std::size_t longest_data = 1U << 20U;
constexpr std::size_t longest_line = 2 * longest_data + 4096;

tl::unexpected<Error> malformed(const std::string& where, const std::string& what) {
  return fail(Code::ima_malformed, "IMA log, " + where + ": " + what);
}

tl::unexpected<Error> too_many() {
  return fail(Code::ima_too_long,
              "the IMA log has more than " + std::to_string(most_entries) + " entries");
}

/// The binary form; the listed template hashes are all of one size.
class Binary {
 public:
  Binary(BytesView octets, std::size_t hash_size) : octets_(octets), hash_size_(hash_size) {}

  Result<Log> run() {
    Log log;
    while (at_ < octets_.size()) {
      if (log.entries.size() == most_entries) return too_many();
      const std::size_t begin = at_;
      Entry entry;
      auto whole = read(entry);
      if (!whole) return pass_on(whole);
      if (!*whole && log.entries.empty())
        return malformed("offset " + std::to_string(begin), "its first entry is cut off");
      log.cut = !*whole;
      if (log.cut) break;
      log.entries.push_back(std::move(entry));
    }
    return log;
  }

 private:
  std::optional<BytesView> take(std::size_t count) {
    if (count > octets_.size() - at_) return std::nullopt;
    const BytesView taken = octets_.subspan(at_, count);
    at_ += count;
    return taken;
  }
  std::optional<std::uint32_t> number() {
    const auto taken = take(4);
    if (!taken) return std::nullopt;
    return std::uint32_t{(*taken)[0]} | std::uint32_t{(*taken)[1]} << 8U |
           std::uint32_t{(*taken)[2]} << 16U | std::uint32_t{(*taken)[3]} << 24U;
  }
  tl::unexpected<Error> wrong(const std::string& what) const {
    return malformed("offset " + std::to_string(at_), what);
  }

  // False where the log ends inside the entry.
  Result<bool> read(Entry& entry) {
    const auto pcr = number();
    if (!pcr) return false;
    if (*pcr >= pcr_count) return wrong("there is no PCR " + std::to_string(*pcr));
    const auto listed = take(hash_size_);
    const auto name_length = listed ? number() : std::nullopt;
    if (!name_length) return false;
    if (*name_length == 0 || *name_length > longest_template_name)
      return wrong("a template's name of " + std::to_string(*name_length) + " octets");
    const auto name = take(*name_length);
    if (!name) return false;
    if (!std::all_of(name->begin(), name->end(),
                     [](std::uint8_t octet) { return octet > 0x20 && octet < 0x7F; }))
      return wrong("a template's name that is none");
    entry.pcr = *pcr;
    entry.listed = to_bytes(*listed);
    entry.violation = is_zero(*listed);
    entry.log_template = as_text(*name);
    return entry.log_template == "ima" ? read_old(entry) : read_data(entry);
  }

  Result<bool> read_old(Entry& entry) {
    constexpr std::size_t digest_size = 20;
    const auto digest = take(digest_size);
    const auto length = digest ? number() : std::nullopt;
    if (!length) return false;
    if (*length > 255) return wrong("a name of " + std::to_string(*length) + " octets");
    const auto name = take(*length);
    if (!name) return false;
    entry.hashed = old_template_data(*digest, as_text(*name));
    note_old_file(*digest, as_text(*name), entry);
    return true;
  }

  Result<bool> read_data(Entry& entry) {
    const auto length = number();
    if (!length) return false;
    if (*length > longest_data)
      return wrong("template data of " + std::to_string(*length) + " octets");
    const auto data = take(*length);
    if (!data) return false;
    entry.hashed = to_bytes(*data);
    note_file(*data, entry);
    return true;
  }

  BytesView octets_;
  std::size_t hash_size_;
  std::size_t at_ = 0;
};

// Newer kernels also list the template hashes of other banks, in files of their own.
Result<Log> parse_binary(BytesView octets) {
  auto log = Binary(octets, banks.front().size).run();
  if (log) return log;
  for (const Bank& bank : banks) {
    if (bank.size == banks.front().size) continue;
    if (auto other = Binary(octets, bank.size).run()) return other;
  }
  return log;
}

Result<Log> parse_ascii(std::string_view text) {
  Log log;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::string where = "line " + std::to_string(line);
    const std::size_t end = text.find('\n');
    const bool last = end == std::string_view::npos;
    const std::string_view content = text.substr(0, end);
    text.remove_prefix(last ? text.size() : end + 1);
    if (content.empty()) continue;
    if (content.size() > longest_line) return malformed(where, "it is too long");
    if (log.entries.size() == most_entries) return too_many();
    Entry entry;
    const bool read = read_line(content, entry) && entry.pcr < pcr_count;
    if (!read && last && !log.entries.empty()) {
      log.cut = true;
      break;
    }
    if (!read) return malformed(where, "it is no entry");
    log.entries.push_back(std::move(entry));
  }
  if (log.entries.empty()) return malformed("line 1", "it has no entry");
  return log;
}

}  // namespace

Result<Log> parse(BytesView octets) {
  if (octets.empty()) return malformed("offset 0", "it is empty");
  if (octets.size() > most_octets) {
    return fail(Code::ima_too_long,
                "the IMA log has more than " + std::to_string(most_octets) + " octets");
  }
  // The binary form begins with a PCR's number in four octets, the ASCII form with its digits.
  const bool ascii = octets.front() == ' ' || (octets.front() >= '0' && octets.front() <= '9');
  return ascii ? parse_ascii(as_text(octets)) : parse_binary(octets);
}

}  // namespace mintmark::attest::ima
