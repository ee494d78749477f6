// Who may speak to the admin socket, as the kernel tells mintd.
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "operating.h"

namespace mintmark::test {
namespace {

class AdminRoles : public Operating {
 protected:
  // As nobody, in one group.
  [[nodiscard]] std::string as_member(const std::string& group,
                                      const std::vector<std::string>& words) const {
    std::vector<std::string> line{"setpriv",
                                  "--reuid=65534",
                                  "--regid=65534",
                                  group.empty() ? "--clear-groups" : "--groups=" + group,
                                  stack["MINT_BIN"] + "/mintctl",
                                  "--admin",
                                  stack["MINT_ADMIN"]};
    line.insert(line.end(), words.begin(), words.end());
    const auto outcome = execute(line);
    return outcome.status == 0 ? "done" : outcome.output;
  }
  [[nodiscard]] static bool can_be_others() { return geteuid() == 0; }
};

TEST_F(AdminRoles, TheSocketIsOpenAndEachRequestIsJudged) {
  struct stat facts {};
  ASSERT_EQ(stat(stack["MINT_ADMIN"].c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777U, 0666U);
  if (!can_be_others()) return;  // The rest takes other users.
  const std::string refused = as_member("", {"status"});
  EXPECT_NE(refused.find("admin_forbidden"), std::string::npos) << refused;
  EXPECT_NE(refused.find("the group games"), std::string::npos) << refused;
}

TEST_F(AdminRoles, TheReadGroupMayLookAndNothingElse) {
  if (!can_be_others()) {
    EXPECT_EQ(mintctl({"status"}).status, 0);
    return;
  }
  EXPECT_EQ(as_member(read_group, {"status"}), "done");
  EXPECT_EQ(as_member(read_group, {"keys", "list"}), "done");
  EXPECT_EQ(as_member(read_group, {"devices", "list"}), "done");
  const std::string refused = as_member(read_group, {"reload"});
  EXPECT_NE(refused.find("admin_forbidden"), std::string::npos) << refused;
}

TEST_F(AdminRoles, TheOperateGroupMayAllAndStandsInTheLog) {
  const std::size_t before = log().size();
  if (can_be_others())
    EXPECT_EQ(as_member(operate_group, {"reload"}), "done");
  else
    EXPECT_EQ(mintctl({"reload"}).status, 0);
  const std::string lines = log().substr(before);
  const auto at = lines.find("\"admin_command\"");
  ASSERT_NE(at, std::string::npos) << lines;
  EXPECT_NE(lines.find("POST /admin/v1/reload", at), std::string::npos) << lines;
  const std::string uid = can_be_others() ? "65534" : std::to_string(geteuid());
  EXPECT_NE(lines.find("\"actor_uid\":\"" + uid + "\"", at), std::string::npos) << lines;
}

TEST_F(AdminRoles, ARefusedCommandStandsInTheLog) {
  if (!can_be_others()) return;  // Nobody is refused who runs mintd.
  const std::size_t before = log().size();
  EXPECT_NE(as_member("", {"reload"}), "done");
  EXPECT_NE(log().substr(before).find("\"code\":\"admin_forbidden\""), std::string::npos);
}

}  // namespace
}  // namespace mintmark::test
