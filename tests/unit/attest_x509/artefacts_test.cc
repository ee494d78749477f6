// Identity certificates of real devices through the format itself: all but the signature, which
// only their hardware could make, is good.
#include <gtest/gtest.h>

#include "attest/x509/format.h"
#include "attest/x509/possession.h"
#include "jose/base64url.h"
#include "support/artefacts.h"
#include "support/soft_key.h"

namespace mintmark::attest::x509 {
namespace {

// The algorithms that the key of an identity may sign with.
std::vector<jose::Algorithm> fitting(const DeviceIdentity& identity) {
  std::vector<jose::Algorithm> all;
  for (const jose::Algorithm algorithm : jose::all_algorithms) {
    const auto key = check_possession(identity.spki, jose::name_of(algorithm), Sha256{}, Bytes(64));
    if (!key && key.error().code == Code::x509_possession) all.push_back(algorithm);
  }
  return all;
}

TEST(IdentityArtefacts, AreOfKeysWhosePossessionCanBeProvenAndIsAskedFor) {
  if (!test::test_data_is_there()) GTEST_SKIP() << "no test data";
  std::size_t count = 0;
  const test::SoftKey token;
  for (const test::Artefact& artefact : test::artefacts_of("idevid")) {
    auto trust = artefact.trust();
    if (artefact.answer() != "accept" || !trust) continue;
    SCOPED_TRACE(artefact.id);
    const auto shared = std::make_shared<const Trust>(std::move(*trust));
    const Bytes certificate = artefact.contents().at(0);
    const auto identity = check_device_identity(certificate, {}, *shared, artefact.at);
    ASSERT_TRUE(identity) << identity.error().to_string();
    const auto algorithms = fitting(*identity);
    ASSERT_FALSE(algorithms.empty());
    const Json evidence = {{"certificate", jose::base64url(certificate)},
                           {"alg", jose::name_of(algorithms[0])},
                           {"signature", jose::base64url(token.sign(Sha256{}))}};
    const auto verdict = make_format({shared})->check(
        {.evidence = evidence, .binding = {}, .key = token.public_key(), .at = artefact.at});
    ASSERT_FALSE(verdict);
    EXPECT_EQ(verdict.error().code, Code::x509_possession);
    ++count;
  }
  test::expect_some(count);
}

}  // namespace
}  // namespace mintmark::attest::x509
