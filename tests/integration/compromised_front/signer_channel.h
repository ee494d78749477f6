// The front's end of the signer's channel: what is to be refused to a front, and frames that no
// front sends.
#pragma once

#include "base/file.h"
#include "hsm/signer/client.h"

namespace mintmark::test::compromised {

using hsm::signer::SignerClient;

/// Waits for each answer.
class AskedSigner {
 public:
  explicit AskedSigner(std::shared_ptr<SignerClient> client) : client_(std::move(client)) {}

  [[nodiscard]] Result<Bytes> sign(const hsm::KeyId& key, const std::string& input) const;
  [[nodiscard]] Result<std::vector<hsm::KeyInfo>> list() const;
  [[nodiscard]] SignerClient& client() const { return *client_; }

 private:
  std::shared_ptr<SignerClient> client_;
};

/// Generation, destruction, evidence, activation, further channels.
void try_what_keepers_may(const AskedSigner& signer);

/// How many kinds of frames there are that end a channel.
[[nodiscard]] std::size_t count_of_malformed();
/// Sends one of them: nothing must come of it but the channel's end.
void try_malformed(std::size_t which, UniqueFd channel);

/// Requests for as long as the socket takes them, and not one answer read.
void flood(UniqueFd channel, const hsm::KeyId& key);

}  // namespace mintmark::test::compromised
