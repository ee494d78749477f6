#include "programs/mintd/roots.h"

#include "programs/mintd/formats.h"

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

}  // namespace

Result<std::shared_ptr<const x509::Trust>> load_trust(const config::TrustFiles& files) {
  x509::TrustSources sources;
  for (const config::RootSource& root : files.roots)
    sources.roots.push_back({root.path, rule_of(root.rule)});
  sources.intermediates = files.intermediates;
  sources.crls = files.crls;
  sources.crls_required = files.crls_required;
  sources.unknown = files.review_unknown ? x509::UnknownRoots::review : x509::UnknownRoots::refuse;
  auto trust = x509::Trust::load(sources);
  if (!trust) return pass_on(trust);
  return std::make_shared<const x509::Trust>(std::move(*trust));
}

Result<std::shared_ptr<const x509::Trust>> load_client_authorities(
    const config::MutualTls& wanted) {
  if (wanted.authorities.empty()) return nullptr;
  config::TrustFiles files;
  for (const std::string& file : wanted.authorities)
    files.roots.push_back({file, config::RootRule::trust});
  return load_trust(files);
}

Result<EnrolmentRoots> load_roots(const config::Enrolment& enrolment) {
  EnrolmentRoots roots;
  auto formats = make_formats(enrolment.formats);
  if (!formats) return pass_on(formats);
  roots.formats = std::move(*formats);
  if (!enrolment.tpm2.taken) return roots;
  auto ek = load_trust(enrolment.tpm2.trust);
  if (!ek) return pass_on(ek);
  roots.ek = std::move(*ek);
  if (enrolment.tpm2.ak_roots.empty()) return roots;
  config::TrustFiles of_aks = enrolment.tpm2.trust;
  of_aks.roots = enrolment.tpm2.ak_roots;
  // Whoever may call himself an attestation authority is named, or none.
  of_aks.review_unknown = false;
  auto ak = load_trust(of_aks);
  if (!ak) return pass_on(ak);
  roots.ak = std::move(*ak);
  return roots;
}

}  // namespace mintmark::mintd
