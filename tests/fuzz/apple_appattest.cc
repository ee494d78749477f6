// Any octets as App Attest's objects: refused with a code, or read; what is bound to one nonce is
// bound to no other.
#include "attest/apple_appattest/attestation.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {
using namespace mintmark::attest::apple_appattest;

void run_apple_appattest(BytesView octets) {
  const auto assertion = parse_assertion(octets);
  require(!assertion || is_assertion(octets));
  const auto receipt = check_receipt(octets);
  require(receipt || receipt.error().code == Code::appattest_receipt);
  const auto attestation = parse_attestation(octets);
  if (assertion) {
    require(!attestation && assertion->octets.size() == 37);
    require(!check_assertion(*assertion, Bytes{0x30, 0x00}, {Bytes(32, 7), {}, {}}));
  }
  if (!attestation) return;
  const auto right = check_attestation(*attestation, {Bytes(32, 7), {}, {}});
  const auto wrong = check_attestation(*attestation, {Bytes(32, 8), {}, {}});
  require(!right || !wrong);
  require(!right || attestation->data.sign_count == 0);
}

const Registered apple_appattest_target{
    {"apple_appattest", &run_apple_appattest, {"apple_appattest"}}};

}  // namespace
}  // namespace mintmark::fuzz
