#include "operating.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "http/server.h"

namespace mintmark::test {
namespace {

// As the test's own user, into the same inode.
void overwrite(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc | std::ios::binary) << text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  if (at == std::string::npos) {
    ADD_FAILURE() << "\"" << from << "\" is not in the file";
    return text;
  }
  return text.replace(at, from.size(), to);
}

std::uint16_t metrics_port = 0;

}  // namespace

void Operating::SetUpTestSuite() {
  if (metrics_port != 0) return;
  Stack& stack = Stack::instance();
  {
    const auto probe = http::listen_tcp("127.0.0.1", 0);
    ASSERT_TRUE(probe);
    metrics_port = http::port_of(*probe);
  }
  const std::string path = stack.directory() + "/mintd.json";
  auto text = read_file(path);
  ASSERT_TRUE(text);
  overwrite(
      path,
      replaced(
          *text, R"("admin": {"socket": "admin.sock"},)",
          R"("admin": {"socket": "admin.sock", "read_group": ")" + std::string(read_group) +
              R"(", "operate_group": ")" + operate_group +
              R"("}, "metrics": {"address": "127.0.0.1", "port": )" + std::to_string(metrics_port) +
              R"(}, "http": {"header_fields": 64, "header_octets": 16384, )"
              R"("body_octets": 40000, "body_ms": 700, "header_ms": 700, "connections": 128}, )"
              R"("keys": {"acknowledge": {"verifiers": ["gate-1", "gate-2"]}},)"));
  stack.down();
  stack.up();
}

std::string Operating::metrics_url() const {
  return "http://127.0.0.1:" + std::to_string(metrics_port);
}

std::string Operating::figures() const {
  return execute({"curl", "--silent", "--show-error", "--fail", metrics_url() + "/metrics"}).output;
}

double Operating::figure(const std::string& name) const {
  const std::string text = "\n" + figures();
  const auto at = text.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

std::string Operating::content(const std::string& name) const {
  auto text = read_file(file(name), 256U << 20U);
  EXPECT_TRUE(text) << name;
  return text ? *text : "";
}

void Operating::write(const std::string& name, const std::string& text) const {
  overwrite(file(name), text);
}

void Operating::replace(const std::string& name, const std::string& from,
                        const std::string& to) const {
  write(name, replaced(content(name), from, to));
}

Outcome Operating::mintctl(std::vector<std::string> words) const {
  words.insert(words.begin(), {stack["MINT_BIN"] + "/mintctl", "--admin", stack["MINT_ADMIN"]});
  return execute(words);
}

Outcome Operating::fresh_token(const std::string& scope) const {
  unlink((stack["MINT_AGENT_STATE"] + "/tokens.json").c_str());
  return stack.agent({"token", "--audience", "https://api.example", "--scope", scope});
}

http::Client Operating::client(const std::string& ca_file) const {
  return http::Client({.ca_file = ca_file.empty() ? stack["MINT_CA"] : ca_file});
}

Result<http::Response> Operating::get(http::Client& client, const std::string& path) const {
  return client.send("GET", stack["MINT_ISSUER"] + path, {}, "",
                     Deadline::in(std::chrono::seconds(20)));
}

PutBack::PutBack(const Stack& stack, std::vector<std::string> names) : stack_(stack) {
  for (const std::string& name : names) {
    if (auto text = read_file(stack.directory() + "/" + name)) contents_[name] = *text;
  }
}

PutBack::~PutBack() {
  for (const auto& [name, text] : contents_) overwrite(stack_.directory() + "/" + name, text);
  (void)execute({stack_["MINT_BIN"] + "/mintctl", "--admin", stack_["MINT_ADMIN"], "reload"});
}

}  // namespace mintmark::test
