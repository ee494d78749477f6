// mintd's configuration, checked: whoever holds a Config may rely on it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/network.h"

namespace mintmark::config {

struct Listen {
  std::string address;
  std::uint16_t port = 0;
};

/// Exactly one of `key` and `key_store` says where the private key is.
struct Tls {
  std::string certificate;  ///< PEM chain, leaf first.
  std::string key;          ///< PEM file; "": it lives in a key store.
  std::string key_store;    ///< Name of the store; there the certificate's public key finds it.
};

/// Where the signer reads the PIN: exactly one of the three. Never argv, never the environment.
struct PinSource {
  std::string file;        ///< Read by the signer as its own user.
  std::string credential;  ///< Name below $CREDENTIALS_DIRECTORY (systemd).
  std::optional<int> fd;   ///< Inherited by mintd and handed to the signer.
};

/// Which of a store's signatures are verified before they leave its signer.
enum class SelfCheck { always, sampled };

/// What the module's process may reach.
struct Sandbox {
  /// The host's network. Without it: sockets of this machine's filesystem (AF_UNIX) alone.
  bool network = true;
  /// Only the system calls of src/programs/mintd/call_filter.h.
  bool seccomp = false;
};

/// Files of who approves boot states, and of the states he approved.
struct BootPolicyFiles {
  std::string authority;
  std::string approved;
};

/// Keys in a TPM 2.0, without a PKCS#11 module.
struct TpmStore {
  std::string tcti;   ///< As tss2-tctildr takes it: "device:/dev/tpmrm0".
  std::string blobs;  ///< The signer's own directory; default: signer-NAME in state_directory.
  std::string owner;  ///< File with the owner hierarchy's authorisation; "": it is empty.
  std::optional<BootPolicyFiles> boot;  ///< What new keys demand; none: any state will do.
};

/// Statements of a vendor about keys, which an operator fetched from the hardware himself.
struct VendorAttestation {
  std::string kind;       ///< Of attest/vendor/vendor.h: "yubihsm-attestation".
  std::string directory;  ///< KID.pem: the key's certificate, then those of its chain.
};

/// Either `module` and `token` or `tpm` says where the keys are.
struct HsmStore {
  std::string name;
  std::string profile;  ///< Of config/profiles.h, where the defaults came from; "": none.
  std::string module;   ///< Path of the PKCS#11 module.
  std::string token;    ///< Label, or PKCS#11 URI (RFC 7512).
  std::optional<TpmStore> tpm;
  PinSource pin;
  unsigned sessions = 2;  ///< That sign at once.
  unsigned queue = 1024;  ///< Calls that may wait.
  std::chrono::milliseconds call_deadline{2000};
  std::chrono::milliseconds start_up{30'000};    ///< Loading the module, logging in.
  std::chrono::milliseconds key_change{60'000};  ///< Making a key or ending one.
  SelfCheck self_check = SelfCheck::always;      ///< "hsm": {"self_check": …}, for all stores.
  /// Sign with copies of the keys that live as long as a session, where the module makes them as
  /// strict as the keys.
  bool session_copies = true;
  Sandbox sandbox;  ///< The default is for modules that nobody has tried: they get what they ask.
  /// What the module needs, e.g. SOFTHSM2_CONF. Values are passed on as they stand: a path in one
  /// is not resolved.
  std::map<std::string, std::string> environment;
  std::optional<VendorAttestation> attestation;
};

enum class EkKind { rsa, ecc };

/// What becomes of a device that an authority vouches for.
enum class RootRule { trust, review, refuse };

struct RootSource {
  std::string path;  ///< Directory or bundle of PEM/DER certificates.
  RootRule rule = RootRule::trust;
};

/// Where certificates of authorities are.
struct TrustFiles {
  std::vector<RootSource> roots;  ///< At least one.
  bool review_unknown = false;    ///< A device of an unknown authority waits for a person.
  std::string intermediates;      ///< Directory or bundle; may be "".
  std::string crls;               ///< Likewise.
  bool crls_required = false;
};

struct Tpm2Enrolment {
  bool taken = false;                ///< false: no TPM enrols here, and nothing below counts.
  TrustFiles trust;                  ///< Of EKs.
  std::vector<RootSource> ak_roots;  ///< Of AKs' certificates; empty: none is taken.
  EkKind ek_kind = EkKind::rsa;
  std::map<std::string, EkKind> ek_kind_by_root;  ///< Lower-case hex SHA-256 of the root.
  std::string pcr_bank = "sha256";
  std::vector<unsigned> pcrs{0, 1, 2, 3, 4, 5, 6, 7};
};

struct X509Enrolment {
  TrustFiles trust;
};

struct AndroidKeyEnrolment {
  TrustFiles trust;
  std::vector<RootSource> software_roots;  ///< Empty: no key of a software keystore is taken.
  std::string revocation_list;             ///< A file; "": none is looked at.
};

struct WebAuthnEnrolment {
  TrustFiles trust;
  std::vector<std::string> rp_ids;   ///< At least one.
  std::vector<std::string> origins;  ///< At least one.
  bool sha1 = false;
  bool self_attestation = false;
  std::string mds;                    ///< A file; "": none.
  std::vector<RootSource> mds_roots;  ///< At least one where there is a file.
  bool mds_required = false;
  std::string revocation_list;  ///< Google's, of `android-key`; a file; "": none is looked at.
};

struct AppleAppAttestEnrolment {
  TrustFiles trust;
  std::string root_sha256;           ///< Lower-case hexadecimal; "": Apple's own.
  std::vector<std::string> app_ids;  ///< At least one.
  bool development = false;
};

struct NitroEnrolment {
  TrustFiles trust;
};

struct SevSnpEnrolment {
  TrustFiles trust;
};

struct TdxEnrolment {
  TrustFiles trust;
  std::string collateral;  ///< A directory; "": not evaluated.
  bool collateral_required = false;
};

struct EatEnrolment {
  std::string keys;  ///< A file with a JWK set.
  std::vector<std::string> issuers;
  std::string audience;
  bool warning = false;
};

/// What is taken beside TPMs.
struct Formats {
  std::optional<X509Enrolment> x509;
  std::optional<AndroidKeyEnrolment> android_key;
  std::optional<WebAuthnEnrolment> webauthn;
  std::optional<AppleAppAttestEnrolment> apple_appattest;
  std::optional<NitroEnrolment> nitro;
  std::optional<SevSnpEnrolment> sev_snp;
  std::optional<TdxEnrolment> tdx;
  std::optional<EatEnrolment> eat;
};

/// How many devices may wait for approval at once, and how long.
struct PendingDevices {
  unsigned per_root = 1000;
  unsigned per_address = 16;
  std::chrono::seconds keep{std::chrono::hours(72)};
};

enum class EnrolmentMode { approve, open, listed };

struct Enrolment {
  EnrolmentMode mode = EnrolmentMode::approve;
  PendingDevices pending;
  unsigned new_per_root_per_hour = 1000;  ///< Where no person lets them in (mode open).
  std::chrono::seconds freshness{86400};
  Tpm2Enrolment tpm2;
  Formats formats;
};

/// Who may use the admin socket beside root and mintd's own user; "": nobody.
struct Admin {
  std::string socket;
  std::string read_group;     ///< May look.
  std::string operate_group;  ///< May do all.
};

/// What a stranger may send, and how long it may take; beyond is refused by name.
struct HttpLimits {
  std::size_t request_line_octets = 8U << 10U;
  std::size_t header_octets = 32U << 10U;
  std::size_t header_fields = 100;
  std::size_t body_octets = 128U << 10U;
  std::size_t evidence_octets = 4U << 20U;  ///< Of a body that carries logs of a boot.
  std::size_t evidence_at_once = 32;        ///< Such bodies that may be read at once.
  std::chrono::milliseconds handshake{10'000};
  std::chrono::milliseconds header{10'000};
  std::chrono::milliseconds body{15'000};
  std::chrono::milliseconds idle{60'000};
  std::chrono::milliseconds write{15'000};
  std::size_t connections = 4096;  ///< Open at once.
  /// Of them, those of one address; 0: as many as come.
  std::size_t connections_per_address = 0;
  // Where the TLS key lives in a key store:
  unsigned handshake_threads = 4;        ///< Handshakes that may wait for the store at once.
  std::size_t handshakes_waiting = 256;  ///< Handshakes that may wait for one of those. Beyond:
                                         ///< closed.
};

/// Names of RFC 7518 and RFC 9864: "ES256", "ES384", "RS256", "PS256", "Ed25519".
struct TokenAlgorithms {
  std::string usual = "ES256";
  std::map<std::string, std::string> by_audience;  ///< Where another one signs.
};

/// The verifiers that say which keys they hold: whether a new key's activation may wait for them.
struct Acknowledge {
  std::vector<std::string> verifiers;  ///< Instance ids; none: nothing is waited for.
  /// How much later than without them a key is activated at most.
  std::chrono::seconds deadline{3600};
  /// One that was silent for so long is not waited for.
  std::chrono::seconds forget{86400};
};

/// What strangers may ask about where keys live.
struct Evidence {
  /// Credentials that TPMs open for them, of all addresses together; half of it, but at least one,
  /// for one address.
  unsigned activations_per_minute = 6;
};

/// Our verdict on a device as an EAT: docs/attestation/results.md.
struct Results {
  bool enabled = false;  ///< A key more in the key stores, for this purpose alone.
  std::chrono::seconds life{300};
};

/// Clients that authenticate by a certificate (RFC 8705). By default none.
struct MutualTls {
  bool self_signed = false;
  std::vector<std::string> authorities;  ///< PEM files.
  std::string certificate_header;        ///< Of the trusted proxy; "": TLS is ours.
  /// The proxy's: from nobody else is the header believed. Empty where TLS is ours alone.
  std::vector<Network> trusted_networks;

  [[nodiscard]] bool is_on() const { return self_signed || !authorities.empty(); }
};

/// What was revoked, and how services hear of it: docs/revocation.md.
struct Revocation {
  /// What a service that hears nothing more trusts no longer than this after the last frontier.
  std::chrono::seconds bound{10};
  std::chrono::seconds list_life{300};    ///< `exp` of a status list token after its `iat`.
  std::chrono::seconds list_ttl{60};      ///< Its `ttl`: how long it may be kept.
  std::chrono::seconds event_life{3600};  ///< How long at most a frontier or an event is good.
  unsigned status_bits = 1;               ///< 1 or 2, of an entry.
  std::uint32_t list_entries = 1U << 20U;
  unsigned subscribers = 1024;  ///< Of GET /events, at once.
  /// How long the issuance log keeps what has ended.
  std::chrono::seconds keep_issued{std::chrono::hours(30 * 24)};
};

/// Security events to services (OpenID Shared Signals Framework 1.0): docs/shared-signals.md.
struct SharedSignals {
  bool enabled = false;
  /// Where events may be pushed to beside public addresses; none: nowhere.
  std::vector<Network> push_networks;
  std::string push_ca;  ///< PEM of the roots that receivers are trusted by; "": the system's.
};

/// How often somebody may ask; 0: as often as he likes.
struct RateLimits {
  unsigned per_device_per_minute = 0;
  unsigned per_service_per_minute = 0;
  unsigned per_address_per_minute = 0;
  bool operator==(const RateLimits&) const = default;
};

/// How signing keys live: docs/operations.md, "Keys".
struct Keys {
  std::chrono::seconds rotation{std::chrono::hours(30 * 24)};  ///< How long a key signs.
  std::map<std::string, std::chrono::seconds> rotation_by_purpose;
  std::chrono::seconds max_age{300};  ///< How long verifiers may keep the JWK set.
  bool generate = true;               ///< False: keys come from a ceremony, and are adopted.
  Acknowledge acknowledge;
  Evidence evidence;
};

struct Config {
  std::string issuer;  ///< https URL without query, fragment or trailing slash.
  std::vector<Listen> listen;
  std::optional<Tls> tls;         ///< Absent only with trusted_proxy.
  bool trusted_proxy = false;     ///< "plain_http_behind_trusted_proxy": true
  std::optional<Listen> metrics;  ///< Where /metrics is served, as plain HTTP.
  HttpLimits http;
  Admin admin;
  std::string front_user;  ///< "": as mintd itself. Used only when started as root.
  std::string signer_user;
  std::string state_directory;
  std::vector<HsmStore> stores;  ///< At least one.
  std::chrono::seconds longest_token_life{300};
  TokenAlgorithms token_algorithms;
  bool challenges_required = false;  ///< "tokens": {"challenges": "required"}
  MutualTls mutual_tls;
  Keys keys;
  Results results;
  Revocation revocation;
  RateLimits rate_limits;
  SharedSignals shared_signals;
  Enrolment enrolment;
  std::string policy_file;
  std::string log_level = "info";
  unsigned front_threads = 0;  ///< 0: one a core.
};

/// Reads, checks, resolves relative paths against the file's directory. A bad file is
/// `config_invalid`: FILE:LINE, the key, what would be right.
[[nodiscard]] Result<Config> load(const std::string& file);
/// As load, of a text already read (the keeper hands its children exactly what it read itself).
[[nodiscard]] Result<Config> parse(const std::string& file, std::string_view text);

}  // namespace mintmark::config
