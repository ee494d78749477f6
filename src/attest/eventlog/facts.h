// What a replayed log says of a boot. Types of events, and the words beside most digests, are not
// hashed: whoever rules the machine after its boot may write them as they like, and extend more.
// Each fact says what it rests on.
#pragma once

#include <array>
#include <map>
#include <string_view>
#include <vector>

#include "attest/boot_record.h"
#include "attest/eventlog/describe.h"
#include "attest/eventlog/log.h"
#include "attest/eventlog/proof.h"

namespace mintmark::attest::eventlog {

/// An event with what its digest proves.
struct Seen {
  const Event* event = nullptr;
  Proven proven;
  std::string digest;  ///< Hexadecimal, of the judged bank; "" where it has none.
  /// Its PCR is quoted and as the log says.
  bool covered = false;

  [[nodiscard]] bool hashed_whole() const {
    return proven.proof == Proof::whole || proven.proof == Proof::all_but_last;
  }
};

/// A log in one bank.
struct View {
  const Bank* bank = nullptr;
  bool of_td = false;  ///< Registers of a TD instead of PCRs.
  std::vector<Seen> events;
  /// Which PCRs are known to be as the log says; nullptr: all.
  const std::map<unsigned, bool>* known = nullptr;

  [[nodiscard]] bool covers(unsigned pcr) const {
    if (known == nullptr) return true;
    const auto found = known->find(pcr);
    return found != known->end() && found->second;
  }
  /// The events that extended what a TPM has in that PCR; of a TD, the register that stands for it
  /// (Intel's Virtual Firmware Design Guide, table 8-2).
  [[nodiscard]] std::vector<const Seen*> of_pcr(unsigned pcr) const;
};

/// Secure Boot and its databases (PCR 7). Known only where each event before PCR 7's first
/// separator is proven by its data, so that none can hide another; where SecureBoot was measured
/// there once and never again.
void add_secure_boot(const View& view, BootFacts& facts);
/// Who vouched for images (PCR 7). Known only where each event of PCR 7 is proven by its data.
void add_authorities(const View& view, BootFacts& facts);
/// All that was measured to PCR 2 and 4 and is not proven to be words: under another type no image
/// hides.
void add_images(const View& view, BootFacts& facts);
/// GRUB, systemd-boot, unified kernel images, initrd, command lines (PCR 8, 9, 11, 12, 13). Command
/// lines are known only where PCR 8 and 12 are quoted and each event there is one that was kept, or
/// a command of GRUB's.
void add_loader(const View& view, BootFacts& facts);
/// MOK state (PCR 14, and what shim measures to PCR 7).
void add_shim(const View& view, BootFacts& facts);
/// Firmware's version and volumes, ExitBootServices.
void add_firmware(const View& view, BootFacts& facts);

/// What systemd extends PCR 11 with while a system comes up (systemd-pcrphase.service(8)): the
/// words are hashed, in this order.
inline constexpr std::array<std::string_view, 4> systemd_phases = {"enter-initrd", "leave-initrd",
                                                                   "sysinit", "ready"};

/// EV_SEPARATOR's values, by digest, whatever the event calls itself.
enum class Separator : std::uint8_t { none, normal, error };
[[nodiscard]] Separator separator_of(const Seen& seen, const Bank& bank);

}  // namespace mintmark::attest::eventlog
