#include "jose/file_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support/temporary_directory.h"

namespace mintmark::jose {
namespace {

namespace fs = std::filesystem;

// Made by `openssl genpkey`, for tests alone.
constexpr std::string_view p384_pem = R"(-----BEGIN PRIVATE KEY-----
MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCpyzLQ7ZCzKlGFpn9O
tOhNNUZ8sjmQCHAZBM89UHENpHRHXRdxKwlED/noIg23WWOhZANiAAS1CI+L49Z8
WX5xUX1nU9Xqi6PkGluxJMIQ8jnR7Vej3ZsxzU86Jb9RJVk0xfMdRkxG1Rv7XwYR
uKOUurSM+8mUu6DVmkSOMooo1jtUT/uLmgVcHk6zZXkOocbwL+c6+HA=
-----END PRIVATE KEY-----
)";
constexpr std::string_view locked_pem = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjmsEJQYczw2wICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEPQz8opkTYro/WuOcAiHP5wEgZC5
CM0CzIdWhlBZgr/RNUPzXlb1DVglFL22RPzAJimveAju9n2tECFrY01vg43KUbt8
+hdUcV3Xvqvk7nxOXg3Oait22FdxMaa0IMSkt36P/J++8237St8IXXkyMlOBU8OA
z8+EP6IqncWe4C/85J2Y0Z7tzbYOKuu1hvqt8ALP35T3LMH+rlQw7K5DqYXa0pU=
-----END ENCRYPTED PRIVATE KEY-----
)";

constexpr FileKey::Words words{Code::agent_key_file, "the device key"};

Result<FileKey> open(const fs::path& file) { return FileKey::open(file, words); }
Result<FileKey> open_or_make(const fs::path& file) { return FileKey::open_or_make(file, words); }

class FileKeys : public testing::Test {
 protected:
  void expect_unfit(const std::string& named) const {
    for (const auto& opened : {open(file_), open_or_make(file_)}) {
      ASSERT_FALSE(opened) << named;
      EXPECT_EQ(opened.error().code, Code::agent_key_file);
      EXPECT_NE(opened.error().detail.find(named), std::string::npos) << opened.error().detail;
      EXPECT_NE(opened.error().detail.find(file_.string()), std::string::npos);
    }
  }
  void write(std::string_view content) const {
    ASSERT_TRUE(write_file_atomically(file_, content, 0600));
  }

  test::TemporaryDirectory directory_;
  fs::path file_ = directory_.path() / "device-key.pem";
};

TEST_F(FileKeys, AreMadeOnceForTheirOwnerAlone) {
  const auto made = open_or_make(file_);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(static_cast<unsigned>(fs::status(file_).permissions()), 0600U);
  const auto again = open_or_make(file_);
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(made->public_key(), again->public_key());
  EXPECT_EQ(open(file_)->public_key(), made->public_key());
}

TEST_F(FileKeys, SignForTheirPublicKey) {
  auto key = open_or_make(file_);
  ASSERT_TRUE(key) << key.error().to_string();
  EXPECT_EQ(key->public_key().algorithm(), Algorithm::es256);
  const auto signature = key->sign(as_bytes("signed"));
  ASSERT_TRUE(signature) << signature.error().to_string();
  EXPECT_EQ(signature->size(), 64U);
  EXPECT_TRUE(key->public_key().verify(as_bytes("signed"), *signature));
  EXPECT_FALSE(key->public_key().verify(as_bytes("other"), *signature));
}

TEST_F(FileKeys, AreOthersInOtherFiles) {
  const auto one = open_or_make(file_);
  const auto other = open_or_make(directory_.path() / "other.pem");
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->public_key().thumbprint(), other->public_key().thumbprint());
}

TEST_F(FileKeys, ThatAreNotThereAreNotOpened) {
  const auto opened = open(file_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::agent_key_file);
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(FileKeys, ThatOthersMayReadOrWriteAreRefused) {
  ASSERT_TRUE(open_or_make(file_));
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0610U, 0601U}) {
    ASSERT_EQ(chmod(file_.c_str(), mode), 0);
    expect_unfit("open to others");
  }
  ASSERT_EQ(chmod(file_.c_str(), 0400), 0);
  EXPECT_TRUE(open(file_));
}

TEST_F(FileKeys, OfAnotherUserAreRefused) {
  if (geteuid() != 0) {
    // Only root can give a file away; anybody else meets files of root.
    file_ = "/etc/shadow";
    expect_unfit("cannot be opened");
    return;
  }
  ASSERT_TRUE(open_or_make(file_));
  ASSERT_EQ(chown(file_.c_str(), 65534, 65534), 0);
  expect_unfit("another user");
}

TEST_F(FileKeys, BehindALinkAreRefused) {
  const fs::path target = directory_.path() / "elsewhere.pem";
  ASSERT_TRUE(open_or_make(target));
  fs::create_symlink(target, file_);
  expect_unfit("cannot be opened");
}

TEST_F(FileKeys, ThatAreNoFilesAreRefused) {
  fs::create_directory(file_);
  expect_unfit("no regular file");
  fs::remove(file_);
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  expect_unfit("no regular file");
}

TEST_F(FileKeys, ThatHoldNoKeyAreRefusedAndLeftAlone) {
  for (const std::string_view content :
       {std::string_view(), std::string_view("text"), locked_pem}) {
    write(content);
    expect_unfit("no private key");
    EXPECT_EQ(read_file(file_).value(), content);
  }
}

TEST_F(FileKeys, OnAnotherCurveAreRefused) {
  write(p384_pem);
  expect_unfit("no EC P-256 key");
}

}  // namespace
}  // namespace mintmark::jose
