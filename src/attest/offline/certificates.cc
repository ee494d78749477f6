// Certificates alone: of an EK, an AK, a device, an authority, a platform.
#include <algorithm>

#include "attest/offline/parts.h"
#include "attest/platform/certificate.h"
#include "attest/tpm2/ak_certificate.h"
#include "attest/tpm2/ek_profile.h"
#include "attest/x509/description.h"
#include "attest/x509/device_identity.h"

namespace mintmark::attest::offline {
namespace {

/// The one that is asked about, and those beside it. Authorities help to a root; where there is
/// nothing but authorities the first is asked about.
struct Asked {
  Bytes der;
  std::vector<Bytes> beside;
  x509::Certificate leaf;
};

std::optional<Asked> asked_in(const Material& material) {
  if (material.certificates.empty() || material.certificates.size() > x509::most_offered + 1)
    return std::nullopt;
  std::size_t at = 0;
  for (std::size_t i = 0; i < material.certificates.size(); ++i) {
    const auto certificate = x509::parse_certificate(material.certificates[i]);
    if (!certificate || x509::is_authority(certificate.get())) continue;
    at = i;
    break;
  }
  Asked asked{material.certificates[at], material.certificates, {}};
  asked.beside.erase(asked.beside.begin() + static_cast<std::ptrdiff_t>(at));
  asked.leaf = x509::parse_certificate(asked.der);
  if (!asked.leaf) return std::nullopt;
  return asked;
}

Judgement none() {
  return refused({Code::evidence_files, "one to nine certificates are judged"}, Json::object());
}

Json describe(const Asked& asked) {
  Json facts = {{"cert", x509::describe(asked.leaf.get())}};
  if (const auto names = tpm2::tpm_names_of(asked.leaf.get()))
    facts["tpm"] = {{"manufacturer", names->manufacturer},
                    {"model", names->model},
                    {"version", names->version}};
  if (const auto module = x509::hardware_module_of(asked.leaf.get()))
    facts["hwModuleName"] = "hwType " + module->type + ", hwSerialNum " + module->serial;
  if (const auto policies = x509::policies_of(asked.leaf.get()); !policies.empty())
    facts["policies"] = policies;
  return facts;
}

// Nobody here is asked to look: what is under review is not accepted.
Judgement by_standing(const x509::Chain& chain, Json facts, Code code) {
  facts["chain"] = x509::to_json(chain.links);
  facts["standing"] = x509::name_of(chain.standing);
  if (chain.standing == x509::Standing::trusted) return accepted(std::move(facts));
  return refused({code, "the root of this certificate is under review"}, std::move(facts));
}

Judgement judge_authority(const Asked& asked, const Question& question) {
  Json facts = describe(asked);
  facts["kind"] = "authority";
  if (question.roots == nullptr) return parsed(std::move(facts));
  auto beside = x509::parse_offered(asked.beside, Code::certificate_chain_invalid,
                                    Code::certificate_chain_invalid);
  if (!beside) return refused(beside.error(), std::move(facts));
  if (!x509::has_bounded_key(asked.leaf.get()))
    return refused({Code::certificate_key_unsupported, "the authority's key is too large"},
                   std::move(facts));
  auto chain = x509::check_chain(asked.leaf.get(), *beside, *question.roots, question.at,
                                 x509::ExpiredAuthorities::refuse);
  if (!chain)
    return refused({x509::code_of(chain.error().fault), chain.error().reason}, std::move(facts));
  return by_standing(*chain, std::move(facts), Code::certificate_untrusted_root);
}

bool signs(X509* leaf) {
  return (X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) != 0 &&
         (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) != 0;
}

}  // namespace

Judgement judge_ek(const Material& material, const Question& question) {
  const auto asked = asked_in(material);
  if (!asked) return none();
  Json facts = describe(*asked);
  if (question.roots == nullptr) return parsed(std::move(facts));
  auto checked = tpm2::check_endorsement(asked->der, asked->beside, *question.roots, question.at);
  if (!checked) return refused(checked.error(), std::move(facts));
  facts["kind"] = "ek";
  return by_standing(checked->chain, std::move(facts), Code::ek_untrusted_root);
}

Judgement judge_ak(const Material& material, const Question& question) {
  const auto asked = asked_in(material);
  if (!asked) return none();
  Json facts = describe(*asked);
  if (question.roots == nullptr) return parsed(std::move(facts));
  auto checked =
      tpm2::check_ak_certificate(asked->der, asked->beside, *question.roots, question.at);
  if (!checked) return refused(checked.error(), std::move(facts));
  for (const tpm2::PublicArea& area : material.areas) {
    if (auto same = tpm2::check_certified_key(*checked, area.area); !same)
      return refused(same.error(), std::move(facts));
  }
  facts["kind"] = "ak";
  return by_standing(checked->chain, std::move(facts), Code::ak_untrusted_root);
}

Judgement judge_device_identity(const Material& material, const Question& question) {
  const auto asked = asked_in(material);
  if (!asked) return none();
  Json facts = describe(*asked);
  if (question.roots == nullptr) return parsed(std::move(facts));
  auto checked =
      x509::check_device_identity(asked->der, asked->beside, *question.roots, question.at);
  if (!checked) return refused(checked.error(), std::move(facts));
  facts["kind"] = "device identity";
  return by_standing(checked->chain, std::move(facts), Code::certificate_untrusted_root);
}

Judgement judge_certificate(const Material& material, const Question& question) {
  const auto asked = asked_in(material);
  if (!asked) return none();
  if (x509::is_authority(asked->leaf.get())) return judge_authority(*asked, question);
  return signs(asked->leaf.get()) ? judge_ak(material, question) : judge_ek(material, question);
}

Judgement judge_platform(const Material& material, const Question& question) {
  if (material.attribute_certificates.size() != 1)
    return refused({Code::evidence_files, "one platform certificate is judged"}, Json::object());
  auto certificate = platform::parse(material.attribute_certificates[0]);
  if (!certificate) return refused(certificate.error(), Json::object());
  Json facts = platform::to_json(*certificate);
  std::vector<x509::Certificate> owned;
  std::vector<X509*> issuers;
  for (const Bytes& der : material.certificates) {
    owned.push_back(x509::parse_certificate(der));
    if (owned.back()) issuers.push_back(owned.back().get());
  }
  if (question.roots != nullptr)
    issuers.insert(issuers.end(), question.roots->known().begin(), question.roots->known().end());
  const auto signature = platform::check_signature(*certificate, issuers);
  facts["signature"] = platform::name_of(signature);
  if (signature == platform::Signature::wrong)
    return refused({Code::certificate_signature, "the platform certificate's signature is wrong"},
                   std::move(facts));
  return parsed(std::move(facts));
}

}  // namespace mintmark::attest::offline
