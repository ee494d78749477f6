// Public areas, names and credentials without a statement: what they are.
#include <algorithm>

#include "attest/offline/parts.h"
#include "attest/offline/words.h"
#include "attest/tpm2/ek_profile.h"

namespace mintmark::attest::offline {

using tpm2::PublicArea;

Judgement judge_areas(const Material& material) {
  Json facts = Json::object();
  for (const PublicArea& area : material.areas) {
    const TPMA_OBJECT attributes = area.area.objectAttributes;
    const bool storage = (attributes & TPMA_OBJECT_DECRYPT) != 0;
    const std::string kind = storage ? "ek" : "ak";
    const std::string fitting = tpm2::ek_template_of(area.area);
    facts[kind + "_name"] = to_hex(area.name);
    facts[kind + "_attributes"] = attributes_text(attributes);
    if (!storage) continue;
    facts["ek_template"] = fitting;
    facts["ek_template_is_tcg_default_L1"] = fitting == "L-1";
  }
  for (const Bytes& name : material.names) {
    const bool known = std::any_of(material.areas.begin(), material.areas.end(),
                                   [&](const PublicArea& area) { return area.name == name; });
    if (!known)
      return refused({Code::evidence_files, "a TPM name is of no public area among the files"},
                     facts);
  }
  for (const Credential& credential : material.credentials) {
    facts["credential"] = {{"id_object", credential.id_object},
                           {"encrypted_secret", credential.encrypted_secret}};
    if (material.others.size() == 1) facts["secret"] = to_hex(material.others[0]);
  }
  if (facts.empty())
    return refused({Code::evidence_files, "there is nothing among the files that can be judged"},
                   facts);
  return parsed(facts);
}

}  // namespace mintmark::attest::offline
