#include "attest/android_key/format.h"

#include "attest/android_key/attestation.h"
#include "attest/verdict_maker.h"
#include "jose/members.h"

namespace mintmark::attest::android_key {
namespace {

Result<void> check_same_key(BytesView spki, const jose::PublicKey& token_key) {
  auto attested = jose::PublicKey::from_spki(spki, token_key.algorithm());
  if (!attested)
    return fail(Code::android_key_unsupported,
                "the attested key is no key for tokens: " + attested.error().detail);
  if (*attested == token_key) return {};
  return fail(Code::attested_key_mismatch,
              "the attested key is not the one that tokens are to be bound to");
}

class AndroidKeys final : public Format {
 public:
  AndroidKeys(Options options, RevocationList revocations)
      : options_(std::move(options)), revocations_(std::move(revocations)) {}
  [[nodiscard]] std::string name() const override { return "android-key"; }
  [[nodiscard]] bool attests_the_key() const override { return true; }
  [[nodiscard]] Result<Verdict> check(const Submission& submission) const override {
    jose::Members members(submission.evidence, Code::evidence_member, "evidence.");
    const auto certificates = members.octets_list("chain", most_certificates);
    if (auto read = members.result(); !read) return pass_on(read);
    auto chain = parse_key_chain(certificates);
    if (!chain) return pass_on(chain);
    const Terms terms{options_.trust.get(), options_.software.get(), &revocations_, submission.at,
                      BytesView(submission.binding)};
    auto attested = check_attestation(*chain, terms);
    if (!attested) return pass_on(attested);
    const Bytes spki = x509::spki_of(chain->leaf());
    if (auto same = check_same_key(spki, submission.key); !same) return pass_on(same);
    return VerdictMaker::make(facts_of(*attested), std::nullopt, submission.key,
                              to_hex(sha256(spki)), submission.at);
  }

 private:
  Options options_;
  RevocationList revocations_;
};

}  // namespace

Result<std::unique_ptr<Format>> make_format(Options options) {
  auto revocations = RevocationList::parse(options.revocation_list);
  if (!revocations) return pass_on(revocations);
  return std::unique_ptr<Format>(
      std::make_unique<AndroidKeys>(std::move(options), std::move(*revocations)));
}

}  // namespace mintmark::attest::android_key
