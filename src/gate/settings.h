// The gate's configuration, checked: docs/mint-gate.schema.json.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gate/gate.h"
#include "gate/original.h"
#include "gate/services.h"

namespace mintmark::gate {

struct Address {
  std::string address;
  std::uint16_t port = 0;
};

struct TlsFiles {
  std::string certificate;  ///< PEM chain, leaf first.
  std::string key;          ///< PEM.
};

/// Either `address` or `socket`.
struct ListenerSettings {
  std::optional<Address> address;
  std::string socket;  ///< Path of a unix socket; "": none.
  unsigned mode = 0660;
  std::optional<TlsFiles> tls;
  std::vector<std::string> trusted_users;  ///< Names, not looked up.
  Door door;  ///< Without peers.users, which whoever opens the listener looks up.
};

/// Who this gate is to the issuer, which tells it what was revoked.
struct SubscriberSettings {
  std::string client_id;
  std::string key;  ///< PEM.
};

struct Settings {
  std::string issuer;
  std::string ca;        ///< PEM of the roots for the issuer's TLS; "": the system's.
  std::string instance;  ///< For published_keys; "": nothing is told.
  /// Nothing: the operator said by name that revoked tokens pass until they expire.
  std::optional<SubscriberSettings> subscriber;
  std::vector<ListenerSettings> listeners;
  Services services;
  ProofNonces nonces = ProofNonces::when_unsure;
  std::size_t proofs_remembered = 1U << 20U;
  std::size_t tokens_remembered = 1U << 14U;
  std::chrono::seconds keys_grace{300};
  std::chrono::seconds keys_longest{3600};
  std::optional<Address> metrics;
  unsigned threads = 0;  ///< 0: one a processor, at least two.
  std::string log_level = "info";
  /// The text of all that a running gate does not change: where it differs, it must be started
  /// again.
  std::string fixed;
};

/// `config_invalid`, with FILE:LINE. Relative paths are relative to the file.
[[nodiscard]] Result<Settings> parse_settings(const std::string& file, std::string_view text);
/// Likewise; `config_unreadable`.
[[nodiscard]] Result<Settings> load_settings(const std::string& file);

}  // namespace mintmark::gate
