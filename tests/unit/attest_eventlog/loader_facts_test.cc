// What boot loaders measured: commands, files, command lines, sections; and what a liar's log must
// not make of them.
#include <algorithm>

#include "facts_of.h"

namespace mintmark::attest::eventlog {
namespace {

using test::BootLog;

TEST(LoaderFacts, OfGrubAreProvenByTheTextBehindThePrefix) {
  BootLog boot({"sha256"});
  boot.grub_command("set root=hd0").grub_file("/grub/grub.cfg", "content");
  const BootFacts facts = facts_of(boot);
  ASSERT_EQ(facts.loader.size(), 2U);
  EXPECT_EQ(facts.loader[0].kind, "grub_command");
  EXPECT_EQ(facts.loader[0].text, "set root=hd0");
  EXPECT_TRUE(facts.loader[0].attested);
  EXPECT_EQ(facts.loader[1].kind, "grub_file");
  EXPECT_FALSE(facts.loader[1].attested);
  EXPECT_EQ(facts.loader[1].digest, to_hex(sha256("content")));
}

TEST(LoaderFacts, OfRedHatsOlderGrubAreProvenBehindItsPrefix) {
  BootLog boot({"sha256"});
  boot.measure_as(8, test::ev_ipl, as_bytes(std::string_view("grub_cmd set pager=1", 21)),
                  as_bytes(std::string_view("set pager=1", 12)));
  boot.measure_as(8, test::ev_ipl, as_bytes(std::string_view("grub_kernel_cmdline (hd0)/k ro", 31)),
                  as_bytes("(hd0)/k ro"));
  const BootFacts facts = facts_of(boot);
  ASSERT_EQ(facts.loader.size(), 2U);
  EXPECT_EQ(facts.loader[0].kind, "grub_command");
  EXPECT_TRUE(facts.loader[0].attested);
  EXPECT_EQ(facts.kernel_command_lines, std::vector<std::string>{"(hd0)/k ro"});
  EXPECT_TRUE(facts.not_known.count("kernel_command_lines") == 0);
}

TEST(LoaderFacts, HideNoKernelCommandLineBehindAnotherPrefix) {
  BootLog boot({"sha256"});
  const std::string bad = "/vmlinuz init=/bin/sh";
  Bytes data = to_bytes(as_bytes("grub_cmd: " + bad));
  boot.measure_as(8, test::ev_ipl, data, as_bytes(bad));
  EXPECT_EQ(facts_of(boot).kernel_command_lines, std::vector<std::string>{bad});
}

TEST(LoaderFacts, WithATextThatWasNotHashedLeaveCommandLinesUnknown) {
  BootLog boot({"sha256"});
  boot.kernel_command_line("/vmlinuz ro");
  boot.measure_as(8, test::ev_ipl, as_bytes("kernel_cmdline: /vmlinuz quiet"),
                  as_bytes("/vmlinuz init=/bin/sh"));
  const BootFacts facts = facts_of(boot);
  EXPECT_EQ(facts.kernel_command_lines, std::vector<std::string>{"/vmlinuz ro"});
  EXPECT_EQ(facts.not_known.count("kernel_command_lines"), 1U);
}

// ---- command lines: what a liar tries ----

constexpr std::string_view bad_line = "/vmlinuz init=/bin/sh";

Bytes wide(std::string_view text) {
  Bytes line = test::utf16(text);
  line.resize(line.size() + 2);
  return line;
}

// Known to have been on it, or known not to be known.
bool is_hidden(const BootFacts& facts, std::string_view word = "init=/bin/sh") {
  if (facts.not_known.count("kernel_command_lines") != 0) return false;
  return std::none_of(
      facts.kernel_command_lines.begin(), facts.kernel_command_lines.end(),
      [&](const std::string& line) { return line.find(word) != std::string::npos; });
}

TEST(KernelCommandLines, AreReadUnderAnyTypeOfEvent) {
  for (const std::uint32_t type : {test::ev_efi_action, test::ev_compact_hash, test::ev_event_tag,
                                   test::ev_separator, test::ev_efi_variable_boot}) {
    BootLog grub({"sha256"});
    grub.measure(8, type, bad_line).kernel_command_line("/vmlinuz ro");
    EXPECT_EQ(facts_of(grub).kernel_command_lines,
              (std::vector<std::string>{std::string(bad_line), "/vmlinuz ro"}))
        << type;
    BootLog stub({"sha256"});
    stub.measure(12, type, wide("init=/bin/sh")).measure(12, test::ev_ipl, wide("ro"));
    EXPECT_EQ(facts_of(stub).kernel_command_lines, (std::vector<std::string>{"init=/bin/sh", "ro"}))
        << type;
  }
}

TEST(KernelCommandLines, HideBehindNoPrefix) {
  for (const char* const prefix : {"grub_cmd: ", "kernel_cmdline: ", "module_cmdline: ",
                                   "grub_cmd ", "grub_kernel_cmdline ", ""}) {
    BootLog boot({"sha256"});
    const std::string shown = prefix + std::string(bad_line);
    boot.measure_as(8, test::ev_ipl, as_bytes(shown), as_bytes(bad_line));
    EXPECT_EQ(facts_of(boot).kernel_command_lines, std::vector<std::string>{std::string(bad_line)})
        << prefix;
  }
}

TEST(KernelCommandLines, OfBlocksOfADiskHideBehindNoPrefix) {
  BootLog boot({"sha256"});
  const std::string line = "0+4096 init=/bin/sh";
  boot.measure_as(8, test::ev_ipl, as_bytes("grub_cmd: " + line), as_bytes(line));
  EXPECT_FALSE(is_hidden(facts_of(boot)));
}

TEST(KernelCommandLines, OfAFileThatIsNamedAsACommandHideBehindNoPrefix) {
  BootLog boot({"sha256"});
  boot.grub_command("linux set init=/bin/sh").grub_command("set init=/bin/sh");
  boot.kernel_command_line("/vmlinuz ro");
  EXPECT_EQ(facts_of(boot).kernel_command_lines,
            (std::vector<std::string>{"set init=/bin/sh", "/vmlinuz ro"}));
}

TEST(KernelCommandLines, ThatCannotBeKeptAreNotKnown) {
  const std::string long_line = "/vmlinuz " + std::string(4096, 'x') + " init=/bin/sh";
  for (const std::string& line : {long_line, std::string("/vmlinuz \xFF init=/bin/sh")}) {
    BootLog boot({"sha256"});
    boot.kernel_command_line(line).kernel_command_line("/vmlinuz ro");
    EXPECT_FALSE(is_hidden(facts_of(boot)));
  }
  BootLog stub({"sha256"});
  stub.measure(12, test::ev_ipl, wide(std::string(4100, 'x') + " init=/bin/sh"));
  EXPECT_FALSE(is_hidden(facts_of(stub)));
}

TEST(KernelCommandLines, ThatBeginWithAnyCharacterAreReadFromUtf16) {
  BootLog boot({"sha256"});
  Bytes line = {0x00, 0x01, 0x20, 0x00};  // U+0100, a blank
  const Bytes rest = wide("init=/bin/sh");
  line.insert(line.end(), rest.begin(), rest.end());
  boot.measure(12, test::ev_ipl, line).measure(12, test::ev_ipl, wide("ro"));
  const BootFacts facts = facts_of(boot);
  EXPECT_EQ(facts.kernel_command_lines, (std::vector<std::string>{"\xC4\x80 init=/bin/sh", "ro"}));
  EXPECT_EQ(facts.not_known.count("kernel_command_lines"), 0U);
}

TEST(KernelCommandLines, OfUtf16ThatIsNotWellFormedAreNotKnown) {
  const Bytes good = wide("init=/bin/sh");
  Bytes surrogate = {0x00, 0xD8};
  surrogate.insert(surrogate.end(), good.begin(), good.end());
  Bytes odd = good;
  odd.push_back(0);
  Bytes behind = wide("ro");
  behind.insert(behind.end(), good.begin(), good.end());
  for (const Bytes& line : {surrogate, odd, behind, Bytes(2), Bytes{}}) {
    for (const unsigned pcr : {8U, 12U}) {
      BootLog boot({"sha256"});
      boot.measure(pcr, test::ev_ipl, line).measure(pcr, test::ev_ipl, wide("ro"));
      EXPECT_EQ(facts_of(boot).not_known.count("kernel_command_lines"), 1U) << to_hex(line);
    }
  }
}

TEST(KernelCommandLines, BesideAnEventThatProvesNothingAreNotKnown) {
  for (const unsigned pcr : {8U, 12U}) {
    BootLog boot({"sha256"});
    boot.measure_as(pcr, test::ev_ipl, as_bytes("initrd"), as_bytes(bad_line));
    boot.measure(12, test::ev_ipl, wide("ro"));
    const BootFacts facts = facts_of(boot);
    EXPECT_NE(
        facts.not_known.at("kernel_command_lines").find("event 1 in PCR " + std::to_string(pcr)),
        std::string::npos);
  }
}

TEST(KernelCommandLines, BesideOctetsThatAreNoTextAreNotKnown) {
  for (const unsigned pcr : {8U, 12U}) {
    BootLog boot({"sha256"});
    boot.measure(pcr, test::ev_event_tag, *from_hex("ec223b8f0d00000041"));
    boot.kernel_command_line("/vmlinuz ro");
    EXPECT_EQ(facts_of(boot).not_known.count("kernel_command_lines"), 1U) << pcr;
  }
}

TEST(KernelCommandLines, AreNotKnownUnlessBothPcrsWereQuoted) {
  BootLog boot({"sha256"});
  boot.kernel_command_line("/vmlinuz ro");
  const auto log = parse(boot.octets());
  for (const unsigned missing : {8U, 12U}) {
    auto quoted = boot.pcrs("sha256", boot_pcrs);
    quoted.erase(missing);
    const auto record = judge(*log, "sha256", quoted);
    ASSERT_TRUE(record) << record.error().to_string();
    EXPECT_EQ(record->facts.not_known.at("kernel_command_lines"),
              "PCR " + std::to_string(missing) + " was not quoted");
  }
}

TEST(KernelCommandLines, AreKnownBesideLongCommandsAndThoseOfOtherTongues) {
  BootLog boot({"sha256"});
  boot.grub_command("menuentry " + std::string(5000, 'x'))
      .grub_command(
          "echo L\xE4"
          "dt");
  boot.grub_command("[ -s /boot/grub/grubenv ]").grub_command("default=2").separator(8);
  boot.grub_command("search.fs_uuid 1 root").kernel_command_line("/vmlinuz ro");
  const BootFacts facts = facts_of(boot);
  EXPECT_EQ(facts.not_known.count("kernel_command_lines"), 0U);
  EXPECT_EQ(facts.kernel_command_lines, std::vector<std::string>{"/vmlinuz ro"});
}

TEST(LoaderFacts, OfSystemdStubAreUtf16InPcr12) {
  BootLog boot({"sha256"});
  Bytes line = test::utf16("root=/dev/sda2 ro");
  line.resize(line.size() + 2);
  boot.measure(12, test::ev_ipl, line);
  EXPECT_EQ(facts_of(boot).kernel_command_lines, std::vector<std::string>{"root=/dev/sda2 ro"});
}

TEST(LoaderFacts, OfAUnifiedKernelImageNameItsSections) {
  BootLog boot({"sha256"});
  Bytes described = test::utf16(".linux");
  described.resize(described.size() + 2);
  boot.measure_as(11, test::ev_ipl, described, as_bytes(std::string_view(".linux", 7)));
  boot.measure_as(11, test::ev_ipl, described, as_bytes("a kernel"));
  const BootFacts facts = [&] {
    const auto log = parse(boot.octets());
    return judge(*log, "sha256", boot.pcrs("sha256"))->facts;
  }();
  ASSERT_EQ(facts.loader.size(), 1U);
  EXPECT_EQ(facts.loader[0].kind, "uki_section");
  EXPECT_EQ(facts.loader[0].text, ".linux");
  EXPECT_TRUE(facts.loader[0].attested);
  EXPECT_EQ(facts.loader[0].digest, to_hex(sha256("a kernel")));
}

TEST(LoaderFacts, TakeNoSectionThatCameAfterTheSystemRan) {
  BootLog boot({"sha256"});
  boot.measure(11, test::ev_ipl, "enter-initrd");
  Bytes described = test::utf16(".linux");
  described.resize(described.size() + 2);
  boot.measure_as(11, test::ev_ipl, described, as_bytes(std::string_view(".linux", 7)));
  boot.measure_as(11, test::ev_ipl, described, as_bytes("a kernel that never ran"));
  const auto log = parse(boot.octets());
  const auto record = judge(*log, "sha256", boot.pcrs("sha256"));
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->facts.loader.empty());
}

TEST(LoaderFacts, OfASectionWhoseNameWasNotHashedAreNotAttested) {
  BootLog boot({"sha256"});
  Bytes described = test::utf16(".linux");
  described.resize(described.size() + 2);
  boot.measure_as(11, test::ev_ipl, described, as_bytes("a kernel"));
  const auto log = parse(boot.octets());
  const auto record = judge(*log, "sha256", boot.pcrs("sha256"));
  ASSERT_EQ(record->facts.loader.size(), 1U);
  EXPECT_FALSE(record->facts.loader[0].attested);
}

TEST(LoaderFacts, OfLinuxNameItsInitrd) {
  BootLog boot({"sha256"});
  Bytes data = *from_hex("ec223b8f0d000000");
  const std::string_view text("Linux initrd", 13);
  data.insert(data.end(), text.begin(), text.end());
  boot.measure_as(9, test::ev_event_tag, data, as_bytes("an initrd"));
  const BootFacts facts = facts_of(boot);
  ASSERT_EQ(facts.loader.size(), 1U);
  EXPECT_EQ(facts.loader[0].kind, "initrd");
  EXPECT_EQ(facts.loader[0].digest, to_hex(sha256("an initrd")));
}

TEST(LoaderFacts, ThatAreTooLongToKeepAreNotAttested) {
  BootLog boot({"sha256"});
  boot.grub_command(std::string(5000, 'x'));
  const BootFacts facts = facts_of(boot);
  ASSERT_EQ(facts.loader.size(), 1U);
  EXPECT_FALSE(facts.loader[0].attested);
  EXPECT_LT(facts.loader[0].text.size(), 4200U);
}

// ---- words for people ----

}  // namespace
}  // namespace mintmark::attest::eventlog
