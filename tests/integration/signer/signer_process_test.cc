// mintd-signer as it is, in front of SoftHSM: what it serves, what it gives up, how it ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "contract/key_store_contract.h"
#include "jose/jws.h"
#include "programs/mintd/signer_exit.h"
#include "support/child_process.h"
#include "support/signer_process.h"
#include "support/softhsm.h"

namespace mintmark::mintd {
namespace {

using namespace test;
using namespace std::chrono_literals;
using hsm::KeyId;
using hsm::KeyInfo;
using hsm::Purpose;

Deadline soon() { return Deadline::in(30s); }

std::string token_input(const KeyInfo& key, std::int64_t life = 300) {
  const std::int64_t now = to_unix(SystemClock{}.now());
  return jose::signing_input(
      {{"typ", "at+jwt"}, {"alg", "ES256"}, {"kid", key.kid()}},
      {{"iss", contract_issuer}, {"iat", now}, {"exp", now + life}, {"cnf", {{"jkt", key.kid()}}}});
}

Result<KeyInfo> generate(hsm::KeyAdmin& admin, const KeyId& id = hsm::random_key_id()) {
  Answer<KeyInfo> answer;
  admin.generate({.id = id, .purpose = Purpose::access_token}, soon(), answer.done());
  return answer.wait();
}

Result<Bytes> sign(hsm::Signer& signer, const KeyId& key, const std::string& input) {
  Answer<Bytes> answer;
  signer.sign(key, input, soon(), answer.done());
  return answer.wait();
}

Result<std::vector<KeyInfo>> list(hsm::Signer& signer) {
  Answer<std::vector<KeyInfo>> answer;
  signer.list(soon(), answer.done());
  return answer.wait();
}

template <typename T>
void expect_refused(const Result<T>& result, Code code) {
  ASSERT_FALSE(result) << "it was granted";
  EXPECT_EQ(facts_of(result.error().code).name, facts_of(code).name) << result.error().to_string();
}

void expect_signs(SignerProcess& signer, const KeyInfo& key) {
  const std::string input = token_input(key);
  const auto signature = sign(signer.keeper(), key.id, input);
  ASSERT_TRUE(signature) << signature.error().to_string();
  EXPECT_TRUE(key.public_key.verify(as_bytes(input), *signature));
}

class ReadySigner : public ::testing::Test {
 protected:
  ReadySigner() {
    start();
    auto made = generate(signer->keeper());
    if (!made) throw std::runtime_error(made.error().to_string());
    key.emplace(std::move(*made));
  }
  void start() {
    signer.emplace(token.store());
    if (auto ready = signer->wait_for_readiness(); !ready) {
      throw std::runtime_error(ready.error().to_string());
    }
  }

  SoftHsm token;
  std::optional<SignerProcess> signer;
  std::optional<KeyInfo> key;
};

TEST_F(ReadySigner, SignsForItsFront) {
  const auto front = signer->make_front();
  const std::string input = token_input(*key);
  const auto signature = sign(*front, key->id, input);
  ASSERT_TRUE(signature) << signature.error().to_string();
  EXPECT_TRUE(key->public_key.verify(as_bytes(input), *signature));
}

TEST_F(ReadySigner, GivesAFrontNeitherGenerationNorDestructionNorEvidence) {
  const auto front = signer->make_front();
  expect_refused(generate(*front), Code::not_permitted);
  Answer<void> ended;
  front->destroy(key->id, soon(), ended.done());
  expect_refused(ended.wait(), Code::not_permitted);
  Answer<hsm::KeyEvidence> evidence;
  front->evidence(key->id, soon(), evidence.done());
  expect_refused(evidence.wait(), Code::not_permitted);
  EXPECT_EQ(list(*front)->size(), 1U);
}

TEST_F(ReadySigner, HoldsTheRulesOfItsConfiguration) {
  const auto front = signer->make_front();
  expect_refused(sign(*front, key->id, token_input(*key, 301)), Code::purpose_refused);
  expect_refused(sign(*front, key->id, std::string(32, 'h')), Code::purpose_refused);
}

TEST_F(ReadySigner, EndsWhenTheKeeperCloses) {
  const auto front = signer->make_front();
  signer->keeper().close();
  EXPECT_EQ(signer->wait_for_exit(), signer_exit_done) << signer->output();
  expect_refused(sign(*front, key->id, token_input(*key)), Code::hsm_unavailable);
}

TEST_F(ReadySigner, EndsInOrderWhenTheKeeperClosesAmidManyCalls) {
  std::vector<Answer<Bytes>> answers(300);
  for (auto& answer : answers) {
    signer->keeper().sign(key->id, token_input(*key), soon(), answer.done());
  }
  ASSERT_TRUE(answers.front().wait());
  signer->keeper().close();
  for (std::size_t i = 1; i < answers.size(); ++i) (void)answers[i].wait();
  EXPECT_EQ(signer->wait_for_exit(), signer_exit_done) << signer->output();
  start();
  expect_signs(*signer, *key);
}

TEST_F(ReadySigner, IsEndedByNoSignalThatAsks) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) {
    ASSERT_EQ(kill(signer->pid(), number), 0);
  }
  expect_signs(*signer, *key);
}

TEST_F(ReadySigner, KilledLeavesATokenThatTheNextOneOpens) {
  Answer<Bytes> waiting;
  kill(signer->pid(), SIGSTOP);
  signer->keeper().sign(key->id, token_input(*key), soon(), waiting.done());
  kill(signer->pid(), SIGKILL);
  expect_refused(waiting.wait(), Code::hsm_unavailable);
  EXPECT_EQ(signer->wait_for_exit(), 128 + SIGKILL);
  start();
  expect_signs(*signer, *key);
}

TEST_F(ReadySigner, HasGivenUpCoreDumpsAndNewPrivileges) {
  EXPECT_NE(signer->proc("status").find("NoNewPrivs:\t1"), std::string::npos);
  const std::string limits = signer->proc("limits");
  const std::string core = limits.substr(limits.find("Max core file size"), 60);
  EXPECT_NE(core.find(" 0 "), std::string::npos) << core;
}

TEST_F(ReadySigner, ShowsItsPinNowhere) {
  expect_signs(*signer, *key);
  for (const char* file : {"cmdline", "environ"}) {
    EXPECT_EQ(signer->proc(file).find(SoftHsm::pin()), std::string::npos) << file;
  }
  EXPECT_EQ(signer->output().find(SoftHsm::pin()), std::string::npos);
  EXPECT_NE(signer->output().find("key_store_open"), std::string::npos);
}

TEST_F(ReadySigner, IsTheOneThatHasTheModule) {
  // Nobody but root may look into it.
  EXPECT_EQ(signer->proc("maps").find("libsofthsm2") != std::string::npos, geteuid() == 0);
}

UniqueFd holding(const std::string& text) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  const UniqueFd writing(ends[1]);
  if (write(writing.get(), text.data(), text.size()) < 0) throw std::runtime_error("write");
  return UniqueFd(ends[0]);
}

class SignerStart : public ::testing::Test {
 protected:
  static void expect_unready(SignerProcess& signer, Code code, int exit_status) {
    expect_refused(signer.wait_for_readiness(), code);
    EXPECT_EQ(signer.wait_for_exit(), exit_status) << signer.output();
  }

  SoftHsm token;
};

TEST_F(SignerStart, TakesThePinFromADescriptor) {
  config::HsmStore store = token.store();
  store.pin.file = "";
  store.pin.fd = 99;  // The keeper's number; the signer's own is what --pin-fd says.
  SignerProcess signer(
      SignerProcess::Handed{configuration_with(store), store.name, holding(SoftHsm::pin() + "\n")});
  const auto ready = signer.wait_for_readiness();
  EXPECT_TRUE(ready) << ready.error().to_string();
}

TEST_F(SignerStart, RefusedPinHasAnExitStatusOfItsOwn) {
  config::HsmStore store = token.store();
  store.pin.file = token.pin_file("wrong", "4321-resu\n");
  SignerProcess signer(store);
  expect_unready(signer, Code::hsm_pin_refused, signer_exit_pin_refused);
  EXPECT_EQ(signer.output().find("4321-resu"), std::string::npos);
  SignerProcess next(token.store());
  EXPECT_TRUE(next.wait_for_readiness());
}

TEST_F(SignerStart, MissingTokenIsToldAndUnavailable) {
  config::HsmStore store = token.store();
  store.token = "another";
  SignerProcess signer(store);
  expect_unready(signer, Code::hsm_token_missing, signer_exit_unavailable);
}

TEST_F(SignerStart, MissingModuleIsToldAndUnavailable) {
  config::HsmStore store = token.store();
  store.module = "/nowhere/module.so";
  SignerProcess signer(store);
  expect_unready(signer, Code::hsm_module_unusable, signer_exit_unavailable);
}

TEST_F(SignerStart, PinThatOthersCanReadIsToldAndUnavailable) {
  config::HsmStore store = token.store();
  store.pin.file = token.pin_file("open", SoftHsm::pin());
  std::filesystem::permissions(store.pin.file, std::filesystem::perms(0644));
  SignerProcess signer(store);
  expect_unready(signer, Code::hsm_pin_exposed, signer_exit_unavailable);
}

TEST_F(SignerStart, StoreThatTheConfigurationDoesNotNameIsWrongUsage) {
  SignerProcess signer(SignerProcess::Handed{configuration_with(token.store()), "another"});
  EXPECT_EQ(signer.wait_for_exit(), signer_exit_usage);
  EXPECT_NE(signer.output().find("--store"), std::string::npos) << signer.output();
}

TEST_F(SignerStart, BadConfigurationIsWrongUsageWithItsPlace) {
  SignerProcess signer(SignerProcess::Handed{"{\n  \"issuer\": 7\n}", "softhsm"});
  EXPECT_EQ(signer.wait_for_exit(), signer_exit_usage);
  EXPECT_NE(signer.output().find("mintd.json:2"), std::string::npos) << signer.output();
}

TEST(SignerByHand, IsRefused) {
  const TemporaryDirectory directory;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{MINTD_SIGNER},
        {MINTD_SIGNER, "--store", "main", "--keeper-fd", "77", "--config-fd", "78"},
        {MINTD_SIGNER, "--store", "main", "--keeper-fd", "0", "--config-fd", "1"},
        {MINTD_SIGNER, "--pin", "1234"}}) {
    ChildProcess child(words, directory.path() / "log");
    EXPECT_EQ(child.wait(), signer_exit_usage) << child.output();
    EXPECT_FALSE(child.output().empty());
  }
}

}  // namespace
}  // namespace mintmark::mintd
