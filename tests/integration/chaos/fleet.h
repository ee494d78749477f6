// Gates that subscribe to the issuer's events, each through a relay of its own and with a clock of
// its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "book.h"
#include "clock_file.h"
#include "http/client.h"
#include "stack.h"
#include "support/relay.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark::test {

inline constexpr const char* service_origin = "https://service.example";

/// One gate; thread-safe but for `call`, which is one caller's.
class ChaosGate {
 public:
  /// `audiences`: by the path of calls that tokens of each are for.
  ChaosGate(std::string name, const Stack& stack,
            const std::map<std::string, std::string>& audiences);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Link link() const;
  [[nodiscard]] std::string log() const;

  // ---- what is done to it ----

  void start();
  void kill();
  void reload();
  void cut();
  void hold();
  void slow(std::chrono::milliseconds delay);
  void mend();
  /// Its wall clock, from the true one; the steady one stays as it is.
  void set_clock(std::chrono::seconds ahead) { clock_.set(ahead); }
  /// The issuer is not there, or is again.
  void lose_issuer();
  void find_issuer();

  // ---- what it does ----

  /// Whether nothing stands in its way to the issuer.
  [[nodiscard]] bool may_connect() const;
  /// Looks whether it has connected since; for one thread.
  void look();
  [[nodiscard]] bool is_ready();
  /// GET of the token's path with a proof by `key`, and again with a nonce where that is asked for.
  /// Nothing: its clock was set meanwhile.
  [[nodiscard]] std::optional<Call> call(const Given& token, const SoftKey& key);

 private:
  void write_settings(const Stack& stack, const std::map<std::string, std::string>& audiences);
  /// With the mutex.
  void disturbed(bool silent, bool alive);
  void mended();
  [[nodiscard]] http::Response ask(const Given& token, const SoftKey& key,
                                   std::chrono::seconds ahead);

  const std::string name_;
  TemporaryDirectory directory_;
  const std::string key_file_;
  const std::uint16_t issuer_port_;
  const std::uint16_t port_;
  const std::uint16_t metrics_;
  Relay relay_;
  ClockFile clock_;
  http::Client caller_{{.plain_http = true}};
  std::string nonce_;
  http::Client looker_{{.plain_http = true}};

  mutable std::mutex mutex_;  // All below.
  std::unique_ptr<ChildProcess> process_;
  int starts_ = 0;
  Link link_;
  bool open_ = true;               ///< Its relay passes at once.
  bool issuer_ = true;             ///< Is there.
  Steady::time_point free_since_;  ///< Nothing stands in its way since.
};

}  // namespace mintmark::test
