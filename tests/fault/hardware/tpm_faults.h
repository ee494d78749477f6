// A TPM that does not do one of the things that it is asked for.
#pragma once

#include <gtest/gtest.h>
#include <tss2/tss2_tpm2_types.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "support/thinned.h"
#include "support/tpm_bus.h"

namespace mintmark::test {

/// What becomes of one command.
struct TpmFault {
  enum class Kind : std::uint8_t {
    refused,    ///< It is not done; the answer is `rc`.
    cut,        ///< It is done, and the program cut off before the answer.
    shortened,  ///< It is done, and of the answer's content one half is there.
    changed,    ///< It is done, and the last octet of an authorised answer is another: its HMAC.
  };
  std::string name;
  Kind kind = Kind::refused;
  std::uint32_t rc = 0;
};

// Part 2, 6.6.3: what a TPM says of itself, of its room, of a handle, a session, a parameter.
inline const TpmFault failure{"TPM_RC_FAILURE", TpmFault::Kind::refused, TPM2_RC_FAILURE};
inline const TpmFault retry{"TPM_RC_RETRY", TpmFault::Kind::refused, TPM2_RC_RETRY};
inline const TpmFault lockout{"TPM_RC_LOCKOUT", TpmFault::Kind::refused, TPM2_RC_LOCKOUT};
inline const TpmFault memory{"TPM_RC_OBJECT_MEMORY", TpmFault::Kind::refused,
                             TPM2_RC_OBJECT_MEMORY};
inline const TpmFault no_handle{"TPM_RC_HANDLE", TpmFault::Kind::refused,
                                TPM2_RC_HANDLE + TPM2_RC_H + TPM2_RC_1};
inline const TpmFault wrong_auth{"TPM_RC_AUTH_FAIL", TpmFault::Kind::refused,
                                 TPM2_RC_AUTH_FAIL + TPM2_RC_S + TPM2_RC_1};
inline const TpmFault bad_parameter{"TPM_RC_VALUE", TpmFault::Kind::refused,
                                    TPM2_RC_VALUE + TPM2_RC_P + TPM2_RC_1};
inline const TpmFault cut{"a connection that ends", TpmFault::Kind::cut};
inline const TpmFault shortened{"half an answer", TpmFault::Kind::shortened};
inline const TpmFault changed{"a changed answer", TpmFault::Kind::changed};

/// The bus to a TPM that one such fault befalls.
class FaultyTpmBus {
 public:
  explicit FaultyTpmBus(std::uint16_t swtpm_port) : bus_(swtpm_port) {}

  [[nodiscard]] std::string tcti() const { return bus_.tcti(); }
  /// The codes of the commands that this sends. Not at its first time: a TPM that has to test an
  /// algorithm first asks for a command again.
  std::vector<std::uint32_t> commands_of(const std::function<void()>& work) {
    std::vector<std::uint32_t> sent;
    bus_.change_commands([&](std::uint32_t command, Bytes&) { sent.push_back(command); });
    work();
    bus_.change_commands(nullptr);
    return sent;
  }
  /// Of the commands from now on the `nth`, from 0.
  void befall(std::size_t nth, const TpmFault& fault) {
    seen_ = 0;
    kind_ = fault.kind;
    bus_.change_commands([this, nth, fault](std::uint32_t, Bytes& command) {
      its_turn_ = seen_++ == nth;
      // No TPM has a command of that code: it does nothing.
      if (its_turn_ && fault.kind == TpmFault::Kind::refused)
        std::fill_n(command.begin() + code_at, 4, std::uint8_t{0});
    });
    bus_.change_answers([this, fault](std::uint32_t, Bytes& answer) {
      if (its_turn_) spoil(answer, fault);
    });
  }
  /// It is over. Whether there were so many commands.
  bool end(std::size_t nth) {
    bus_.change_commands(nullptr);
    bus_.change_answers(nullptr);
    // What of a program whose connection is of no use is left, is a resource manager's to flush.
    if (kind_ != TpmFault::Kind::refused) bus_.flush_before_next_command();
    bus_.look_before_next_command();
    return seen_ > nth;
  }
  /// How many NV indexes of its owner the TPM had when the next command came after the end; and no
  /// object then, and no session.
  [[nodiscard]] std::size_t indexes_and_nothing_else() const {
    const auto held = bus_.held();
    EXPECT_TRUE(held) << "nothing was asked of it since";
    if (!held) return 0;
    std::size_t indexes = 0;
    for (const std::uint32_t handle : *held) {
      const bool is_index = handle >> TPM2_HR_SHIFT == TPM2_HT_NV_INDEX;
      EXPECT_TRUE(is_index) << std::hex << handle << " was left";
      if (is_index) ++indexes;
    }
    return indexes;
  }

 private:
  static constexpr std::size_t code_at = 6;
  static constexpr std::size_t header = 10;

  static void put(Bytes& octets, std::size_t at, std::uint32_t number) {
    for (std::size_t i = 0; i < 4; ++i)
      octets.at(at + i) = static_cast<std::uint8_t>(number >> (24U - 8U * i));
  }
  static void spoil(Bytes& answer, const TpmFault& fault) {
    switch (fault.kind) {
      case TpmFault::Kind::refused:
        answer = {0x80, 0x01, 0, 0, 0, header, 0, 0, 0, 0};
        return put(answer, code_at, fault.rc);
      case TpmFault::Kind::cut:
        return answer.clear();
      case TpmFault::Kind::shortened:
        answer.resize(header + (answer.size() - header) / 2);
        return put(answer, 2, static_cast<std::uint32_t>(answer.size()));
      case TpmFault::Kind::changed:
        if (answer.at(1) == (TPM2_ST_SESSIONS & 0xFFU)) answer.back() ^= 1U;
        return;
    }
  }

  std::size_t seen_ = 0;
  TpmFault::Kind kind_ = TpmFault::Kind::refused;
  bool its_turn_ = false;
  TpmBus bus_;
};

/// Whether such a fault of this command is one that there is. A TPM flushes what it loaded,
/// whatever else it refuses; and what it does not flush stays, by whomever it was loaded.
[[nodiscard]] inline bool befalls(const TpmFault& fault, std::uint32_t command) {
  return fault.kind != TpmFault::Kind::refused || fault.rc == TPM2_RC_RETRY ||
         command != TPM2_CC_FlushContext;
}

}  // namespace mintmark::test
