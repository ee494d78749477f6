// Each positive entry again with every single check broken (the test data's INDEX.md, "Derived
// negatives"), and refused for that very reason.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "attest/offline/material.h"
#include "support/artefacts.h"
#include "support/boot_log.h"
#include "support/test_tpm.h"

namespace mintmark::test {
namespace {

using attest::offline::Judgement;
using attest::offline::Material;
using attest::offline::Question;
using attest::offline::sort_files;

bool is_positive(const Artefact& artefact) {
  return artefact.answer() == "accept" || artefact.expect.value("crypto", "") == "accept";
}

Code refusal(const Question& question) {
  const Judgement judgement = judged(question);
  const bool refused = judgement.verdict == Judgement::Verdict::reject && !judgement.crypto_good;
  EXPECT_TRUE(refused) << attest::offline::to_json(judgement);
  return judgement.refusal ? judgement.refusal->code : Code::internal;
}

using Wanted = std::set<Code>;

/// Every positive entry of the topics of statements, with its question.
void for_each_statement(const std::function<void(const Artefact&, const Question&)>& body) {
  std::size_t count = 0;
  for (const char* topic : {"tpm_quotes", "tpm_key_attestation"}) {
    for (const Artefact& artefact : artefacts_of(topic)) {
      if (!is_positive(artefact)) continue;
      SCOPED_TRACE(artefact.id);
      body(artefact, question_of(artefact, nullptr));
      ++count;
    }
  }
  test::expect_some(count);
}

/// The files of one kind, by their place.
std::vector<std::size_t> places_of(const Question& question,
                                   const std::function<bool(const Material&)>& kind) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < question.files.size(); ++i) {
    if (kind(sort_files({question.files[i]}))) places.push_back(i);
  }
  return places;
}
bool is_statement(const Material& material) { return !material.statements.empty(); }
bool is_signature(const Material& material) { return !material.signatures.empty(); }
bool is_area(const Material& material) { return !material.areas.empty(); }
bool is_creation(const Material& material) { return !material.creations.empty(); }
bool is_values(const Material& material) { return !material.values.empty(); }
bool is_event_log(const Material& material) { return !material.event_logs.empty(); }

Wanted binding_codes() {
  return {Code::quote_binding, Code::certify_binding, Code::creation_binding};
}

class Negatives : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test_data_is_there()) GTEST_SKIP() << "no test data";
  }
};

TEST_F(Negatives, WithABitFlippedInAStatementOrSignatureAreRefused) {
  for_each_statement([](const Artefact&, const Question& good) {
    for (const auto& kind : {is_statement, is_signature}) {
      for (const std::size_t place : places_of(good, kind)) {
        for (std::size_t at = 0; at < good.files[place].size(); at += 3) {
          Question bad = good;
          bad.challenge.reset();
          bad.files[place][at] ^= static_cast<std::uint8_t>(1U << at % 8);
          refusal(bad);
        }
      }
    }
  });
}

TEST_F(Negatives, OfAnotherKeyAreRefused) {
  for_each_statement([](const Artefact&, const Question& good) {
    for (const std::size_t place : places_of(good, is_area)) {
      Question bad = good;
      bad.files[place].back() ^= 0x10U;
      const Wanted wanted = {Code::signature_invalid, Code::certify_name, Code::creation_name,
                             Code::evidence_files};
      EXPECT_EQ(wanted.count(refusal(bad)), 1U);
    }
  });
}

TEST_F(Negatives, ForAnotherNonceAnEmptyOneOrAPrefixAreRefusedAsUnbound) {
  for_each_statement([](const Artefact& artefact, const Question& good) {
    const Bytes nonce = *from_hex(artefact.expect["attest"]["extra_data"].get<std::string>());
    std::vector<Bytes> others = {Bytes(20, 0x42)};
    if (!nonce.empty()) {
      others.emplace_back();
      others.emplace_back(nonce.begin(), nonce.end() - 1);
      others.push_back(nonce);
      others.back().push_back(0);
    }
    for (const Bytes& other : others) {
      Question bad = good;
      bad.challenge = other;
      EXPECT_EQ(binding_codes().count(refusal(bad)), 1U) << to_hex(other);
    }
  });
}

TEST_F(Negatives, WithTheValuesOfAnotherMachineAreRefused) {
  std::vector<Bytes> all;
  for (const Artefact& artefact : artefacts_of("tpm_quotes")) {
    const Question question = question_of(artefact, nullptr);
    for (const std::size_t place : places_of(question, is_values))
      all.push_back(question.files[place]);
  }
  for_each_statement([&](const Artefact&, const Question& good) {
    for (const std::size_t place : places_of(good, is_values)) {
      const auto own = sort_files({good.files[place]}).values[0].banks;
      for (const Bytes& other : all) {
        auto theirs = sort_files({other}).values[0].banks;
        bool same = true;
        for (const auto& [bank, values] : own) {
          for (const auto& [index, value] : values) same = same && theirs[bank][index] == value;
        }
        if (same) continue;
        Question bad = good;
        bad.files[place] = other;
        const Wanted wanted = {Code::quote_values, Code::quote_digest};
        EXPECT_EQ(wanted.count(refusal(bad)), 1U);
      }
    }
  });
}

TEST_F(Negatives, WithTheLogOfAnotherBootOrAChangedOneAreRefusedForIt) {
  const Bytes other = BootLog::whole().octets();
  for_each_statement([&](const Artefact& artefact, const Question& good) {
    if (artefact.answer() != "accept") return;
    for (const std::size_t place : places_of(good, is_event_log)) {
      Question bad = good;
      bad.files[place] = other;
      EXPECT_EQ(refusal(bad), Code::eventlog_replay);
      bad = good;
      bad.files[place].resize(bad.files[place].size() / 2);
      const Wanted cut = {Code::eventlog_malformed, Code::eventlog_replay};
      EXPECT_EQ(cut.count(refusal(bad)), 1U);
    }
  });
}

TEST_F(Negatives, WithOneValueChangedMissingOrOfAnotherBankAreRefusedForIt) {
  for_each_statement([](const Artefact&, const Question& good) {
    for (const std::size_t place : places_of(good, is_values)) {
      const Json values = Json::parse(good.files[place].begin(), good.files[place].end(), nullptr,
                                      /*allow_exceptions=*/false);
      if (values.is_discarded()) continue;  // tpm2-tools' own form.
      const std::string bank = values.begin().key();
      const std::string index = values[bank].begin().key();
      const auto with = [&](const Json& changed) {
        Question bad = good;
        const std::string text = changed.dump();
        bad.files[place].assign(text.begin(), text.end());
        return refusal(bad);
      };
      Json changed = values;
      std::string value = values[bank][index].get<std::string>();
      value[0] = value[0] == '0' ? '1' : '0';
      changed[bank][index] = value;
      EXPECT_EQ(with(changed), Code::quote_digest);
      changed = values;
      changed[bank].erase(index);
      EXPECT_EQ(with(changed), Code::quote_values);
      changed = {{bank == "sha256" ? "sha384" : "sha256", values[bank]}};
      EXPECT_EQ(with(changed), Code::quote_values);
    }
  });
}

TEST_F(Negatives, NotMadeByATpmAreRefusedForTheirMagic) {
  for_each_statement([](const Artefact&, const Question& good) {
    for (const std::size_t place : places_of(good, is_statement)) {
      Question bad = good;
      bad.files[place][3] ^= 1U;
      const Wanted wanted = {Code::quote_magic, Code::certify_magic, Code::creation_magic};
      EXPECT_EQ(wanted.count(refusal(bad)), 1U);
    }
  });
}

TEST_F(Negatives, OfAnotherTypeAreRefusedForIt) {
  for_each_statement([](const Artefact&, const Question& good) {
    for (const std::size_t place : places_of(good, is_statement)) {
      for (std::uint8_t type = 0x14; type <= 0x1A; ++type) {
        if (good.files[place][5] == type) continue;
        Question bad = good;
        bad.files[place][5] = type;
        // Most do not even have the shape of the other type.
        const Wanted wanted = {Code::quote_type,        Code::certify_type,
                               Code::creation_type,     Code::tpm_structure,
                               Code::signature_invalid, Code::signature_scheme};
        EXPECT_EQ(wanted.count(refusal(bad)), 1U);
      }
    }
    Question other = good;
    for (const char* format : {"tpm2-quote", "tpm2-certify", "tpm2-creation"}) {
      other.format = format;
      if (judged(other).verdict == judged(good).verdict) continue;
      const Wanted wanted = {Code::quote_type, Code::certify_type, Code::creation_type};
      EXPECT_EQ(wanted.count(refusal(other)), 1U);
    }
  });
}

TEST_F(Negatives, CutAnywhereOrOneOctetLongerAreRefused) {
  for_each_statement([](const Artefact&, const Question& good) {
    for (const auto& kind : {is_statement, is_signature, is_area, is_creation}) {
      for (const std::size_t place : places_of(good, kind)) {
        const Bytes whole = good.files[place];
        Question bad = good;
        for (std::size_t length = 0; length < whole.size(); ++length) {
          bad.files[place].assign(whole.begin(),
                                  whole.begin() + static_cast<std::ptrdiff_t>(length));
          refusal(bad);
        }
        bad.files[place] = whole;
        bad.files[place].push_back(0);
        refusal(bad);
      }
    }
  });
}

TEST_F(Negatives, WithOtherCreationDataAreRefusedForTheirHash) {
  for_each_statement([](const Artefact&, const Question& good) {
    for (const std::size_t place : places_of(good, is_creation)) {
      for (std::size_t at = 6; at < good.files[place].size(); at += 11) {
        Question bad = good;
        bad.files[place][at] ^= 1U;
        const Wanted wanted = {Code::creation_hash, Code::evidence_files, Code::tpm_structure};
        EXPECT_EQ(wanted.count(refusal(bad)), 1U) << at;
      }
    }
  });
}

// --- certificates ---

void for_each_chain(
    const std::function<void(const Artefact&, const Question&, const attest::x509::Trust&)>& body) {
  std::size_t count = 0;
  for (const std::string& topic : evidence_topics) {
    for (const Artefact& artefact : artefacts_of(topic)) {
      const auto trust = artefact.trust();
      if (artefact.answer() != "accept" || !trust) continue;
      SCOPED_TRACE(artefact.id);
      body(artefact, question_of(artefact, &*trust), *trust);
      ++count;
    }
  }
  test::expect_some(count);
}

TEST_F(Negatives, BySomebodyElsesRootAreRefusedEvenWithTheirOwnAmongTheFiles) {
  const TestAuthority other;
  const auto others = other.trust();
  for_each_chain([&](const Artefact& artefact, const Question& good, const auto&) {
    const Wanted wanted = {Code::ek_untrusted_root, Code::ak_untrusted_root,
                           Code::certificate_untrusted_root};
    Question bad = good;
    bad.roots = &others;
    EXPECT_EQ(wanted.count(refusal(bad)), 1U);
    for (const std::string& root : artefact.roots) bad.files.push_back(data_file(root));
    EXPECT_EQ(wanted.count(refusal(bad)), 1U) << "a root that only the evidence brings";
  });
}

TEST_F(Negatives, BeforeAndAfterTheirLivesAreRefused) {
  for_each_chain([](const Artefact&, const Question& good, const auto&) {
    Question bad = good;
    bad.at = good.at - std::chrono::hours(25);
    const Wanted early = {Code::ek_not_yet_valid, Code::certificate_not_yet_valid};
    EXPECT_EQ(early.count(refusal(bad)), 1U);
    bad.at = good.at + std::chrono::hours(24 * 365 * 101);
    const Wanted late = {Code::ek_expired, Code::certificate_expired};
    EXPECT_EQ(late.count(refusal(bad)), 1U);
  });
}

TEST_F(Negatives, OfCertificatesCutAnywhereOrLongerOrWithABitFlippedAreRefused) {
  for_each_chain([](const Artefact&, const Question& good, const auto&) {
    const auto is_certificate = [](const Material& material) {
      return !material.certificates.empty();
    };
    for (const std::size_t place : places_of(good, is_certificate)) {
      const Bytes whole = to_bytes(attest::x509::without_padding(good.files[place]));
      Question bad = good;
      for (std::size_t length = 0; length < whole.size(); ++length) {
        bad.files[place].assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
        refusal(bad);
      }
      bad.files[place] = whole;
      bad.files[place].push_back(1);
      refusal(bad);
      for (std::size_t at = 0; at < whole.size(); at += 7) {
        bad.files[place] = whole;
        bad.files[place][at] ^= static_cast<std::uint8_t>(1U << at % 8);
        refusal(bad);
      }
    }
  });
}

}  // namespace
}  // namespace mintmark::test
