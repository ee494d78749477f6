// Statements of vendors about keys in their hardware: the point where another vendor is added. A
// kind has one name, in the evidence, in mintd's configuration and here.
//
// To add one: a file pair with a function of this shape, a row in verifier_of, the name in
// config.cc and docs/mintd.schema.json, a chain of your own making in tests/unit/attest_vendor.
#pragma once

#include <string>
#include <string_view>

#include "attest/tpm2/trust.h"
#include "base/json.h"
#include "base/time.h"

namespace mintmark::attest::vendor {

/// What a vendor's hardware says, once its chain leads to a root.
struct Statement {
  std::string hardware;  ///< For people: "YubiHSM 2, serial 12345678, firmware 2.4.0".
  std::string root;      ///< Lower-case hex SHA-256 of the root.
};

/// Judges `facts` of the key `kid` (its thumbprint) at the moment `now`. Pure; thread-safe.
/// `vendor_attestation_malformed`, `vendor_attestation_key` (the statement is of another key),
/// `vendor_attestation_chain`, `vendor_attestation_expired`, `vendor_attestation_extension`,
/// `vendor_attestation_imported`, `vendor_attestation_exportable`.
using Verifier = Result<Statement> (*)(const Json& facts, std::string_view kid,
                                       const tpm2::EkTrust& roots, Moment now);

/// nullptr where no vendor's statement has that kind.
[[nodiscard]] Verifier verifier_of(std::string_view kind);

}  // namespace mintmark::attest::vendor
