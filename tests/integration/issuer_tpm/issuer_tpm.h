// A store in a software TPM, with its calls waited for, and what a test does behind its back.
#pragma once

#include <gtest/gtest.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/file.h"
#include "contract/key_store_contract.h"
#include "hsm/tpm2/blobs.h"
#include "hsm/tpm2/counter.h"
#include "hsm/tpm2/issuer_key_store.h"
#include "hsm/tpm2/issuer_keys.h"
#include "hsm/tpm2/keys.h"
#include "hsm/tpm2/session.h"
#include "hsm/tpm2/tpm.h"
#include "jose/base64url.h"
#include "support/child_process.h"
#include "support/tpm_store.h"

namespace mintmark::hsm::tpm2 {

class IssuerTpmStore : public testing::Test {
 protected:
  explicit IssuerTpmStore(bool manufactured = false)
      : device_(test::Swtpm::Options{.manufactured = manufactured}) {}

  void SetUp() override { open(); }
  void open() { open(device_.store()); }
  void open(const config::HsmStore& settings) {
    store_.reset();
    auto opened = open_key_store(settings, test::contract_issuer);
    // The calls below need it: there is nothing to go on with.
    if (!opened) throw std::runtime_error(opened.error().to_string());
    store_ = std::move(*opened);
  }
  /// Why it does not open; not_found if it does.
  Error refusal_to_open(const config::HsmStore& settings) {
    store_.reset();
    auto opened = open_key_store(settings, test::contract_issuer);
    return opened ? Error{Code::not_found, "it opened", 0} : opened.error();
  }

  KeyInfo make_key(jose::Algorithm algorithm = jose::Algorithm::es256) {
    auto key = generate({.id = random_key_id(), .algorithm = algorithm});
    if (!key) throw std::runtime_error(key.error().to_string());
    return *key;
  }
  Result<KeyInfo> generate(const KeySpec& spec) {
    test::Answer<KeyInfo> answer;
    store_->generate(spec, soon(), answer.done());
    return answer.wait();
  }
  Result<Bytes> sign(const KeyId& key) {
    test::Answer<Bytes> answer;
    store_->sign(key, "input", soon(), answer.done());
    return answer.wait();
  }
  Result<void> destroy(const KeyId& key) {
    test::Answer<void> answer;
    store_->destroy(key, soon(), answer.done());
    return answer.wait();
  }
  Result<std::vector<KeyInfo>> list() {
    test::Answer<std::vector<KeyInfo>> answer;
    store_->list(soon(), answer.done());
    return answer.wait();
  }
  Result<KeyEvidence> evidence(const KeyId& key) {
    test::Answer<KeyEvidence> answer;
    store_->evidence(key, soon(), answer.done());
    return answer.wait();
  }
  static Deadline soon() { return Deadline::in(std::chrono::seconds(30)); }

  [[nodiscard]] std::filesystem::path file_of(const KeyId& key) const {
    return device_.blobs() / (to_string(key) + ".key");
  }
  Json read_file_of(const KeyId& key) { return Json::parse(read_file(file_of(key)).value()); }

  /// swtpm serves one connection at a time: others look while ours is closed.
  std::string tool(const std::vector<std::string>& arguments) {
    store_.reset();
    return test::run(arguments, {{"TPM2TOOLS_TCTI", device_.tpm().tcti()}});
  }
  Tpm tpm() {
    store_.reset();
    auto opened = Tpm::open(device_.tpm().tcti());
    if (!opened) throw std::runtime_error(opened.error().to_string());
    return std::move(*opened);
  }
  /// Indexes in the range of our counters.
  std::vector<std::uint32_t> counters() {
    auto found = tpm().handles(first_counter_index);
    if (!found) throw std::runtime_error(found.error().to_string());
    std::erase_if(*found,
                  [](auto index) { return index >= first_counter_index + counter_indexes; });
    return *found;
  }

  /// As an operator does whose owner hierarchy has an authorisation.
  void make_root_persistent() {
    const Tpm connection = tpm();
    const auto root = primary_storage_root(connection);
    ASSERT_TRUE(root) << root.error().to_string();
    ESYS_TR persistent = ESYS_TR_NONE;
    ASSERT_EQ(Esys_EvictControl(connection.esys(), ESYS_TR_RH_OWNER, root->id(), ESYS_TR_PASSWORD,
                                ESYS_TR_NONE, ESYS_TR_NONE, 0x81000001, &persistent),
              TSS2_RC_SUCCESS);
    Esys_TR_Close(connection.esys(), &persistent);
  }

  /// What the store does in its TPM, step by step. With the store closed.
  template <typename Work>
  void behind_its_back(Work work) {
    const Tpm connection = tpm();
    const auto directory = BlobDirectory::open(device_.blobs().string());
    const auto store = directory->read_store();
    const Secret auth =
        auth_of((*store)->salt, Secret(std::string_view("a long secret of a test")));
    auto root = primary_storage_root(connection);
    ASSERT_TRUE(root) << root.error().to_string();
    auto session = start_salted_session(connection, *root, TPM2_SE_HMAC);
    ASSERT_TRUE(session) << session.error().to_string();
    work(*directory, CounterAccess{connection, *session, auth, Secret()});
  }

  test::TpmStore device_;
  std::unique_ptr<TpmKeyStore> store_;
};

#define EXPECT_REFUSED(result, expected)                                    \
  do {                                                                      \
    const auto& answer_ = (result);                                         \
    ASSERT_FALSE(answer_.has_value()) << "it was granted";                  \
    EXPECT_EQ(facts_of(answer_.error().code).name, facts_of(expected).name) \
        << answer_.error().to_string();                                     \
  } while (false)

}  // namespace mintmark::hsm::tpm2
