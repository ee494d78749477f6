// Entries of the test data's topics as questions to attest/offline: by format, never by name.
#pragma once

#include <string>
#include <vector>

#include "attest/offline/judge.h"
#include "support/test_data.h"

namespace mintmark::test {

/// Topics whose entries are judged here.
extern const std::vector<std::string> evidence_topics;

/// One entry of a topic, and what is asked about it.
struct Artefact {
  std::string id;
  std::string topic;
  std::string format;
  Json expect;
  std::vector<std::string> files;     ///< Evidence, relative to test_data().
  std::vector<std::string> roots;     ///< Files of those who vouch, where the entry names any.
  std::vector<Json> expected_fields;  ///< Of a platform certificate; big numbers as texts.
  Moment at{};

  [[nodiscard]] std::string answer() const { return expect.at("answer").get<std::string>(); }
  [[nodiscard]] std::vector<Bytes> contents() const;
  [[nodiscard]] std::optional<attest::x509::Trust> trust() const;
};

/// Those that are evidence: no anchors, no known answers (those have tests of their own).
[[nodiscard]] std::vector<Artefact> artefacts_of(const std::string& topic);

/// As Question, with what the entry says of challenge and time.
[[nodiscard]] attest::offline::Question question_of(const Artefact& artefact,
                                                    const attest::x509::Trust* roots);
[[nodiscard]] attest::offline::Judgement judged(const attest::offline::Question& question);

}  // namespace mintmark::test
