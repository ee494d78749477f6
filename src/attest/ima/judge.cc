#include <algorithm>
#include <optional>
#include <set>

#include "attest/ima/ima.h"

namespace mintmark::attest::ima {
namespace {

constexpr std::uint32_t ima_pcr = 10;

// What the kernel extended for an entry.
class Extension {
 public:
  Extension(const Bank& bank, bool filled_up)
      : bank_(bank), sha1_(*bank_named("sha1")), filled_up_(filled_up) {}

  [[nodiscard]] Bytes of(const Entry& entry) const {
    const Bank& hash = filled_up_ ? sha1_ : bank_;
    Bytes digest;
    if (entry.violation)
      digest.assign(hash.size, 0xFF);
    else if (!entry.hashed.empty())
      digest = hash.digest(entry.hashed);
    else if (entry.listed.size() == hash.size)
      digest = entry.listed;
    digest.resize(bank_.size);
    return digest;
  }

 private:
  const Bank& bank_;
  const Bank& sha1_;
  bool filled_up_;
};

// How many entries make the value; nothing where none do.
std::optional<std::size_t> covered_entries(const Log& log, const Bank& bank, bool filled_up,
                                           BytesView quoted) {
  const Extension extension(bank, filled_up);
  Bytes value = initial_pcr(bank, ima_pcr);
  for (std::size_t i = 0; i < log.entries.size(); ++i) {
    if (log.entries[i].pcr != ima_pcr) continue;
    value = bank.extend(value, extension.of(log.entries[i]));
    if (std::equal(value.begin(), value.end(), quoted.begin(), quoted.end())) return i + 1;
  }
  return std::nullopt;
}

ImaSummary summary_of(const Log& log, std::size_t covered) {
  ImaSummary summary;
  std::set<std::pair<std::string, std::string>> met;
  for (std::size_t i = 0; i < covered; ++i) {
    const Entry& entry = log.entries[i];
    if (entry.pcr != ima_pcr) continue;
    ++summary.covered;
    summary.log_template = entry.log_template;
    // What a violation lists beside its zeros is not hashed into anything.
    if (entry.violation) ++summary.violations;
    if (entry.violation) continue;
    if (entry.path.empty()) {
      ++summary.unnamed;
      continue;
    }
    std::pair file(entry.path, entry.digest);
    if (met.count(file) != 0) continue;
    summary.files_cut = met.size() == most_ima_files;
    if (summary.files_cut) continue;
    summary.files.push_back(file);
    met.insert(std::move(file));
  }
  for (std::size_t i = covered; i < log.entries.size(); ++i)
    summary.later += log.entries[i].pcr == ima_pcr ? 1U : 0U;
  return summary;
}

}  // namespace

Result<ImaSummary> judge(const Log& log, const std::string& bank, BytesView quoted_pcr10) {
  const Bank* const hash = bank_named(bank);
  if (hash == nullptr || quoted_pcr10.size() != hash->size)
    return fail(Code::eventlog_bank, "no PCR 10 of bank \"" + printable(bank, 20) + "\"");
  const Bytes initial = initial_pcr(*hash, ima_pcr);
  if (std::equal(initial.begin(), initial.end(), quoted_pcr10.begin()))
    return fail(Code::ima_replay, "PCR 10 was never extended: nothing vouches for the IMA log");
  for (const bool filled_up : {false, true}) {
    if (filled_up && bank == "sha1") break;
    const auto covered = covered_entries(log, *hash, filled_up, quoted_pcr10);
    if (covered) return summary_of(log, *covered);
  }
  return fail(Code::ima_replay, "PCR 10 (" + bank + ") is " + to_hex(quoted_pcr10) +
                                    "; no part of the IMA log's " +
                                    std::to_string(log.entries.size()) + " entries makes it" +
                                    (log.cut ? " (its last one is cut off)" : ""));
}

}  // namespace mintmark::attest::ima
