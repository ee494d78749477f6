// Keys as an Android device attests them, under an authority of the test's own: what it signs says
// that a TEE holds the key, which no root but the test's believes.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attest/x509/trust.h"
#include "base/json.h"
#include "jose/key.h"

namespace mintmark::test {

/// DER of a KeyDescription in the shapes of Google's JSON (android/keyattestation); members that
/// are absent are left out. "unknownTags" become NULL under those tags. Throws where a member is of
/// no name that is known here.
[[nodiscard]] Bytes key_description_der(const Json& description);

/// A P-256 key that a TEE made, of a locked device whose boot was verified; asked for by the
/// package org.example.agent. KeyMint 3.
[[nodiscard]] Json good_key_description();

/// What a device shows; by default all that is asked for. Positions count from the leaf: 0.
struct AndroidDevice {
  Json description = good_key_description();
  std::optional<Bytes> extension;           ///< Instead of the description.
  bool attested = true;                     ///< false: the leaf has no extension.
  std::optional<std::size_t> attested_too;  ///< Another certificate that has one.
  bool extension_twice = false;
  bool factory = false;       ///< Provisioned once for ever, not remotely.
  std::string level = "TEE";  ///< In the names of the authorities; "": none.
  bool batch_is_authority = true;
  std::optional<std::size_t> provisioning_info;  ///< By default 1 where provisioned remotely.
  std::int64_t authorities_from = 1'700'000'000;
  std::int64_t authorities_until = 2'000'000'000;
  std::int64_t leaf_from = 0;
  std::int64_t leaf_until = 2'461'449'600;        ///< 2048
  std::string batch_serial = "5cb838f1fe157a85";  ///< Hexadecimal.
};

/// A root and what certifies devices below it.
class AndroidAuthority {
 public:
  enum class Keys : std::uint8_t { p256, rsa_1024 };
  /// `name` is the root's; by default one of its own.
  explicit AndroidAuthority(Keys keys = Keys::p256, std::string name = {});

  /// DER, leaf first: four certificates of a factory's key, five of a remotely provisioned one.
  [[nodiscard]] std::vector<Bytes> chain(const AndroidDevice& device, BytesView spki) const;
  /// The same with a leaf that an attested key of that device signed for `spki`, as who owns the
  /// device could make it: the chain-extension attack.
  [[nodiscard]] std::vector<Bytes> extended_chain(const AndroidDevice& device,
                                                  BytesView spki) const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Bytes root_der() const { return root_; }
  /// The same with a stranger's certificates above the root: in its place one of its name and key
  /// that the stranger issued, the issuer's own under the name `above`, and the stranger's root.
  [[nodiscard]] std::vector<Bytes> stacked_chain(
      const AndroidDevice& device, BytesView spki,
      const std::vector<std::pair<const char*, std::string>>& above) const;
  /// Another certificate of the root's key, by default under the same name.
  [[nodiscard]] Bytes renewed_root_der(const std::string& name = {}) const;
  [[nodiscard]] std::shared_ptr<const attest::x509::Trust> trust() const;

 private:
  std::string name_;
  std::shared_ptr<EVP_PKEY> root_key_;
  std::shared_ptr<EVP_PKEY> upper_key_;
  std::shared_ptr<EVP_PKEY> lower_key_;
  std::shared_ptr<EVP_PKEY> batch_key_;
  Bytes root_;
};

[[nodiscard]] std::shared_ptr<const attest::x509::Trust> trust_in(const std::vector<Bytes>& roots);
/// {"chain": …}
[[nodiscard]] Json chain_evidence(const std::vector<Bytes>& chain);

/// Good evidence for any binding and key.
struct AndroidMaker {
  AndroidAuthority authority;
  AndroidDevice device;

  /// The device as it answers that challenge.
  [[nodiscard]] AndroidDevice bound_to(const Sha256& binding) const;
  [[nodiscard]] std::vector<Bytes> chain(const Sha256& binding, const jose::PublicKey& key) const;
  [[nodiscard]] Json evidence(const Sha256& binding, const jose::PublicKey& key) const;
  [[nodiscard]] Bytes root_pem() const;
};

}  // namespace mintmark::test
