// What proves where each published key lives, as strangers and operators are shown it.
#pragma once

#include <map>
#include <string>

#include "hsm/key_store.h"
#include "keyring/keyring.h"

namespace mintmark::keyring {

/// By kid.
using EvidenceByKid = std::map<std::string, hsm::KeyEvidence>;

/// Whose word evidence of this kind is, in one sentence.
[[nodiscard]] std::string_view claim_of(std::string_view kind);

/// {"issuer", "keys": [{"kid", "purpose", "alg", "evidence": {"kind", "claim", "facts"}}]}, in the
/// snapshot's order; "evidence" is null for a key of which there is none. What is in `evidence` of
/// keys that are not published is left out.
[[nodiscard]] Json evidence_document(const std::string& issuer, const Snapshot& published,
                                     const EvidenceByKid& evidence);

}  // namespace mintmark::keyring
