// Entries of the topics of confidential guests (sev_snp, tdx) as questions to attest/offline: by
// what is in their files, never by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/offline/judge.h"
#include "support/test_data.h"

namespace mintmark::test {

struct GuestEntry {
  std::string id;
  std::string answer;
  Json expect;
  std::vector<std::string> names;  ///< Of the files, relative to test_data().
  std::vector<Bytes> files;
};
[[nodiscard]] std::vector<GuestEntry> guest_entries(const std::string& topic);
/// Files of the entries that are anchors.
[[nodiscard]] std::vector<std::string> anchor_files(const std::string& topic);

/// Self-signed ones are trusted, the rest helps where `helpers`.
[[nodiscard]] attest::x509::Trust trust_of(const std::vector<std::string>& files,
                                           bool helpers = true);
/// A day after the last of the certificates' lives began, those of `roots` included.
[[nodiscard]] Moment moment_for(const std::vector<Bytes>& certificates,
                                const std::vector<std::string>& roots);
/// Just before the first and just after the last moment at which all of them live.
struct Lives {
  Moment before{};
  Moment after{};
};
[[nodiscard]] Lives lives_of(const std::vector<Bytes>& certificates);

[[nodiscard]] attest::offline::Judgement judged_guest(const attest::offline::Question& question);

/// Fails the test where a name is not among the facts, or has another value; members of objects
/// one by one. `known` are names that mean something else than a fact.
void expect_facts(const Json& expected, const Json& facts, const std::vector<std::string>& known);

/// The octets with one bit of that octet turned.
[[nodiscard]] Bytes flipped(Bytes octets, std::size_t at);

}  // namespace mintmark::test
