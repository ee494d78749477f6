#include "stack.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <thread>

#include "base/file.h"
#include "support/free_port.h"

namespace mintmark::test {
namespace {

std::unique_ptr<Stack> the_stack;

std::string quoted(const std::string& word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace

void await(const std::string& what, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end)
      throw std::runtime_error("waited in vain for " + what);
    std::this_thread::yield();
    usleep(20'000);  // Between two looks at another process's state.
  }
}

Outcome execute(const std::vector<std::string>& arguments) {
  // No program here may take the whole test with it.
  std::string line = "timeout 90 ";
  for (const std::string& argument : arguments) line += quoted(argument) + " ";
  line += "2>&1";
  FILE* pipe = popen(line.c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("popen");
  Outcome outcome;
  std::array<char, 4096> chunk{};
  while (const std::size_t count = fread(chunk.data(), 1, chunk.size(), pipe))
    outcome.output.append(chunk.data(), count);
  const int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return outcome;
}

Stack& Stack::instance() { return *the_stack; }

Stack::Stack() {
  // With a space in it, as people's directories have.
  char path[] = "/tmp/mintmark stack XXXXXX";
  if (mkdtemp(path) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = path;
  chmod(path, 0711);
  setenv("MINT_BIN", MINTMARK_BUILD "/bin", 1);
  const auto up = execute({MINTMARK_SOURCE "/provisioning/stack", "up", directory_, "--port",
                           std::to_string(free_port())});
  if (up.status != 0) throw std::runtime_error("stack up: " + up.output);
  const auto variables = execute({"bash", "-c",
                                  "set -a; . \"$1/stack.env\"; env -0 | tr '\\0' '\\n' | grep -E "
                                  "'^(MINT_|PKCS11_|SOFTHSM2_|TPM_)'",
                                  "bash", directory_});
  std::size_t start = 0;
  while (start < variables.output.size()) {
    const std::size_t end = variables.output.find('\n', start);
    const std::string line = variables.output.substr(start, end - start);
    environment_[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    start = end + 1;
  }
}

Stack::~Stack() {
  (void)execute({MINTMARK_SOURCE "/provisioning/stack", "down", directory_});
  std::error_code ignored;
  if (!::testing::UnitTest::GetInstance()->Failed())
    std::filesystem::remove_all(directory_, ignored);
}

void Stack::up() {
  const auto done = execute({MINTMARK_SOURCE "/provisioning/stack", "up", directory_});
  ASSERT_EQ(done.status, 0) << done.output;
}

void Stack::down() {
  const auto done = execute({MINTMARK_SOURCE "/provisioning/stack", "down", directory_});
  ASSERT_EQ(done.status, 0) << done.output;
}

Outcome Stack::agent(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(),
                   {(*this)["MINT_BIN"] + "/mint-agent", "--state", (*this)["MINT_AGENT_STATE"]});
  return execute(arguments);
}

Outcome Stack::gate(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {(*this)["MINT_BIN"] + "/mint-gate", "verify", "--issuer",
                                       (*this)["MINT_ISSUER"], "--ca", (*this)["MINT_CA"]});
  return execute(arguments);
}

Json Stack::control(const std::vector<std::string>& arguments) const {
  std::vector<std::string> line{(*this)["MINT_BIN"] + "/mintctl", "--admin", (*this)["MINT_ADMIN"],
                                "--json"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  const auto outcome = execute(line);
  if (outcome.status != 0) throw std::runtime_error(outcome.output);
  return Json::parse(outcome.output);
}

Outcome Stack::curl(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(),
                   {"curl", "--silent", "--show-error", "--cacert", (*this)["MINT_CA"]});
  return execute(arguments);
}

std::string Stack::token() const {
  auto outcome = agent({"token", "--audience", "https://api.example"});
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  while (!outcome.output.empty() && outcome.output.back() == '\n') outcome.output.pop_back();
  return outcome.output;
}

int Stack::keeper_pid() const { return control({"status"})["keeper"]["pid"].get<int>(); }
int Stack::front_pid() const { return control({"status"})["front"]["pid"].get<int>(); }
int Stack::signer_pid() const { return control({"status"})["signers"][0]["pid"].get<int>(); }

std::string Stack::said_by_sanitizers() {
  down();  // What goes wrong at the end is said then.
  const auto log = read_file(directory_ + "/mintd.log", std::size_t{1} << 30U);
  if (!log) return log.error().to_string();
  const std::size_t found = log->find("Sanitizer: ");
  constexpr std::size_t longest = 8000;
  return found == std::string::npos ? "" : log->substr(log->rfind('\n', found) + 1, longest);
}

void Stack::wait_until_ready() const {
  await("/readyz", [this] {
    return curl({"--fail", "--output", "/dev/null", (*this)["MINT_ISSUER"] + "/readyz"}).status ==
           0;
  });
}

}  // namespace mintmark::test

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  try {
    mintmark::test::the_stack = std::make_unique<mintmark::test::Stack>();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  int result = RUN_ALL_TESTS();
  // mintd's children have an environment of their own: what a sanitizer says there ends no test.
  const std::string said = mintmark::test::the_stack->said_by_sanitizers();
  if (!said.empty()) {
    std::fprintf(stderr, "a sanitizer complains in the log of mintd:\n%s\n", said.c_str());
    result = 1;
  }
  mintmark::test::the_stack.reset();
  return result;
}
