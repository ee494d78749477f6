#include "gate/settings.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/json.h"
#include "config/directory.h"
#include "config/issuer_url.h"
#include "config/networks.h"
#include "config/reader.h"
#include "gate/settings_rules.h"

namespace mintmark::gate {
namespace {

using config::ObjectReader;

bool is_ip_address(const std::string& text) {
  std::array<std::uint8_t, sizeof(in6_addr)> octets{};
  return inet_pton(AF_INET, text.c_str(), octets.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), octets.data()) == 1;
}

Address read_address(ObjectReader& one) {
  Address read;
  read.address = one.text("address");
  read.port = static_cast<std::uint16_t>(one.integer("port", 1, 65535));
  if (!one.failed() && !is_ip_address(read.address))
    one.refuse("address", R"(must be an IP address, such as "127.0.0.1" or "::1")");
  return read;
}

bool is_instance(const std::string& name) {
  return name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

void read_issuer(ObjectReader& root, const config::Directory& directory, Settings& settings) {
  settings.issuer = root.text("issuer");
  settings.ca = directory.resolve(root.text("ca", ""));
  settings.instance = root.text("instance", "");
  if (root.failed()) return;
  const std::string wrong = config::wrong_with_issuer(settings.issuer);
  if (!wrong.empty()) root.refuse("issuer", wrong);
  if (!is_instance(settings.instance))
    root.refuse("instance", "must be 1 to 64 letters, digits, '.', '_' and '-'");
}

// Without a word of it tokens that were revoked would pass, and nobody would have said so.
void read_revocation(ObjectReader& root, const config::Directory& directory, Settings& settings) {
  constexpr const char* right =
      R"(must be {"client": {"id": …, "key": FILE}}, so that revoked tokens are refused at once, )"
      R"(or {"none": true}: they pass until they expire)";
  bool none = false;
  root.object("revocation", false, [&](ObjectReader& revocation) {
    none = revocation.boolean("none", false);
    revocation.object("client", false, [&](ObjectReader& client) {
      settings.subscriber =
          SubscriberSettings{client.text("id"), directory.resolve(client.text("key"))};
    });
  });
  if (!root.failed() && none == settings.subscriber.has_value()) root.refuse("revocation", right);
}

unsigned read_mode(ObjectReader& one) {
  const std::string text = one.text("mode", "0660");
  const bool octal =
      text.size() == 4 && text[0] == '0' &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '7'; });
  if (octal) return static_cast<unsigned>(std::stoul(text, nullptr, 8));
  one.refuse("mode", R"(must be permissions as four octal digits: "0660")");
  return 0660;
}

// A socket of this machine's filesystem, whose other end the kernel names.
void read_socket(ObjectReader& one, const config::Directory& directory, ListenerSettings& read) {
  for (const char* key :
       {"address", "port", "tls", "plain_http_behind_trusted_proxy", "trusted_networks"}) {
    if (one.has(key)) one.refuse(key, R"(must not stand beside "socket")");
  }
  read.socket = directory.resolve(one.text("socket"));
  read.mode = read_mode(one);
  read.trusted_users = one.texts("trusted_users");
  if (read.socket.size() >= sizeof(sockaddr_un::sun_path))
    one.refuse("socket", "is too long as an absolute path; the system takes at most 107 octets");
  if (!one.failed() && read.trusted_users.empty())
    one.refuse("trusted_users", "must name at least one user: the proxy's");
}

void read_tcp(ObjectReader& one, const config::Directory& directory, ListenerSettings& read) {
  for (const char* key : {"mode", "trusted_users"}) {
    if (one.has(key)) one.refuse(key, R"(speaks of a "socket", and there is none)");
  }
  read.address = read_address(one);
  read.door.peers.networks =
      config::networks_in(one, "trusted_networks", one.texts("trusted_networks"));
  one.object("tls", false, [&](ObjectReader& tls) {
    read.tls =
        TlsFiles{directory.resolve(tls.text("certificate")), directory.resolve(tls.text("key"))};
  });
  const bool plain = one.boolean("plain_http_behind_trusted_proxy", false);
  if (one.failed() || plain != read.tls.has_value()) return;
  one.refuse_here(plain ? R"(must not have both "tls" and "plain_http_behind_trusted_proxy": true)"
                        : R"(must have "tls", or "plain_http_behind_trusted_proxy": true where )"
                          R"(nobody but the proxy can reach or overhear it)");
}

void ask_for_the_others(ObjectReader& one) {
  for (const char* key : {"address", "mode", "socket"}) (void)one.text(key, "");
  (void)one.integer("port", 1, 65535, 1);
  (void)one.texts("trusted_users", std::vector<std::string>());
  (void)one.texts("trusted_networks", std::vector<std::string>());
  (void)one.boolean("plain_http_behind_trusted_proxy", false);
  if (!one.has("tls")) one.object("tls", false, [](ObjectReader&) {});
}

void read_door(ObjectReader& one, ListenerSettings& read) {
  const std::string dialect = one.choice("dialect", {"nginx", "caddy", "traefik", "envoy"});
  read.door.dialect = dialect == "nginx"     ? Dialect::nginx
                      : dialect == "caddy"   ? Dialect::caddy
                      : dialect == "traefik" ? Dialect::traefik
                                             : Dialect::envoy;
  read.door.path_prefix = one.text("path_prefix", "");
  const std::string from =
      one.choice("client_certificate", {"none", "Client-Cert", "nginx", "tls"}, "none");
  read.door.certificate = from == "Client-Cert" ? CertificateFrom::client_cert
                          : from == "nginx"     ? CertificateFrom::nginx
                          : from == "tls"       ? CertificateFrom::tls
                                                : CertificateFrom::none;
  if (one.failed()) return;
  const std::string& prefix = read.door.path_prefix;
  if (!prefix.empty() && (dialect != "envoy" || prefix[0] != '/' || prefix.back() == '/'))
    one.refuse("path_prefix",
               R"(must be what Envoy's http_service has as its path_prefix: "/check")");
  const char* const teller = from == "Client-Cert" ? "caddy" : from == "nginx" ? "nginx" : nullptr;
  if (teller != nullptr && dialect != teller)
    one.refuse("client_certificate",
               "is told by the proxy itself only where \"Client-Cert\" goes with the dialect "
               "\"caddy\", and \"nginx\" with \"nginx\"; elsewhere clients could send it");
  if (from == "tls" && !read.tls)
    one.refuse("client_certificate", R"(can be "tls" only where "tls" stands)");
}

void read_listeners(ObjectReader& root, const config::Directory& directory, Settings& settings) {
  root.objects("listen", true, [&](ObjectReader& one) {
    ListenerSettings read;
    ask_for_the_others(one);
    if (one.has("socket"))
      read_socket(one, directory, read);
    else
      read_tcp(one, directory, read);
    read_door(one, read);
    settings.listeners.push_back(std::move(read));
  });
  if (!root.failed() && settings.listeners.empty())
    root.refuse("listen", "must name at least one listener: the one that the proxy asks");
}

void read_memory(ObjectReader& root, Settings& settings) {
  root.object("memory", false, [&](ObjectReader& memory) {
    settings.proofs_remembered = static_cast<std::size_t>(
        memory.integer("proofs", 1024, 100'000'000, std::int64_t{1} << 20));
    settings.tokens_remembered =
        static_cast<std::size_t>(memory.integer("tokens", 0, 10'000'000, std::int64_t{1} << 14));
  });
  root.object("keys", false, [&](ObjectReader& keys) {
    settings.keys_grace = std::chrono::seconds(keys.integer("grace_seconds", 0, 86'400, 300));
    settings.keys_longest = std::chrono::seconds(keys.integer("longest_seconds", 5, 86'400, 3600));
  });
}

void read_running(ObjectReader& root, Settings& settings) {
  const std::string nonces =
      root.choice("nonces", {"never", "when_unsure", "always"}, "when_unsure");
  settings.nonces = nonces == "never"    ? ProofNonces::never
                    : nonces == "always" ? ProofNonces::always
                                         : ProofNonces::when_unsure;
  root.object("metrics", false,
              [&](ObjectReader& metrics) { settings.metrics = read_address(metrics); });
  settings.threads = static_cast<unsigned>(root.integer("threads", 0, 256, 0));
  root.object("log", false, [&](ObjectReader& log) {
    settings.log_level = log.choice("level", {"debug", "info", "warning", "error"}, "info");
  });
}

std::string text_of_the_fixed(const Json& document) {
  std::string text;
  for (const char* key : {"issuer", "ca", "instance", "revocation", "listen", "memory", "keys",
                          "metrics", "threads"}) {
    if (document.contains(key)) text += std::string(key) + document[key].dump();
  }
  return text;
}

}  // namespace

Result<Settings> parse_settings(const std::string& file, std::string_view text) {
  auto document = parse_json_document(file, text);
  if (!document) return pass_on(document);
  const config::Directory directory(file);
  ObjectReader root(*document, Code::config_invalid);
  Settings settings;
  read_issuer(root, directory, settings);
  read_revocation(root, directory, settings);
  read_listeners(root, directory, settings);
  settings.services = read_services(root);
  read_memory(root, settings);
  read_running(root, settings);
  if (auto read = root.finish(); !read) return pass_on(read);
  settings.fixed = text_of_the_fixed(document->value);
  return settings;
}

Result<Settings> load_settings(const std::string& file) {
  const auto text = read_file(file, 4U << 20U);
  if (!text) return fail(Code::config_unreadable, text.error().detail);
  return parse_settings(file, *text);
}

}  // namespace mintmark::gate
