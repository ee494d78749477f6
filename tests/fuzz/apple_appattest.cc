// Any octets as App Attest's objects: refused with a code, or read; what is bound to one nonce is
// bound to no other.
#include <cstdlib>

#include "attest/apple_appattest/attestation.h"

namespace {

using namespace mintmark;
using namespace mintmark::attest::apple_appattest;

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView octets(data, size);
  const auto assertion = parse_assertion(octets);
  require(!assertion || is_assertion(octets));
  const auto receipt = check_receipt(octets);
  require(receipt || receipt.error().code == Code::appattest_receipt);
  const auto attestation = parse_attestation(octets);
  if (assertion) {
    require(!attestation && assertion->octets.size() == 37);
    require(!check_assertion(*assertion, Bytes{0x30, 0x00}, {Bytes(32, 7), {}, {}}));
  }
  if (!attestation) return 0;
  const auto right = check_attestation(*attestation, {Bytes(32, 7), {}, {}});
  const auto wrong = check_attestation(*attestation, {Bytes(32, 8), {}, {}});
  require(!right || !wrong);
  require(!right || attestation->data.sign_count == 0);
  return 0;
}
