#include "hsm/vitals.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <utility>

#include "hsm/last_operations.h"

namespace mintmark::hsm {
namespace {

using Word = std::atomic<std::uint64_t>;
static_assert(Word::is_always_lock_free, "a lock would be left behind by a process that dies");

/// More than sessions, with a login or two inside each.
constexpr std::size_t slots = 1024;
constexpr unsigned operation_shift = 56;
constexpr std::uint64_t time_mask = (std::uint64_t{1} << operation_shift) - 1;

/// CLOCK_MONOTONIC, the same for all processes.
std::uint64_t now_ms() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

std::atomic<bool> operations_end{false};
std::atomic<unsigned> threads_inside{0};
thread_local unsigned depth = 0;  // Operations of this thread, each inside the one before.

void enter_operation() {
  if (depth++ == 0) ++threads_inside;
  // Counted first: whoever is not held up here has been seen by end_operations().
  if (!operations_end) return;
  --threads_inside;
  for (;;) pause();
}

void leave_operation() {
  if (depth > 0 && --depth == 0) --threads_inside;
}

}  // namespace

void end_operations() {
  if (std::exchange(depth, 0U) > 0) --threads_inside;
  operations_end = true;
  constexpr timespec a_while{0, 1'000'000};
  while (threads_inside > 0) nanosleep(&a_while, nullptr);
}

/// All zero at birth. The layout is that of one build: both sides are the same release.
struct Vitals::Memory {
  struct Fault {
    Word native_plus_one;  ///< 0: free.
    Word count;
  };
  std::array<Word, slots> running;  ///< Operation in the upper octet, its begin below; 0: free.
  Word beats;
  Word logins_begun, logins_accepted, logins_refused, logins_failed;
  Word sessions;
  Word sandbox;  ///< Bits.
  std::array<Word, remedy_kinds> remedies;
  std::array<Fault, most_fault_codes> faults;
};

std::string_view name_of(Operation operation) {
  constexpr std::array<std::string_view, 9> names{
      "", "open", "login", "sign", "list", "generate", "destroy", "evidence", "reinitialise"};
  return names.at(static_cast<std::size_t>(operation));
}

bool writes_token(Operation operation) {
  return operation == Operation::login || operation == Operation::generate ||
         operation == Operation::destroy;
}

Result<std::shared_ptr<Vitals>> Vitals::make() {
  UniqueFd memory(memfd_create("vitals", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  // Sealed: a mapping of what was cut short would be the keeper's death by SIGBUS.
  if (!memory || ftruncate(memory.get(), sizeof(Memory)) != 0 ||
      fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return fail(Code::io_failed, "memory for the signer's vitals: " + errno_text(errno));
  }
  return over(std::move(memory));
}

Result<std::shared_ptr<Vitals>> Vitals::map(const UniqueFd& memory) {
  UniqueFd copy(fcntl(memory.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail(Code::io_failed, "the vitals' descriptor: " + errno_text(errno));
  return over(std::move(copy));
}

Result<std::shared_ptr<Vitals>> Vitals::over(UniqueFd memory) {
  struct stat facts {};
  if (fstat(memory.get(), &facts) != 0 || facts.st_size != sizeof(Memory)) {
    return fail(Code::io_failed, "the vitals' memory has another size than this release's");
  }
  void* mapped = mmap(nullptr, sizeof(Memory), PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (mapped == MAP_FAILED) {
    return fail(Code::io_failed, "memory for the signer's vitals: " + errno_text(errno));
  }
  return std::shared_ptr<Vitals>(new Vitals(std::move(memory), static_cast<Memory*>(mapped)));
}

Vitals::~Vitals() { munmap(shared_, sizeof(Memory)); }

Vitals::Scope::Scope(Vitals* vitals, Operation operation) : vitals_(vitals) {
  enter_operation();
  if (vitals_ == nullptr) return;
  const std::uint64_t word =
      static_cast<std::uint64_t>(operation) << operation_shift | (now_ms() & time_mask);
  for (slot_ = 0; slot_ < slots; ++slot_) {
    std::uint64_t free = 0;
    if (vitals_->shared_->running.at(slot_).compare_exchange_strong(free, word)) return;
  }
  vitals_ = nullptr;  // More than there can be: this one is not seen.
}

Vitals::Scope::~Scope() {
  if (vitals_ != nullptr) vitals_->shared_->running.at(slot_) = 0;
  leave_operation();
}

void Vitals::login_begins() { ++shared_->logins_begun; }

void Vitals::login_ended(LoginOutcome outcome) {
  switch (outcome) {
    case LoginOutcome::accepted:
      ++shared_->logins_accepted;
      return;
    case LoginOutcome::refused:
      ++shared_->logins_refused;
      return;
    case LoginOutcome::failed:
      ++shared_->logins_failed;
      return;
  }
}

void Vitals::count_fault(std::uint64_t native) {
  for (Memory::Fault& fault : shared_->faults) {
    std::uint64_t present = 0;
    const bool taken = fault.native_plus_one.compare_exchange_strong(present, native + 1);
    if (!taken && present != native + 1) continue;
    ++fault.count;
    return;
  }
}

void Vitals::count_remedy(std::uint8_t remedy) {
  if (remedy < remedy_kinds) ++shared_->remedies.at(remedy);
}

void Vitals::set_sessions(std::uint64_t open) { shared_->sessions = open; }
void Vitals::beat() { ++shared_->beats; }

void Vitals::set_sandbox(const Sandbox& sandbox) {
  shared_->sandbox = (sandbox.entered ? 1U : 0U) | (sandbox.own_network ? 2U : 0U) |
                     (sandbox.unix_sockets_only ? 4U : 0U) | (sandbox.known_calls_only ? 8U : 0U) |
                     (sandbox.memory_locked ? 16U : 0U);
}

Vitals::Sandbox Vitals::sandbox() const {
  const std::uint64_t bits = shared_->sandbox;
  return {(bits & 1U) != 0, (bits & 2U) != 0, (bits & 4U) != 0, (bits & 8U) != 0,
          (bits & 16U) != 0};
}

std::vector<Vitals::Running> Vitals::running() const {
  std::vector<Running> all;
  const std::uint64_t now = now_ms();
  for (const Word& slot : shared_->running) {
    const std::uint64_t word = slot;
    const std::uint64_t operation = word >> operation_shift;
    if (operation == 0 || operation > static_cast<std::uint64_t>(Operation::reinitialise)) continue;
    const std::uint64_t began = word & time_mask;
    all.push_back({static_cast<Operation>(operation),
                   std::chrono::milliseconds(began < now ? now - began : 0)});
  }
  return all;
}

std::uint64_t Vitals::beats() const { return shared_->beats; }
std::uint64_t Vitals::sessions() const { return shared_->sessions; }

Vitals::Logins Vitals::logins() const {
  return {shared_->logins_begun, shared_->logins_accepted, shared_->logins_refused,
          shared_->logins_failed};
}

std::map<std::uint64_t, std::uint64_t> Vitals::faults() const {
  std::map<std::uint64_t, std::uint64_t> all;
  for (const Memory::Fault& fault : shared_->faults) {
    const std::uint64_t native_plus_one = fault.native_plus_one;
    if (native_plus_one != 0) all[native_plus_one - 1] += fault.count;
  }
  return all;
}

std::array<std::uint64_t, Vitals::remedy_kinds> Vitals::remedies() const {
  std::array<std::uint64_t, remedy_kinds> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all.at(i) = shared_->remedies.at(i);
  return all;
}

void VitalsSum::add(const Vitals& vitals) {
  for (const auto& [native, count] : vitals.faults()) faults[native] += count;
  const auto done = vitals.remedies();
  for (std::size_t i = 0; i < done.size(); ++i) remedies.at(i) += done.at(i);
  logins += vitals.logins().begun;
}

}  // namespace mintmark::hsm
