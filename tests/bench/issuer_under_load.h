// A stack of the benchmark's own, and what its processes cost.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "config/config.h"

namespace mintmark::bench {

/// CPU time of mintd's processes so far.
struct CpuTime {
  std::chrono::milliseconds front{};
  std::chrono::milliseconds signer{};
};

class IssuerUnderLoad {
 public:
  /// Brings a stack up that trusts this root (PEM) beside its own. `more`: members of its
  /// configuration, each with a comma behind it. Throws with the reason.
  IssuerUnderLoad(const std::string& root_pem, const std::string& intermediate_pem,
                  const std::string& more = "");
  ~IssuerUnderLoad();

  [[nodiscard]] const std::string& operator[](const std::string& name) const {
    return environment_.at(name);
  }
  [[nodiscard]] CpuTime cpu() const;
  /// Of the front, resident, in octets.
  [[nodiscard]] long memory() const;
  void stop();
  /// Has a TLS key made in the token, certified by the stack's CA, and mintd started on it.
  void move_tls_key_into_the_store();
  /// The key store as mintd opens it; for the raw rate, after stop().
  [[nodiscard]] config::HsmStore key_store() const;

 private:
  void stack(const std::string& verb) const;
  void learn_pids();
  std::string directory_;
  std::map<std::string, std::string> environment_;
  int front_ = 0;
  int signer_ = 0;
};

}  // namespace mintmark::bench
