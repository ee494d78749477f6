#include "strict_stack.h"

#include <fstream>
#include <stdexcept>

#include "base/file.h"
#include "support/document_blocks.h"
#include "support/temporary_directory.h"

namespace mintmark::test {
namespace {

const std::string tpm_program = MINTMARK_SOURCE "/provisioning/tpm/swtpm";

std::string second_tpm() { return Stack::instance().directory() + "/tpm-2"; }

void replace_in_file(const std::string& file, const std::string& what, const std::string& by) {
  std::string text = read_file(file).value();
  const auto at = text.find(what);
  if (at == std::string::npos) throw std::runtime_error(file + " has no " + what);
  text.replace(at, what.size(), by);
  std::ofstream(file) << text;
}

std::vector<std::pair<std::string, std::string>> blocks() {
  return blocks_in(MINTMARK_SOURCE "/docs/clients.md");
}

class StrictStack : public ::testing::Environment {
 public:
  void SetUp() override {
    Stack& stack = Stack::instance();
    stack.down();
    replace_in_file(stack["MINT_CONFIG"], "\"tokens\": {",
                    "\"tokens\": {\"challenges\": \"required\", ");
    replace_in_file(stack["MINT_CONFIG"], "\"tokens\": {",
                    R"("shared_signals": {"enabled": true, "push_networks": ["127.0.0.0/8"], )"
                    R"("push_ca": "tls/ca.pem"}, "tokens": {)");
    std::ofstream(stack.directory() + "/policy.json") << blocks_of_document("json").at(0);
    const auto manufactured = execute({tpm_program, "start", second_tpm()});
    ASSERT_EQ(manufactured.status, 0) << manufactured.output;
    const std::string ca = second_tpm() + "/ca/";
    const std::string trust = stack.directory();
    for (const auto& [from, to] :
         {std::pair{ca + "swtpm-localca-rootca-cert.pem", trust + "/ek-roots/second.pem"},
          std::pair{ca + "issuercert.pem", trust + "/ek-intermediates/second.pem"}}) {
      ASSERT_EQ(execute({"install", "-m", "644", from, to}).status, 0) << from;
    }
    stack.up();
  }
  void TearDown() override { EXPECT_EQ(execute({tpm_program, "stop", second_tpm()}).status, 0); }
};

// Set up by RUN_ALL_TESTS, when the stack's main() has brought it up.
const auto* const environment = ::testing::AddGlobalTestEnvironment(new StrictStack);

}  // namespace

std::vector<std::string> blocks_of_document(const std::string& language) {
  std::vector<std::string> found;
  for (auto& [named, text] : blocks()) {
    if (named == language) found.push_back(std::move(text));
  }
  return found;
}

std::set<std::string> languages_of_document() {
  std::set<std::string> languages;
  for (auto& [named, text] : blocks()) languages.insert(std::move(named));
  return languages;
}

std::string second_tcti() {
  std::string tcti = execute({tpm_program, "tcti", second_tpm()}).output;
  while (!tcti.empty() && tcti.back() == '\n') tcti.pop_back();
  return tcti;
}

Outcome bash(const std::string& script) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "script") << "set -euo pipefail\nset -a\n"
                                                ". \"$STACK/stack.env\"\n"
                                                "NODE_EXTRA_CA_CERTS=$MINT_CA\n"
                                                "set +a\n"
                                             << script;
  std::filesystem::create_directory(directory.path() / "here");
  return execute({"env", "--chdir=" + (directory.path() / "here").string(),
                  "STACK=" + Stack::instance().directory(), "JUDGES=" MINTMARK_JUDGES, "bash",
                  (directory.path() / "script").string()});
}

}  // namespace mintmark::test
