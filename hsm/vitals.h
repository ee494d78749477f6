// What a signer's process is doing right now, in memory that it shares with its keeper: to be read
// while the process hangs, is stopped, or has just died.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace mintmark::hsm {

/// What is done inside a vendor's module.
enum class Operation : std::uint8_t {
  open = 1,
  login,
  sign,
  list,
  generate,
  destroy,
  evidence,
  reinitialise
};
[[nodiscard]] std::string_view name_of(Operation operation);
/// True for calls that write the token: a process killed inside one can cost SoftHSM its token.
[[nodiscard]] bool writes_token(Operation operation);

/// Thread-safe on both sides, without locks. The reader trusts nothing that it finds: a signer in
/// strange hands may write anything, and can thereby be killed, or be left alone, and no more.
class Vitals {
 public:
  /// The keeper's: anonymous memory of a fixed size. `io_failed`.
  [[nodiscard]] static Result<std::shared_ptr<Vitals>> make();
  /// The signer's, from the descriptor that it was handed; it may be closed after that.
  /// `io_failed`.
  [[nodiscard]] static Result<std::shared_ptr<Vitals>> map(const UniqueFd& memory);
  ~Vitals();
  Vitals(const Vitals&) = delete;
  Vitals& operator=(const Vitals&) = delete;

  /// Of make(): to be handed down.
  [[nodiscard]] int descriptor() const { return memory_.get(); }

  /// One operation under way, from its birth to its end; operations may stand inside another.
  class Scope {
   public:
    /// `vitals` may be null: nobody looks.
    Scope(Vitals* vitals, Operation operation);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Vitals* vitals_;
    std::size_t slot_ = 0;
  };

  enum class LoginOutcome : std::uint8_t { accepted, refused, failed };
  /// Before and after each C_Login.
  void login_begins();
  void login_ended(LoginOutcome outcome);
  void count_fault(std::uint64_t native);
  void count_remedy(std::uint8_t remedy);
  void set_sessions(std::uint64_t open);
  void beat();

  /// What a signer shut itself in by (docs/operations.md).
  struct Sandbox {
    bool entered = false;  ///< The rest is known.
    bool own_network = false;
    bool unix_sockets_only = false;
    bool known_calls_only = false;
    bool memory_locked = false;
  };
  /// Before the vendor's code is loaded.
  void set_sandbox(const Sandbox& sandbox);
  [[nodiscard]] Sandbox sandbox() const;

  struct Running {
    Operation operation;
    std::chrono::milliseconds since;
  };
  [[nodiscard]] std::vector<Running> running() const;
  [[nodiscard]] std::uint64_t beats() const;
  struct Logins {
    std::uint64_t begun = 0;
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    std::uint64_t failed = 0;
    /// One whose answer never came.
    [[nodiscard]] bool unanswered() const { return begun > accepted + refused + failed; }
  };
  [[nodiscard]] Logins logins() const;
  [[nodiscard]] std::uint64_t sessions() const;
  /// By native code; of more than `most_fault_codes` different ones the later are not counted.
  [[nodiscard]] std::map<std::uint64_t, std::uint64_t> faults() const;
  static constexpr std::size_t most_fault_codes = 64;
  static constexpr std::size_t remedy_kinds = 8;
  [[nodiscard]] std::array<std::uint64_t, remedy_kinds> remedies() const;

 private:
  struct Memory;
  Vitals(UniqueFd memory, Memory* shared) : memory_(std::move(memory)), shared_(shared) {}
  [[nodiscard]] static Result<std::shared_ptr<Vitals>> over(UniqueFd memory);

  UniqueFd memory_;
  Memory* shared_;
};

/// What several processes, one after the other, counted.
struct VitalsSum {
  std::map<std::uint64_t, std::uint64_t> faults;
  std::array<std::uint64_t, Vitals::remedy_kinds> remedies{};
  std::uint64_t logins = 0;

  void add(const Vitals& vitals);
};

}  // namespace mintmark::hsm
