// Which remedy a fault gets, and when a stronger one.
#include "hsm/pkcs11/recovery.h"

#include <gtest/gtest.h>

#include <fstream>

namespace mintmark::hsm::pkcs11 {
namespace {

using namespace std::chrono_literals;

class RecoveryTest : public ::testing::Test {
 protected:
  Remedy after(std::chrono::milliseconds pause, CK_RV rv) {
    now_ += pause;
    return recovery_.choose(facts_of_rv(rv), now_);
  }
  Recovery recovery_;
  Recovery::Clock::time_point now_{};
};

TEST_F(RecoveryTest, BeginsWithTheTablesFirst) {
  EXPECT_EQ(after(0ms, CKR_SESSION_CLOSED), Remedy::new_session);
  recovery_.went_well();
  EXPECT_EQ(after(0ms, CKR_KEY_HANDLE_INVALID), Remedy::find_again);
  recovery_.went_well();
  EXPECT_EQ(after(0ms, CKR_USER_NOT_LOGGED_IN), Remedy::log_in);
  recovery_.went_well();
  EXPECT_EQ(after(0ms, CKR_CRYPTOKI_NOT_INITIALIZED), Remedy::reinitialise);
  recovery_.went_well();
  EXPECT_EQ(after(0ms, CKR_HOST_MEMORY), Remedy::wait);
}

TEST_F(RecoveryTest, GoesOnToTheTablesLastWhileNothingHelps) {
  std::vector<Remedy> tried;
  for (int i = 0; i < 8; ++i) tried.push_back(after(2s, CKR_FUNCTION_FAILED));
  EXPECT_EQ(tried, (std::vector<Remedy>{Remedy::new_session, Remedy::find_again, Remedy::log_in,
                                        Remedy::reinitialise, Remedy::reinitialise,
                                        Remedy::reinitialise, Remedy::restart, Remedy::restart}));
}

TEST_F(RecoveryTest, NeverGoesBeyondTheTablesLast) {
  for (int i = 0; i < 20; ++i) EXPECT_LE(after(2s, CKR_DEVICE_ERROR), Remedy::reinitialise);
}

TEST_F(RecoveryTest, BeginsAnewAfterASuccess) {
  EXPECT_EQ(after(0ms, CKR_DEVICE_ERROR), Remedy::new_session);
  EXPECT_EQ(after(0ms, CKR_DEVICE_ERROR), Remedy::find_again);
  recovery_.went_well();
  EXPECT_EQ(after(0ms, CKR_DEVICE_ERROR), Remedy::new_session);
}

// They end every call that is under way: with each, the next is longer in coming.
TEST_F(RecoveryTest, SpacesWhatDisturbsOthers) {
  EXPECT_EQ(after(0ms, CKR_TOKEN_NOT_PRESENT), Remedy::reinitialise);
  EXPECT_EQ(after(99ms, CKR_TOKEN_NOT_PRESENT), Remedy::wait);
  EXPECT_EQ(after(1ms, CKR_TOKEN_NOT_PRESENT), Remedy::reinitialise);
  EXPECT_EQ(after(199ms, CKR_TOKEN_NOT_PRESENT), Remedy::wait);
  EXPECT_EQ(after(1ms, CKR_TOKEN_NOT_PRESENT), Remedy::reinitialise);
  for (int i = 0; i < 10; ++i) (void)after(1000ms, CKR_TOKEN_NOT_PRESENT);
  EXPECT_EQ(after(999ms, CKR_TOKEN_NOT_PRESENT), Remedy::wait);
  EXPECT_EQ(after(1ms, CKR_TOKEN_NOT_PRESENT), Remedy::reinitialise) << "a second at most";
}

TEST_F(RecoveryTest, DoesNothingWhereNothingWasLostOrAPersonIsWanted) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(after(2s, CKR_DATA_LEN_RANGE), Remedy::none);
    EXPECT_EQ(after(2s, CKR_PIN_INCORRECT), Remedy::stop);
    EXPECT_EQ(after(2s, CKR_PIN_LOCKED), Remedy::stop);
  }
  EXPECT_EQ(after(0ms, CKR_DEVICE_ERROR), Remedy::new_session) << "they count for nothing";
}

TEST(ReturnValues, HaveATableWithoutContradictions) {
  for (const RvFacts& row : rv_table()) {
    EXPECT_LE(row.first, row.last) << row.name;
    const bool of_the_pin = row.code == Code::hsm_pin_refused || row.code == Code::hsm_pin_locked;
    EXPECT_TRUE(!of_the_pin || (row.first == Remedy::stop && row.last == Remedy::stop))
        << row.name << ": a PIN is never tried again by a remedy";
    if (row.code == Code::hsm_session_lost) {
      EXPECT_GE(row.first, Remedy::new_session) << row.name;
      EXPECT_GE(row.last, Remedy::reinitialise) << row.name;
    }
  }
  EXPECT_EQ(facts_of_rv(CKR_VENDOR_DEFINED + 7).last, Remedy::restart);
}

/// The line of docs/operations.md that has `name`.
std::string documented(std::string_view name) {
  std::ifstream file(MINTMARK_SOURCE "/docs/operations.md");
  for (std::string line; std::getline(file, line);) {
    if (line.find("| `CKR_") == 0 && line.find("`" + std::string(name) + "`") != std::string::npos)
      return line;
  }
  return "";
}

TEST(ReturnValues, HaveTheRemediesThatOperatorsAreTold) {
  for (const RvFacts& row : rv_table()) {
    const std::string line = documented(row.name);
    EXPECT_EQ(line.empty(), row.first == Remedy::none) << row.name;
    if (line.empty()) continue;
    const std::string remedies =
        "| `" + std::string(name_of(row.first)) + "` | `" + std::string(name_of(row.last)) + "` |";
    EXPECT_NE(line.find(remedies), std::string::npos) << row.name << ": " << remedies;
  }
}

}  // namespace
}  // namespace mintmark::hsm::pkcs11
