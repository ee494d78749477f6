#include "keyring/key_evidence.h"

namespace mintmark::keyring {

std::string_view claim_of(std::string_view kind) {
  if (kind == "tpm2-certify")
    return "a TPM says so, by its attestation key; that this key is in a TPM of these EKs is the "
           "issuer's word until you activate it";
  if (kind == "pkcs11-attributes") return "the PKCS#11 module says so, and nobody else";
  if (kind == "yubihsm-attestation")
    return "a YubiHSM says so, by a certificate that must chain to its vendor's root";
  return "the issuer says so";
}

Json evidence_document(const std::string& issuer, const Snapshot& published,
                       const EvidenceByKid& evidence) {
  Json keys = Json::array();
  for (const PublishedKey& key : published.keys()) {
    Json shown = {{"kid", key.kid()},
                  {"purpose", hsm::name_of(key.purpose)},
                  {"alg", jose::name_of(key.public_key.algorithm())},
                  {"evidence", nullptr}};
    if (const auto found = evidence.find(key.kid()); found != evidence.end()) {
      shown["evidence"] = {{"kind", found->second.kind},
                           {"claim", claim_of(found->second.kind)},
                           {"facts", found->second.facts}};
    }
    keys.push_back(std::move(shown));
  }
  return {{"issuer", issuer}, {"keys", std::move(keys)}};
}

}  // namespace mintmark::keyring
