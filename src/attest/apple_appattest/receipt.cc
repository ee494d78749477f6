// Apple's receipt (CMS SignedData, RFC 5652): whether its signature is right.
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>

#include "attest/apple_appattest/attestation.h"

namespace mintmark::attest::apple_appattest {
namespace {

constexpr int most_certificates = 9;

struct Free {
  void operator()(CMS_ContentInfo* message) const { CMS_ContentInfo_free(message); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(STACK_OF(X509) * certificates) const {
    sk_X509_pop_free(certificates, &X509_free);
  }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> refused(const std::string& why) {
  ERR_clear_error();
  return fail(Code::appattest_receipt, "the receipt " + why);
}

}  // namespace

Result<void> check_receipt(BytesView receipt) {
  if (receipt.empty() || receipt.size() > cbor::longest) return refused("has an impossible size");
  const std::uint8_t* at = receipt.data();
  const Owned<CMS_ContentInfo> message(
      d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(receipt.size())));
  if (!message || at != receipt.data() + receipt.size() ||
      OBJ_obj2nid(CMS_get0_type(message.get())) != NID_pkcs7_signed)
    return refused("is no CMS SignedData");
  const Owned<STACK_OF(X509)> certificates(CMS_get1_certs(message.get()));
  const int count = certificates ? sk_X509_num(certificates.get()) : 0;
  if (count == 0 || count > most_certificates)
    return refused("must carry one to nine certificates");
  for (int i = 0; i < count; ++i) {
    if (!x509::has_bounded_key(sk_X509_value(certificates.get(), i)))
      return refused("carries a key that is too large");
  }
  if (sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(message.get())) != 1)
    return refused("must have one signer");
  const Owned<BIO> content(BIO_new(BIO_s_mem()));
  if (CMS_verify(message.get(), nullptr, nullptr, nullptr, content.get(),
                 CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) != 1)
    return refused("has a wrong signature");
  return {};
}

}  // namespace mintmark::attest::apple_appattest
