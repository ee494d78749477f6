#include "attest/ima/fields.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace mintmark::attest::ima {
namespace {

constexpr std::size_t old_digest = 20;
constexpr std::size_t old_name = 256;

// The next field of template data; nothing where its length lies.
std::optional<BytesView> take_field(BytesView& rest) {
  if (rest.size() < 4) return std::nullopt;
  const std::uint64_t length = std::uint64_t{rest[0]} | std::uint64_t{rest[1]} << 8U |
                               std::uint64_t{rest[2]} << 16U | std::uint64_t{rest[3]} << 24U;
  if (length > rest.size() - 4) return std::nullopt;
  const BytesView field = rest.subspan(4, static_cast<std::size_t>(length));
  rest = rest.subspan(4 + field.size());
  return field;
}

// The word up to the next blank.
std::optional<std::string_view> take_word(std::string_view& rest) {
  const std::size_t end = rest.find(' ');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return word;
}

// Hexadecimal, or algorithm and hexadecimal: as the field has it.
std::optional<Bytes> digest_field(std::string_view word) {
  const std::size_t colon = word.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto digest = from_hex(word.substr(colon + 1));
  if (!digest) return std::nullopt;
  Bytes field = to_bytes(as_bytes(word.substr(0, colon + 1)));
  field.push_back(0);
  field.insert(field.end(), digest->begin(), digest->end());
  return field;
}

std::optional<Bytes> any_field(std::string_view word) {
  if (word.find(':') != std::string_view::npos) return digest_field(word);
  auto octets = from_hex(word);
  if (!octets) return std::nullopt;
  return std::move(*octets);
}

struct Template {
  std::string_view name;
  std::size_t behind_path;  ///< Fields that follow the path.
};

constexpr std::array templates = {Template{"ima-ng", 0},  Template{"ima-ngv2", 0},
                                  Template{"ima-sig", 1}, Template{"ima-sigv2", 1},
                                  Template{"ima-buf", 1}, Template{"ima-modsig", 3}};

// Template data out of "DIGEST PATH [FIELD…]", where the last `behind` words are fields; a path may
// have blanks, and an empty field is an empty word.
std::optional<Bytes> data_of(std::string_view rest, std::size_t behind) {
  const auto digest = take_word(rest);
  const auto first = digest ? digest_field(*digest) : std::nullopt;
  if (!first) return std::nullopt;
  std::vector<Bytes> fields;
  for (std::size_t i = 0; i < behind; ++i) {
    const std::size_t blank = rest.rfind(' ');
    const auto field =
        blank != std::string_view::npos ? any_field(rest.substr(blank + 1)) : std::nullopt;
    if (!field) return std::nullopt;
    fields.push_back(*field);
    rest = rest.substr(0, blank);
  }
  Bytes path = to_bytes(as_bytes(rest));
  path.push_back(0);
  Bytes data;
  append_field(data, *first);
  append_field(data, path);
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) append_field(data, *field);
  return data;
}

bool hashes_to_listed(const Entry& entry, BytesView data) {
  for (const Bank& bank : banks) {
    if (bank.size == entry.listed.size() && bank.digest(data) == entry.listed) return true;
  }
  return false;
}

// A blank at the end is easily lost: with an empty last field the line may end at its path.
std::optional<Bytes> best_data(std::string_view rest, std::size_t behind, const Entry& entry) {
  std::optional<Bytes> data = data_of(rest, behind);
  if (behind == 0 || (data && (entry.violation || hashes_to_listed(entry, *data)))) return data;
  auto without = data_of(std::string(rest) + " ", behind);
  return without && (!data || hashes_to_listed(entry, *without)) ? without : data;
}

// A file may have any octets for a name; one that is no UTF-8 is escaped, so that it is met in no
// list and can be told to people.
std::string path_of(std::string_view name) {
  if (is_utf8(name)) return std::string(name);
  std::string path;
  while (!name.empty()) {
    const std::size_t length = utf8_length(name);
    const std::string_view taken = name.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0)
      path += "\\x" + to_hex(as_bytes(taken));
    else if (taken == "\\")
      path += "\\\\";
    else
      path += taken;
    name.remove_prefix(taken.size());
  }
  return path;
}

bool read_old(std::string_view rest, Entry& entry) {
  const auto word = take_word(rest);
  const auto digest = word ? from_hex(*word) : fail(Code::ima_malformed, "no digest");
  if (!digest || digest->size() > old_digest || rest.size() >= old_name) return false;
  entry.hashed = old_template_data(*digest, rest);
  note_old_file(*digest, rest, entry);
  return true;
}

}  // namespace

void append_field(Bytes& out, BytesView content) {
  for (unsigned i = 0; i < 4; ++i)
    out.push_back(static_cast<std::uint8_t>(content.size() >> 8U * i));
  out.insert(out.end(), content.begin(), content.end());
}

Bytes old_template_data(BytesView digest, std::string_view name) {
  Bytes data = to_bytes(digest);
  data.resize(old_digest);
  data.insert(data.end(), name.begin(), name.end());
  data.resize(old_digest + old_name);
  return data;
}

void note_old_file(BytesView digest, std::string_view name, Entry& entry) {
  entry.path = path_of(name);
  entry.digest = "sha1:" + to_hex(digest);
}

bool is_zero(BytesView octets) {
  return std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; });
}

void note_file(BytesView template_data, Entry& entry) {
  const auto digest = take_field(template_data);
  const auto path = digest ? take_field(template_data) : std::nullopt;
  if (!path || path->empty() || path->back() != 0) return;
  // "sha256:" and a terminator in front of the digest; "verity:sha256:" in the second version.
  const auto end = std::find(digest->begin(), digest->end(), std::uint8_t{0});
  if (end == digest->end() || end == digest->begin() || *(end - 1) != ':') return;
  const auto prefix = static_cast<std::size_t>(end - digest->begin());
  const std::string_view algorithm = as_text(digest->first(prefix));
  const std::string_view name = as_text(path->first(path->size() - 1));
  if (!is_utf8(algorithm)) return;
  entry.path = path_of(name);
  entry.digest = std::string(algorithm) + to_hex(digest->subspan(prefix + 1));
}

bool read_line(std::string_view line, Entry& entry) {
  while (line.starts_with(' ')) line.remove_prefix(1);
  const auto pcr = take_word(line);
  const auto listed = pcr ? take_word(line) : std::nullopt;
  const auto name = listed ? take_word(line) : std::nullopt;
  if (!name || pcr->size() > 2 || pcr->find_first_not_of("0123456789") != std::string_view::npos)
    return false;
  entry.pcr = static_cast<std::uint32_t>(std::stoul(std::string(*pcr)));
  auto hash = from_hex(*listed);
  const bool is_a_hash = hash && std::any_of(banks.begin(), banks.end(), [&](const Bank& bank) {
                           return bank.size == hash->size();
                         });
  if (!is_a_hash || name->size() > longest_template_name || !is_utf8(*name)) return false;
  entry.listed = std::move(*hash);
  entry.violation = is_zero(entry.listed);
  entry.log_template = *name;
  if (*name == "ima") return read_old(line, entry);
  for (const Template& known : templates) {
    if (known.name != *name) continue;
    auto data = best_data(line, known.behind_path, entry);
    if (!data) return false;
    entry.hashed = std::move(*data);
    note_file(entry.hashed, entry);
  }
  return true;
}

}  // namespace mintmark::attest::ima
