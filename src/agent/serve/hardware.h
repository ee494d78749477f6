// The one thread that owns the TPM or the secure element. Whoever needs a signature waits in a line
// that is bounded in length and time: hardware takes 200 ms for one, and programs that pile up
// before it are shed instead.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "agent/agent.h"
#include "base/mutex.h"

namespace mintmark::agent::serve {

struct HardwareLimits {
  using Time = std::chrono::steady_clock::time_point;

  unsigned waiting = 16;                                        ///< Calls in the line.
  std::chrono::milliseconds patience{5000};                     ///< From joining it to the answer.
  std::function<Time()> now = &std::chrono::steady_clock::now;  ///< For what a call takes.
};

/// How the line is joined.
enum class Standing : std::uint8_t {
  in_line,  ///< Behind the others; shed where the line is full, or surely too slow.
  ahead,    ///< Before them, whatever its length, for a minute: for the one thread that attests.
};

/// Gives devices and elements as the agent opens them, whose calls are all made on this thread.
/// What they give beside their own errors: `overloaded` (with retry_after), `deadline_passed`. A
/// call whose caller has gone is not made. Opened when first needed, opened again after errors that
/// may mean that it is gone, and a TPM is let go of when nobody has needed it for a second: without
/// a resource manager it is shut to others meanwhile. Thread-safe. Outlives what it gave.
class Hardware {
 public:
  /// Those of the agent's surroundings.
  struct Openers {
    decltype(Surroundings::open_device) open_device;
    decltype(Surroundings::open_element) open_element;
  };

  Hardware(Openers openers, HardwareLimits limits);
  ~Hardware();
  Hardware(const Hardware&) = delete;
  Hardware& operator=(const Hardware&) = delete;

  [[nodiscard]] Openers openers(Standing standing);

  using Job = std::function<void()>;
  /// For the devices and elements that are given: waits until `job` was done on the thread.
  [[nodiscard]] Result<void> wait_for(Job job, Standing standing);
  /// How many calls stand in the line.
  [[nodiscard]] std::size_t waiting();
  /// On the thread alone.
  [[nodiscard]] Result<hsm::tpm2::Device*> device(const std::string& tcti);
  [[nodiscard]] Result<hsm::pkcs11::SecureElement*> element(const std::string& uri,
                                                            const std::string& pin_memory);
  /// The token's name of the element that was opened last, if that is this one; "": not known.
  [[nodiscard]] std::string token_of(const std::string& uri);
  /// On the thread: what an error says of what was opened.
  void heed(const Error& error);

 private:
  struct Call;

  [[nodiscard]] Result<void> join(const std::shared_ptr<Call>& call, Standing standing)
      MINTMARK_REQUIRES(mutex_);
  void work();
  [[nodiscard]] std::shared_ptr<Call> next() MINTMARK_REQUIRES(mutex_);

  Openers openers_;
  HardwareLimits limits_;
  Mutex mutex_;
  Condition changed_;
  std::deque<std::shared_ptr<Call>> line_ MINTMARK_GUARDED_BY(mutex_);
  /// What a call takes, smoothed.
  std::chrono::microseconds usual_ MINTMARK_GUARDED_BY(mutex_) = std::chrono::microseconds{0};
  bool stopping_ MINTMARK_GUARDED_BY(mutex_) = false;
  /// URI and token.
  std::pair<std::string, std::string> known_token_ MINTMARK_GUARDED_BY(mutex_);
  // Of the thread alone.
  std::unique_ptr<hsm::tpm2::Device> device_;
  std::string tcti_;
  std::unique_ptr<hsm::pkcs11::SecureElement> element_;
  std::string uri_;
  std::thread thread_;
};

}  // namespace mintmark::agent::serve
