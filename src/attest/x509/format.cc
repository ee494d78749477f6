#include "attest/x509/format.h"

#include <algorithm>

#include "attest/verdict_maker.h"
#include "attest/x509/possession.h"
#include "attest/x509/vouched.h"
#include "jose/members.h"

namespace mintmark::attest::x509 {
namespace {

constexpr const char* oid_tpm_residency = "2.23.133.11.1.1";
constexpr const char* oid_tpm_fixed = "2.23.133.11.1.2";

struct Evidence {
  Bytes certificate;
  std::vector<Bytes> chain;
  std::string alg;
  Bytes signature;
};

Result<Evidence> read_evidence(const Json& json) {
  jose::Members members(json, Code::evidence_member, "evidence.");
  Evidence evidence{
      members.octets("certificate"),
      members.has("chain") ? members.octets_list("chain", most_offered) : std::vector<Bytes>{},
      members.visible("alg"), members.octets("signature")};
  if (auto read = members.result(); !read) return pass_on(read);
  return evidence;
}

// Whose word each is: docs/attestation/x509.md. What an authority under review says proves nothing.
std::vector<std::string> proven(const DeviceIdentity& identity, bool is_the_tokens_key) {
  if (identity.chain.standing != Standing::trusted) return {};
  const Residency residency = residency_of(identity);
  std::vector<std::string> words;
  if (residency.in_a_tpm || identity.module) words.emplace_back(proves::hardware);
  if (residency.in_a_tpm && residency.fixed && is_the_tokens_key)
    words.emplace_back(proves::token_key);
  return words;
}

Facts facts_of(const DeviceIdentity& identity, bool is_the_tokens_key) {
  Facts facts;
  facts.format = "x509";
  set_vouched(facts, identity.chain);
  facts.proves = proven(identity, is_the_tokens_key);
  const bool attested =
      std::count(facts.proves.begin(), facts.proves.end(), proves::token_key) != 0;
  facts.key_protection = attested ? "hardware" : "unproven";
  // The organisation of a name without a module is as often the owner's as the maker's.
  if (identity.module) {
    facts.manufacturer = identity.organisation;
    facts.more["hardware_module"] = identity.module->type + ":" + identity.module->serial;
  }
  if (!identity.policies.empty()) facts.more["policies"] = identity.policies;
  return facts;
}

class DeviceIdentities final : public Format {
 public:
  explicit DeviceIdentities(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string name() const override { return "x509"; }
  [[nodiscard]] Result<Verdict> check(const Submission& submission) const override {
    const auto evidence = read_evidence(submission.evidence);
    if (!evidence) return tl::unexpected<Error>(evidence.error());
    const auto identity = check_device_identity(evidence->certificate, evidence->chain,
                                                *options_.trust, submission.at);
    if (!identity) return tl::unexpected<Error>(identity.error());
    const auto key =
        check_possession(identity->spki, evidence->alg, submission.binding, evidence->signature);
    if (!key) return tl::unexpected<Error>(key.error());
    const bool is_the_tokens_key = key->thumbprint() == submission.key.thumbprint();
    return VerdictMaker::make(facts_of(*identity, is_the_tokens_key), std::nullopt, submission.key,
                              to_hex(sha256(identity->spki)), submission.at);
  }

 private:
  Options options_;
};

}  // namespace

Residency residency_of(const DeviceIdentity& identity) {
  const auto has = [&](const char* oid) {
    return std::find(identity.policies.begin(), identity.policies.end(), oid) !=
           identity.policies.end();
  };
  return {has(oid_tpm_residency), has(oid_tpm_fixed)};
}

std::unique_ptr<Format> make_format(Options options) {
  return std::make_unique<DeviceIdentities>(std::move(options));
}

}  // namespace mintmark::attest::x509
