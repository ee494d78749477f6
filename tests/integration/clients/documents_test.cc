// docs/clients.md does what it says: all its commands, in order, in one shell, against a service
// that judges by the npm package oauth4webapi.
#include <regex>

#include "strict_stack.h"

namespace mintmark::test {
namespace {

const std::string service = R"(
exec {urls}< <(exec "$JUDGES/run" service.mjs "$STACK/tls/server.pem" "$STACK/tls/server.key" "$MINT_ISSUER" https://api.example)
service=$!
trap 'kill "$service"' EXIT
read -r SERVICE <&"$urls"
)";

std::string mark(std::size_t number) { return "== block " + std::to_string(number) + " =="; }

/// What each block printed.
std::vector<std::string> outputs_of(const std::vector<std::string>& blocks) {
  std::string script = service;
  for (std::size_t i = 0; i < blocks.size(); ++i) script += "echo '" + mark(i) + "'\n" + blocks[i];
  script += "echo '" + mark(blocks.size()) + "'\n";
  const auto done = bash(script);
  EXPECT_EQ(done.status, 0) << done.output;
  std::vector<std::string> outputs;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto begin = done.output.find(mark(i));
    const auto end = done.output.find(mark(i + 1));
    if (begin == std::string::npos || end == std::string::npos) return outputs;
    outputs.push_back(
        done.output.substr(begin + mark(i).size() + 1, end - begin - mark(i).size() - 1));
  }
  return outputs;
}

TEST(ClientsDocument, DoesWhatItSays) {
  const std::string call = R"(\{"caller":"[\w-]+","scope":"read","method":"GET"\}\n)";
  // One for each block; ".*" is anything.
  const std::vector<std::string> expected = {
      "",
      "",
      R"([\w-]{22}\n)",
      "",
      R"(\{"access_token":"eyJ[\w.-]+","expires_in":\d+,"scope":"read","token_type":"DPoP"\}\n)",
      call,
      R"(issuer +https://localhost:\d+\nclient id .*\ndevice key .*, in the TPM\nEK .*\nattestation +good\n(.*\n)*)",
      call,
      R"(\{"caller":"[\w-]+","scope":"read write","method":"POST"\}\n)",
      R"(works once, until .*\n)",
      R"(enrolled at https://localhost:\d+ as [\w-]+ \(key in a file: whoever reads it is this device\)\n)",
      R"(\{"caller":"[\w-]+","scope":"read write","method":"GET"\}\nissuer .*\nclient id .*\ndevice key .*, unprotected, in the file .*/agent/device-key.pem\ntoken .*\n)",
  };
  const auto blocks = blocks_of_document("sh");
  ASSERT_EQ(blocks.size(), expected.size()) << "say here what the new block should print";
  const auto outputs = outputs_of(blocks);
  ASSERT_EQ(outputs.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(std::regex_match(outputs[i], std::regex(expected[i]))) << blocks[i] << "printed\n"
                                                                       << outputs[i];
  }
}

TEST(ClientsDocument, HasNoCommandsThatAreNotRun) {
  EXPECT_EQ(languages_of_document(), (std::set<std::string>{"json", "sh"}));
}

}  // namespace
}  // namespace mintmark::test
