// The other side of the signer's channels: Signer and KeyAdmin over a socket.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "base/file.h"
#include "hsm/evidence_activation.h"
#include "hsm/key_store.h"

namespace mintmark::hsm::signer {

/// Asynchronous and pipelined; no call waits for another. Answers come on the io_context's threads;
/// what is refused without asking the signer (see below), and what close(), replace() and the
/// destructor end, is answered on the caller's. The io_context must outlive the client.
///
/// A call whose deadline passes is answered `deadline_passed` here, some 20 ms late at most (the
/// signer may still finish it; that answer is dropped). More than `most_pending` calls are
/// `overloaded`, and of signatures that are no tokens' (hsm/lanes.h) more than
/// `most_pending_others`, a request longer than a frame is `invalid_argument`. When the channel
/// closes, all that was pending and all that follows is `hsm_unavailable` until replace().
///
/// Each call's error is the signer's own: its code, detail and native code come through. An answer
/// that is no answer closes the channel. Thread-safe.
class SignerClient final : public Signer, public KeyAdmin, public EvidenceActivation {
 public:
  static constexpr std::size_t most_pending = 8192;
  static constexpr std::size_t most_pending_others = 1024;

  [[nodiscard]] static std::shared_ptr<SignerClient> make(boost::asio::io_context& io,
                                                          UniqueFd channel);
  /// Connected later, by replace(); until then every call is `hsm_unavailable`.
  [[nodiscard]] static std::shared_ptr<SignerClient> make_unconnected(boost::asio::io_context& io);
  ~SignerClient() override;

  void sign(const KeyId& key, std::string signing_input, Deadline deadline,
            Done<Bytes> done) override;
  void list(Deadline deadline, Done<std::vector<KeyInfo>> done) override;
  void generate(const KeySpec& spec, Deadline deadline, Done<KeyInfo> done) override;
  void destroy(const KeyId& key, Deadline deadline, Done<void> done) override;
  void evidence(const KeyId& key, Deadline deadline, Done<KeyEvidence> done) override;
  /// Keeper's channel only.
  void activate(const SealedCredential& credential, Deadline deadline, Done<Bytes> done) override;

  /// Gives the signer one end of a new front's channel. Keeper's channel only.
  void attach_front(UniqueFd front, Deadline deadline, Done<void> done);

  /// Called when the signer tells that it is ready, or why it is not or no longer. Set it before
  /// there is a channel: make_unconnected(), on_readiness(), replace().
  void on_readiness(std::function<void(const Result<void>&)> told);

  /// A new channel, to a signer that was started again; what was pending on the old one is
  /// `hsm_unavailable`.
  void replace(UniqueFd channel);
  void close();
  [[nodiscard]] bool connected() const;

 private:
  struct State;
  explicit SignerClient(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace mintmark::hsm::signer
