// The document at /.well-known/key-evidence, read; beside the JWK set that it speaks of.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace mintmark::attest::evidence {

/// What one row says; nothing of it is proven.
struct Row {
  std::string kid;
  std::string purpose;
  std::string kind;  ///< "" where there is no evidence.
  Json facts;
};

/// The rows, in the document's order. `evidence_document_malformed` (also: a kid twice),
/// `evidence_issuer_mismatch`.
[[nodiscard]] Result<std::vector<Row>> rows_in(const Json& document, std::string_view issuer);

/// One row a key of the set, in its order: the row of that kid, else one without evidence; the
/// purpose is the set's. So what is judged is what verifiers are told to trust. `keys_malformed`:
/// no JWK set, or a kid that is not its key's thumbprint.
[[nodiscard]] Result<std::vector<Row>> rows_of_published(const Json& jwks,
                                                         const std::vector<Row>& rows);

}  // namespace mintmark::attest::evidence
