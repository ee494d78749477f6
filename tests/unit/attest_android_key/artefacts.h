// Chains of real Android devices as the topic's cases.json has them, and what is asked of each.
// Nothing here knows a file by its name.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attest/offline/judge.h"
#include "support/test_data.h"

namespace mintmark::test {

using attest::offline::Judgement;
using attest::offline::Question;
using attest::x509::Certificate;
using attest::x509::Trust;

inline constexpr const char* android_topic = "android_key";

/// One entry, and what is asked about it.
struct AndroidArtefact {
  std::string id;
  Json expect;
  std::string answer;
  std::shared_ptr<const Trust> trust;
  Question question;
  std::vector<Bytes> chain;  ///< DER, leaf first.
};

[[nodiscard]] std::vector<Certificate> android_anchors();
/// What says nothing of a KeyDescription asks about certificates.
[[nodiscard]] bool of_certificates_alone(const AndroidArtefact& artefact);
/// Each apart: what cannot be judged fails by its name, and nothing beside it.
void for_each_artefact(const std::function<void(const AndroidArtefact&)>& judge);
[[nodiscard]] Judgement judged(const Question& question);
/// Discarded where it is none.
[[nodiscard]] Json json_in(const Bytes& content);

class AndroidArtefacts : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

}  // namespace mintmark::test
