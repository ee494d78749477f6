// Devices' certificates where OpenSSL gets no memory: refused, or judged as with memory; and trust
// that is loaded without memory is none, or whole.
#include "support/scarce_memory.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "attest/x509/format.h"
#include "base/file.h"
#include "support/identity_maker.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark::attest::x509 {
namespace {

using test::IdentityDevice;
using test::IdentityOptions;

const Moment now = from_unix(1'800'000'000);

class ScarceMemory : public ::testing::Test {
 protected:
  using Loaded = std::shared_ptr<const Trust>;

  [[nodiscard]] Json evidence_of(const IdentityOptions& options = {}) const {
    return IdentityDevice(maker, options).evidence(binding, token.public_key());
  }
  /// What is found of it, in a text.
  [[nodiscard]] Result<std::string> judge(const Loaded& trust, const Json& evidence) const {
    const auto verdict = make_format({trust})->check(
        {.evidence = evidence, .binding = binding, .key = token.public_key(), .at = now});
    if (!verdict) return tl::unexpected<Error>(verdict.error());
    const Facts& facts = verdict->facts();
    std::string text = facts.standing + " " + facts.root + " " + facts.key_protection;
    for (const auto& link : facts.chain) text += " " + link.sha256;
    return text;
  }
  [[nodiscard]] Trust::Parts parts(RootRule rule = RootRule::trust) const {
    Trust::Parts all;
    all.anchors.push_back({parse_certificate(maker.root()), rule});
    return all;
  }
  [[nodiscard]] static Loaded loaded(Trust::Parts parts) {
    return std::make_shared<const Trust>(std::move(Trust::of(std::move(parts)).value()));
  }
  /// Loads trust without memory, and judges a device of serial number 2 by it with memory.
  [[nodiscard]] test::Asked loading(const std::string& name,
                                    std::function<Result<Trust>()> load) const {
    return {name, [this, load, evidence = evidence_of()]() -> Result<std::string> {
              auto trust = load();
              if (!trust) return pass_on(trust);
              Result<std::string> judged = std::string();
              test::with_memory([&] {
                judged = judge(std::make_shared<const Trust>(std::move(*trust)), evidence);
              });
              return judged;
            }};
  }

  test::IdentityMaker maker;
  test::SoftKey token;
  Sha256 binding = sha256("a binding");
};

TEST_F(ScarceMemory, GivesNoDeviceMoreThanItHas) {
  const Loaded trust = loaded(parts());
  const Loaded review = loaded(parts(RootRule::review));
  const Loaded refusing = loaded(parts(RootRule::refuse));
  const auto judged = [&](const char* name, const Loaded& by, const IdentityOptions& options) {
    return test::expect_closed_without_memory(
        {name, [this, by, evidence = evidence_of(options)] { return judge(by, evidence); }}, 100);
  };
  EXPECT_GT(judged("good", trust, {}), 0U);
  EXPECT_GT(judged("under review", review, {}), 0U);
  EXPECT_EQ(judged("of a refused root", refusing, {}), 0U);
  EXPECT_EQ(judged("authority", trust, {.basic_constraints = "critical,CA:TRUE"}), 0U);
  EXPECT_EQ(judged("for other uses", trust, {.key_usage = "critical,keyAgreement"}), 0U);
  EXPECT_EQ(judged("expired", trust, {.not_after = from_unix(1'799'999'999)}), 0U);
  EXPECT_EQ(judged("unknown and critical", trust, {.unknown_critical = true}), 0U);
}

TEST_F(ScarceMemory, LoadsNoTrustWithoutItsRules) {
  const auto of = [&](RootRule rule) {
    return [this, rule]() -> Result<Trust> {
      Trust::Parts all;
      test::with_memory([&] { all = parts(rule); });
      return Trust::of(std::move(all));
    };
  };
  EXPECT_GT(test::expect_closed_without_memory(loading("trusted", of(RootRule::trust))), 0U);
  EXPECT_GT(test::expect_closed_without_memory(loading("review", of(RootRule::review))), 0U);
  EXPECT_EQ(test::expect_closed_without_memory(loading("refused", of(RootRule::refuse))), 0U);
}

TEST_F(ScarceMemory, MakesNoTrustWithoutItsRevocations) {
  const Bytes pem = maker.crl_pem({2}, now + std::chrono::hours(1));
  const auto make = [&]() -> Result<Trust> {
    Trust::Parts all;
    test::with_memory([&] {
      all = parts();
      all.check_crls = true;
      const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
          BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
      all.crls.emplace_back(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
    });
    return Trust::of(std::move(all));
  };
  EXPECT_EQ(test::expect_closed_without_memory(loading("revoked", make)), 0U);
}

TEST_F(ScarceMemory, ReadsFilesWholeOrNotAtAll) {
  const test::TemporaryDirectory directory;
  const auto write = [&](const char* name, const Bytes& content) {
    const auto file = directory.path() / name;
    EXPECT_TRUE(write_file_atomically(file, as_text(content), 0600));
    return file.string();
  };
  TrustSources sources;
  sources.roots.push_back({write("roots.pem", maker.root_pem()), RootRule::trust});
  sources.intermediates = write("intermediates.pem", maker.authority_pem());
  const auto load = [&] { return Trust::load(sources); };
  EXPECT_GT(test::expect_closed_without_memory(loading("without lists", load), 60), 0U);
  sources.crls = write("lists.pem", maker.crl_pem({2}, now + std::chrono::hours(1)));
  EXPECT_EQ(test::expect_closed_without_memory(loading("with lists", load), 60), 0U);
}

}  // namespace
}  // namespace mintmark::attest::x509
