#include "config/config.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "config/acknowledge.h"
#include "config/directory.h"
#include "config/enrolment.h"
#include "config/issuer_url.h"
#include "config/mutual_tls.h"
#include "config/profiles.h"
#include "config/reader.h"
#include "config/results.h"
#include "config/revocation.h"

namespace mintmark::config {
namespace {

constexpr std::int64_t day = 86400;

bool is_ip_address(const std::string& text) {
  std::array<std::uint8_t, sizeof(in6_addr)> octets{};
  return inet_pton(AF_INET, text.c_str(), octets.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), octets.data()) == 1;
}

bool is_simple_name(const std::string& name, std::string_view beside_letters_and_digits) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           beside_letters_and_digits.find(c) != std::string_view::npos;
  });
}

void read_issuer(ObjectReader& root, Config& config) {
  config.issuer = root.text("issuer");
  if (root.failed()) return;
  const std::string wrong = wrong_with_issuer(config.issuer);
  if (!wrong.empty()) root.refuse("issuer", wrong);
}

Listen read_address(ObjectReader& one) {
  Listen listen;
  listen.address = one.text("address");
  listen.port = static_cast<std::uint16_t>(one.integer("port", 1, 65535));
  if (!one.failed() && !is_ip_address(listen.address)) {
    one.refuse("address", R"(must be an IP address, such as "127.0.0.1" or "::")");
  }
  return listen;
}

void read_listen(ObjectReader& root, Config& config) {
  std::set<std::pair<std::string, std::uint16_t>> seen;
  root.objects("listen", true, [&](ObjectReader& one) {
    Listen listen = read_address(one);
    if (one.failed()) return;
    if (!seen.emplace(listen.address, listen.port).second) {
      one.refuse_here("stands twice; one listener has this address and port already");
    }
    config.listen.push_back(std::move(listen));
  });
  if (!root.failed() && config.listen.empty()) {
    root.refuse("listen", R"(must name at least one {"address": …, "port": …})");
  }
}

void read_metrics(ObjectReader& root, Config& config) {
  root.object("metrics", false, [&](ObjectReader& metrics) {
    const Listen listen = read_address(metrics);
    for (const Listen& other : config.listen) {
      if (other.port == listen.port && other.address == listen.address)
        metrics.refuse("port",
                       "is one of \"listen\" already; figures have a listener of their own");
    }
    config.metrics = listen;
  });
}

void read_http(ObjectReader& root, Config& config) {
  root.object("http", false, [&](ObjectReader& http) {
    HttpLimits& limits = config.http;
    const auto size = [&](const char* key, std::int64_t least, std::int64_t most,
                          std::size_t& value) {
      value = static_cast<std::size_t>(
          http.integer(key, least, most, static_cast<std::int64_t>(value)));
    };
    const auto time = [&](const char* key, std::chrono::milliseconds& value) {
      value = std::chrono::milliseconds(http.integer(key, 100, 600'000, value.count()));
    };
    // RFC 9112 §3: at least 8000 octets of request line. The rest is what requests here need.
    size("request_line_octets", 8000, 65'536, limits.request_line_octets);
    size("header_octets", 16'384, 262'144, limits.header_octets);
    size("header_fields", 32, 1000, limits.header_fields);
    size("body_octets", 32'768, 1'048'576, limits.body_octets);
    size("evidence_octets", 131'072, 33'554'432, limits.evidence_octets);
    size("evidence_at_once", 1, 1024, limits.evidence_at_once);
    time("handshake_ms", limits.handshake);
    time("header_ms", limits.header);
    time("body_ms", limits.body);
    time("idle_ms", limits.idle);
    time("write_ms", limits.write);
    size("connections", 1, 1'000'000, limits.connections);
    size("connections_per_address", 0, 1'000'000, limits.connections_per_address);
    limits.handshake_threads =
        static_cast<unsigned>(http.integer("handshake_threads", 1, 64, limits.handshake_threads));
    size("handshakes_waiting", 1, 65'536, limits.handshakes_waiting);
  });
}

void read_tls(ObjectReader& root, const Directory& directory, Config& config) {
  root.object("tls", false, [&](ObjectReader& tls) {
    config.tls = Tls{directory.resolve(tls.text("certificate")),
                     directory.resolve(tls.text("key", "")), tls.text("key_store", "")};
    if (tls.has("key") == tls.has("key_store")) {
      tls.refuse_here(
          R"(must say where the private key is, by one of "key": FILE and "key_store": NAME)");
    }
  });
  config.trusted_proxy = root.boolean("plain_http_behind_trusted_proxy", false);
  if (root.failed()) return;
  if (!config.tls && !config.trusted_proxy) {
    root.refuse("tls", R"(is missing; it must be {"certificate": FILE, "key": FILE}, or )"
                       R"("plain_http_behind_trusted_proxy": true must say that a proxy ends TLS)");
  }
  if (config.tls && config.trusted_proxy) {
    root.refuse("plain_http_behind_trusted_proxy",
                R"(must not be true where "tls" is given; keep one of the two)");
  }
}

void check_tls_store(ObjectReader& root, const Config& config) {
  if (root.failed() || !config.tls || config.tls->key_store.empty()) return;
  const bool known =
      std::any_of(config.stores.begin(), config.stores.end(),
                  [&](const HsmStore& store) { return store.name == config.tls->key_store; });
  if (!known) root.refuse("tls", R"(has a "key_store" that is none of "hsm.stores")");
}

void read_admin(ObjectReader& root, const Directory& directory, Config& config) {
  root.object("admin", true, [&](ObjectReader& admin) {
    config.admin.socket = directory.resolve(admin.text("socket"));
    config.admin.read_group = admin.text("read_group", "");
    config.admin.operate_group = admin.text("operate_group", "");
    constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
    if (config.admin.socket.size() > longest) {
      admin.refuse("socket", "is " + std::to_string(config.admin.socket.size()) +
                                 " octets long as an absolute path; the system takes at most " +
                                 std::to_string(longest));
    }
  });
}

void read_users(ObjectReader& root, Config& config) {
  root.object("users", false, [&](ObjectReader& users) {
    config.front_user = users.text("front", "");
    config.signer_user = users.text("signer", "");
    if (users.failed()) return;
    if (config.front_user == "root") users.refuse("front", "must not be root");
    if (config.signer_user == "root") users.refuse("signer", "must not be root");
    if (!config.front_user.empty() && config.front_user == config.signer_user) {
      users.refuse("signer", "must be another user than \"front\", who may not read the PIN");
    }
  });
}

PinSource read_pin(ObjectReader& store, const Directory& directory) {
  constexpr auto choices =
      R"({"file": PATH}, {"credential": NAME} (systemd) or {"fd": NUMBER} (inherited))";
  PinSource source;
  if (store.is_text("pin")) {
    store.refuse(
        "pin", "must not be the PIN itself; it must say where the PIN is: " + std::string(choices));
  }
  store.object("pin", true, [&](ObjectReader& pin) {
    source.file = directory.resolve(pin.text("file", ""));
    source.credential = pin.text("credential", "");
    if (pin.has("fd")) source.fd = static_cast<int>(pin.integer("fd", 0, 1 << 20));
    (void)pin.integer("fd", 0, 1 << 20, 0);
    const int given =
        (pin.has("file") ? 1 : 0) + (pin.has("credential") ? 1 : 0) + (pin.has("fd") ? 1 : 0);
    if (given != 1) pin.refuse_here("must have exactly one member: " + std::string(choices));
    if (!source.credential.empty() &&
        (source.credential.find('/') != std::string::npos || source.credential.front() == '.')) {
      pin.refuse("credential", "must be the name of a systemd credential, not a path");
    }
  });
  return source;
}

void read_environment(ObjectReader& reader, HsmStore& store) {
  reader.text_members("environment", [&](const std::string& name, const std::string& value) {
    const bool digit_first = !name.empty() && name.front() >= '0' && name.front() <= '9';
    if (digit_first || !is_simple_name(name, "_")) {
      reader.refuse("environment", "must have names of letters, digits and _ only");
    }
    store.environment[name] = value;
  });
}

// RFC 7512 lets a URI carry the PIN or the place of it; this file has one place for that.
bool is_uri_with_pin(const std::string& token) {
  return token.starts_with("pkcs11:") && (token.find("pin-value=") != std::string::npos ||
                                          token.find("pin-source=") != std::string::npos);
}

/// Its members stand in the document already, where the store had none of its own.
std::string read_profile(ObjectReader& reader) {
  std::string name = reader.text("profile", "");
  if (name.empty() || hsm_profile_named(name) != nullptr) return name;
  std::string all;
  for (const HsmProfile& profile : hsm_profiles())
    all += (all.empty() ? "\"" : " or \"") + profile.name + "\"";
  reader.refuse("profile", "must be " + all);
  return "";
}

Sandbox read_sandbox(ObjectReader& store) {
  Sandbox sandbox;
  store.object("sandbox", false, [&](ObjectReader& reader) {
    sandbox.network = reader.choice("network", {"host", "none"}, "host") == "host";
    sandbox.seccomp = reader.boolean("seccomp", false);
  });
  return sandbox;
}

TpmStore read_tpm(ObjectReader& tpm, const Directory& directory, const std::string& otherwise) {
  TpmStore read;
  read.tcti = tpm.text("tcti");
  read.blobs = directory.resolve(tpm.text("blobs", otherwise));
  tpm.object("owner", false,
             [&](ObjectReader& owner) { read.owner = directory.resolve(owner.text("file")); });
  tpm.object("boot_policy", false, [&](ObjectReader& boot) {
    read.boot = BootPolicyFiles{directory.resolve(boot.text("authority")),
                                directory.resolve(boot.text("approved"))};
  });
  return read;
}

void read_attestation(ObjectReader& reader, const Directory& directory, HsmStore& store) {
  reader.object("attestation", false, [&](ObjectReader& attestation) {
    store.attestation = VendorAttestation{attestation.choice("kind", {"yubihsm-attestation"}),
                                          directory.resolve(attestation.text("directory"))};
  });
  if (store.tpm && store.attestation)
    reader.refuse("attestation",
                  R"(must not stand beside "tpm": a TPM speaks for its keys itself)");
}

/// A token of a PKCS#11 module, or a TPM without one.
void read_hardware(ObjectReader& reader, const Directory& directory,
                   const std::string& state_directory, HsmStore& store) {
  if (!reader.has("tpm")) {
    reader.object("tpm", false, [](ObjectReader&) {});
    store.module = directory.resolve(reader.text("module"));
    store.token = reader.text("token");
    return;
  }
  for (const char* key : {"module", "token"}) {
    if (reader.has(key))
      reader.refuse(key,
                    R"(must not stand beside "tpm": keys are in a TPM or in a module's token)");
  }
  reader.object("tpm", true, [&](ObjectReader& tpm) {
    store.tpm = read_tpm(tpm, directory, state_directory + "/signer-" + store.name);
  });
}

void read_store(const std::string& name, ObjectReader& reader, const Directory& directory,
                Config& config) {
  HsmStore store;
  store.name = name;
  if (!is_simple_name(name, "-_")) {
    reader.refuse_here("must be named with letters, digits, - and _ only, at most 64");
  }
  store.profile = read_profile(reader);
  read_hardware(reader, directory, config.state_directory, store);
  if (is_uri_with_pin(store.token)) {
    reader.refuse("token", R"(must not hold a PIN or its place; "pin" says where the PIN is)");
  }
  store.pin = read_pin(reader, directory);
  store.sessions = static_cast<unsigned>(reader.integer("sessions", 1, 256, 2));
  store.queue = static_cast<unsigned>(reader.integer("queue", 1, 65536, 1024));
  store.call_deadline =
      std::chrono::milliseconds(reader.integer("call_deadline_ms", 10, 60000, 2000));
  store.start_up = std::chrono::milliseconds(reader.integer("start_up_ms", 100, 600000, 30000));
  store.key_change = std::chrono::milliseconds(reader.integer("key_change_ms", 100, 600000, 60000));
  store.session_copies = reader.choice("session_copies", {"auto", "off"}, "auto") == "auto";
  store.sandbox = read_sandbox(reader);
  read_attestation(reader, directory, store);
  read_environment(reader, store);
  config.stores.push_back(std::move(store));
}

void read_hsm(ObjectReader& root, const Directory& directory, Config& config) {
  root.object("hsm", true, [&](ObjectReader& hsm) {
    hsm.members("stores", true, [&](const std::string& name, ObjectReader& store) {
      read_store(name, store, directory, config);
    });
    const std::string check = hsm.choice("self_check", {"always", "sampled"}, "always");
    for (HsmStore& store : config.stores) {
      store.self_check = check == "sampled" ? SelfCheck::sampled : SelfCheck::always;
    }
    if (!hsm.failed() && config.stores.empty()) {
      hsm.refuse("stores", R"(must have at least one store: {"main": {"module": …, "token": …}})");
    }
  });
}

constexpr std::initializer_list<const char*> algorithms{"ES256", "ES384", "RS256", "PS256",
                                                        "Ed25519"};

void read_token_algorithms(ObjectReader& tokens, TokenAlgorithms& read) {
  read.usual = tokens.choice("algorithm", algorithms, "ES256");
  tokens.text_members("algorithm_by_audience", [&](const std::string& audience,
                                                   const std::string& name) {
    if (std::find(algorithms.begin(), algorithms.end(), name) == algorithms.end()) {
      tokens.refuse("algorithm_by_audience",
                    R"(must have "ES256", "ES384", "RS256", "PS256" or "Ed25519" for each )"
                    "audience");
    }
    if (audience.empty()) {
      tokens.refuse("algorithm_by_audience", "must have audiences as names, none of them empty");
    }
    read.by_audience[audience] = name;
  });
}

void read_tokens(ObjectReader& root, Config& config) {
  root.object("tokens", false, [&](ObjectReader& tokens) {
    config.longest_token_life =
        std::chrono::seconds(tokens.integer("longest_life_seconds", 1, day, 300));
    config.challenges_required =
        tokens.choice("challenges", {"off", "required"}, "off") == "required";
    read_token_algorithms(tokens, config.token_algorithms);
  });
}

constexpr std::int64_t longest_rotation = 3653 * day;

void read_keys(ObjectReader& root, Config& config) {
  Keys& read = config.keys;
  root.object("keys", false, [&](ObjectReader& keys) {
    read.max_age = std::chrono::seconds(keys.integer("max_age_seconds", 0, day, 300));
    // A successor is known to verifiers for twice the max-age before it signs.
    const std::int64_t least = std::max<std::int64_t>(1, 2 * read.max_age.count());
    const auto period = [&](ObjectReader& reader, const char* key, std::int64_t usual) {
      const std::int64_t seconds = reader.integer(key, 1, longest_rotation, usual);
      if (seconds < least)
        reader.refuse(
            key, "must be at least " + std::to_string(least) + R"(, twice "keys.max_age_seconds")");
      return std::chrono::seconds(seconds);
    };
    read.rotation = period(keys, "rotation_seconds", 30 * day);
    keys.object("rotation_seconds_by_purpose", false, [&](ObjectReader& purposes) {
      for (const char* purpose :
           {"access_token", "client_attestation", "result", "status_list", "event"})
        read.rotation_by_purpose[purpose] = period(purposes, purpose, read.rotation.count());
    });
    read.generate = keys.boolean("generate", true);
    read.acknowledge = read_acknowledge(keys);
    keys.object("evidence", false, [&](ObjectReader& evidence) {
      read.evidence.activations_per_minute =
          static_cast<unsigned>(evidence.integer("activations_per_minute", 0, 600, 6));
    });
  });
}

void read_log_and_front(ObjectReader& root, Config& config) {
  root.object("log", false, [&](ObjectReader& log) {
    config.log_level = log.choice("level", {"debug", "info", "warning", "error"}, "info");
  });
  root.object("front", false, [&](ObjectReader& front) {
    config.front_threads = static_cast<unsigned>(front.integer("threads", 0, 256, 0));
  });
}

}  // namespace

Result<Config> parse(const std::string& file, std::string_view text) {
  auto document = parse_json_document(file, text);
  if (!document) return pass_on(document);
  apply_hsm_profiles(document->value);
  const Directory directory(file);
  ObjectReader root(*document, Code::config_invalid);
  Config config;
  read_issuer(root, config);
  read_listen(root, config);
  read_metrics(root, config);
  read_http(root, config);
  read_tls(root, directory, config);
  config.mutual_tls = read_mutual_tls(root, directory, config.trusted_proxy);
  read_admin(root, directory, config);
  read_users(root, config);
  config.state_directory = directory.resolve(root.text("state_directory"));
  read_hsm(root, directory, config);
  check_tls_store(root, config);
  read_tokens(root, config);
  read_keys(root, config);
  config.results = read_results(root);
  config.revocation = read_revocation(root);
  config.rate_limits = read_rate_limits(root);
  config.shared_signals = read_shared_signals(root, directory);
  config.enrolment = read_enrolment(root, directory);
  config.policy_file = directory.resolve(root.text("policy"));
  read_log_and_front(root, config);
  if (auto read = root.finish(); !read) return pass_on(read);
  return config;
}

Result<Config> load(const std::string& file) {
  const auto text = read_file(file, 1U << 20U);
  if (!text) return fail(Code::config_unreadable, text.error().detail);
  return parse(file, *text);
}

}  // namespace mintmark::config
