// A key store in memory, with software keys: for tests of those who use the ports. It passes
// tests/contract like the hardware.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "hsm/key_store.h"

namespace mintmark::test {

/// Thread-safe. One worker thread answers, in order.
class FakeKeyStore final : public hsm::Signer, public hsm::KeyAdmin {
 public:
  struct Keys;  ///< What would be inside the token: survives the store that uses it.
  [[nodiscard]] static std::shared_ptr<Keys> make_keys();

  explicit FakeKeyStore(std::shared_ptr<Keys> keys = make_keys(), unsigned queue = 1024);
  ~FakeKeyStore() override;

  void sign(const hsm::KeyId& key, std::string signing_input, Deadline deadline,
            hsm::Done<Bytes> done) override;
  void list(Deadline deadline, hsm::Done<std::vector<hsm::KeyInfo>> done) override;
  void generate(const hsm::KeySpec& spec, Deadline deadline, hsm::Done<hsm::KeyInfo> done) override;
  void destroy(const hsm::KeyId& key, Deadline deadline, hsm::Done<void> done) override;
  void evidence(const hsm::KeyId& key, Deadline deadline,
                hsm::Done<hsm::KeyEvidence> done) override;

  /// Makes a key pair at once, for a test's set-up; throws on a taken id.
  hsm::KeyInfo make_key(hsm::Purpose purpose, const hsm::KeyId& id = hsm::random_key_id(),
                        jose::Algorithm algorithm = jose::Algorithm::es256);
  /// From now on every sign answers this error, until sign_again().
  void fail_signing_with(Error error);
  void sign_again();
  /// From now on every generation answers this error.
  void fail_generation_with(Error error);
  /// Called before each generation, or destruction, is begun, on the caller's thread.
  void before_generation(std::function<void()> called);
  void before_destruction(std::function<void()> called);
  /// From now on it has no mechanism for this algorithm: `hsm_mechanism_missing`.
  void lack(jose::Algorithm algorithm);
  /// Shows a key as unfit, with this reason.
  void make_unfit(const hsm::KeyId& key, std::string reason);
  /// While held, calls wait in the queue: for tests of deadlines, full queues and order.
  void hold();
  void release();
  /// Returns when no completion runs any more; what waits is answered `hsm_unavailable`. Whoever
  /// uses it must outlive that.
  void close();
  /// Signatures made since the store was made.
  [[nodiscard]] std::size_t signatures() const;

 private:
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace mintmark::test
