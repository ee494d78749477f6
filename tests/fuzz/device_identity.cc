// Any octets as a device's certificate: refused with a code, or an identity that a person must
// still look at, since nobody known here vouches for it.
#include <openssl/err.h>

#include "attest/x509/device_identity.h"
#include "support/identity_maker.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {
using attest::x509::Trust;

// A maker whose key is forgotten: nothing chains to it.
Trust nobodys_trust() {
  Trust::Parts parts;
  parts.anchors.push_back({attest::x509::parse_certificate(test::IdentityMaker().root()),
                           attest::x509::RootRule::trust});
  parts.unknown = attest::x509::UnknownRoots::review;
  return std::move(Trust::of(std::move(parts)).value());
}

void run_device_identity(BytesView octets) {
  static const Trust trust = nobodys_trust();
  const auto identity =
      attest::x509::check_device_identity(octets, {}, trust, from_unix(1'800'000'000));
  require(ERR_peek_error() == 0);
  if (!identity) {
    require(!identity.error().detail.empty());
    return;
  }
  require(identity->chain.standing == attest::x509::Standing::review);
  require(identity->chain.root == attest::x509::unknown_root);
  require(!identity->spki.empty() && identity->certificate.size() == 64);
  require(identity->organisation.size() <= 512 && identity->policies.size() <= 32);
  require(!identity->module ||
          (!identity->module->type.empty() && identity->module->serial.size() <= 512));
}

const Registered device_identity_target{
    {"device_identity", &run_device_identity, {"idevid", "x509"}}};

}  // namespace
}  // namespace mintmark::fuzz
