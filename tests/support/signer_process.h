// mintd-signer as the keeper starts it: by exec, with its channel and its configuration on
// descriptors.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "hsm/signer/client.h"
#include "support/channel_ends.h"
#include "support/temporary_directory.h"

namespace mintmark::test {

/// A configuration of mintd with this one store and issuer `contract_issuer`.
[[nodiscard]] std::string configuration_with(const config::HsmStore& store);

/// One process. Its channel is the client's; closing that ends it.
class SignerProcess {
 public:
  struct Handed {
    std::string configuration;
    std::string store;
    UniqueFd pin = {};  ///< Where it is on a descriptor.
  };
  /// Throws if it cannot be started; what it says of itself is for wait_for_readiness().
  explicit SignerProcess(Handed handed);
  explicit SignerProcess(const config::HsmStore& store)
      : SignerProcess(Handed{configuration_with(store), store.name}) {}
  /// Ends it as the keeper does; kills it only if that does not help in 30 s.
  ~SignerProcess();
  SignerProcess(const SignerProcess&) = delete;
  SignerProcess& operator=(const SignerProcess&) = delete;

  [[nodiscard]] hsm::signer::SignerClient& keeper() { return *keeper_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// A channel to it that a front would have.
  UniqueFd attach_front();
  [[nodiscard]] std::shared_ptr<hsm::signer::SignerClient> make_front();

  /// The `nth` word that it gave, from 0. Throws, with its output, if there is none.
  Result<void> wait_for_readiness(std::size_t nth = 0);
  /// Its first word; `hsm_unavailable` if it ends without one.
  Result<void> wait_for_readiness_or_end();
  /// Waits until it ends; its exit status, or 128 + signal.
  int wait_for_exit();
  /// What it wrote to its log.
  [[nodiscard]] std::string output() const;
  /// The file below /proc/PID.
  [[nodiscard]] std::string proc(const std::string& name) const;

 private:
  struct Words;
  TemporaryDirectory directory_;
  Loop loop_;
  std::shared_ptr<Words> words_;
  std::shared_ptr<hsm::signer::SignerClient> keeper_;
  pid_t pid_ = -1;
  int status_ = -1;
};

}  // namespace mintmark::test
