// The signer's side of its channels.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "base/file.h"
#include "base/time.h"
#include "hsm/evidence_activation.h"
#include "hsm/key_store.h"
#include "hsm/signer/rules.h"

namespace mintmark::hsm::signer {

/// Serves one keeper and one front at a time (a newer front takes the older one's place). The
/// keeper may ask everything, a front only sign and list (`not_permitted`); what is to be signed
/// must fit the key's purpose (`purpose_refused`). Malformed messages close the channel they came
/// by and nothing else.
///
/// A key that another process made is known here after the next `list`.
///
/// `signer`, `admin` and `clock` are used as long as the io_context runs. When it has stopped, the
/// key store must end (and answer what it was given) before the io_context does, which its answers
/// are sent by.
class SignerServer {
 public:
  /// Success: the keeper closed its channel. An error: the store is of no use to this process any
  /// more (`hsm_pin_refused`, `hsm_pin_locked`), or never was (it would not list its keys); the
  /// keeper has been told.
  using Ended = std::function<void(const Result<void>& how)>;

  /// `activation`: null where the store has none (`activation_unavailable`).
  SignerServer(boost::asio::io_context& io, Signer& signer, KeyAdmin& admin, PurposeRules rules,
               const Clock& clock, EvidenceActivation* activation = nullptr);
  /// Closes the channels.
  ~SignerServer();
  SignerServer(const SignerServer&) = delete;
  SignerServer& operator=(const SignerServer&) = delete;

  /// Reads what keys there are, tells the keeper that the store is ready, and serves; once. `ended`
  /// is called once, from any thread, when the keeper's channel is closed and the last call under
  /// way has ended.
  void serve(UniqueFd keeper, Ended ended);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Tells the keeper that there will be no service, and why; blocks until it is sent.
void tell_unready(int keeper_fd, const Error& error);

}  // namespace mintmark::hsm::signer
