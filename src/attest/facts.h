// What an attestation says of a device: facts, in words that do not depend on the format.
#pragma once

#include <map>
#include <string>

#include "base/bytes.h"
#include "base/json.h"
#include "base/time.h"
#include "jose/key.h"

namespace mintmark::attest {

/// Facts of one device as attested; kept as JSON in the store, matched by policy rules.
struct Facts {
  std::string format;          ///< "tpm2"
  std::string key_protection;  ///< "hardware": the token's key was attested itself.
  std::string root;  ///< Name of the trust root that vouches: the root certificate's hex SHA-256.
  std::string root_subject;  ///< RFC 4514, for people.
  std::string manufacturer;  ///< TCG vendor id as in the EK certificate: "id:49465800"
  std::string model;
  std::string version;
  std::string ek_certificate;  ///< hex SHA-256 of the DER.
  std::uint64_t firmware = 0;  ///< TPMS_ATTEST.firmwareVersion of the quote.
  std::uint32_t reset_count = 0;
  std::uint32_t restart_count = 0;
  std::string pcr_bank;                  ///< "sha256"
  std::map<unsigned, std::string> pcrs;  ///< Index -> hex value, as quoted.
};

[[nodiscard]] Json to_json(const Facts& facts);
[[nodiscard]] Result<Facts> facts_from_json(const Json& json);

/// The good answer to an attestation: only attest's formats make one (each through the key below).
class Verdict {
 public:
  [[nodiscard]] const Facts& facts() const { return facts_; }
  /// The attested key that tokens will be bound to.
  [[nodiscard]] const jose::PublicKey& device_key() const { return device_key_; }
  /// hex SHA-256 of the SubjectPublicKeyInfo of the key that identifies the device for ever (TPM:
  /// the EK).
  [[nodiscard]] const std::string& identity() const { return identity_; }
  [[nodiscard]] Moment at() const { return at_; }

 private:
  friend class VerdictMaker;
  Verdict(Facts facts, jose::PublicKey key, std::string identity, Moment at)
      : facts_(std::move(facts)),
        device_key_(std::move(key)),
        identity_(std::move(identity)),
        at_(at) {}
  Facts facts_;
  jose::PublicKey device_key_;
  std::string identity_;
  Moment at_;
};

}  // namespace mintmark::attest
