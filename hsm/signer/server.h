// The signer's side of its channels.
#pragma once

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>

#include "base/file.h"
#include "base/time.h"
#include "hsm/key_store.h"
#include "hsm/signer/rules.h"

namespace mintmark::hsm::signer {

/// Serves one keeper and one front at a time (a newer front takes the older one's place). The
/// keeper may ask everything, a front only sign and list (`not_permitted`); what is to be signed
/// must fit the key's purpose. Malformed messages close the channel they came by and nothing else.
///
/// `signer`, `admin` and `clock` must outlive the io_context's run.
class SignerServer {
 public:
  SignerServer(boost::asio::io_context& io, Signer& signer, KeyAdmin& admin, PurposeRules rules,
               const Clock& clock);
  ~SignerServer();
  SignerServer(const SignerServer&) = delete;
  SignerServer& operator=(const SignerServer&) = delete;

  /// Reads what keys there are, tells the keeper that the store is ready, and serves. `ended` is
  /// called once, when the keeper's channel is closed and the last call under way has ended.
  void serve(UniqueFd keeper, std::function<void()> ended);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Tells the keeper that there will be no service, and why; blocks until it is sent.
void tell_unready(int keeper_fd, const Error& error);

}  // namespace mintmark::hsm::signer
