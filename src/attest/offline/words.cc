#include "attest/offline/words.h"

#include <array>
#include <cstdio>

#include "attest/tpm2/hash.h"
#include "attest/tpm2/structures.h"

namespace mintmark::attest::offline {
namespace {

std::string hex_of_number(std::uint64_t number, int digits) {
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%0*llx", digits,
                static_cast<unsigned long long>(number));
  return text.data();
}
Json selection_json(const TPML_PCR_SELECTION& selections) {
  Json all = Json::array();
  for (UINT32 i = 0; i < selections.count && i < TPM2_NUM_PCR_BANKS; ++i) {
    const TPMS_PCR_SELECTION& one = selections.pcrSelections[i];
    Json pcrs = Json::array();
    for (unsigned index = 0; index < one.sizeofSelect * 8U; ++index) {
      if ((one.pcrSelect[index / 8] >> index % 8 & 1U) != 0) pcrs.push_back(index);
    }
    all.push_back({{"hash", bank_name(one.hash)}, {"pcrs", std::move(pcrs)}});
  }
  return all;
}

}  // namespace

std::string attributes_text(TPMA_OBJECT attributes) { return "0x" + hex_of_number(attributes, 8); }

std::string bank_name(TPM2_ALG_ID id) {
  const auto hash = tpm2::known_hash(id);
  return hash ? hash->name : hex_of_number(id, 4);
}

Json attest_json(const TPMS_ATTEST& attest) {
  using tpm2::view_of;
  Json json = {{"magic", hex_of_number(attest.magic, 8)},
               {"type", hex_of_number(attest.type, 4)},
               {"qualified_signer", to_hex(view_of(attest.qualifiedSigner))},
               {"extra_data", to_hex(view_of(attest.extraData))},
               {"clock", attest.clockInfo.clock},
               {"reset_count", attest.clockInfo.resetCount},
               {"restart_count", attest.clockInfo.restartCount},
               {"safe", attest.clockInfo.safe},
               {"firmware_version", hex_of_number(attest.firmwareVersion, 16)},
               {"trailing", 0}};
  if (attest.type == TPM2_ST_ATTEST_QUOTE) {
    json["pcr_select"] = selection_json(attest.attested.quote.pcrSelect);
    json["pcr_digest"] = to_hex(view_of(attest.attested.quote.pcrDigest));
  } else if (attest.type == TPM2_ST_ATTEST_CERTIFY) {
    json["name"] = to_hex(view_of(attest.attested.certify.name));
    json["qualified_name"] = to_hex(view_of(attest.attested.certify.qualifiedName));
  } else if (attest.type == TPM2_ST_ATTEST_CREATION) {
    json["object_name"] = to_hex(view_of(attest.attested.creation.objectName));
    json["creation_hash"] = to_hex(view_of(attest.attested.creation.creationHash));
  }
  return json;
}

std::string command_of(TPM2_ST type) {
  switch (type) {
    case TPM2_ST_ATTEST_QUOTE:
      return "TPM2_Quote";
    case TPM2_ST_ATTEST_CERTIFY:
      return "TPM2_Certify";
    case TPM2_ST_ATTEST_CREATION:
      return "TPM2_CertifyCreation";
    default:
      return "0x" + hex_of_number(type, 4);
  }
}

}  // namespace mintmark::attest::offline
