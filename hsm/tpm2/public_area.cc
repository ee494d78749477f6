#include "hsm/tpm2/public_area.h"

#include <openssl/evp.h>

#include "hsm/tpm2/octets.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr std::size_t coordinate = 32;

Result<TPM2B_PUBLIC> parse(BytesView octets) {
  return unmarshalled<TPM2B_PUBLIC>(octets, Tss2_MU_TPM2B_PUBLIC_Unmarshal, Code::invalid_argument,
                                    "TPM2B_PUBLIC");
}

// A TPM may leave out leading zeros.
void append_padded(Bytes& point, BytesView number) {
  point.insert(point.end(), coordinate - number.size(), 0);
  point.insert(point.end(), number.begin(), number.end());
}

}  // namespace

Result<Bytes> name_of_public(BytesView octets) {
  const auto area = parse(octets);
  if (!area) return tl::unexpected<Error>(area.error());
  const TPMI_ALG_HASH alg = area->publicArea.nameAlg;
  if (alg != TPM2_ALG_SHA256 && alg != TPM2_ALG_SHA384) {
    return fail(Code::invalid_argument, "the name algorithm is neither SHA-256 nor SHA-384");
  }
  // The digest is over the octets as they stand, behind the size of the TPM2B.
  const BytesView tpmt = octets.subspan(sizeof(UINT16));
  const EVP_MD* hash = alg == TPM2_ALG_SHA256 ? EVP_sha256() : EVP_sha384();
  Bytes name = {static_cast<std::uint8_t>(alg >> 8U), static_cast<std::uint8_t>(alg & 0xFFU)};
  name.resize(2 + static_cast<std::size_t>(EVP_MD_get_size(hash)));
  if (EVP_Digest(tpmt.data(), tpmt.size(), name.data() + 2, nullptr, hash, nullptr) != 1) {
    return fail(Code::internal, "EVP_Digest failed");
  }
  return name;
}

Result<jose::PublicKey> key_of_public(BytesView octets) {
  const auto area = parse(octets);
  if (!area) return tl::unexpected<Error>(area.error());
  const TPMT_PUBLIC& key = area->publicArea;
  if (key.type != TPM2_ALG_ECC || key.parameters.eccDetail.curveID != TPM2_ECC_NIST_P256) {
    return fail(Code::invalid_argument, "the key is not on P-256");
  }
  const TPMS_ECC_POINT& at = key.unique.ecc;
  if (at.x.size > coordinate || at.y.size > coordinate) {
    return fail(Code::invalid_argument, "a coordinate is longer than P-256 has them");
  }
  Bytes point = {0x04};
  append_padded(point, content_of(at.x));
  append_padded(point, content_of(at.y));
  return jose::PublicKey::from_point(jose::Algorithm::es256, point);
}

}  // namespace mintmark::hsm::tpm2
