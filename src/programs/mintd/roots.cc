#include "programs/mintd/roots.h"

namespace mintmark::mintd {
namespace {

namespace x509 = attest::x509;

x509::RootRule rule_of(config::RootRule rule) {
  switch (rule) {
    case config::RootRule::refuse:
      return x509::RootRule::refuse;
    case config::RootRule::review:
      return x509::RootRule::review;
    default:
      return x509::RootRule::trust;
  }
}

Result<std::shared_ptr<const x509::Trust>> load(const config::Tpm2Enrolment& enrolment,
                                                const std::vector<config::RootSource>& roots,
                                                bool review_unknown) {
  x509::TrustSources sources;
  for (const config::RootSource& root : roots)
    sources.roots.push_back({root.path, rule_of(root.rule)});
  sources.intermediates = enrolment.intermediates;
  sources.crls = enrolment.crls;
  sources.crls_required = enrolment.crls_required;
  sources.unknown = review_unknown ? x509::UnknownRoots::review : x509::UnknownRoots::refuse;
  auto trust = x509::Trust::load(sources);
  if (!trust) return pass_on(trust);
  return std::make_shared<const x509::Trust>(std::move(*trust));
}

}  // namespace

Result<EnrolmentRoots> load_roots(const config::Tpm2Enrolment& enrolment) {
  auto ek = load(enrolment, enrolment.roots, enrolment.review_unknown);
  if (!ek) return pass_on(ek);
  if (enrolment.ak_roots.empty()) return EnrolmentRoots{std::move(*ek), nullptr};
  // Whoever may call himself an attestation authority is named, or none.
  auto ak = load(enrolment, enrolment.ak_roots, false);
  if (!ak) return pass_on(ak);
  return EnrolmentRoots{std::move(*ek), std::move(*ak)};
}

}  // namespace mintmark::mintd
