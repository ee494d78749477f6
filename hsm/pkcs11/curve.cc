#include "hsm/pkcs11/curve.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace mintmark::hsm::pkcs11 {
namespace {

constexpr std::array<std::uint8_t, 10> oid_p256{0x06, 0x08, 0x2a, 0x86, 0x48,
                                                0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 7> oid_p384{0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

constexpr std::array<Curve, 2> curves{{{jose::Algorithm::es256, oid_p256, 32, "SHA256"},
                                       {jose::Algorithm::es384, oid_p384, 48, "SHA384"}}};

constexpr std::uint8_t der_octet_string = 0x04;

/// Both a bare point and its OCTET STRING begin with 04; their lengths differ.
BytesView bare_point(BytesView point, const Curve& curve) {
  const std::size_t bare = 1 + 2 * curve.field;
  const bool wrapped = point.size() == bare + 2 && point[0] == der_octet_string && point[1] == bare;
  return wrapped ? point.subspan(2) : point;
}

}  // namespace

const Curve& curve_of(jose::Algorithm algorithm) {
  return *std::find_if(curves.begin(), curves.end(),
                       [algorithm](const Curve& curve) { return curve.algorithm == algorithm; });
}

Result<jose::PublicKey> public_key_of(BytesView params, BytesView point) {
  const auto* const curve =
      std::find_if(curves.begin(), curves.end(), [params](const Curve& candidate) {
        return std::equal(params.begin(), params.end(), candidate.params.begin(),
                          candidate.params.end());
      });
  if (curve == curves.end()) {
    return fail(Code::jwk_unsupported, "CKA_EC_PARAMS names no curve of ours: " + to_hex(params));
  }
  return jose::PublicKey::from_point(curve->algorithm, bare_point(point, *curve));
}

Result<Bytes> digest_of(jose::Algorithm algorithm, std::string_view text) {
  Bytes digest(EVP_MAX_MD_SIZE);
  std::size_t size = 0;
  if (EVP_Q_digest(nullptr, curve_of(algorithm).digest, nullptr, text.data(), text.size(),
                   digest.data(), &size) != 1) {
    return fail(Code::internal, "OpenSSL cannot hash");
  }
  digest.resize(size);
  return digest;
}

}  // namespace mintmark::hsm::pkcs11
