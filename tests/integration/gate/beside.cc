#include "beside.h"

#include <signal.h>

#include <fstream>
#include <sstream>

#include "base/file.h"
#include "base/time.h"
#include "http/server.h"
#include "http/text.h"

namespace mintmark::test {
namespace {

const std::string snippets = MINTMARK_SOURCE "/provisioning/proxies";

std::uint16_t free_port() {
  const auto probe = http::listen_tcp("127.0.0.1", 0);
  if (!probe) throw std::runtime_error(probe.error().to_string());
  return http::port_of(*probe);
}

struct World {
  TemporaryDirectory directory;
  std::uint16_t for_nginx = free_port();  // The gate's.
  std::uint16_t for_caddy = free_port();
  std::uint16_t metrics = free_port();
  std::uint16_t nginx_port = free_port();
  std::uint16_t caddy_port = free_port();
  std::string upstream_port;
  std::unique_ptr<ChildProcess> upstream, gate, nginx, caddy;

  [[nodiscard]] std::string path(const std::string& name) const {
    return (directory.path() / name).string();
  }
};
std::unique_ptr<World> world;

void put(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

std::string whole(const std::string& path) { return read_file(path).value(); }

void start_upstream() {
  world->upstream = std::make_unique<ChildProcess>(
      std::vector<std::string>{MINTMARK_JUDGES "/run", "upstream.mjs"},
      world->path("upstream.log"));
  wait_until("the upstream", *world->upstream,
             [] { return world->upstream->output().find('\n') != std::string::npos; });
  world->upstream_port = world->upstream->output();
  world->upstream_port.pop_back();
}

std::string nginx_conf() {
  const std::string temporary = world->path("nginx");
  std::filesystem::create_directory(temporary);
  std::string text = "worker_processes 1;\nerror_log stderr;\npid " + temporary +
                     "/pid;\nevents {}\nhttp {\naccess_log off;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    text += std::string(kind) + "_temp_path " + temporary + ";\n";
  return text + "upstream mint_gate { server 127.0.0.1:" + std::to_string(world->for_nginx) +
         "; keepalive 8; }\nserver {\nlisten 127.0.0.1:" + std::to_string(world->nginx_port) +
         " ssl;\nserver_name localhost;\nssl_certificate " + world->path("server.pem") +
         ";\nssl_certificate_key " + world->path("server.key") +
         ";\nssl_verify_client optional_no_ca;\ninclude " + snippets +
         "/nginx/mint-gate-server.conf;\nlocation / {\ninclude " + snippets +
         "/nginx/mint-gate-location.conf;\nproxy_pass http://127.0.0.1:" + world->upstream_port +
         ";\n}\n}\n}\n";
}

void start_nginx() {
  put(world->path("nginx.conf"), nginx_conf());
  world->nginx = std::make_unique<ChildProcess>(
      std::vector<std::string>{"nginx", "-c", world->path("nginx.conf"), "-p",
                               world->directory.path().string(), "-g",
                               "daemon off; master_process off;"},
      world->path("nginx.log"));
}

void start_caddy() {
  // Without its administration and its redirects, which belong to the machine.
  put(world->path("Caddyfile"),
      "{\nadmin off\nauto_https disable_redirects\n}\n" + whole(snippets + "/Caddyfile"));
  world->caddy = std::make_unique<ChildProcess>(
      std::vector<std::string>{"caddy", "run", "--config", world->path("Caddyfile"), "--adapter",
                               "caddyfile"},
      world->path("caddy.log"),
      Environment{
          {"HOME", world->directory.path().string()},
          {"XDG_DATA_HOME", world->path("data")},
          {"XDG_CONFIG_HOME", world->path("config")},
          {"MINT_GATE", "127.0.0.1:" + std::to_string(world->for_caddy)},
          {"MINT_GATE_SITE", "https://localhost:" + std::to_string(world->caddy_port)},
          {"MINT_GATE_TLS", "tls " + world->path("server.pem") + " " + world->path("server.key")},
          {"MINT_GATE_UPSTREAM", "127.0.0.1:" + world->upstream_port}});
}

Json listener(const char* dialect, std::uint16_t port) {
  return {{"dialect", dialect},
          {"address", "127.0.0.1"},
          {"port", port},
          {"trusted_networks", {"127.0.0.1"}},
          {"plain_http_behind_trusted_proxy", true}};
}

Json rule(const char* path, const std::vector<std::string>& methods, const Json& more = {}) {
  Json made{{"path", path},
            {"methods", methods},
            {"audience", "https://api.example"},
            {"binding", "bound"}};
  if (more.is_object()) made.update(more);
  return made;
}

Answer parsed(const std::string& output) {
  Answer answer;
  std::istringstream lines(output);
  std::string line;
  std::getline(lines, line);
  const auto space = line.find(' ');
  if (space != std::string::npos)
    answer.status = static_cast<unsigned>(std::strtoul(line.c_str() + space, nullptr, 10));
  while (std::getline(lines, line) && line.size() > 1) {
    const auto colon = line.find(':');
    if (colon != std::string::npos)
      answer.headers.add(
          line.substr(0, colon),
          std::string(http::trimmed(line.substr(colon + 1, line.size() - colon - 2))));
  }
  answer.body = output.substr(std::min(static_cast<std::size_t>(lines.tellg()), output.size()));
  return answer;
}

bool answers(const std::string& url) {
  return execute({"curl", "--silent", "--insecure", "--output", "/dev/null", url}).status == 0;
}

}  // namespace

std::string Answer::header(const char* name) const {
  const std::string* value = headers.find(name);
  return value == nullptr ? "(none)" : *value;
}

void Beside::SetUpTestSuite() {
  Stack& stack = Stack::instance();
  world = std::make_unique<World>();
  for (const char* name : {"server.pem", "server.key"})
    put(world->path(name), whole(stack.directory() + "/tls/" + name));
  // Devices of an npm package have keys without hardware.
  put(stack.directory() + "/policy.json", R"({"rules": [
    {"name": "attested", "match": {"format": "tpm2", "key_protection": "hardware"},
     "grant": [{"audience": "https://api.example", "scopes": ["read", "write"]}],
     "default_audience": "https://api.example"},
    {"name": "keys", "match": {"format": "key", "key_protection": ["none", "session"]},
     "grant": [{"audience": "https://api.example", "scopes": ["read", "write"]}],
     "default_audience": "https://api.example"}]})");
  (void)stack.control({"reload"});
  start_upstream();
  write_settings(settings().dump(2));
  start_gate();
  start_nginx();
  start_caddy();
  for (const Proxy& proxy : proxies())
    await(proxy.name, [&] { return answers(proxy.origin + "/"); });
}

void Beside::TearDownTestSuite() { world.reset(); }

std::vector<Beside::Proxy> Beside::proxies() {
  return {{"nginx", "https://localhost:" + std::to_string(world->nginx_port)},
          {"Caddy", "https://localhost:" + std::to_string(world->caddy_port)}};
}

Answer Beside::call(const std::string& url, const Fields& fields, const std::string& method,
                    const std::vector<std::string>& options) const {
  std::vector<std::string> arguments{"--include", "--path-as-is", "--max-time", "20",
                                     "--request", method,         url};
  if (method == "HEAD") arguments.push_back("--head");
  for (const std::string& field : fields) {
    arguments.emplace_back("--header");
    arguments.push_back(field);
  }
  arguments.insert(arguments.end(), options.begin(), options.end());
  return parsed(stack.curl(arguments).output);
}

std::string Beside::proof(const std::string& token, const std::string& url,
                          const std::string& method) const {
  auto made = stack.agent({"proof", "--method", method, "--url", url, "--token", token});
  EXPECT_EQ(made.status, 0) << made.output;
  while (!made.output.empty() && made.output.back() == '\n') made.output.pop_back();
  return made.output;
}

Beside::Fields Beside::shown(const std::string& token, const std::string& url,
                             const std::string& method) const {
  return {"Authorization: DPoP " + token, "DPoP: " + proof(token, url, method)};
}

Json Beside::settings() {
  const Stack& stack = Stack::instance();
  Json origins = Json::array();
  for (const Proxy& proxy : proxies()) origins.push_back(proxy.origin);
  return {{"issuer", stack["MINT_ISSUER"]},
          {"ca", stack["MINT_CA"]},
          {"listen", {listener("nginx", world->for_nginx), listener("caddy", world->for_caddy)}},
          {"services",
           {{{"origins", origins},
             {"rules",
              {rule("/things/*", {"GET", "POST"}, {{"scopes", {"read"}}}),
               rule("/admin", {"GET"}, {{"scopes", {"admin"}}}),
               rule("/hardware", {"GET"}, {{"key_protection", {"hardware"}}}),
               rule("/webauthn", {"GET"}, {{"attestation", {{"formats", {"webauthn"}}}}}),
               rule("/certificates", {"GET"}, {{"binding", "mtls"}})}}}}},
          {"metrics", {{"address", "127.0.0.1"}, {"port", world->metrics}}}};
}

void Beside::write_settings(const std::string& text) { put(gate_file(), text); }

std::filesystem::path Beside::gate_file() { return world->path("mint-gate.json"); }

void Beside::start_gate() {
  world->gate = std::make_unique<ChildProcess>(
      std::vector<std::string>{Stack::instance()["MINT_BIN"] + "/mint-gate", "serve", "--config",
                               gate_file().string()},
      world->path("gate.log"));
  wait_until("the gate's keys", *world->gate, [] { return gate_health("/readyz").status == 200; });
  await_next_second();
}

void Beside::await_next_second() {
  const SystemClock clock;
  await("the next second", [&, now = clock.now()] { return clock.now() > now; });
}

ChildProcess& Beside::gate() { return *world->gate; }
void Beside::stop_gate() { world->gate->end(); }

void Beside::reload_gate(const Json& settings) {
  const auto count = [] {
    std::size_t found = 0;
    const std::string log = world->gate->output();
    for (const char* event : {"\"event\":\"reloaded\"", "\"event\":\"reload_refused\""}) {
      for (auto at = log.find(event); at != std::string::npos; at = log.find(event, at + 1))
        ++found;
    }
    return found;
  };
  const auto before = count();
  write_settings(settings.dump(2));
  ASSERT_EQ(kill(world->gate->pid(), SIGHUP), 0);
  wait_until("the reload", *world->gate, [&] { return count() > before; });
}

Answer Beside::gate_health(const std::string& path) {
  return parsed(execute({"curl", "--silent", "--include",
                         "http://127.0.0.1:" + std::to_string(world->metrics) + path})
                    .output);
}

std::string Beside::gate_figures() { return gate_health("/metrics").body; }

double Beside::gate_figure(const std::string& name) {
  const std::string text = "\n" + gate_figures();
  const auto at = text.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

std::uint16_t Beside::gate_port() { return world->for_nginx; }

std::vector<std::string> Beside::judge(const std::string& mode, const std::string& origin) {
  const Stack& stack = Stack::instance();
  return {"env",
          "MINT_ISSUER=" + stack["MINT_ISSUER"],
          "MINT_ADMIN=" + stack["MINT_ADMIN"],
          "MINT_BIN=" + stack["MINT_BIN"],
          "NODE_EXTRA_CA_CERTS=" + stack["MINT_CA"],
          MINTMARK_JUDGES "/run",
          "gate.mjs",
          mode,
          origin};
}

}  // namespace mintmark::test
