// Devices that fetch tokens from the issuer, and the operator who takes them back.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "book.h"
#include "fleet.h"
#include "http/client.h"
#include "issuer.h"
#include "stack.h"
#include "support/soft_key.h"

namespace mintmark::test {

/// Paths of calls, and the audience of each; each granted by a rule of its own, which has the
/// audience's name.
extern const std::map<std::string, std::string> chaos_audiences;
/// The policy of it.
[[nodiscard]] std::string chaos_policy();

class ChaosDevices {
 public:
  /// Registers so many clients with keys in software.
  ChaosDevices(const Stack& stack, const ChaosIssuer& issuer, std::size_t count);

  [[nodiscard]] std::size_t count() const { return devices_.size(); }
  [[nodiscard]] const SoftKey& key(std::size_t device) const { return devices_[device].key; }
  [[nodiscard]] const std::string& id(std::size_t device) const { return devices_[device].id; }

  struct Asked {
    unsigned status = 0;  ///< 0: no answer.
    std::string body;
    std::optional<Given> token;
  };
  /// A token for calls of `path`; one thread.
  [[nodiscard]] Asked ask(std::size_t device, const std::string& path);

 private:
  struct Device {
    SoftKey key;
    std::string id;
  };
  [[nodiscard]] http::Response send(const Device& device, const std::string& audience);

  const Stack& stack_;
  const ChaosIssuer& issuer_;
  std::vector<Device> devices_;
  http::Client client_;
  std::string nonce_;
};

/// mintctl, asked again while mintd is not there; each thing that is taken back is in the book.
/// One thread.
class ChaosOperator {
 public:
  ChaosOperator(const Stack& stack, Book& book, const ChaosDevices& devices)
      : stack_(stack), book_(book), devices_(devices) {}

  void take_back(const Cut& cut);
  void reinstate(std::size_t device);
  void rotate();
  /// Of the key that signs tokens now; "" where that cannot be told.
  [[nodiscard]] std::string signing_kid() const;
  /// Until it is done; throws with mintctl's words when it is refused, or not done in time.
  Json does(const std::vector<std::string>& words) const;
  /// How often something had to be asked for again.
  [[nodiscard]] std::size_t repeated() const { return repeated_; }

 private:
  const Stack& stack_;
  Book& book_;
  const ChaosDevices& devices_;
  mutable std::size_t repeated_ = 0;
};

}  // namespace mintmark::test
