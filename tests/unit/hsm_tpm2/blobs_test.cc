// What a store keeps on disk: read whole, or refused by the file's name.
#include "hsm/tpm2/blobs.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "support/temporary_directory.h"

namespace mintmark::hsm::tpm2 {
namespace {

namespace fs = std::filesystem;

KeyBlob a_key(BlobState state = BlobState::whole) {
  KeyBlob key;
  key.id = random_key_id();
  key.purpose = Purpose::status_list;
  key.algorithm = jose::Algorithm::es384;
  key.state = state;
  key.policy = {.counter_index = 0x01A40007, .counter_value = 9, .boot_authority = Bytes(34, 1)};
  key.key = {.public_area = Bytes(90, 2), .private_area = Bytes(120, 3)};
  return key;
}

void expect_same(const KeyBlob& left, const KeyBlob& right) {
  EXPECT_EQ(left.id, right.id);
  EXPECT_EQ(left.purpose, right.purpose);
  EXPECT_EQ(left.algorithm, right.algorithm);
  EXPECT_EQ(left.state, right.state);
  EXPECT_EQ(left.policy.counter_index, right.policy.counter_index);
  EXPECT_EQ(left.policy.counter_value, right.policy.counter_value);
  EXPECT_EQ(left.policy.boot_authority, right.policy.boot_authority);
  EXPECT_EQ(left.key.public_area, right.key.public_area);
  EXPECT_EQ(left.key.private_area, right.key.private_area);
}

class Blobs : public testing::Test {
 protected:
  [[nodiscard]] fs::path path() const { return parent_.path() / "blobs"; }
  [[nodiscard]] BlobDirectory open() const {
    auto opened = BlobDirectory::open(path().string());
    if (!opened) throw std::runtime_error(opened.error().to_string());
    return std::move(*opened);
  }
  void put(const std::string& name, const std::string& content) const {
    parent_.write("blobs/" + name, content);
  }
  [[nodiscard]] Json content_of(const std::string& name) const {
    return Json::parse(read_file(path() / name).value());
  }
  template <typename T>
  static void expect_refused(const Result<T>& read, Code code, const std::string& named,
                             const std::string& what) {
    ASSERT_FALSE(read) << what;
    EXPECT_EQ(read.error().code, code) << what << ": " << read.error().to_string();
    EXPECT_NE(read.error().detail.find(named), std::string::npos) << read.error().detail;
  }
  /// Each member in turn: not there, and of each kind that it must not be.
  template <typename Read>
  void expect_each_member_is_needed(const std::string& name, Read read) {
    const Json good = content_of(name);
    ASSERT_TRUE(read());
    for (const auto& [member, value] : good.items()) {
      Json lacking = good;
      lacking.erase(member);
      std::vector<Json> wrong = {lacking};
      for (const Json& other : {Json(nullptr), Json(true), Json(-1), Json(1.5), Json("no such !"),
                                Json::array(), Json::object()}) {
        Json changed = good;
        changed[member] = other;
        wrong.push_back(std::move(changed));
      }
      for (const Json& content : wrong) {
        put(name, content.dump());
        expect_refused(read(), Code::hsm_blob_malformed, name, member + " in " + content.dump());
      }
    }
    for (const std::string& content :
         {std::string(), std::string("no JSON"), std::string("[]"), std::string("7"),
          good.dump().substr(0, 40), good.dump() + "}"}) {
      put(name, content);
      expect_refused(read(), Code::hsm_blob_malformed, name, content);
    }
    put(name, std::string((64U << 10U) + 1, ' '));
    expect_refused(read(), Code::io_failed, name, "64 KiB and one octet");
    fs::remove(path() / name);
    fs::create_directory(path() / name);
    expect_refused(read(), Code::io_failed, name, "a directory");
  }

  test::TemporaryDirectory parent_;
};

TEST_F(Blobs, OfAKeyAreReadAsTheyWereWritten) {
  const BlobDirectory directory = open();
  for (const BlobState state : {BlobState::planned, BlobState::whole, BlobState::ending}) {
    const KeyBlob key = a_key(state);
    ASSERT_TRUE(directory.write_key(key));
    const auto keys = directory.read_keys();
    ASSERT_TRUE(keys) << keys.error().to_string();
    ASSERT_EQ(keys->size(), 1U);
    expect_same(keys->front(), key);
    ASSERT_TRUE(directory.remove_key(key.id));
    EXPECT_TRUE(directory.read_keys()->empty());
  }
}

TEST_F(Blobs, OfTheStoreAreReadAsTheyWereWritten) {
  const BlobDirectory directory = open();
  EXPECT_FALSE(directory.read_store()->has_value());
  const StoreBlob store{.salt = Bytes(16, 1), .root_name = Bytes(34, 2), .ak = {{3}, {4}}};
  ASSERT_TRUE(directory.write_store(store));
  const auto read = directory.read_store();
  ASSERT_TRUE(read && *read);
  EXPECT_EQ((*read)->salt, store.salt);
  EXPECT_EQ((*read)->root_name, store.root_name);
  EXPECT_EQ((*read)->ak.public_area, store.ak.public_area);
  EXPECT_EQ((*read)->ak.private_area, store.ak.private_area);
}

TEST_F(Blobs, OfAKeyNeedEachMember) {
  const BlobDirectory directory = open();
  const KeyBlob key = a_key();
  ASSERT_TRUE(directory.write_key(key));
  expect_each_member_is_needed(to_string(key.id) + ".key", [&] { return directory.read_keys(); });
}

TEST_F(Blobs, OfTheStoreNeedEachMember) {
  const BlobDirectory directory = open();
  ASSERT_TRUE(directory.write_store({.salt = Bytes(16, 1), .root_name = {2}, .ak = {{3}, {4}}}));
  expect_each_member_is_needed("store.json", [&] { return directory.read_store(); });
}

TEST_F(Blobs, OfAnotherVersionAreRefused) {
  const BlobDirectory directory = open();
  const KeyBlob key = a_key();
  ASSERT_TRUE(directory.write_key(key));
  Json content = content_of(to_string(key.id) + ".key");
  content["version"] = 2;
  put(to_string(key.id) + ".key", content.dump());
  expect_refused(directory.read_keys(), Code::hsm_blob_malformed, "version", "version 2");
}

TEST_F(Blobs, OfACounterThatNoTpmHasAreRefused) {
  const BlobDirectory directory = open();
  const KeyBlob key = a_key();
  ASSERT_TRUE(directory.write_key(key));
  Json content = content_of(to_string(key.id) + ".key");
  content["counter_index"] = 0x1'0000'0000 + key.policy.counter_index;
  put(to_string(key.id) + ".key", content.dump());
  expect_refused(directory.read_keys(), Code::hsm_blob_malformed, "counter_index", "33 bits");
}

TEST_F(Blobs, UnderAnotherKeysNameAreRefused) {
  const BlobDirectory directory = open();
  const KeyBlob key = a_key();
  ASSERT_TRUE(directory.write_key(key));
  const std::string other = to_string(random_key_id()) + ".key";
  fs::rename(path() / (to_string(key.id) + ".key"), path() / other);
  expect_refused(directory.read_keys(), Code::hsm_blob_malformed, other, "another's name");
}

TEST_F(Blobs, OfNoKeyAreLeftAlone) {
  const BlobDirectory directory = open();
  put("store.json.backup", "of somebody");
  EXPECT_TRUE(directory.read_keys()->empty());
}

TEST_F(Blobs, WithoutTheStoresOwnAreRefused) {
  const BlobDirectory directory = open();
  ASSERT_TRUE(directory.write_key(a_key()));
  expect_refused(directory.read_store(), Code::hsm_blob_malformed, "store.json", "keys alone");
  put("damaged.key", "");
  expect_refused(directory.read_store(), Code::hsm_blob_malformed, "damaged.key", "damaged");
}

TEST_F(Blobs, HaveOneOwnerAtATime) {
  {
    const BlobDirectory directory = open();
    expect_refused(BlobDirectory::open(path().string()), Code::hsm_blobs_in_use, path().string(),
                   "a second owner");
  }
  EXPECT_TRUE(BlobDirectory::open(path().string()));
}

TEST_F(Blobs, HaveADirectoryOfTheirOwn) {
  const BlobDirectory directory = open();
  EXPECT_EQ(fs::status(path()).permissions(), fs::perms::owner_all);
  parent_.write("file", "");
  for (const char* no_directory : {"file", "not/there"}) {
    const std::string other = (parent_.path() / no_directory).string();
    expect_refused(BlobDirectory::open(other), Code::io_failed, other, no_directory);
  }
}

TEST_F(Blobs, TellWhatTheDiskRefuses) {
  const BlobDirectory directory = open();
  const KeyBlob key = a_key();
  fs::create_directory(path() / (to_string(key.id) + ".key"));
  expect_refused(directory.remove_key(key.id), Code::io_failed, to_string(key.id), "a directory");
  expect_refused(directory.write_key(key), Code::io_failed, to_string(key.id), "a directory");
  fs::remove_all(path());
  expect_refused(directory.read_keys(), Code::io_failed, path().string(), "no directory");
  expect_refused(directory.write_key(key), Code::io_failed, to_string(key.id), "no directory");
  EXPECT_TRUE(directory.remove_key(key.id));  // It is gone, which is what was asked for.
}

}  // namespace
}  // namespace mintmark::hsm::tpm2
