// What an attestation says of a device: facts, in words that do not depend on the format.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "attest/boot_record.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/time.h"
#include "jose/key.h"

namespace mintmark::attest {

/// One certificate of the chain that vouches for a device; names as RFC 4514.
struct ChainLink {
  std::string subject;
  std::string issuer;
  std::string sha256;  ///< hex
};

/// What a platform certificate says of the machine around a TPM, for people: it decides nothing.
struct PlatformFacts {
  std::string manufacturer;
  std::string model;
  std::string version;
  std::string serial;
  std::string issuer;        ///< RFC 4514
  bool verified = false;     ///< Signed by a certificate that the operator knows.
  bool of_this_tpm = false;  ///< Its holder is the EK certificate that was presented.
};

/// What evidence can prove; a rule may ask for each.
namespace proves {
inline constexpr const char* token_key = "token_key";  ///< The token's key is in hardware.
/// Hardware signed the evidence, by its maker's word, and it is this device's or carries it.
inline constexpr const char* hardware = "hardware";
inline constexpr const char* boot_state = "boot_state";    ///< What was booted or launched.
inline constexpr const char* application = "application";  ///< Which application asks.
}  // namespace proves

/// A fact in a vocabulary that formats share (attest/vocabulary.h).
using FactValue = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;

/// Facts of one device as attested; kept as JSON in the store, matched by policy rules.
struct Facts {
  std::string format;  ///< "tpm2", "android-key", …: the name of the format.
  /// "hardware": the token's key was attested itself. "unproven": it was, by a chain whose root
  /// is under review, or the evidence merely carries its hash.
  std::string key_protection;
  /// Name of the trust root that vouches: the root certificate's hex SHA-256; "unknown" where no
  /// root known here does.
  std::string root;
  std::string root_subject;  ///< RFC 4514, for people.
  /// TCG vendor id as in the EK certificate: "id:49465800"; of other formats a name: "Apple".
  std::string manufacturer;
  std::string model;
  std::string version;
  std::string ek_certificate;    ///< hex SHA-256 of the DER; "" where an AK certificate came.
  std::string ak_certificate;    ///< Likewise.
  std::string standing;          ///< "trusted" or "review", of whichever certificate came.
  std::vector<ChainLink> chain;  ///< From that certificate upward.
  /// Words of namespace proves; sorted.
  std::vector<std::string> proves;
  /// By names of attest/vocabulary.h: what policy may ask for by `facts`.
  std::map<std::string, FactValue> more;
  /// Of the format alone, for its next evidence: no rule sees it.
  std::map<std::string, std::string> memory;
  std::optional<PlatformFacts> platform;
  std::uint64_t firmware = 0;  ///< TPMS_ATTEST.firmwareVersion of the quote.
  std::uint32_t reset_count = 0;
  std::uint32_t restart_count = 0;
  std::uint64_t clock = 0;  ///< Milliseconds (TPMS_CLOCK_INFO).
  bool clock_safe = false;
  /// Name of the attestation key, hexadecimal: what the counters may be compared under, since a TPM
  /// shifts them for each key (TPM 2.0 Part 1 §36.7).
  std::string ak;
  std::uint64_t reboot_seen =
      0;                 ///< Unix time of the attestation that showed a reboot; 0: none did.
  std::string pcr_bank;  ///< "sha256"
  std::map<unsigned, std::string> pcrs;  ///< Index -> hex value, as quoted.
};

[[nodiscard]] Json to_json(const FactValue& value);
[[nodiscard]] Json to_json(const Facts& facts);
[[nodiscard]] Result<Facts> facts_from_json(const Json& json);

/// What became of a device between two attestations by one TPM.
enum class Passage : std::uint8_t {
  unknown,    ///< By different attestation keys: nothing can be compared.
  same_boot,  ///< Neither reset nor restarted.
  rebooted,   ///< Reset, restarted or resumed in between.
  went_back,  ///< A counter or the clock is behind what it was: no genuine TPM does so.
};
[[nodiscard]] Passage passage_between(const Facts& before, const Facts& now);

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
  /// What was booted; nothing where the format measures nothing.
  [[nodiscard]] const std::optional<BootRecord>& boot() const { return boot_; }

 private:
  friend class VerdictMaker;
  Verdict(Facts facts, std::optional<BootRecord> boot, jose::PublicKey key, std::string identity,
          Moment at)
      : facts_(std::move(facts)),
        boot_(std::move(boot)),
        device_key_(std::move(key)),
        identity_(std::move(identity)),
        at_(at) {}
  Facts facts_;
  std::optional<BootRecord> boot_;
  jose::PublicKey device_key_;
  std::string identity_;
  Moment at_;
};

}  // namespace mintmark::attest
