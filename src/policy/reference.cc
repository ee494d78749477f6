#include "policy/reference.h"

#include <algorithm>

#include "base/bytes.h"
#include "config/reader.h"
#include "policy/boot_alignment.h"
#include "policy/names.h"
#include "policy/texts.h"

namespace mintmark::policy {
namespace {

using config::ObjectReader;

constexpr JsonLimits limits{.octets = longest_reference, .depth = 8, .elements = 200'000};

/// As checked_texts, of digests of one bank.
std::vector<std::string> digests_of(ObjectReader& reader, const char* key,
                                    const std::string& bank) {
  std::vector<std::string> all = in_lower_case(checked_texts(reader, key, wrong_with_digest));
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].size() != hex_digits_of_bank(bank)) {
      reader.refuse_element(key, i,
                            "must be a " + bank + " value of " +
                                std::to_string(hex_digits_of_bank(bank)) + " hexadecimal digits");
    }
  }
  return all;
}

void read_pcrs(ObjectReader& root, Reference& reference) {
  root.object("pcrs", false, [&](ObjectReader& pcrs) {
    for (const std::string& name : pcrs.names()) {
      const auto index = pcr_index(name);
      if (!index) return pcrs.refuse(name.c_str(), "must be the number of a PCR, from 0 to 23");
      reference.pcrs[*index] = digests_of(pcrs, name.c_str(), reference.bank);
    }
  });
}

void read_event(ObjectReader& reader, Reference& reference) {
  ReferenceEvent event;
  event.pcr = static_cast<unsigned>(reader.integer("pcr", 0, 23));
  event.type = reader.text("type");
  event.digests = digests_of(reader, "digests", reference.bank);
  event.note = reader.text("note", "");
  if (reader.failed()) return;
  for (const std::string& digest : event.digests)
    reference.allowed[event.pcr].emplace(event.type, digest);
  reference.events.push_back(std::move(event));
}

bool is_algorithm(std::string_view name) {
  return name == "sha1" || name == "sha256" || name == "sha384" || name == "sha512";
}

/// "sha256:HEX  PATH" in one way only; "" if the line is something else.
std::string ima_line_of(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return "";
  std::string_view digest = line.substr(0, space);
  std::string_view path = line.substr(space + 1);
  // Two spaces, or a space and an asterisk: how sha256sum marks what it read as binary.
  if (path.starts_with(' ') || path.starts_with('*')) path.remove_prefix(1);
  const std::size_t colon = digest.find(':');
  const std::string_view bank =
      colon == std::string_view::npos ? "sha256" : digest.substr(0, colon);
  if (colon != std::string_view::npos) digest.remove_prefix(colon + 1);
  const bool fits = is_algorithm(bank) && digest.size() == hex_digits_of_bank(bank) &&
                    wrong_with_digest(digest).empty() && !path.empty();
  return fits ? ima_line(std::string(path),
                         std::string(bank) + ":" + in_lower_case(std::string(digest)))
              : "";
}

std::string json_text(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_wanted(unsigned pcr, const std::set<unsigned>& pcrs) {
  return pcrs.empty() ? pcr != 10 && pcr != 16 && pcr != 23 : pcrs.contains(pcr);
}

std::string not_quoted(unsigned pcr, const attest::BootRecord& record) {
  std::string quoted;
  for (const auto& [index, value] : record.pcrs)
    quoted += (quoted.empty() ? "" : ",") + std::to_string(index);
  return "PCR " + std::to_string(pcr) + " was not quoted at that boot, only " + quoted +
         "; enrolment.tpm2.pcrs says which are";
}

std::string event_line(const attest::MeasuredEvent& event) {
  std::string line = "    {\"pcr\": " + std::to_string(event.pcr) +
                     ", \"type\": " + json_text(event.type) + ", \"digests\": [" +
                     json_text(event.digest) + "]";
  if (!event.what.empty()) line += ", \"note\": " + json_text(printable(event.what, longest_note));
  return line + "}";
}

/// Joined as the elements of a list, each on a line of its own.
std::string lines_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "\n" : ",\n") + line;
  return text + "\n  ";
}

}  // namespace

std::set<unsigned> Reference::named() const {
  std::set<unsigned> all;
  for (const auto& [pcr, values] : pcrs) all.insert(pcr);
  for (const auto& [pcr, digests] : allowed) all.insert(pcr);
  return all;
}

Result<Reference> read_reference(const std::string& file, std::string_view text) {
  const auto document = parse_json_document(file, text, limits);
  if (!document) return fail(Code::reference_invalid, document.error().detail);
  ObjectReader root(*document, Code::reference_invalid);
  Reference reference;
  reference.file = file;
  reference.name = root.text("name");
  reference.bank = root.choice("bank", {"sha1", "sha256", "sha384", "sha512"});
  read_pcrs(root, reference);
  root.objects("events", false, [&](ObjectReader& event) { read_event(event, reference); });
  if (auto read = root.finish(); !read) return pass_on(read);
  if (reference.named().empty()) {
    return fail(Code::reference_invalid,
                file + R"(:1: the document must hold "pcrs", "events" or both)");
  }
  return reference;
}

Result<ImaReference> read_ima_reference(const std::string& file, std::string_view text) {
  ImaReference reference;
  reference.file = file;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    std::string entry = ima_line_of(line);
    if (entry.empty()) {
      return fail(Code::reference_invalid,
                  file + ":" + std::to_string(number) +
                      R"(: must be "HEX  PATH" as sha256sum prints it, or "sha256:HEX  PATH")");
    }
    reference.lines.insert(std::move(entry));
  }
  if (reference.lines.empty())
    return fail(Code::reference_invalid, file + ":1: must name at least one file");
  return reference;
}

std::string ima_line(const std::string& path, const std::string& digest) {
  return digest + "  " + path;
}

Result<std::string> baseline_of(const attest::BootRecord& record, const std::string& name,
                                const std::set<unsigned>& pcrs) {
  for (const unsigned pcr : pcrs) {
    if (!record.pcrs.contains(pcr)) return fail(Code::invalid_argument, not_quoted(pcr, record));
  }
  std::vector<std::string> values;
  for (const auto& [pcr, value] : record.pcrs) {
    if (is_wanted(pcr, pcrs))
      values.push_back("    \"" + std::to_string(pcr) + "\": [" + json_text(value) + "]");
  }
  if (values.empty())
    return fail(Code::invalid_argument,
                "every PCR of that boot is one that a baseline leaves out; "
                "name those that are meant");
  std::vector<std::string> events;
  std::set<std::string> seen;
  for (const attest::MeasuredEvent& event : record.events) {
    // Of a PCR that was not quoted no event is proven: a rule that names it never holds.
    const bool quoted = record.pcrs.contains(event.pcr);
    if (!quoted || !is_extended(event) || !is_wanted(event.pcr, pcrs)) continue;
    std::string line = event_line(event);
    if (seen.insert(line).second) events.push_back(std::move(line));
  }
  std::string text = "{\n  \"name\": " + json_text(name) +
                     ",\n  \"bank\": " + json_text(record.bank) + ",\n  \"pcrs\": {" +
                     lines_of(values) + "}";
  if (!events.empty()) text += ",\n  \"events\": [" + lines_of(events) + "]";
  return text + "\n}\n";
}

}  // namespace mintmark::policy
