#include "hsm/pkcs11/pin.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "support/temporary_directory.h"

namespace mintmark::hsm::pkcs11 {
namespace {

config::PinSource file_source(const std::string& path) {
  config::PinSource source;
  source.file = path;
  return source;
}

config::PinSource credential_source(const std::string& name) {
  config::PinSource source;
  source.credential = name;
  return source;
}

config::PinSource descriptor_source(int fd) {
  config::PinSource source;
  source.fd = fd;
  return source;
}

class Pin : public ::testing::Test {
 protected:
  std::string file(const std::string& content, mode_t mode = 0600) const {
    const auto path = directory_.write("pin", content);
    chmod(path.c_str(), mode);
    return path.string();
  }
  Result<Secret> from_file(const std::string& content, mode_t mode = 0600) const {
    return read_pin(file_source(file(content, mode)));
  }
  test::TemporaryDirectory directory_;
};

std::string text_of(const Result<Secret>& pin) {
  return pin ? std::string(as_text(pin->view())) : "refused: " + pin.error().to_string();
}

Code code_of(const Result<Secret>& pin) { return pin ? Code::internal : pin.error().code; }

TEST_F(Pin, FromAFileLosesOneTrailingNewline) {
  EXPECT_EQ(text_of(from_file("1234")), "1234");
  EXPECT_EQ(text_of(from_file("1234\n")), "1234");
  EXPECT_EQ(text_of(from_file("1234\n\n")), "1234\n");
  EXPECT_EQ(text_of(from_file(" 12 34 ")), " 12 34 ");
}

TEST_F(Pin, FromAFileOfTheGroupIsTaken) { EXPECT_EQ(text_of(from_file("1234", 0640)), "1234"); }

TEST_F(Pin, FromADescriptorIsReadToItsEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]);
  ASSERT_EQ(write(ends[1], "12", 2), 2);
  ASSERT_EQ(write(ends[1], "34\n", 3), 3);
  close(ends[1]);
  EXPECT_EQ(text_of(read_pin(descriptor_source(reader.get()))), "1234");
}

TEST_F(Pin, FromASystemdCredentialIsReadBelowItsDirectory) {
  (void)file("1234\n");
  setenv("CREDENTIALS_DIRECTORY", directory_.path().c_str(), 1);
  EXPECT_EQ(text_of(read_pin(credential_source("pin"))), "1234");
}

TEST_F(Pin, OfTheLongestLengthIsTakenAndOneMoreIsRefused) {
  EXPECT_EQ(text_of(from_file(std::string(longest_pin, 'x') + "\n")),
            std::string(longest_pin, 'x'));
  EXPECT_EQ(code_of(from_file(std::string(longest_pin + 1, 'x'))), Code::hsm_pin_unreadable);
  EXPECT_EQ(code_of(from_file(std::string(longest_pin + 1, 'x') + "\n")), Code::hsm_pin_unreadable);
}

TEST_F(Pin, InAFileThatEverybodyMayReadIsRefusedWithTheReason) {
  const auto pin = from_file("1234", 0644);
  EXPECT_EQ(code_of(pin), Code::hsm_pin_exposed);
  EXPECT_NE(pin.error().detail.find("every user"), std::string::npos);
  EXPECT_EQ(pin.error().detail.find("1234"), std::string::npos);
}

TEST_F(Pin, InAFileThatEverybodyMayWriteIsRefused) {
  EXPECT_EQ(code_of(from_file("1234", 0602)), Code::hsm_pin_exposed);
}

TEST_F(Pin, ThatIsEmptyIsRefused) {
  EXPECT_EQ(code_of(from_file("")), Code::hsm_pin_empty);
  EXPECT_EQ(code_of(from_file("\n")), Code::hsm_pin_empty);
}

TEST_F(Pin, InAFileThatIsNotThereIsRefusedAndNamesIt) {
  const auto pin = read_pin(file_source("/nowhere/pin"));
  EXPECT_EQ(code_of(pin), Code::hsm_pin_unreadable);
  EXPECT_NE(pin.error().detail.find("/nowhere/pin"), std::string::npos);
}

TEST_F(Pin, InADirectoryOrADeviceIsRefused) {
  EXPECT_EQ(code_of(read_pin(file_source(directory_.path().string()))), Code::hsm_pin_unreadable);
  EXPECT_EQ(code_of(read_pin(file_source("/dev/zero"))), Code::hsm_pin_unreadable);
}

TEST_F(Pin, FromAFifoThatNobodyWritesIsRefusedAndDoesNotHang) {
  const std::string fifo = (directory_.path() / "fifo").string();
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(code_of(read_pin(file_source(fifo))), Code::hsm_pin_unreadable);
}

TEST_F(Pin, FromADescriptorThatIsNotOpenIsRefused) {
  EXPECT_EQ(code_of(read_pin(descriptor_source(999))), Code::hsm_pin_unreadable);
}

TEST_F(Pin, FromNoSourceOrSeveralIsRefused) {
  EXPECT_EQ(code_of(read_pin({})), Code::hsm_pin_source);
  config::PinSource two = file_source("a");
  two.credential = "b";
  EXPECT_EQ(code_of(read_pin(two)), Code::hsm_pin_source);
  config::PinSource others = file_source("a");
  others.fd = 0;
  EXPECT_EQ(code_of(read_pin(others)), Code::hsm_pin_source);
}

TEST_F(Pin, FromACredentialWithoutSystemdIsRefused) {
  unsetenv("CREDENTIALS_DIRECTORY");
  const auto pin = read_pin(credential_source("pin"));
  EXPECT_EQ(code_of(pin), Code::hsm_pin_unreadable);
  EXPECT_NE(pin.error().detail.find("CREDENTIALS_DIRECTORY"), std::string::npos);
}

TEST_F(Pin, FromACredentialWhoseNameLeavesTheDirectoryIsRefused) {
  (void)file("1234");
  setenv("CREDENTIALS_DIRECTORY", (directory_.path() / "below").c_str(), 1);
  EXPECT_EQ(code_of(read_pin(credential_source("../pin"))), Code::hsm_pin_unreadable);
  EXPECT_EQ(code_of(read_pin(credential_source(".."))), Code::hsm_pin_unreadable);
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
