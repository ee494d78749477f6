// Format "apple-appattest": Apple App Attest, attestation and assertion. Pure; thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/format.h"
#include "attest/x509/trust.h"

namespace mintmark::attest::apple_appattest {

/// Apple App Attestation Root CA.
inline constexpr const char* apple_root_digest =
    "1cb9823ba28ba6ad2d33a006941de2ae4f513ef1d4e831b9f7e0fa7b6242c932";

struct Options {
  std::shared_ptr<const x509::Trust> trust;
  /// hex SHA-256 that the root must have: copies with falsified signatures go about.
  std::string root_digest = apple_root_digest;
  std::vector<std::string> app_ids;  ///< "TEAMID.bundle.id"; at least one.
  bool development = false;          ///< Takes keys of the development environment too.
};

/// `config_invalid`: no trust, no app, or none of the roots has that digest.
///
/// Evidence of a device that is new: "key_id" and "attestation_object"; of one that is known:
/// "client_id" and "assertion"; octets as base64url. The clientDataHash of both is the binding
/// itself. Errors of a check: `evidence_member`, `appattest_unknown_device`, and those of
/// attest/apple_appattest/attestation.h. A key attests once: `follows` refuses a counter that did
/// not grow (`appattest_counter`), so an attestation after the first too, which would set it back.
[[nodiscard]] Result<std::unique_ptr<Format>> make_format(Options options);

}  // namespace mintmark::attest::apple_appattest
