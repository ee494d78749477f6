#include "beside.h"

#include <signal.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "base/file.h"
#include "base/time.h"
#include "http/server.h"
#include "http/text.h"
#include "support/free_port.h"

namespace mintmark::test {

namespace {

const std::string snippets = MINTMARK_SOURCE "/provisioning/proxies";

struct World {
  TemporaryDirectory directory;
  std::uint16_t for_nginx = free_port();  // The gate's.
  std::uint16_t for_caddy = free_port();
  std::uint16_t metrics = free_port();
  std::uint16_t nginx_port = free_port();
  std::uint16_t caddy_port = free_port();
  std::uint16_t shared_port = free_port();  // nginx, with a default server that is somebody else's.
  std::uint16_t routes_port = free_port();  // Caddy, a route with several services.
  std::uint16_t astray_port = free_port();  // Caddy, services beside the import.
  std::string upstream_port;
  std::string fastcgi_port;
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
  std::istringstream(world->upstream->output()) >> world->upstream_port >> world->fastcgi_port;
}

std::string origin_of(std::uint16_t port) { return "https://localhost:" + std::to_string(port); }

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  if (at == std::string::npos) throw std::runtime_error("no snippet has " + what);
  return text.replace(at, what.size(), by);
}

// Quoted: a checkout's path may hold spaces.
std::string snippet_of_nginx(const std::string& name) {
  return "include \"" + snippets + "/nginx/mint-gate-" + name + ".conf\";\n";
}

// What each server has; `names` in its own way.
std::string nginx_server(std::uint16_t port, const std::string& names, const std::string& more) {
  return "server {\nlisten 127.0.0.1:" + std::to_string(port) + " ssl;\nserver_name " + names +
         ";\nssl_certificate " + world->path("server.pem") + ";\nssl_certificate_key " +
         world->path("server.key") + ";\n" + snippet_of_nginx("mtls") + more + "}\n";
}

std::string nginx_services() {
  const std::string asks = snippet_of_nginx("location");
  return snippet_of_nginx("server") + "location / {\n" + asks +
         "proxy_pass http://127.0.0.1:" + world->upstream_port +
         ";\n}\nlocation /things/fastcgi {\n" + asks + "include /etc/nginx/fastcgi_params;\n" +
         snippet_of_nginx("fastcgi") + "fastcgi_pass 127.0.0.1:" + world->fastcgi_port + ";\n}\n";
}

std::string nginx_conf() {
  const std::string temporary = world->path("nginx");
  std::filesystem::create_directory(temporary);
  std::string text = "worker_processes 1;\nerror_log stderr;\npid " + temporary +
                     "/pid;\nevents {}\nhttp {\naccess_log off;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    text += std::string(kind) + "_temp_path " + temporary + ";\n";
  return text +
         replaced(whole(snippets + "/nginx/mint-gate-http.conf"), "127.0.0.1:9080",
                  "127.0.0.1:" + std::to_string(world->for_nginx)) +
         nginx_server(world->nginx_port, "localhost", nginx_services()) +
         nginx_server(world->shared_port, "first.invalid",
                      "underscores_in_headers on;\nreturn 404;\n") +
         nginx_server(world->shared_port, "localhost", nginx_services()) + "}\n";
}

void start_nginx() {
  put(world->path("nginx.conf"), nginx_conf());
  world->nginx = std::make_unique<ChildProcess>(
      std::vector<std::string>{"nginx", "-c", world->path("nginx.conf"), "-p",
                               world->directory.path().string(), "-g",
                               "daemon off; master_process off;"},
      world->path("nginx.log"));
}

std::string caddy_tls() {
  return "tls " + world->path("server.pem") + " " + world->path("server.key") +
         " {\nclient_auth {\nmode request\n}\n}\n";
}

// One route with all that can stand in it, for any host, which believes whoever is in front of it;
// and a site that has its services beside the import, where none may stand.
std::string more_sites() {
  const std::string upstream = "reverse_proxy 127.0.0.1:" + world->upstream_port + "\n";
  const std::string services = "handle /things/handled* {\n" + upstream +
                               "}\nhandle_path /things/stripped/* {\n" + upstream +
                               "}\nhandle /things/uri/* {\nuri strip_prefix /things\n" + upstream +
                               "}\nrespond /things/respond upstream\nredir /things/moved "
                               "/upstream\n" +
                               upstream;
  // With client_auth Caddy lets no other Host than the handshake's come as far as the gate.
  const std::string tls =
      "tls " + world->path("server.pem") + " " + world->path("server.key") + "\n";
  return ":" + std::to_string(world->routes_port) + " {\n" + tls +
         "route {\nimport mint_gate_trusting\n" + services + "}\n}\n" +
         origin_of(world->astray_port) + " {\n" + caddy_tls() +
         "import mint_gate\nuri strip_prefix /prefix\nhandle /things* {\n" + upstream +
         "}\nhandle_path /stripped/* {\n" + upstream + "}\n}\n";
}

std::string caddy_sites() {
  const std::string shipped = whole(snippets + "/Caddyfile");
  const auto begin = shipped.find("(mint_gate) {");
  const std::string snippet = shipped.substr(begin, shipped.find("\n}\n", begin) + 3 - begin);
  const std::string trusting = replaced(replaced(snippet, "(mint_gate)", "(mint_gate_trusting)"),
                                        "\t\turi /\n", "\t\turi /\ntrusted_proxies 127.0.0.1\n");
  return shipped + trusting + more_sites();
}

void start_caddy() {
  // Without its administration and its redirects, which belong to the machine.
  put(world->path("Caddyfile"), "{\nadmin off\nauto_https disable_redirects\n}\n" + caddy_sites());
  world->caddy = std::make_unique<ChildProcess>(
      std::vector<std::string>{"caddy", "run", "--config", world->path("Caddyfile"), "--adapter",
                               "caddyfile"},
      world->path("caddy.log"),
      Environment{{"HOME", world->directory.path().string()},
                  {"XDG_DATA_HOME", world->path("data")},
                  {"XDG_CONFIG_HOME", world->path("config")},
                  {"MINT_GATE", "127.0.0.1:" + std::to_string(world->for_caddy)},
                  {"MINT_GATE_SITE", origin_of(world->caddy_port)},
                  {"MINT_GATE_TLS", caddy_tls()},
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

Seen seen_by_upstream(const Answer& answer) {
  Seen seen;
  const Json echo = Json::parse(answer.body, nullptr, false);
  if (!echo.is_object()) return seen;
  const Json& fields = echo["fields"];
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    std::string name = fields[i];
    for (char& c : name) c = c == '_' ? '-' : static_cast<char>(std::tolower(c));
    seen.emplace(name, fields[i + 1]);
  }
  return seen;
}

std::string value_of(const Seen& seen, const char* name) {
  const auto found = seen.find(name);
  return found == seen.end() ? "(none)" : found->second;
}

std::string in_lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

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
  wait_until("nginx", *world->nginx, [] { return answers(proxies()[0].origin + "/"); });
  wait_until("Caddy", *world->caddy, [] { return answers(proxies()[1].origin + "/"); });
}

void Beside::TearDownTestSuite() { world.reset(); }

std::vector<Beside::Proxy> Beside::proxies() {
  return {{"nginx", origin_of(world->nginx_port)}, {"Caddy", origin_of(world->caddy_port)}};
}

std::string Beside::shared_origin() { return origin_of(world->shared_port); }
std::string Beside::routes_origin() { return origin_of(world->routes_port); }
std::string Beside::astray_origin() { return origin_of(world->astray_port); }

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

Answer Beside::call_raw(const std::string& origin, const std::string& request,
                        const std::vector<std::string>& options) {
  std::vector<std::string> arguments{
      "bash",  "-c",       R"(printf %s "$0" | timeout 20 openssl s_client -quiet "$@" 2>&1)",
      request, "-connect", origin.substr(8)};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const std::string output = execute(arguments).output;
  return parsed(output.substr(std::min(output.find("HTTP/1."), output.size())));
}

namespace {

// A gate asks for a nonce with what an earlier one may have taken (docs/adr/0008), and what is made
// here has none.
Moment begun;
void await_proofs_taken() {
  while (SystemClock().now() <= begun + std::chrono::seconds{5})
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
}

}  // namespace

std::string Beside::proof(const std::string& token, const std::string& url,
                          const std::string& method) const {
  await_proofs_taken();
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
  for (const auto& other : {shared_origin(), routes_origin(), astray_origin()})
    origins.push_back(other);
  return {{"issuer", stack["MINT_ISSUER"]},
          {"ca", stack["MINT_CA"]},
          {"revocation", {{"none", true}}},
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
  begin_proof_memory();
}

void Beside::begin_proof_memory() { begun = SystemClock().now(); }

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
