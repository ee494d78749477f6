// `hsm profiles`, and a store that names one.
#include "hsm_tools.h"

namespace mintmark::test {
namespace {

TEST(HsmProfilesCommand, ListsAllWithTheirStatus) {
  const Json all = mintctl_json({"profiles"}).json()["profiles"];
  ASSERT_EQ(all.size(), 8U);
  const Outcome shown = mintctl({"profiles"});
  EXPECT_EQ(shown.status, 0);
  EXPECT_TRUE(shown.says("untested")) << shown.output;
}

TEST(HsmProfilesCommand, ShowsAllOfOne) {
  const Outcome one = mintctl_json({"profiles", "yubihsm2"});
  EXPECT_EQ(one.status, 0);
  EXPECT_EQ(one.json()["status"], "untested");
  const Outcome shown = mintctl({"profiles", "yubihsm2"});
  for (const char* text : {"0001password", "nobody ran mintd on it", "https://docs.yubico.com/"})
    EXPECT_TRUE(shown.says(text)) << shown.output;
  EXPECT_TRUE(mintctl({"profiles", "nethsm"}).says("OBSTACLE"));
}

TEST(HsmProfilesCommand, UnknownOneIsRefusedWithThoseThereAre) {
  const Outcome outcome = mintctl_json({"profiles", "enigma"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.code(), "not_found");
  EXPECT_TRUE(outcome.says("softhsm")) << outcome.output;
}

}  // namespace
}  // namespace mintmark::test
