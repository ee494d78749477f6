// What operators read at 3 a.m.
#include "programs/mintctl/boot_text.h"

#include <gtest/gtest.h>

#include "unit/policy/boot_sample.h"

namespace mintmark::programs {
namespace {

using policy::test::digest;

Json explained(const std::string& mode) {
  const attest::BootRecord good = policy::test::good_boot();
  const policy::Policy policy = policy::test::boot_policy_of(
      R"({"pcrs": {"4": [")" + digest("04a") + R"("]}, "secure_boot": true})", mode);
  return {
      {"device", {{"id", "d1"}, {"state", "enrolled"}}},
      {"at", 1'764'000'000},
      {"code", "boot_refused"},
      {"appraisal", policy::to_json(policy.appraise(policy::test::fitting_device(),
                                                    policy::test::boot_with_other_shim(), &good))},
      {"policy_file", "/etc/mintmark/policy.json"}};
}

TEST(BootText, ExplainsARefusal) {
  const std::string summary =
      "PCR 4 differs: event 8, EV_EFI_BOOT_SERVICES_APPLICATION, digest " + digest("e5") +
      " (\\EFI\\debian\\shimx64.efi) is not one of the allowed; the last good boot had " +
      policy::test::shim + "; likely a boot loader update\n";
  EXPECT_EQ(explanation_text(explained("enforce")),
            "device      d1 (enrolled)\n"
            "attested    2025-11-24 16:00:00Z\n"
            "outcome     refused\n"
            "policy      /etc/mintmark/policy.json\n"
            "rules       machines\n"
            "summary     " +
                summary +
                "\n"
                "  REFUSED  machines: pcrs.4\n"
                "             " +
                summary + "             has " + digest("04b") +
                "\n"
                "             wants " +
                digest("04a") +
                "\n"
                "             to allow it: into /etc/mintmark/policy.json, "
                "/boot/0/expect/pcrs/4: " +
                digest("04b") +
                "\n"
                "  ok       machines: secure_boot\n"
                "\nwhat next\n"
                "  if that change was meant:  mintctl policy allow --from d1  (prints a diff; "
                "applies nothing)\n"
                "  if it was not:             look at the machine; it gets no token while it boots "
                "so\n"
                "  what it booted:            mintctl devices boot d1\n");
}

TEST(BootText, MarksWhatIsMonitored) {
  const std::string text = explanation_text(explained("monitor"));
  EXPECT_NE(
      text.find("outcome     passed, and would be refused if monitored rules were enforced\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("  MONITOR  machines: pcrs.4\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("it gets no token"), std::string::npos) << text;
}

TEST(BootText, OfABootShowsFactsAndEvents) {
  const Json answer = {{"device", {{"id", "d1"}, {"state", "enrolled"}}},
                       {"good", nullptr},
                       {"last",
                        {{"at", 1'764'000'000},
                         {"outcome", "refused"},
                         {"record", attest::to_json(policy::test::boot_with_other_shim())}}}};
  const std::string text = boot_text(answer);
  for (const std::string part :
       {"last good   none\n", "last boot   2025-11-24 16:00:00Z, refused\n", "secure boot on\n",
        "firmware    1.16.0\n", "ima         2 entries, 0 violations, 0 after the quote\n",
        "  8      4    EV_EFI_BOOT_SERVICES_APPLICATION  e500000000000000"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "in\n" << text;
  }
  EXPECT_NE(text.find("image       " + digest("e5") + "  \\EFI\\debian\\shimx64.efi\n"),
            std::string::npos)
      << text;
}

TEST(BootText, OfADeviceThatNeverAttestedABootSaysSo) {
  EXPECT_EQ(boot_text({{"device", {{"id", "d1"}, {"state", "enrolled"}}},
                       {"good", nullptr},
                       {"last", nullptr}}),
            "device      d1 (enrolled)\nlast good   none\nlast boot   none was attested\n");
}

TEST(BootText, LetsNoTextOfADeviceWriteLinesOfItsOwn) {
  Json answer = explained("enforce");
  answer["appraisal"]["findings"][0]["text"] = "x\nREFUSED\x1b[2J";
  answer["device"]["id"] = "d1\nstate";
  const std::string text = explanation_text(answer);
  EXPECT_EQ(text.find("\x1b"), std::string::npos);
  EXPECT_EQ(text.find("\nREFUSED"), std::string::npos);
  EXPECT_EQ(text.find("\nstate"), std::string::npos);
}

TEST(BootText, TakesAnAnswerThatHoldsNothing) {
  for (const Json& answer : {Json::object(), Json::array(), Json({{"appraisal", 7}}),
                             Json({{"last", {{"record", {{"events", 3}}}}}}),
                             Json({{"appraisal", {{"findings", {1, "x", nullptr}}}}})}) {
    EXPECT_NE(explanation_text(answer), "");
    EXPECT_NE(boot_text(answer), "");
  }
}

}  // namespace
}  // namespace mintmark::programs
