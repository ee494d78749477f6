// Evidence judged from files alone: what `mintctl evidence check` prints, and what the tests of
// real artefacts hold. Pure: octets, trust and time in, a judgement out. Thread-safe.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "attest/x509/trust.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/time.h"

namespace mintmark::attest::offline {

/// The most files of one question, and the most octets of one file.
inline constexpr std::size_t most_files = 64;
inline constexpr std::size_t longest_file = 64U << 20U;

struct Question {
  std::string format;  ///< One of formats(), or an alias.
  std::vector<Bytes> files;
  const x509::Trust* roots = nullptr;  ///< nullptr: certificates are read, not judged.
  Moment at{};
  /// What extraData, or the format's own place for a challenge, must be.
  std::optional<Bytes> challenge;
  /// What else must be so, by names of expectation_names(): {"rp_id", "example.org"}.
  std::map<std::string, std::string> expected = {};
  /// What is refused by default, allowed by name (allowance_names()): "sha1".
  std::set<std::string> allowed = {};
};

struct Judgement {
  enum class Verdict : std::uint8_t { accept, reject, parse };
  Verdict verdict = Verdict::reject;
  /// Rejected by the rules of today alone: signatures, digests and names are all right.
  bool crypto_good = false;
  std::optional<Error> refusal;  ///< Of `reject`.
  Json facts = Json::object();   ///< What could be read, whatever the verdict.
};

/// {"verdict": "accept"|"reject"|"parse", "crypto": "accept" where rejected by rule alone, "code"
/// and "reason" where rejected, "facts"}
[[nodiscard]] Json to_json(const Judgement& judgement);

struct Format {
  const char* name;
  const char* alias;  ///< "" for none.
  const char* what;
};
[[nodiscard]] const std::vector<Format>& formats();

/// The format of that name or alias; `evidence_format_unknown`.
[[nodiscard]] Result<std::string> format_named(const std::string& name);

struct Word {
  const char* name;
  const char* what;
};
/// What may stand in Question::expected, and in Question::allowed.
[[nodiscard]] const std::vector<Word>& expectation_names();
[[nodiscard]] const std::vector<Word>& allowance_names();

/// `evidence_format_unknown`, `evidence_option_unknown`; everything else is a judgement. Codes
/// beside those of the formats: `evidence_files` (a file is nothing that is known, one is missing,
/// or two contradict), `quote_bank_refused`.
[[nodiscard]] Result<Judgement> judge(const Question& question);

}  // namespace mintmark::attest::offline
