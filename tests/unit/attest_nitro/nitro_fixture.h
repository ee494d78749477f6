// An enclave's document by a maker of ours, and what the format says of it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "attest/binding.h"
#include "attest/nitro/format.h"
#include "cbor/write.h"
#include "jose/base64url.h"
#include "support/nitro_maker.h"
#include "support/soft_key.h"

namespace mintmark::attest::nitro {

using test::NitroMaker;
using Break = std::function<void(NitroMaker&)>;

inline const Moment now = from_unix(1'800'000'000);
inline const Sha256 binding = sha256("a binding");

inline x509::Trust trust_in(const Bytes& pem, x509::RootRule rule = x509::RootRule::trust) {
  x509::Trust::Parts parts;
  for (auto& root : x509::certificates_in(pem)) parts.anchors.push_back({std::move(root), rule});
  return x509::Trust::of(std::move(parts)).value();
}

class NitroDocument : public ::testing::Test {
 protected:
  NitroDocument() { maker.at = now; }

  Result<Verdict> checked(const Json& evidence, x509::RootRule rule = x509::RootRule::trust) {
    const auto trust = std::make_shared<const x509::Trust>(trust_in(maker.root_pem(), rule));
    const auto format = make_format({trust}).value();
    return format->check({evidence, binding, key.public_key(), now});
  }
  Code refusal(const Json& evidence) {
    const auto verdict = checked(evidence);
    EXPECT_FALSE(verdict);
    return verdict ? Code::internal : verdict.error().code;
  }
  Code refusal(const Break& broken) {
    broken(maker);
    return refusal(maker.evidence(binding, key.public_key()));
  }
  // As it is refused when the nonce is the maker's own.
  Code refusal_with_nonce(std::optional<Bytes> nonce) {
    maker.nonce = std::move(nonce);
    return refusal(Json{{"document", jose::base64url(maker.document())}});
  }

  NitroMaker maker;
  test::SoftKey key;
};

}  // namespace mintmark::attest::nitro
