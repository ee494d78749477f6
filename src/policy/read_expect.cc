#include "policy/boot_rules.h"
#include "policy/command_line.h"
#include "policy/names.h"
#include "policy/texts.h"

namespace mintmark::policy {
namespace {

using config::ObjectReader;

/// A condition that is on or not there: "false" would read as if it asked for the contrary.
bool demanded(ObjectReader& reader, const char* key) {
  const bool stands = reader.has(key);
  const bool value = reader.boolean(key, false);
  if (stands && !value) reader.refuse(key, "must be true; leave it out to expect nothing");
  return value;
}

void read_pcrs(ObjectReader& expect_reader, Expect& expect) {
  expect_reader.object("pcrs", false, [&](ObjectReader& pcrs) {
    for (const std::string& name : pcrs.names()) {
      const auto index = pcr_index(name);
      if (!index) return pcrs.refuse(name.c_str(), "must be the number of a PCR, from 0 to 23");
      expect.pcrs[*index] = in_lower_case(checked_texts(pcrs, name.c_str(), wrong_with_digest));
    }
    if (expect.pcrs.empty()) pcrs.refuse_here(R"(must hold at least one PCR: {"7": ["HEX"]})");
  });
}

void read_command_line(ObjectReader& expect_reader, CommandLineExpect& line) {
  expect_reader.object("kernel_command_line", false, [&](ObjectReader& reader) {
    line.contains = optional_texts(reader, "contains", wrong_with_words);
    line.lacks = optional_texts(reader, "lacks", wrong_with_words);
    line.is = optional_texts(reader, "is", wrong_with_nothing);
    if (reader.size() == 0) reader.refuse_here(R"(must hold "contains", "lacks" or "is")");
  });
}

void read_ima(ObjectReader& expect_reader, Expect& expect, ReferenceFiles& files) {
  expect_reader.object("ima", false, [&](ObjectReader& reader) {
    ImaExpect ima;
    ima.no_violations = reader.has("violations");
    static_cast<void>(reader.integer("violations", 0, 0, 0));
    if (reader.has("reference")) ima.reference = files.ima_reference(reader, "reference");
    static_cast<void>(reader.text("reference", ""));
    if (reader.size() == 0) reader.refuse_here(R"(must hold "violations", "reference" or both)");
    expect.ima = std::move(ima);
  });
}

std::vector<std::string> sha256_values(ObjectReader& reader, const char* key) {
  return in_lower_case(optional_texts(reader, key, wrong_with_sha256));
}

std::vector<std::string> digests(ObjectReader& reader, const char* key) {
  return in_lower_case(optional_texts(reader, key, wrong_with_digest));
}

std::shared_ptr<const Reference> reference(ObjectReader& reader, const char* key,
                                           ReferenceFiles& files) {
  if (reader.has(key)) return files.reference(reader, key);
  static_cast<void>(reader.text(key, ""));  // So that the key is known.
  return nullptr;
}

}  // namespace

Expect read_expect(ObjectReader& rule, ReferenceFiles& files) {
  Expect expect;
  rule.object("expect", true, [&](ObjectReader& reader) {
    if (reader.size() == 0)
      reader.refuse_here(R"(must not be empty; write {"event_log": true} at least)");
    read_pcrs(reader, expect);
    expect.secure_boot = demanded(reader, "secure_boot");
    expect.exit_boot_services = demanded(reader, "exit_boot_services");
    expect.clock_safe = demanded(reader, "clock_safe");
    expect.event_log = demanded(reader, "event_log");
    expect.dbx_contains = sha256_values(reader, "dbx_contains");
    expect.db_only = sha256_values(reader, "db_only");
    expect.kek_only = sha256_values(reader, "kek_only");
    expect.pk_only = sha256_values(reader, "pk_only");
    expect.boot_signers = sha256_values(reader, "boot_signers");
    expect.boot_applications = digests(reader, "boot_applications");
    expect.drivers = digests(reader, "drivers");
    expect.firmware_versions = optional_texts(reader, "firmware_version", wrong_with_nothing);
    read_command_line(reader, expect.kernel_command_line);
    read_ima(reader, expect, files);
    expect.reference = reference(reader, "reference", files);
    expect.baseline = reference(reader, "baseline", files);
  });
  return expect;
}

}  // namespace mintmark::policy
