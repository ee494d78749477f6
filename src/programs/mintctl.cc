// mintctl: what operators ask mintd over its admin socket.
#include <cstdio>
#include <ctime>

#include "base/json.h"
#include "http/client.h"
#include "programs/command_line.h"

namespace mintmark::programs {
namespace {

constexpr std::chrono::seconds patience{10};

const Program program{
    "mintctl",
    "speaks to mintd's admin socket",
    {{"--admin", "SOCKET",
      "mintd's admin socket (default: $MINT_ADMIN, then /run/mintmark/admin.sock)"},
     {"--json", "", "print the answer as JSON"}},
    {{"status", "the processes and whether they are ready", {}, ""},
     {"keys list", "the signing keys and their states", {}, ""},
     {"devices list", "the enrolled devices", {}, ""}}};

std::string socket_of(const Arguments& arguments) {
  const char* named = std::getenv("MINT_ADMIN");  // NOLINT(concurrency-mt-unsafe): one thread
  return arguments.value("--admin", named != nullptr ? named : "/run/mintmark/admin.sock");
}

Result<Json> ask(http::Client& client, const std::string& path) {
  auto response = client.send("GET", "http://mintd" + path, {}, "", Deadline::in(patience));
  if (!response) return pass_on(response);
  auto body = parse_json(response->body, {.octets = 4U << 20U, .depth = 16, .elements = 1'000'000});
  if (!body || !body->is_object())
    return fail(Code::http_malformed, "mintd's answer is no JSON object");
  if (response->status != 200) {
    return fail(code_named(body->value("error", "internal")),
                body->value("error_description", "status " + std::to_string(response->status)));
  }
  return body;
}

// Pages until there is no next one.
Result<Json> ask_devices(http::Client& client) {
  Json all = Json::array();
  std::string after;
  do {
    auto page = ask(client, "/admin/v1/devices" +
                                (after.empty() ? "" : "?" + http::encode_form({{"after", after}})));
    if (!page) return page;
    for (Json& device : (*page)["devices"]) all.push_back(std::move(device));
    after = page->value("next", "");
  } while (!after.empty());
  return Json{{"devices", std::move(all)}};
}

std::string moment(const Json& seconds) {
  const std::time_t time = seconds.is_number_integer() ? seconds.get<std::time_t>() : 0;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &parts);
  return text;
}

std::string text(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return "-";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

void print_status(const Json& status) {
  std::printf("issuer   %s (mintd %s)\n", text(status, "issuer").c_str(),
              text(status, "version").c_str());
  const Json& front = status["front"];
  std::printf("front    %s, pid %s, restarts %s\n", text(front, "state").c_str(),
              text(front, "pid").c_str(), text(front, "restarts").c_str());
  for (const Json& signer : status["signers"]) {
    std::printf("signer   %s: %s, pid %s, restarts %s\n", text(signer, "store").c_str(),
                text(signer, "state").c_str(), text(signer, "pid").c_str(),
                text(signer, "restarts").c_str());
    if (!text(signer, "trouble").empty())
      std::printf("         %s\n", text(signer, "trouble").c_str());
  }
  std::printf("keys     %s published\n", text(status, "keys").c_str());
}

void print_keys(const Json& answer) {
  std::printf("%-43s  %-18s  %-9s  %-10s  %s\n", "KID", "PURPOSE", "STATE", "STORE", "SINCE");
  for (const Json& key : answer["keys"]) {
    std::printf("%-43s  %-18s  %-9s  %-10s  %s\n", text(key, "kid").c_str(),
                text(key, "purpose").c_str(), text(key, "state").c_str(),
                text(key, "store").c_str(), moment(key["changed_at"]).c_str());
  }
  for (const Json& orphan : answer["orphans"]) {
    std::printf("%-43s  in the hardware without a record: left alone\n",
                orphan.get<std::string>().c_str());
  }
}

void print_devices(const Json& answer) {
  std::printf("%-22s  %-6s  %-9s  %-20s  %-12s  %s\n", "ID", "FORMAT", "STATE", "ATTESTED",
              "MANUFACTURER", "EK");
  for (const Json& device : answer["devices"]) {
    std::printf("%-22s  %-6s  %-9s  %-20s  %-12s  %.16s\n", text(device, "id").c_str(),
                text(device, "format").c_str(), text(device, "state").c_str(),
                moment(device["attested_at"]).c_str(),
                text(device["facts"], "manufacturer").c_str(), text(device, "identity").c_str());
  }
}

int run(const Arguments& arguments) {
  http::Client client({.ca_file = "", .unix_socket = socket_of(arguments)});
  const std::string& command = arguments.command();
  auto answer = command == "devices list"
                    ? ask_devices(client)
                    : ask(client, command == "status" ? "/admin/v1/status" : "/admin/v1/keys");
  if (!answer) return report(program, answer.error(), arguments.has("--json"));
  if (arguments.has("--json")) {
    std::printf("%s\n", answer->dump(2).c_str());
  } else if (command == "status") {
    print_status(*answer);
  } else if (command == "keys list") {
    print_keys(*answer);
  } else {
    print_devices(*answer);
  }
  return exit_done;
}

}  // namespace
}  // namespace mintmark::programs

int main(int argc, char** argv) {
  const auto line = mintmark::programs::read_command_line(mintmark::programs::program, argc, argv);
  return line.arguments ? mintmark::programs::run(*line.arguments) : line.exit_status;
}
