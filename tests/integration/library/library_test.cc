// docs/library.md does what it says: the tree is installed into an empty prefix, and its two
// programs are taken out of the document, built against that alone, and run.
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "mintmark/mintmark.h"
#include "support/child_process.h"
#include "support/document_blocks.h"
#include "support/published_issuer.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark {
namespace {

constexpr const char* service = "https://service.example";
constexpr const char* resource = "https://service.example/things";

struct Outcome {
  int status;
  std::string output;
};

std::string block(const std::string& language, std::size_t index) {
  static const auto blocks = test::blocks_in(MINTMARK_SOURCE "/docs/library.md");
  std::vector<std::string> found;
  for (const auto& [named, text] : blocks) {
    if (named == language) found.push_back(text);
  }
  return found.at(index);
}

// One directory with the installed tree, moved after it was installed, and the programs.
class Library : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<test::TemporaryDirectory>();
    const std::string first = path("first");
    test::run(
        {MINTMARK_CMAKE, "--install", MINTMARK_BUILD, "--prefix", first, "--component", "library"});
    std::filesystem::rename(first, prefix());
    directory_->write("check.cc", block("cpp", 0));
    directory_->write("check.c", block("c", 0));
    directory_->write("CMakeLists.txt", block("cmake", 0));
  }
  static void TearDownTestSuite() { directory_.reset(); }

  void SetUp() override {
    Json jwk = issuer_key_.public_key().to_jwk();
    jwk["kid"] = issuer_key_.jkt();
    jwk["mintmark_purpose"] = "access_token";
    issuer_.publish({{"keys", Json::array({jwk})}});
  }

  static std::string path(const std::string& name) { return (directory_->path() / name).string(); }
  static std::string prefix() { return path("moved"); }
  // In the directory, with the installed tree as the only one that is looked at.
  static Outcome execute(const std::vector<std::string>& arguments) {
    std::vector<std::string> line{"env", "--chdir=" + directory_->path().string()};
    line.insert(line.end(), arguments.begin(), arguments.end());
    const std::string libraries = prefix() + "/lib";
    test::ChildProcess child(line, path("output"),
                             {{"PKG_CONFIG_PATH", libraries + "/pkgconfig"},
                              {"LD_LIBRARY_PATH", libraries},
                              {"CMAKE_GENERATOR", "Ninja"},  // make need not be there.
                              {"CCACHE_DISABLE", "1"}});
    const int status = child.wait();
    return {status, child.output()};
  }
  static void shell(const std::string& script) {
    const auto done = execute({"bash", "-euc", script});
    ASSERT_EQ(done.status, 0) << script << done.output;
  }

  [[nodiscard]] std::string token(std::int64_t life = 300) const {
    return issuer_key_.sign_jws({{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", issuer_key_.jkt()}},
                                {{"iss", issuer_.url()},
                                 {"aud", service},
                                 {"sub", "device-1"},
                                 {"jti", "token-1"},
                                 {"iat", to_unix(now_)},
                                 {"exp", to_unix(now_) + life},
                                 {"scope", "read"},
                                 {"cnf", {{"jkt", device_.jkt()}}}});
  }
  [[nodiscard]] Outcome call(const std::string& program, const std::string& token,
                             const std::vector<std::string>& proof) const {
    std::vector<std::string> line{path(program), issuer_.url(), issuer_.ca_file(), service, token};
    line.insert(line.end(), proof.begin(), proof.end());
    return execute(line);
  }
  void expect_that_it_judges(const std::string& program) const {
    const std::string good = token();
    const auto proof = [&](const test::SoftKey& key) {
      return std::vector<std::string>{
          "GET", resource,
          make_proof(key, {.method = "GET", .url = resource, .at = now_, .access_token = good})};
    };
    const auto taken = call(program, good, proof(device_));
    EXPECT_EQ(taken.status, 0) << taken.output;
    EXPECT_EQ(taken.output, "device-1 may read: yes\n");
    const std::pair<Outcome, const char*> refused[] = {
        {call(program, good, {}), "proof_missing: "},
        {call(program, good, proof(test::SoftKey())), "proof_key_mismatch: "},
        {call(program, token(-100), {}), "token_expired: "},
        {call(program, "x", {}), "token_malformed: "}};
    for (const auto& [outcome, name] : refused) {
      EXPECT_EQ(outcome.status, 1) << name << outcome.output;
      EXPECT_TRUE(outcome.output.starts_with(name)) << outcome.output;
    }
    EXPECT_EQ(execute({path(program)}).status, 2);
  }

  inline static std::unique_ptr<test::TemporaryDirectory> directory_;
  test::PublishedIssuer issuer_;
  test::SoftKey issuer_key_;
  test::SoftKey device_;
  Moment now_ = SystemClock().now();
};

TEST_F(Library, IsFoundByPkgConfigInCppAndC) {
  shell(block("sh", 1));
  // Its header is C99 and nothing else.
  shell(std::regex_replace(block("sh", 2), std::regex("-std=c99"),
                           "-std=c99 -pedantic -Wall -Wextra -Wstrict-prototypes -Werror"));
  expect_that_it_judges("check");
  expect_that_it_judges("check-c");
}

TEST_F(Library, IsFoundByCMakeInCppAndC) {
  shell("cmake -B built -S . -DCMAKE_PREFIX_PATH=" + prefix() +
        " >/dev/null && cmake --build built");
  expect_that_it_judges("built/check");
  expect_that_it_judges("built/check-c");
}

TEST_F(Library, ShowsItsTwoFacesAndNothingElse) {
  const auto symbols = execute({"nm", "-D", "--defined-only", prefix() + "/lib/libmintmark.so"});
  ASSERT_EQ(symbols.status, 0) << symbols.output;
  const std::regex face(
      "[0-9a-f]+ [TVW] (mintmark_[a-z_]+|_Z(NK?|TSN|TIN|TVN)8mintmark6v0_1_0(8Verifier|"
      "13VerifiedToken|9KeySource|11Revocations|12Subscription)(E|C[12]|D[012]|aS|[0-9]).*|"
      "_ZN8mintmark6v0_1_0(14is_unavailable|7name_of)ENS0_7RefusalE|"
      "_ZN8mintmark6v0_1_0(14published_keys|10given_keys)E.*|"
      "_ZN8mintmark6v0_1_09subscribeENS0_19SubscriptionOptionsE)");
  std::istringstream lines(symbols.output);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count)
    EXPECT_TRUE(std::regex_match(line, face)) << line;
  EXPECT_GT(count, 40U);
  EXPECT_EQ(symbols.output.find("8Verifier5State"), std::string::npos);
  EXPECT_EQ(symbols.output.find("nlohmann"), std::string::npos);
}

TEST_F(Library, IsInstalledWithoutTheProgramsAndWhole) {
  const std::string abi = std::to_string(MINTMARK_ABI_VERSION);
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(prefix())) {
    if (!entry.is_directory()) files.insert(entry.path().lexically_relative(prefix()).string());
  }
  EXPECT_EQ(files, (std::set<std::string>{
                       "include/mintmark/mintmark.h", "include/mintmark/verifier.h",
                       "lib/cmake/mintmark/mintmark-config-version.cmake",
                       "lib/cmake/mintmark/mintmark-config.cmake",
                       "lib/cmake/mintmark/mintmark-targets-release.cmake",
                       "lib/cmake/mintmark/mintmark-targets.cmake", "lib/libmintmark.so",
                       "lib/libmintmark.so." + abi, "lib/libmintmark.so." + abi + ".0.1.0",
                       "lib/pkgconfig/mintmark.pc"}));
}

TEST_F(Library, HasADocumentWithNothingThatIsNotTried) {
  std::multiset<std::string> languages;
  for (const auto& [named, text] : test::blocks_in(MINTMARK_SOURCE "/docs/library.md"))
    languages.insert(named);
  EXPECT_EQ(languages, (std::multiset<std::string>{"c", "cmake", "cpp", "sh", "sh", "sh"}));
}

}  // namespace
}  // namespace mintmark
