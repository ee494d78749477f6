// A configuration that is good in every member; tests break one thing each.
#pragma once

#include <string>

#include "config/config.h"

namespace mintmark::config::test {

inline const std::string sample = R"({
  // Who we are.
  "issuer": "https://localhost:8443",
  "listen": [{"address": "127.0.0.1", "port": 8443}],
  "tls": {"certificate": "tls/server.pem", "key": "tls/server.key"},
  "plain_http_behind_trusted_proxy": false,
  "admin": {"socket": "admin.sock", "read_group": "mintmark-read", "operate_group": "mintmark-operate"},
  "users": {"front": "mintmark-front", "signer": "mintmark-signer"},
  "state_directory": "state",
  "hsm": {
    "self_check": "sampled",
    "stores": {
      "main": {
        "profile": "softhsm",
        "module": "/usr/lib/softhsm/libsofthsm2.so",
        "token": "mintmark",
        "pin": {"file": "pin"},
        "sessions": 3,
        "queue": 512,
        "call_deadline_ms": 1500,
        "start_up_ms": 9000,
        "key_change_ms": 15000,
        "session_copies": "off",
        "sandbox": {"network": "none", "seccomp": true},
        "attestation": {"kind": "yubihsm-attestation", "directory": "attestations"},
        "environment": {"SOFTHSM2_CONF": "softhsm2.conf"}
      }
    }
  },
  "tokens": {
    "longest_life_seconds": 200,
    "challenges": "required",
    "algorithm": "PS256",
    "algorithm_by_audience": {"https://legacy.example": "RS256"}
  },
  "keys": {
    "rotation_seconds": 604800,
    "rotation_seconds_by_purpose": {"access_token": 864000, "client_attestation": 1209600, "result": 2419200, "status_list": 864000, "event": 864000},
    "max_age_seconds": 0,
    "generate": false,
    "acknowledge": {"verifiers": ["gate-1", "api.v2_b"], "deadline_seconds": 7200, "forget_seconds": 9000},
    "evidence": {"activations_per_minute": 30}
  },
  "mutual_tls": {"self_signed": true, "authorities": ["devices-ca.pem"]},
  "results": {"enabled": true, "life_seconds": 120},
  "enrolment": {
    "mode": "open",
    "freshness_seconds": 3600,
    "new_per_root_per_hour": 50,
    "pending": {"per_root": 20, "per_address": 2, "keep_seconds": 600},
    "tpm2": {
      "ek_kind": "ecc",
      "ek_kind_by_root": {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": "rsa"},
      "roots": "ek-roots",
      "unknown_roots": "refuse",
      "ak_roots": [{"path": "ak-roots", "rule": "review"}],
      "intermediates": "ek-intermediates",
      "crls": "crls",
      "crls_required": false,
      "pcr_bank": "sha256",
      "pcrs": [7, 0, 1]
    },
    "x509": {
      "roots": "makers",
      "unknown_roots": "review",
      "intermediates": "makers-intermediates",
      "crls": "makers-crls",
      "crls_required": false
    },
    "android-key": {
      "roots": [{"path": "google", "rule": "trust"}],
      "unknown_roots": "refuse",
      "intermediates": "google-intermediates",
      "crls": "google-crls",
      "crls_required": false,
      "software_roots": [{"path": "emulators", "rule": "review"}],
      "revocation_list": "status.json"
    },
    "webauthn": {
      "roots": "authenticators",
      "unknown_roots": "refuse",
      "intermediates": "authenticators-intermediates",
      "crls": "authenticators-crls",
      "crls_required": false,
      "rp_ids": ["example.org"],
      "origins": ["https://login.example.org"],
      "sha1": true,
      "self_attestation": true,
      "revocation_list": "webauthn-status.json",
      "mds": {"blob": "blob.jwt", "roots": [{"path": "fido", "rule": "trust"}], "required": true}
    },
    "apple-appattest": {
      "roots": "apple.pem",
      "unknown_roots": "refuse",
      "intermediates": "apple-intermediates",
      "crls": "apple-crls",
      "crls_required": false,
      "root_sha256": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
      "app_ids": ["ABCDEFGHIJ.org.example.app"],
      "development": true
    },
    "nitro": {
      "roots": "aws.pem",
      "unknown_roots": "refuse",
      "intermediates": "aws-intermediates",
      "crls": "aws-crls",
      "crls_required": false
    },
    "sev-snp": {
      "roots": "amd",
      "unknown_roots": "refuse",
      "intermediates": "amd-intermediates",
      "crls": "amd-crls",
      "crls_required": false
    },
    "tdx": {
      "roots": "intel.pem",
      "unknown_roots": "refuse",
      "intermediates": "intel-intermediates",
      "crls": "intel-crls",
      "crls_required": false,
      "collateral": "pcs",
      "collateral_required": false
    },
    "eat": {
      "keys": "verifier-keys.json",
      "issuers": ["https://verifier.example"],
      "audience": "https://localhost:8443",
      "warning": true
    }
  },
  "policy": "policy.json",
  "revocation": {
    "bound_seconds": 5,
    "status_bits": 1,
    "list_entries": 65536,
    "list_ttl_seconds": 1,
    "list_life_seconds": 86400,
    "subscribers": 100,
    "keep_issued_seconds": 86400
  },
  "shared_signals": {"enabled": true, "push_networks": ["10.0.0.0/8"], "push_ca": "receivers.pem"},
  "rate_limits": {"tokens_per_device_per_minute": 60, "requests_per_service_per_minute": 6000, "tokens_per_address_per_minute": 600},
  "log": {"level": "warning"},
  "front": {"threads": 4},
  "metrics": {"address": "127.0.0.1", "port": 9464},
  "http": {
    "request_line_octets": 9000,
    "header_octets": 20000,
    "header_fields": 60,
    "body_octets": 100000,
    "evidence_octets": 1000000,
    "evidence_at_once": 7,
    "handshake_ms": 5000,
    "header_ms": 6000,
    "body_ms": 7000,
    "idle_ms": 30000,
    "write_ms": 8000,
    "connections": 500,
    "connections_per_address": 50,
    "handshake_threads": 3,
    "handshakes_waiting": 100
  }
}
)";

/// The text with the first `from` replaced; throws if it is not there, so that no test breaks
/// nothing.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace mintmark::config::test
