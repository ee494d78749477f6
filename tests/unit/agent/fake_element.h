// A secure element in memory, as far as the agent can tell.
#pragma once

#include <map>
#include <memory>

#include "hsm/pkcs11/device_key.h"
#include "support/identity_maker.h"
#include "support/openssl_pair.h"

namespace mintmark::agent {

/// What happens to a FakeElement, seen and steered by a test; outlives those that are opened on it.
struct FakeToken {
  explicit FakeToken(jose::Algorithm algorithm = jose::Algorithm::es256)
      : identity_algorithm(algorithm), identity(test::make_openssl_pair(algorithm)) {
    const test::IdentityDevice device(maker, identity, algorithm);
    certificate = device.certificate();
    spki = device.spki();
  }

  test::IdentityMaker maker;
  jose::Algorithm identity_algorithm;
  std::shared_ptr<EVP_PKEY> identity;
  Bytes identity_id = {0x01};
  Bytes certificate;  ///< Empty: the token has none.
  Bytes spki;
  std::string name = "pkcs11:token=element;serial=1";
  std::map<Bytes, std::shared_ptr<EVP_PKEY>> keys;  ///< Made here, by CKA_ID.
  int opened = 0;
  int keys_made = 0;
  int signatures = 0;
  std::string last_uri;
  std::string last_pin_memory;
  std::optional<Error> open_error;
  std::optional<Error> sign_error;
};

class FakeElement final : public hsm::pkcs11::SecureElement {
 public:
  explicit FakeElement(FakeToken& token) : token_(token) {}

  const std::string& token() const override { return token_.name; }
  Result<Bytes> identity_key() override { return token_.identity_id; }
  Result<Bytes> certificate(const Bytes& id) override {
    if (id == token_.identity_id && !token_.certificate.empty()) return token_.certificate;
    return fail(Code::agent_pkcs11_certificate, "there is none");
  }
  Result<jose::PublicKey> find_key(const Bytes& id) override {
    const auto found = token_.keys.find(id);
    if (found == token_.keys.end()) return fail(Code::agent_pkcs11_key, "there is none");
    return test::public_half(found->second.get(), jose::Algorithm::es256);
  }
  Result<jose::PublicKey> find_or_make_key(const Bytes& id) override {
    if (token_.keys.count(id) == 0) {
      token_.keys[id] = test::make_openssl_pair(jose::Algorithm::es256);
      ++token_.keys_made;
    }
    return find_key(id);
  }
  Result<Bytes> sign(const Bytes& id, jose::Algorithm algorithm, BytesView octets) override {
    if (token_.sign_error) return tl::unexpected<Error>(*token_.sign_error);
    ++token_.signatures;
    const auto found = token_.keys.find(id);
    if (id != token_.identity_id && found == token_.keys.end())
      return fail(Code::agent_pkcs11_key, "there is none");
    const auto& pair = id == token_.identity_id ? token_.identity : found->second;
    return test::sign_as_jws(pair.get(), algorithm, octets);
  }

 private:
  FakeToken& token_;
};

}  // namespace mintmark::agent
