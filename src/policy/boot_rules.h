// The boot rules of a policy file, read and checked. Private to this folder.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/appraisal.h"
#include "policy/bundle.h"
#include "policy/match.h"
#include "policy/reference.h"

namespace mintmark::policy {

/// Words that stand in every command line that was measured, and such as stand in none; the lines
/// themselves. A word that ends in "=" is any word that begins so. What a word is: command_line.h.
struct CommandLineExpect {
  std::vector<std::string> contains, lacks, is;
};

struct ImaExpect {
  bool no_violations = false;
  std::shared_ptr<const ImaReference> reference;
};

/// Under "expect": whatever stands must hold. Digests are lower-case hexadecimal.
struct Expect {
  std::map<unsigned, std::vector<std::string>> pcrs;  ///< Of the record's bank.
  bool secure_boot = false;
  bool exit_boot_services = false;
  bool clock_safe = false;
  bool event_log = false;
  std::vector<std::string> dbx_contains, db_only, kek_only, pk_only;
  std::vector<std::string> boot_signers, boot_applications, drivers;
  std::vector<std::string> firmware_versions;
  CommandLineExpect kernel_command_line;
  std::optional<ImaExpect> ima;
  std::shared_ptr<const Reference> reference, baseline;
};

struct BootRule {
  std::string name;
  std::size_t index = 0;  ///< In the list "boot".
  Match match;
  BootMode mode = BootMode::enforce;
  Expect expect;
  std::optional<std::chrono::seconds> attest_again;
};

/// The files that rules name, each read once.
class ReferenceFiles {
 public:
  explicit ReferenceFiles(ReadNamed read) : read_(std::move(read)) {}

  /// Of the name under `key`, which stands; nullptr after an error, which the reader then has too.
  std::shared_ptr<const Reference> reference(config::ObjectReader& reader, const char* key);
  std::shared_ptr<const ImaReference> ima_reference(config::ObjectReader& reader, const char* key);

  /// What to tell for the document's first error: where a file was what was wrong,
  /// `reference_invalid` with what is wrong in it, or with the place that names it.
  [[nodiscard]] Error told(Error of_document) const;

 private:
  template <typename File, typename Read>
  std::shared_ptr<const File> file(std::map<std::string, std::shared_ptr<const File>>& known,
                                   config::ObjectReader& reader, const char* key, Read read);

  ReadNamed read_;
  std::map<std::string, std::shared_ptr<const Reference>> references_;
  std::map<std::string, std::shared_ptr<const ImaReference>> ima_references_;
  bool not_to_be_had_ = false;
  std::optional<Error> not_good_;
};

/// Reads the object under "expect" of a rule.
[[nodiscard]] Expect read_expect(config::ObjectReader& rule, ReferenceFiles& files);

/// Reads the list "boot", which may be absent.
[[nodiscard]] std::vector<BootRule> read_boot_rules(config::ObjectReader& root,
                                                    ReferenceFiles& files);

}  // namespace mintmark::policy
