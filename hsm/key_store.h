// The ports to hardware that holds our signing keys: Signer signs, KeyAdmin makes and ends keys.
// Two interfaces, because they come with two credentials: who may sign may not generate or destroy.
//
// Every backend (PKCS#11, TPM 2.0, the signer process, the tests' fake) passes tests/contract
// unchanged.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/time.h"
#include "jose/key.h"

namespace mintmark::hsm {

/// What a key may sign; fixed at its birth, written into the object's label, held by the signer's
/// rules.
enum class Purpose : std::uint8_t {
  access_token,
  client_attestation,
  result,       ///< Our verdict on a device, as an EAT.
  status_list,  ///< Token Status Lists, as JWT and as CWT.
  event,  ///< What services are told: frontiers of the event log, security event tokens (RFC 8417),
          ///< answers to introspection (RFC 9701).
  tls,    ///< The front's TLS handshakes. Never published; its certificate names it, no journal.
};

[[nodiscard]] std::string_view name_of(Purpose purpose);  ///< "access_token", …
[[nodiscard]] Result<Purpose> purpose_named(std::string_view name);

/// The journal's random intent id, chosen before generation; CKA_ID of the object.
using KeyId = std::array<std::uint8_t, 16>;
[[nodiscard]] KeyId random_key_id();
[[nodiscard]] std::string to_string(const KeyId& id);  ///< 32 hexadecimal digits.
[[nodiscard]] Result<KeyId> key_id_from(std::string_view hex);

struct KeySpec {
  KeyId id{};
  Purpose purpose = Purpose::access_token;
  jose::Algorithm algorithm = jose::Algorithm::es256;
};

/// A key pair as the hardware shows it now.
struct KeyInfo {
  KeyId id{};
  Purpose purpose;
  jose::PublicKey public_key;
  /// Empty if the key may sign. Otherwise why not, naming the attribute: "CKA_NEVER_EXTRACTABLE is
  /// not true".
  std::string unfit;

  [[nodiscard]] const std::string& kid() const { return public_key.thumbprint(); }
};

/// What the hardware itself says of where a key lives; a module's claim for PKCS#11, signed
/// evidence for a TPM.
struct KeyEvidence {
  std::string kind;  ///< "pkcs11-attributes"
  Json facts;
};

template <typename T>
using Done = std::function<void(Result<T>)>;

/// Signs. Thread-safe. Never blocks the caller: `done` is called exactly once, from any thread,
/// perhaps before `sign` returns. Errors: `hsm_key_unknown`, `hsm_key_unfit`, `deadline_passed`,
/// `overloaded` (the queue is full), `hsm_unavailable`, `purpose_refused` (the signer's rules),
/// `hsm_failed`.
class Signer {
 public:
  virtual ~Signer() = default;
  /// `signing_input` is a JWS signing input, or for a TLS key what a server's CertificateVerify
  /// covers; the answer is the signature as the key's algorithm has it in a JWS (RFC 7518 §3, RFC
  /// 8037 §3.1), verified with the key's public half where the hardware is spoken to (all, or as
  /// its `self_check` says). The key is named by its CKA_ID.
  virtual void sign(const KeyId& key, std::string signing_input, Deadline deadline,
                    Done<Bytes> done) = 0;
  /// All key pairs of ours in the store, the unfit too.
  virtual void list(Deadline deadline, Done<std::vector<KeyInfo>> done) = 0;
};

/// Makes and ends keys. Thread-safe, never blocks, `done` exactly once.
/// Errors: those of Signer; `hsm_key_exists` (the id is taken: nothing is overwritten);
/// `not_permitted` on a channel that may not.
class KeyAdmin {
 public:
  virtual ~KeyAdmin() = default;
  virtual void generate(const KeySpec& spec, Deadline deadline, Done<KeyInfo> done) = 0;
  /// Both halves. An unknown id is `hsm_key_unknown`: nothing is destroyed on an inconsistent
  /// look-up.
  virtual void destroy(const KeyId& key, Deadline deadline, Done<void> done) = 0;
  virtual void evidence(const KeyId& key, Deadline deadline, Done<KeyEvidence> done) = 0;
};

}  // namespace mintmark::hsm
