// Mintmark's verifier, for services that verify in their own process: is this access token good,
// and does the sender hold the device key that it is bound to? Everything is decided with the
// issuer's published keys; no call to the issuer is made for a token.
//
// What was revoked is known to a verifier that was given a subscription (`subscribe`). Without one
// a token is good until it expires.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace mintmark {

namespace verify {
struct TokenFacts;  // Of the implementation.
}

// Of this release alone: its classes change between releases, and a program that was built with
// another header is not linked, nor started, instead of going wrong. Nobody writes it.
inline namespace v0_1_0 {

/// Why a token or its proof is not taken. Each reason has its own name (`name_of`), which stays the
/// same from release to release: for metrics, logs and programs.
enum class Refusal : std::uint16_t {
  // The token (RFC 9068 §4, RFC 8725).
  token_malformed,       ///< No compact JWS with a JSON header and JSON claims, a claim of a wrong
                         ///< type, or no `jti`.
  token_typ,             ///< `typ` is not at+jwt.
  token_key_unknown,     ///< `kid` names no published key for access tokens.
  token_alg,             ///< `alg` is not the one of the key.
  token_signature,       ///< The signature is not by the key that `kid` names.
  token_issuer,          ///< `iss` is not our issuer.
  token_audience,        ///< `aud` does not contain our audience.
  token_exp_missing,     ///< No `exp`: a token that never ends is not taken.
  token_expired,         ///< `exp` has passed.
  token_not_yet_valid,   ///< `nbf` is to come.
  token_iat_missing,     ///< No `iat`.
  token_iat_future,      ///< `iat` is to come.
  token_sub_missing,     ///< No `sub`.
  token_unbound,         ///< No `cnf.jkt` and no `cnf.x5t#S256`: it is bound to no device key.
  token_key_protection,  ///< `key_protection` is none that VerifierOptions asks for.
  token_scheme,          ///< A token with `cnf.jkt` came as Bearer (RFC 9449 §7.1), or one with
                         ///< `cnf.x5t#S256` alone as DPoP.
  // The certificate of the connection (RFC 8705 §3).
  token_certificate_missing,    ///< The token is bound to a certificate, and none was shown.
  token_certificate_mismatch,   ///< Another one was shown.
  token_certificate_malformed,  ///< What was said to be a certificate is none.
  // The proof (RFC 9449 §4.3).
  proof_missing,
  proof_malformed,
  proof_typ,
  proof_alg,
  proof_jwk,
  proof_signature,
  proof_htm,
  proof_htu,
  proof_iat_missing,
  proof_iat_old,
  proof_iat_future,
  proof_jti,
  proof_nonce,
  proof_nonce_required,  ///< Make it again with Verifier::fresh_nonce (RFC 9449 §9).
  proof_nonce_stale,     ///< Likewise: its nonce is too old, or another verifier's.
  proof_ath,
  proof_key_mismatch,  ///< The proof is by another key than the token's `cnf.jkt`.
  proof_replayed,      ///< This proof was used before.
  proof_before_start,  ///< Its `iat` is not later than this verifier's start by more than
                       ///< VerifierOptions::proof_future: whether it was used before is not known.
  replay_window_full,  ///< Too many proofs at once to remember them all: whether this one was used
                       ///< cannot be known. A new one will do when there is room.
  // The issuer's keys: nothing is said about the token.
  keys_unavailable,          ///< They could not be fetched.
  keys_malformed,            ///< What was fetched is no JWK set.
  metadata_malformed,        ///< The issuer's metadata are no RFC 8414 document.
  metadata_issuer_mismatch,  ///< The metadata are those of another issuer.
  // What was revoked (docs/revocation.md).
  token_revoked,      ///< The token was, or its device, or all that were issued before a moment.
  token_suspended,    ///< The token is of no use for now; it may be again.
  token_key_revoked,  ///< The key that signed the token was.
  revocations_unavailable,  ///< What was revoked is not known yet: nothing is said about the token.
  revocations_stale,        ///< It was not heard of for too long: likewise.
};

/// "token_expired".
[[nodiscard]] std::string_view name_of(Refusal refusal);
/// True if the refusal says nothing about the token or its proof: the keys could not be had, what
/// was revoked is not known, or the memory of proofs is full. Let nothing pass (503), and try again
/// later.
[[nodiscard]] bool is_unavailable(Refusal refusal);

struct Refused {
  Refusal refusal;
  std::string detail;  ///< For people: what was wrong and what would be right. No secret.
};

/// A JWK set as the issuer publishes it.
struct KeyDocument {
  std::string jwks;              ///< JSON (RFC 7517 §5).
  std::chrono::seconds max_age;  ///< How long it may be used.
};

/// Where the issuer's keys come from. `fetch` gives a fresh copy; the verifier keeps it for its
/// max_age. It may be called from any thread, by one at a time.
class KeySource {
 public:
  virtual ~KeySource() = default;
  [[nodiscard]] virtual tl::expected<KeyDocument, Refused> fetch() = 0;
  /// What the verifier calls. `held`: the kids of the keys for access tokens in the last document
  /// that it took; none before the first. They may be out of date, but whatever it uses after them
  /// is newer. For sources that tell the issuer; others need not care.
  [[nodiscard]] virtual tl::expected<KeyDocument, Refused> fetch_holding(
      const std::vector<std::string>& held);
};

/// The keys at the `jwks_uri` of the issuer's metadata (RFC 8414), over TLS, for as long as
/// Cache-Control and Age say (RFC 9111 §4.2). `ca_file`: PEM of the roots to trust; "": the
/// system's. A fetch ends after ten seconds, but for the look-up of the issuer's name, which ends
/// when the system's resolver gives up (resolv.conf(5)): a bound on it would need a thread.
///
/// `instance`: the name under which this verifier tells the issuer, with each request for the keys,
/// which of them it holds: the issuer may then wait for it before a new key signs
/// (docs/operations.md, "Verifiers that acknowledge"). Each verifier has a name of its own. "":
/// nothing is told. That a key has come is told with the request after it: one max_age later, if
/// there is a token to check then. Throws std::invalid_argument where `instance` is neither "" nor
/// 1 to 64 letters, digits, '.', '_' and '-'.
[[nodiscard]] std::unique_ptr<KeySource> published_keys(std::string issuer,
                                                        std::string ca_file = "",
                                                        std::string instance = "");

/// The keys of this JWK set and no others, ever: for keys that are brought by other means than the
/// network. Throws std::invalid_argument where it is no JWK set (RFC 7517 §5).
[[nodiscard]] std::unique_ptr<KeySource> given_keys(std::string jwks);

/// Who knows what was revoked. Asked for each good token, at each call, also where the token's
/// signature is not checked again; from any thread. It must not wait for anything.
class Revocations {
 public:
  /// What a token says that can be revoked, or its `kid` alone where the issuer publishes no such
  /// key. The views live as long as the call.
  struct Token {
    std::string_view token_id;  ///< `jti`
    std::string_view subject;   ///< `sub`
    std::string_view kid;       ///< Of the key that signed it.
    std::chrono::sys_seconds issued_at;
  };

  virtual ~Revocations() = default;
  /// `token_revoked`, `token_suspended`, `token_key_revoked`; or `revocations_unavailable`,
  /// `revocations_stale`, where nothing can be said.
  [[nodiscard]] virtual tl::expected<void, Refused> judge(const Token& token) const = 0;
  /// Grows when the issuer's keys have changed: the verifier then fetches them before their max_age
  /// is over, never more often than its keys_pause.
  [[nodiscard]] virtual std::uint64_t keys_epoch() const { return 0; }
};

struct SubscriptionOptions {
  /// `issuer_url` as in VerifierOptions. `client_id`: what the issuer's operator registered this
  /// service as, with the role `events`. `key_file`: its private key, EC P-256, PKCS#8 in PEM,
  /// which this process's user owns and nobody else may read.
  SubscriptionOptions(std::string issuer_url, std::string registered_id, std::string private_key)
      : issuer(std::move(issuer_url)),
        client_id(std::move(registered_id)),
        key_file(std::move(private_key)) {}

  std::string issuer;
  std::string client_id;
  std::string key_file;
  std::string ca_file;  ///< As in published_keys.
  /// Called from the subscription's thread when the issuer says that its keys have changed; must
  /// not throw. Verifiers need none of it. Empty: nothing.
  std::function<void()> keys_changed;
  /// The longest pauses before it connects again: the first time, and later. Each is shortened at
  /// random, so that an issuer that was restarted is not asked by everybody at once. A stream that
  /// the issuer ended in good order, such as one whose token is over, is asked for again within
  /// 100 ms.
  std::chrono::milliseconds reconnect_first{1000};
  std::chrono::milliseconds reconnect_longest{5000};
};

/// What the issuer's event stream says, now. It has one thread of its own, which connects, loads
/// what was revoked until then, follows the stream from there, and begins anew when anything goes
/// wrong. Revocations count at once when they come. The issuer's signed frontiers say that there
/// were no others; when none has come for the bound that the issuer sets (10 s by default), every
/// token is `revocations_stale` until one comes. Before the first it is `revocations_unavailable`.
/// No clock needs to agree with the issuer's. Thread-safe. Make it after any fork.
class Subscription : public Revocations {
 public:
  struct Standing {
    bool ever = false;                ///< A frontier came since the start.
    bool trusted = false;             ///< One that is not older than the bound is here.
    std::chrono::milliseconds age{};  ///< Of the last one, at most; meaningful where `ever`.
    std::chrono::seconds bound{};     ///< The issuer's; 0: nothing came yet.
    std::size_t entries = 0;          ///< Revocations that are remembered.
    std::uint64_t seq = 0;            ///< The last entry of the issuer's log.
    /// How often a connection ended or came to nothing, by reason: "ended" by the issuer in order,
    /// or the name of an error.
    std::map<std::string, std::uint64_t> ends;
    std::string trouble;  ///< Why there is no connection, or nothing good on it; "": there is.
  };
  [[nodiscard]] virtual Standing standing() const = 0;
};

/// Its end waits for a call that is under way: ten seconds at most, most often for nothing. Throws
/// std::invalid_argument where the issuer is no https URL, the client_id is empty, or the key file
/// is not as it must be.
[[nodiscard]] std::shared_ptr<Subscription> subscribe(SubscriptionOptions options);

/// Who remembers which proofs were used.
enum class ProofMemory : std::uint8_t {
  of_verifier,  ///< The verifier, from its construction on: each proof is taken once.
  of_caller,    ///< The caller, by VerifiedToken's proof_jti and proof_iat; the verifier takes a
                ///< proof again and again.
};

/// Whether proofs must bear a nonce of this verifier's (RFC 9449 §9).
enum class ProofNonces : std::uint8_t {
  never,        ///< None is asked for; one that comes is looked at by nobody.
  when_unsure,  ///< Where it cannot be known whether a proof was used: `proof_nonce_required` takes
                ///< the place of `proof_before_start`. Whoever makes it again at once is let in.
  always,  ///< Nonces are good at the verifier that gave them alone: for replicas that share no
           ///< memory, each reached by its own clients.
};

struct VerifierOptions {
  /// `expected_issuer` as in the token's `iss`, `own_audience` as in its `aud`: both compare octet
  /// by octet.
  VerifierOptions(std::string expected_issuer, std::string own_audience)
      : issuer(std::move(expected_issuer)), audience(std::move(own_audience)) {}

  std::string issuer;
  std::string audience;
  std::chrono::seconds skew{
      30};  ///< How far our clock and the issuer's may be apart: exp, nbf, iat.
  std::chrono::seconds proof_past{30};   ///< How old a proof may be.
  std::chrono::seconds proof_future{5};  ///< How far a device's clock may run ahead of ours.
  /// Audiences that are taken beside `audience`: the token must name at least one of them all, and
  /// VerifiedToken::audiences tells which.
  std::vector<std::string> further_audiences;
  ProofMemory proof_memory = ProofMemory::of_verifier;
  ProofNonces proof_nonces = ProofNonces::never;
  /// How many proofs are remembered at most; some 100 octets each, while in use. When the memory is
  /// full the oldest second of it is given up, and older proofs are refused from then on.
  std::size_t proofs_remembered = 1U << 20U;
  /// How many checked tokens are remembered at most, some 2 KiB each: such a token costs no second
  /// check of its signature while its key is published. 0: none is.
  std::size_t tokens_remembered = 1U << 14U;
  /// Which `key_protection` a token must have: {"hardware"}, or any of several. Empty: all tokens,
  /// also those that say nothing of it.
  std::vector<std::string> key_protections;
  /// How long keys may be used beyond their max_age while the issuer cannot be reached.
  std::chrono::seconds keys_grace{300};
  /// The longest that keys are used without asking again, whatever max_age says.
  std::chrono::seconds keys_longest{3600};
  /// After an unknown `kid` or a failure the keys are fetched again, but not before this pause is
  /// over: strangers choose `kid`. No `max_age` is shorter than it.
  std::chrono::seconds keys_pause{5};
  /// Who knows what was revoked, such as a Subscription; may be shared by verifiers of one issuer.
  /// Null: nobody; a revoked token is taken until it expires.
  std::shared_ptr<const Revocations> revocations;
  /// The wall clock, for what tokens and proofs say of time; keys and revocations age by time since
  /// the machine's start. Empty: the system's. Called from any thread.
  std::function<std::chrono::sys_seconds()> now;
};

/// The authentication scheme that a token came under.
enum class Scheme : std::uint8_t {
  dpop,    ///< RFC 9449 §7.1
  bearer,  ///< RFC 6750 §2.1, and RFC 8705 §3 for tokens that are bound to a certificate alone.
};

/// The request that a token came with.
struct ProofContext {
  std::string_view method;  ///< "GET"
  std::string_view
      url;  ///< As the client called it: https://host/path; query and fragment are ignored.
  std::string_view proof;  ///< The one DPoP header's value; whoever finds two of them refuses the
                           ///< request. "": there was none.
  Scheme scheme = Scheme::dpop;
  /// DER of the certificate that the client showed in its TLS handshake, as whoever ended that
  /// connection tells it; "": none.
  std::string_view certificate = {};
};

/// What a good token says. Only Verifier makes one. Cheap to copy; immutable, so thread-safe. What
/// the accessors give lives as long as it, or any copy.
class VerifiedToken {
 public:
  [[nodiscard]] const std::string& subject() const;
  [[nodiscard]] const std::string& client_id() const;  ///< "" where absent.
  [[nodiscard]] const std::string& token_id() const;   ///< `jti`; never empty.
  [[nodiscard]] const std::vector<std::string>& scopes() const;
  [[nodiscard]] bool has_scope(std::string_view scope) const;
  [[nodiscard]] std::chrono::sys_seconds issued_at() const;
  [[nodiscard]] std::chrono::sys_seconds expires_at() const;
  /// Those of the verifier's audiences that the token names; at least one.
  [[nodiscard]] const std::vector<std::string>& audiences() const;
  /// RFC 7638 thumbprint of the device key that the token is bound to; "" where it is bound to a
  /// certificate alone.
  [[nodiscard]] const std::string& jkt() const;
  /// `cnf.x5t#S256`: base64url of SHA-256 over the DER of the certificate that the token is bound
  /// to (RFC 8705 §3.1); "" where it is bound to a key alone.
  [[nodiscard]] const std::string& certificate_thumbprint() const;
  /// How the key that the token is bound to is protected, by the issuer's word: "hardware" (it was
  /// attested), "session" (the attested key vouched for another, which this token is bound to),
  /// "unproven", "none" (a key of which nothing is known); "" where absent. A session key that an
  /// unprotected key vouched for is "none" here, though the token's claim says "session".
  [[nodiscard]] const std::string& key_protection() const;
  /// `attestation.format`: how the device proved itself to the issuer; "" where absent.
  [[nodiscard]] const std::string& attestation_format() const;
  /// `attestation.at`: when it did; nothing where absent.
  [[nodiscard]] const std::optional<std::chrono::sys_seconds>& attested_at() const;
  /// All claims as JSON text.
  [[nodiscard]] const std::string& claims() const;
  /// True: the sender holds every key that `cnf` names, by a proof, by a certificate or by both.
  /// False: check_without_proof; nobody showed it.
  [[nodiscard]] bool proof_checked() const { return proof_checked_; }
  /// Of the DPoP proof; nothing where there was none.
  [[nodiscard]] const std::optional<std::string>& proof_jti() const { return proof_jti_; }
  /// Meaningful where there is a proof_jti().
  [[nodiscard]] std::chrono::sys_seconds proof_iat() const { return proof_iat_; }

 private:
  friend class Verifier;
  explicit VerifiedToken(std::shared_ptr<const verify::TokenFacts> facts);
  std::shared_ptr<const verify::TokenFacts> facts_;  // Of the token alone; shared by its calls.
  bool proof_checked_ = false;
  std::optional<std::string> proof_jti_;
  std::chrono::sys_seconds proof_iat_{};
};

/// Checks access tokens of one issuer for one audience. Thread-safe; it starts no thread, and
/// nothing happens between calls. The one call that finds the keys missing or out of date asks the
/// key source and waits for it; those beside it go on with the keys that are there, and are told
/// `keys_unavailable` where theirs is not among them. Only while there are none at all do they wait
/// too.
class Verifier {
 public:
  /// Throws std::invalid_argument where the issuer or the audience is empty, a span negative,
  /// `keys` null, or the skew more than an hour where there are revocations: they are forgotten
  /// then.
  Verifier(VerifierOptions options, std::unique_ptr<KeySource> keys);
  ~Verifier();
  Verifier(Verifier&&) noexcept;
  Verifier& operator=(Verifier&&) noexcept;

  /// The token and its proof of possession: the DPoP proof where `cnf` has `jkt`, the certificate
  /// where it has `x5t#S256`, both where it has both.
  [[nodiscard]] tl::expected<VerifiedToken, Refused> check(std::string_view token,
                                                           const ProofContext& context) const;

  /// A nonce for the DPoP-Nonce header of an answer (RFC 9449 §8.2, §9), good for some minutes at
  /// this verifier alone. Cheap; any number of them is given.
  [[nodiscard]] std::string fresh_nonce() const;

  /// Signature and claims alone: whoever copied the token passes. For what is no request, such as
  /// looking at a token.
  [[nodiscard]] tl::expected<VerifiedToken, Refused> check_without_proof(
      std::string_view token) const;

  /// How many are remembered now, for figures: at most VerifierOptions' tokens_remembered and
  /// proofs_remembered. Some microseconds: every shard's lock is taken once.
  [[nodiscard]] std::size_t tokens_remembered() const;
  [[nodiscard]] std::size_t proofs_remembered() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace v0_1_0
}  // namespace mintmark
