// Facts of a boot, and what a liar's log must not make of them: types of events are not hashed,
// data only where they are what was hashed, and a running system may extend more.
#include <gtest/gtest.h>

#include <algorithm>

#include "attest/eventlog/text.h"
#include "facts_of.h"

namespace mintmark::attest::eventlog {
namespace {

using test::BootLog;

BootLog firmware(bool secure_boot) {
  BootLog boot({"sha256"});
  boot.secure_boot(secure_boot).variable("PK", {}).variable("KEK", {});
  return boot.variable("db", {}).variable("dbx", {}).separator(7);
}

Bytes secure_boot_variable(std::uint8_t value) {
  return test::efi_variable(test::efi_global_guid(), "SecureBoot", Bytes{value});
}

TEST(BootFacts, OfAWholeBootAreWhatWasMeasured) {
  for (const char* const bank : {"sha1", "sha256", "sha384"}) {
    const BootFacts facts = facts_of(BootLog::whole(), bank);
    EXPECT_EQ(facts.secure_boot, true);
    EXPECT_TRUE(facts.not_known.empty()) << facts.not_known.begin()->first;
    EXPECT_EQ(facts.firmware_version, "Test firmware 1.0");
    ASSERT_EQ(facts.dbx.size(), 1U);
    EXPECT_EQ(facts.dbx[0].kind, "sha256");
    EXPECT_EQ(facts.dbx[0].digest, to_hex(Bytes(32, 0xDB)));
    ASSERT_EQ(facts.images.size(), 1U);
    EXPECT_EQ(facts.images[0].path, "\\EFI\\BOOT\\BOOTX64.EFI");
    EXPECT_EQ(facts.images[0].digest, to_hex(test::bank_digest(bank, as_bytes("shim 15.8"))));
    EXPECT_EQ(facts.kernel_command_lines, std::vector<std::string>{"/vmlinuz root=/dev/vda2 ro"});
    EXPECT_TRUE(facts.exit_boot_services);
    EXPECT_EQ(facts.firmware_blobs.size(), 1U);
    EXPECT_EQ(facts.loader.size(), 4U);
  }
}

TEST(BootFacts, OfAMachineWithoutSecureBootSaySo) {
  EXPECT_EQ(facts_of(BootLog::whole("shim", false)).secure_boot, false);
  // A variable that is not there is measured empty.
  BootLog boot({"sha256"});
  boot.variable("SecureBoot", {}).separator(7);
  EXPECT_EQ(facts_of(boot).secure_boot, false);
}

// ---- Secure Boot: what a liar tries ----

TEST(SecureBootFact, OfDataThatDoNotHashToTheDigestIsNotKnown) {
  BootLog boot({"sha256"});
  boot.measure_as(7, test::ev_efi_variable_driver_config, secure_boot_variable(1),
                  secure_boot_variable(0));
  boot.separator(7);
  const BootFacts facts = facts_of(boot);
  EXPECT_FALSE(facts.secure_boot);
  EXPECT_NE(facts.not_known.at("secure_boot").find("event 1"), std::string::npos);
}

TEST(SecureBootFact, BesideAnEventThatMayBeTheTrueOneIsNotKnown) {
  // SecureBoot was measured as off; its event is shown as something else, and the separator too;
  // then the running system extends the variable and the separator that it would like to have.
  BootLog boot({"sha256"});
  boot.measure_as(7, test::ev_compact_hash, as_bytes("harmless"), secure_boot_variable(0));
  boot.measure_as(7, test::ev_compact_hash, as_bytes("harmless"), Bytes(4));
  boot.secure_boot(true).separator(7);
  EXPECT_FALSE(facts_of(boot).secure_boot);
}

TEST(SecureBootFact, HasItsSeparatorKnownByTheDigestUnderAnyType) {
  BootLog boot({"sha256"});
  boot.measure_as(7, test::ev_efi_action, as_bytes("harmless"), Bytes(4));
  boot.secure_boot(true).separator(7);
  const BootFacts facts = facts_of(boot);
  EXPECT_FALSE(facts.secure_boot);
  EXPECT_NE(facts.not_known.at("secure_boot").find("after"), std::string::npos);
}

TEST(SecureBootFact, IsReadUnderAnyTypeOfEvent) {
  // Relabelled, and another one behind it: measured twice.
  BootLog boot({"sha256"});
  boot.measure(7, test::ev_efi_action, secure_boot_variable(0)).secure_boot(true).separator(7);
  EXPECT_FALSE(facts_of(boot).secure_boot);
  BootLog alone({"sha256"});
  alone.measure(7, test::ev_efi_action, secure_boot_variable(0)).separator(7);
  EXPECT_EQ(facts_of(alone).secure_boot, false);
}

TEST(SecureBootFact, MeasuredTwiceIsNotKnown) {
  BootLog boot({"sha256"});
  boot.secure_boot(true).secure_boot(true).separator(7);
  EXPECT_FALSE(facts_of(boot).secure_boot);
}

TEST(SecureBootFact, MeasuredAgainAfterTheSeparatorIsNotKnown) {
  BootLog boot = firmware(true);
  EXPECT_EQ(facts_of(boot).secure_boot, true);
  boot.secure_boot(false);
  EXPECT_FALSE(facts_of(boot).secure_boot);
}

TEST(SecureBootFact, WithoutASeparatorIsNotKnown) {
  BootLog boot({"sha256"});
  boot.secure_boot(true);
  EXPECT_FALSE(facts_of(boot).secure_boot);
}

TEST(SecureBootFact, AfterAnErrorSeparatorIsNotKnown) {
  BootLog boot({"sha256"});
  boot.secure_boot(true).measure(7, test::ev_separator, Bytes{1, 0, 0, 0});
  const BootFacts facts = facts_of(boot);
  EXPECT_FALSE(facts.secure_boot);
  EXPECT_NE(facts.not_known.at("secure_boot").find("error"), std::string::npos);
}

TEST(SecureBootFact, OfFirmwareInDebugModeIsNotKnown) {
  for (const std::uint32_t type : {test::ev_efi_action, test::ev_compact_hash}) {
    BootLog boot({"sha256"});
    boot.secure_boot(true).measure(7, type, "UEFI Debug Mode").separator(7);
    const BootFacts facts = facts_of(boot);
    EXPECT_FALSE(facts.secure_boot);
    EXPECT_NE(facts.not_known.at("secure_boot").find("debug mode"), std::string::npos);
  }
}

TEST(SecureBootFact, InAnotherPcrIsNotKnown) {
  BootLog boot({"sha256"});
  boot.measure(1, test::ev_efi_variable_driver_config, secure_boot_variable(1)).separator(1);
  boot.separator(7);
  EXPECT_FALSE(facts_of(boot).secure_boot);
}

TEST(SecureBootFact, OfATdsRegisterInATpmsLogIsNotKnown) {
  // The header's PCR is not hashed: with 1 the log calls itself a TD's, whose registers differ.
  BootLog boot({"sha256"});
  boot.measure(1, test::ev_efi_variable_driver_config, secure_boot_variable(1)).separator(1);
  boot.separator(7);
  Bytes octets = boot.octets();
  octets[0] = 1;
  const auto log = parse(octets);
  ASSERT_TRUE(log);
  EXPECT_TRUE(log->of_td);
  const auto record = judge(*log, "sha256", boot.pcrs("sha256", boot_pcrs));
  ASSERT_TRUE(record);
  EXPECT_FALSE(record->facts.secure_boot);
}

TEST(SecureBootFact, UnderAnotherGuidIsNotKnown) {
  BootLog boot({"sha256"});
  boot.measure(7, test::ev_efi_variable_driver_config,
               test::efi_variable(test::shim_lock_guid(), "SecureBoot", Bytes{1}));
  boot.separator(7);
  EXPECT_FALSE(facts_of(boot).secure_boot);
}

TEST(SecureBootFact, OfAContentThatIsNoStateIsNotKnown) {
  for (const Bytes& content : {Bytes{2}, Bytes{0xFF}, Bytes{1, 0}, Bytes{1, 1}}) {
    BootLog boot({"sha256"});
    boot.variable("SecureBoot", content).separator(7);
    EXPECT_FALSE(facts_of(boot).secure_boot) << to_hex(content);
  }
}

TEST(SecureBootFact, WithOctetsBehindItsContentIsNotKnown) {
  BootLog boot({"sha256"});
  Bytes data = secure_boot_variable(1);
  data.push_back(0);
  boot.measure(7, test::ev_efi_variable_driver_config, data).separator(7);
  EXPECT_FALSE(facts_of(boot).secure_boot);
}

// Firmware before 2016 hashed the content alone: a 1, of whichever variable.
TEST(SecureBootFact, WhoseNameWasNotHashedIsNotKnown) {
  BootLog boot({"sha256"});
  boot.measure_as(7, test::ev_efi_variable_driver_config, secure_boot_variable(1), Bytes{1});
  boot.separator(7);
  EXPECT_FALSE(facts_of(boot).secure_boot);
}

TEST(SecureBootFact, IsNeverMadeByOneChangedOctet) {
  const BootLog off = firmware(false);
  for (std::size_t at = 0; at < off.octets().size(); ++at) {
    for (const std::uint8_t change : Bytes{0x01, 0x80, 0xFF}) {
      Bytes octets = off.octets();
      octets[at] ^= change;
      const auto log = parse(octets);
      if (!log) continue;
      const auto record = judge(*log, "sha256", off.pcrs("sha256", boot_pcrs));
      if (record) {
        EXPECT_NE(record->facts.secure_boot, true) << at;
      }
    }
  }
}

// ---- databases ----

TEST(SignatureDatabases, AreReadWithTheirEntriesAndOwners) {
  BootLog boot({"sha256"});
  Bytes two = test::signature_list(test::cert_sha256_guid(), test::shim_lock_guid(),
                                   {Bytes(32, 1), Bytes(32, 2)});
  const Bytes more = test::signature_list(Bytes(16, 0x77), test::efi_global_guid(), {Bytes(5)});
  two.insert(two.end(), more.begin(), more.end());
  boot.secure_boot(true).variable("dbx", two).separator(7);
  const BootFacts facts = facts_of(boot);
  ASSERT_EQ(facts.dbx.size(), 3U);
  EXPECT_EQ(facts.dbx[1].digest, to_hex(Bytes(32, 2)));
  EXPECT_EQ(facts.dbx[1].owner, "605dab50-e046-4300-abb6-3dd810dd8b23");
  EXPECT_EQ(facts.dbx[2].kind, "77777777-7777-7777-7777-777777777777");
}

TEST(SignatureDatabases, ThatAreMalformedAreNotKnownAndEmpty) {
  const Bytes good =
      test::signature_list(test::cert_sha256_guid(), test::efi_global_guid(), {Bytes(32, 1)});
  for (std::size_t length = 1; length < good.size(); ++length) {
    BootLog boot({"sha256"});
    boot.secure_boot(true).variable("dbx", BytesView(good).first(length)).separator(7);
    const BootFacts facts = facts_of(boot);
    EXPECT_TRUE(facts.dbx.empty());
    EXPECT_EQ(facts.not_known.count("dbx"), 1U) << length;
    EXPECT_EQ(facts.secure_boot, true);
  }
}

TEST(SignatureDatabases, WithLyingLengthsAreNotKnown) {
  const Bytes good =
      test::signature_list(test::cert_sha256_guid(), test::efi_global_guid(), {Bytes(32, 1)});
  for (const std::size_t at : {16U, 20U, 24U}) {
    for (const std::uint8_t lie : Bytes{0x00, 0x01, 0x10, 0x7F, 0xFF}) {
      Bytes content = good;
      for (std::size_t i = 0; i < 4; ++i) content[at + i] = lie;
      if (content == good) continue;
      BootLog boot({"sha256"});
      boot.secure_boot(true).variable("dbx", content).separator(7);
      const BootFacts facts = facts_of(boot);
      EXPECT_TRUE(facts.not_known.count("dbx") == 1 || (at == 20 && lie == 0)) << at;
    }
  }
}

TEST(SignatureDatabases, MeasuredTwiceOrAfterTheSeparatorAreNotKnown) {
  const Bytes list =
      test::signature_list(test::cert_sha256_guid(), test::efi_global_guid(), {Bytes(32, 1)});
  for (const char* const name : {"PK", "KEK", "db", "dbx"}) {
    BootLog boot = firmware(true);
    boot.variable(name, list);
    const BootFacts facts = facts_of(boot);
    std::string fact = name;
    std::transform(fact.begin(), fact.end(), fact.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    EXPECT_EQ(facts.not_known.count(fact), 1U) << name;
    EXPECT_EQ(facts.secure_boot, true);
  }
}

TEST(SignatureDatabases, ThatWereNeverMeasuredAreNotKnown) {
  BootLog boot({"sha256"});
  boot.secure_boot(true).separator(7);
  const BootFacts facts = facts_of(boot);
  for (const char* const fact : {"pk", "kek", "db", "dbx"})
    EXPECT_EQ(facts.not_known.count(fact), 1U) << fact;
}

// ---- authorities ----

Bytes authority(std::string_view name, BytesView content) {
  return test::efi_variable(name == "db" ? test::image_security_guid() : test::shim_lock_guid(),
                            name, content);
}

TEST(Authorities, AreReadFromWhatWasHashed) {
  BootLog boot = firmware(true);
  Bytes entry = test::efi_global_guid();
  entry.insert(entry.end(), 32, 0x44);
  boot.measure(7, test::ev_efi_variable_authority, authority("db", entry));
  boot.measure(7, test::ev_efi_variable_authority, authority("SbatLevel", as_bytes("sbat,1,2\n")));
  const BootFacts facts = facts_of(boot);
  ASSERT_EQ(facts.authorities.size(), 2U);
  EXPECT_EQ(facts.authorities[0].variable, "db");
  EXPECT_EQ(facts.authorities[0].entry.digest, to_hex(Bytes(32, 0x44)));
  EXPECT_EQ(facts.shim.at("SbatLevel"), "sbat,1,2");
  EXPECT_EQ(facts.secure_boot, true);
}

TEST(Authorities, AreReadUnderAnyTypeOfEvent) {
  BootLog boot = firmware(true);
  boot.measure(7, test::ev_efi_action, authority("db", Bytes(48, 0x44)));
  EXPECT_EQ(facts_of(boot).authorities.size(), 1U);
}

TEST(Authorities, OfOldShimHaveOneOctetThatWasNotHashed) {
  BootLog boot = firmware(true);
  const Bytes hashed = authority("Shim", Bytes(40, 0x33));
  Bytes logged = hashed;
  logged.push_back(0xAF);
  boot.measure_as(7, test::ev_efi_variable_authority, logged, hashed);
  const BootFacts facts = facts_of(boot);
  EXPECT_EQ(facts.authorities.size(), 1U);
  EXPECT_EQ(facts.secure_boot, true);
}

TEST(Authorities, BesideAnEventThatProvesNothingAreNotKnown) {
  BootLog boot = firmware(true);
  boot.measure(7, test::ev_efi_variable_authority, authority("db", Bytes(48, 0x44)));
  boot.measure_as(7, test::ev_efi_variable_authority, authority("db", Bytes(48, 0x55)),
                  as_bytes("the true one"));
  const BootFacts facts = facts_of(boot);
  EXPECT_TRUE(facts.authorities.empty());
  EXPECT_EQ(facts.not_known.count("authorities"), 1U);
  EXPECT_FALSE(facts.secure_boot);
}

// ---- images ----

TEST(BootImages, AreListedUnderWhateverTypeTheyStand) {
  BootLog boot({"sha256"});
  for (const std::uint32_t type : {test::ev_efi_boot_services_application, test::ev_compact_hash,
                                   test::ev_ipl, test::ev_efi_action, test::ev_separator})
    boot.measure_as(4, type, as_bytes("words"), as_bytes("an image"));
  boot.measure_as(2, test::ev_compact_hash, as_bytes("words"), as_bytes("a driver"));
  EXPECT_EQ(facts_of(boot).images.size(), 6U);
}

TEST(BootImages, AreListedAlsoWhereTheOctetsOfTheirHashAreLogged) {
  const Bytes image = [] {
    Bytes octets = to_bytes(as_bytes("MZ"));
    octets.resize(600);
    return octets;
  }();
  BootLog boot({"sha256"});
  boot.measure(4, test::ev_efi_action, image);
  EXPECT_EQ(facts_of(boot).images.size(), 1U);
}

TEST(BootImages, AreNeitherSeparatorsNorWords) {
  BootLog boot({"sha256"});
  boot.measure(4, test::ev_efi_action, "Calling EFI Application from Boot Option").separator(4);
  boot.measure(4, test::ev_separator, Bytes(4, 0xFF));
  EXPECT_TRUE(facts_of(boot).images.empty());
}

TEST(BootImages, HavePathsThatMayLieAboutTheirLength) {
  const Bytes good = test::image_load("\\EFI\\x.efi");
  for (std::size_t length = 0; length < good.size(); ++length) {
    BootLog boot({"sha256"});
    boot.measure_as(4, test::ev_efi_boot_services_application, BytesView(good).first(length),
                    as_bytes("an image"));
    EXPECT_EQ(facts_of(boot).images.size(), 1U) << length;
  }
}

// ---- loaders ----

TEST(WordsForPeople, HaveNoCharacterThatTurnsOrHidesText) {
  EXPECT_EQ(for_people("a\u009b1m\u202eb\u2066\ufeff\x1b\xFF"), "a?1m?b????");
  EXPECT_EQ(for_people("\u4e2d \u00e4"), "\u4e2d \u00e4");
  BootLog boot({"sha256"});
  boot.image(4, test::ev_efi_boot_services_application, "\\EFI\\x.efi", "an image");
  Bytes octets = boot.octets();
  const Bytes name = test::utf16("x.efi");
  const auto at = std::search(octets.begin(), octets.end(), name.begin(), name.end());
  ASSERT_NE(at, octets.end());
  at[0] = 0x2E;
  at[1] = 0x20;  // U+202E
  const auto record =
      judge(*parse(octets), "sha256", boot.pcrs("sha256", {0, 1, 2, 3, 5, 6, 7, 8, 9, 12}));
  ASSERT_TRUE(record) << record.error().to_string();
  EXPECT_EQ(record->facts.images.at(0).path, "\\EFI\\?.efi");
}

// ---- firmware ----

TEST(FirmwareFacts, TakeNoVersionThatTheRunningSystemExtended) {
  BootLog boot({"sha256"});
  boot.measure_as(0, test::ev_efi_platform_firmware_blob, Bytes(16), as_bytes("version 1"));
  boot.separator(0).measure(0, test::ev_s_crtm_version, test::utf16("version 2"));
  EXPECT_TRUE(facts_of(boot).firmware_version.empty());
}

TEST(FirmwareFacts, TakeNoVersionThatWasNotHashed) {
  BootLog boot({"sha256"});
  boot.measure_as(0, test::ev_s_crtm_version, test::utf16("version 2"), as_bytes("version 1"));
  const BootFacts facts = facts_of(boot);
  EXPECT_TRUE(facts.firmware_version.empty());
  EXPECT_EQ(facts.not_known.count("firmware_version"), 1U);
}

TEST(FirmwareFacts, SayNothingOfExitBootServicesThatWasNotHashed) {
  BootLog boot({"sha256"});
  boot.measure_as(5, test::ev_efi_action, as_bytes("Exit Boot Services Invocation"),
                  as_bytes("something else"));
  EXPECT_FALSE(facts_of(boot).exit_boot_services);
}

TEST(ShimFacts, OfPcr14AreDigestsUnderTheNamesOfTheLog) {
  BootLog boot({"sha256"});
  boot.measure_as(14, test::ev_ipl, as_bytes(std::string_view("MokList", 8)), as_bytes("list"));
  EXPECT_EQ(facts_of(boot).shim.at("MokList"), to_hex(sha256("list")));
}

}  // namespace
}  // namespace mintmark::attest::eventlog
