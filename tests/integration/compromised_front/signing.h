// What is to be signed by a key that its purpose forbids.
#pragma once

#include "signer_channel.h"

namespace mintmark::test::compromised {

/// With each of the store's keys; `issuer` is ours.
void try_to_have_signed(const AskedSigner& signer, const std::string& issuer);

/// An access token that is as it should be, by the first such key: what a front may have signed.
[[nodiscard]] Result<Bytes> sign_a_good_token(const AskedSigner& signer, const std::string& issuer);

}  // namespace mintmark::test::compromised
