// What must outlive the processes: two ports, two files, because the front may write devices and
// must not be able to touch the record of keys.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace mintmark::store {

using Labels = std::map<std::string, std::string>;

/// A device as it was last attested. One row per EK (or key); attesting again replaces the keys and
/// keeps the id.
struct DeviceRecord {
  std::string id;             ///< Random; `sub` and `client_id` of its tokens.
  std::string format;         ///< "tpm2", "key"
  std::string identity;       ///< What the device is recognised by: hex SHA-256 of the EK's
                              ///< SubjectPublicKeyInfo; of format "key" the key's thumbprint.
  std::string jkt;            ///< Thumbprint of the device key; "" before the first attestation.
  std::string public_jwk;     ///< JSON.
  std::string facts;          ///< JSON object: what was attested.
  std::string labels = "{}";  ///< JSON object, set by operators only.
  std::string state;          ///< "pending", "approved", "enrolled", "revoked"
  std::string root;           ///< Of the EK: hex SHA-256.
  Moment enrolled_at{};       ///< First; 0 before.
  Moment attested_at{};       ///< Last; 0 before.
  std::string pending_from;   ///< The address it came from, while it is pending.
  Moment pending_since{};
  Moment revoked_at{};
  std::string revoked_why;  ///< The operator's words.
  /// How long the evidence is fresh, where a rule wants it fresher than the configuration; 0: as
  /// configured.
  std::chrono::seconds fresh_for{0};
  Moment evidence_ended_at{};      ///< Before its time; 0: it goes by its age.
  std::string evidence_ended_why;  ///< A code's name, or "asked": an operator wants new evidence.
  /// How the last boot was judged: "passed", "would_be_refused" (by a rule that only watches),
  /// "refused", "not_appraised"; "" where none was measured.
  std::string boot;
  /// `facts` as of the attestation before; "": it was the first. Written with the row: whoever was
  /// to act on the difference may have been killed.
  std::string facts_before = {};
};

/// What a device booted, as it was attested and judged.
struct Boot {
  Moment at{};
  std::string refused;    ///< The code's name; "": it passed.
  std::string appraisal;  ///< JSON: what the rules of the time had to say.
  std::string record;     ///< JSON: the boot record.
};

/// A boot as the rules in force had it.
struct JudgedBoot {
  Boot boot;
  std::chrono::seconds fresh_for{0};  ///< As of DeviceRecord.
  std::string outcome;                ///< Likewise: its `boot`.
  /// Where it was refused: another try may pass, so that evidence that is still fresh goes on.
  bool may_pass_later = false;
};

/// The last one that passed, and the very last; the same where that passed.
struct Boots {
  std::optional<Boot> good;
  std::optional<Boot> last;
};

/// Who is let in after a good attestation (docs/operations.md).
enum class EnrolmentMode {
  approve,  ///< Whom an operator has approved; others wait.
  open,     ///< Everybody.
  listed    ///< Whom an operator has named before; others are refused.
};

/// How many may wait for approval at once; those who have waited longer than `keep` are forgotten.
struct PendingLimits {
  unsigned per_root = 1000;
  unsigned per_address = 16;
  std::chrono::seconds keep{std::chrono::hours(72)};
};

/// A device whose attestation was good, and what the store needs to decide on it.
struct Admission {
  DeviceRecord device;  ///< Its state is the store's to say, its id if the identity is known.
  std::string ticket_hash;
  Moment ticket_expires{};
  EnrolmentMode mode = EnrolmentMode::approve;
  PendingLimits limits;
  /// How many devices of one root may be new within an hour where no person lets them in (mode
  /// `open`): formats whose identity is a key can make as many as they like.
  unsigned new_per_root_per_hour = 1000;
  std::string address;  ///< An IPv6 address counts by its first 64 bits: the caller cuts it.
  /// Whether this evidence may follow what is known of the device; what it says may be completed by
  /// that. Empty: it may.
  std::function<Result<void>(const DeviceRecord& known, DeviceRecord& attested)> follow = {};
  /// Judges what was booted; empty: the format measures nothing. `known` and `good` may be nullptr.
  /// Called once at most, within the transaction.
  std::function<JudgedBoot(const DeviceRecord* known, const Boot* good)> judge_boot = {};
};

/// A one-time code for a device that has nothing to attest, as the store knows it.
struct Invite {
  std::string code_hash;  ///< hex SHA-256
  Labels labels;
  Moment expires_at{};
};

/// How a device stood at one moment, as far as services are told of it.
struct DeviceStanding {
  std::string state;  ///< As of DeviceRecord; likewise the others.
  std::string evidence_ended_why;
  std::string key_protection;  ///< Of its facts; "" where they do not say.
  Moment attested_at{};
};

/// A change that services may have to hear of, and that nobody has said to have told.
struct DeviceChange {
  std::int64_t number = 0;  ///< Grows with each change, over restarts too.
  std::string device;
  std::string format;
  DeviceStanding before;
  DeviceStanding now;
};

/// Devices, used tickets and invites. Thread-safe. A call that returned without error is on disk
/// (synchronous=FULL); one that returned an error changed nothing. Errors of all: `store_busy`,
/// `store_failed` (native: SQLite's extended result code).
class DeviceStore {
 public:
  virtual ~DeviceStore() = default;
  /// In one transaction: the ticket is marked used (`ticket_used` if it was) and the device is
  /// written as "enrolled", or as "pending" where it has to wait; labels and enrolled_at of a known
  /// identity are kept. A revocation sticks: `enrolment_revoked`, whatever the mode. Else
  /// `enrolment_not_listed`, `enrolment_pending_full`, `enrolment_rate`, errors of `follow`. Gives
  /// the row as it now stands.
  ///
  /// Where the boot was refused nobody is let in by it: a device that is in keeps its keys and
  /// loses its evidence (unless another try may pass), one that is not waits, in the modes `open`
  /// and `approve`, so that an operator sees it.
  [[nodiscard]] virtual Result<DeviceRecord> admit(const Admission& admission) = 0;
  /// Likewise for a key that came with a one-time code, which is used up: `invite_invalid`,
  /// `invite_used`, `invite_expired`.
  [[nodiscard]] virtual Result<DeviceRecord> admit_invited(const Admission& admission,
                                                           const std::string& code_hash) = 0;
  /// A device that an operator adds by its key. `device_exists`; `enrolment_revoked`.
  [[nodiscard]] virtual Result<DeviceRecord> add(const DeviceRecord& device) = 0;

  /// Lets a pending device in: it becomes "approved" and has to attest afresh. `fingerprint`: its
  /// identity, or so many first digits of it that only one pending device has them.
  /// `fingerprint_unknown`, `fingerprint_ambiguous`, `device_state_wrong`.
  [[nodiscard]] virtual Result<DeviceRecord> approve(const std::string& fingerprint,
                                                     const Labels& labels) = 0;
  /// Approves a device of that format before it comes. `new_id`: if it is not known yet.
  /// `device_state_wrong` if it is revoked; one that is approved or enrolled stays so and gets the
  /// labels.
  [[nodiscard]] virtual Result<DeviceRecord> expect(const std::string& format,
                                                    const std::string& identity,
                                                    const std::string& new_id,
                                                    const Labels& labels) = 0;
  /// For ever, until reinstated; a second time changes nothing. `device_not_found`.
  [[nodiscard]] virtual Result<DeviceRecord> revoke(const std::string& id, const std::string& why,
                                                    Moment now) = 0;
  /// From "revoked" to "approved" (format "key": to "enrolled", it has nothing to attest).
  /// `device_not_found`, `device_state_wrong`.
  [[nodiscard]] virtual Result<DeviceRecord> reinstate(const std::string& id) = 0;
  /// `device_not_found`.
  [[nodiscard]] virtual Result<DeviceRecord> label(const std::string& id, const Labels& set,
                                                   const std::vector<std::string>& remove) = 0;
  /// It has to attest again before its next token. `device_not_found`, `device_state_wrong` if it
  /// is not enrolled or has nothing to attest.
  [[nodiscard]] virtual Result<DeviceRecord> end_evidence(const std::string& id,
                                                          const std::string& why, Moment now) = 0;
  [[nodiscard]] virtual Result<void> invite(const Invite& invite) = 0;

  [[nodiscard]] virtual Result<std::optional<DeviceRecord>> find(const std::string& id) const = 0;
  [[nodiscard]] virtual Result<std::vector<DeviceRecord>> list() const = 0;
  [[nodiscard]] virtual Result<Boots> boots(const std::string& id) const = 0;
  /// Forgets used tickets and invites that have expired; a ticket past its life is refused by its
  /// own seal.
  [[nodiscard]] virtual Result<void> forget_before(Moment moment) = 0;

  /// From now on each change of a known device's standing is kept until it is forgotten, on disk
  /// with the change itself. Before that, and where it is not called, none is.
  virtual void keep_news() = 0;
  /// The oldest that are kept, in their order.
  [[nodiscard]] virtual Result<std::vector<DeviceChange>> news(std::size_t most) const = 0;
  /// They were told, those up to this number.
  [[nodiscard]] virtual Result<void> forget_news(std::int64_t up_to) = 0;
};

/// Where a signing key stands. It only ever moves forward.
enum class KeyState : std::uint8_t {
  planned,    ///< The intent: written before the hardware is asked.
  published,  ///< Verifiers learn it; it signs nothing yet.
  active,     ///< Signs. Of one store, purpose and algorithm there is one at most.
  retiring,   ///< Signs nothing new; its private half is still in the hardware.
  retired,    ///< Its private half is gone; what it signed is still good.
  destroyed,  ///< Nothing of it is left, and nothing it signed is good any more.
};
inline constexpr std::size_t key_states = 6;

[[nodiscard]] std::string_view name_of(KeyState state);  ///< "planned", …
[[nodiscard]] Result<KeyState> key_state_named(std::string_view name);

/// A signing key's life; the store alone holds it, never the hardware.
struct KeyRecord {
  std::string id;     ///< CKA_ID, hexadecimal; the intent, written before generation.
  std::string store;  ///< Name of the key store in the configuration.
  std::string purpose;
  std::string algorithm;
  std::string kid;         ///< "" until generated.
  std::string public_jwk;  ///< JSON; "" until generated.
  KeyState state = KeyState::planned;
  std::array<Moment, key_states> since{};  ///< When it came into each state; 0: it never was.
  /// The longest life of what it signed: so long after its last signature it is wanted to verify.
  std::chrono::seconds longest_life{};
  Moment rotation_asked_at{};  ///< An operator wants its successor to sign; 0: nobody does.
  /// Why an operator took back what it signed: from then on it is not published. "": nobody did.
  std::string revoked_why;

  [[nodiscard]] Moment at(KeyState which) const {
    return since.at(static_cast<std::size_t>(which));
  }
  [[nodiscard]] bool revoked() const { return !revoked_why.empty(); }
  void become(KeyState next, Moment now) {
    state = next;
    since.at(static_cast<std::size_t>(next)) = now;
  }
};

/// The journal of keys. Thread-safe; durable and with the errors of DeviceStore.
class KeyStateStore {
 public:
  virtual ~KeyStateStore() = default;
  /// Inserts or replaces by id, in this order: all of them, or none. `store_failed` where a second
  /// key of one store, purpose and algorithm would be active.
  [[nodiscard]] virtual Result<void> put(std::span<const KeyRecord> keys) = 0;
  [[nodiscard]] Result<void> put(const KeyRecord& key) { return put(std::span(&key, 1)); }
  /// The oldest first.
  [[nodiscard]] virtual Result<std::vector<KeyRecord>> list() const = 0;

  /// Takes the record out, if it is there: of an intent that came to nothing.
  [[nodiscard]] virtual Result<void> forget(const std::string& id) = 0;

  /// The latest moment that this issuer is known to have worked at; 0: none yet. Nothing is minted
  /// behind it.
  [[nodiscard]] virtual Result<Moment> clock_mark() const = 0;
  [[nodiscard]] virtual Result<void> set_clock_mark(Moment mark) = 0;
};

/// SQLite: WAL, synchronous=FULL, foreign_keys, busy_timeout; schema versioned by user_version and
/// migrated in one transaction. The file is created with `mode` whatever the umask (SQLite's -wal
/// and -shm follow it) and, when root creates it, with its directory's owner and group: it does not
/// matter which of two processes opens it first. Both may have it open at once. A store must not be
/// carried over a fork that does not exec. Errors: also `store_version` (made by a newer program)
/// and `store_foreign` (some other database); such a file is left untouched.
[[nodiscard]] Result<std::unique_ptr<DeviceStore>> open_device_store(const std::string& path,
                                                                     unsigned mode = 0600);
[[nodiscard]] Result<std::unique_ptr<KeyStateStore>> open_key_state_store(const std::string& path,
                                                                          unsigned mode = 0600);

/// One active issuer a store. Held by an operating-system lock on `path`, so a holder that dies
/// loses it at once. `lease_held` names the holder (pid, since when).
class Lease {
 public:
  [[nodiscard]] static Result<Lease> take(const std::string& path);
  /// Whether nobody else can take it: what stands at the path is still the file that is locked, and
  /// its lock is there. `lease_lost` says what became of it. Where that cannot be looked at for
  /// want of a descriptor, it is held.
  [[nodiscard]] Result<void> check() const;
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();

 private:
  Lease(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  std::string path_;
};

}  // namespace mintmark::store
