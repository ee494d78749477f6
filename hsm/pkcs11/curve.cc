#include "hsm/pkcs11/curve.h"

#include <algorithm>
#include <array>

namespace mintmark::hsm::pkcs11 {
namespace {

using jose::Algorithm;

constexpr std::array<std::uint8_t, 10> oid_p256{0x06, 0x08, 0x2a, 0x86, 0x48,
                                                0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 7> oid_p384{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
constexpr std::array<std::uint8_t, 5> oid_ed25519{0x06, 0x03, 0x2b, 0x65, 0x70};
constexpr std::array<std::uint8_t, 14> name_edwards25519{0x13, 0x0c, 'e', 'd', 'w', 'a', 'r',
                                                         'd',  's',  '2', '5', '5', '1', '9'};

struct Curve {
  Algorithm algorithm;
  BytesView params;
  std::size_t point;  ///< Octets of a bare one.
};
constexpr std::array curves{
    Curve{Algorithm::es256, oid_p256, 65}, Curve{Algorithm::es384, oid_p384, 97},
    Curve{Algorithm::ed25519, oid_ed25519, 32}, Curve{Algorithm::ed25519, name_edwards25519, 32}};

constexpr std::uint8_t der_octet_string = 0x04;

/// A bare point may begin with 04 as its OCTET STRING does; their lengths differ.
BytesView bare_point(BytesView point, std::size_t bare) {
  const bool wrapped = point.size() == bare + 2 && point[0] == der_octet_string && point[1] == bare;
  return wrapped ? point.subspan(2) : point;
}

}  // namespace

BytesView params_of(Algorithm algorithm) {
  const auto* const curve =
      std::find_if(curves.begin(), curves.end(),
                   [algorithm](const Curve& each) { return each.algorithm == algorithm; });
  return curve == curves.end() ? BytesView{} : curve->params;
}

BytesView edwards25519_by_name() { return name_edwards25519; }

Result<jose::PublicKey> public_key_of(BytesView params, BytesView point) {
  const auto* const curve = std::find_if(curves.begin(), curves.end(), [params](const Curve& each) {
    return std::equal(params.begin(), params.end(), each.params.begin(), each.params.end());
  });
  if (curve == curves.end()) {
    return fail(Code::jwk_unsupported, "CKA_EC_PARAMS names no curve of ours: " + to_hex(params));
  }
  const BytesView bare = bare_point(point, curve->point);
  return curve->algorithm == Algorithm::ed25519
             ? jose::PublicKey::from_ed25519(bare)
             : jose::PublicKey::from_point(curve->algorithm, bare);
}

}  // namespace mintmark::hsm::pkcs11
