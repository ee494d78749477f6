#include "hsm/pkcs11/spki.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <memory>
#include <vector>

namespace mintmark::hsm::pkcs11 {
namespace {

struct Free {
  void operator()(ASN1_OBJECT* object) const { ASN1_OBJECT_free(object); }
  void operator()(ASN1_OCTET_STRING* octets) const { ASN1_OCTET_STRING_free(octets); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

Owned<EVP_PKEY> key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return Owned<EVP_PKEY>(key);
}

Bytes der_of(const EVP_PKEY* key) {
  unsigned char* encoded = nullptr;
  const int size = key != nullptr ? i2d_PUBKEY(key, &encoded) : -1;
  Bytes der;
  if (size > 0) der.assign(encoded, encoded + size);
  OPENSSL_free(encoded);
  ERR_clear_error();
  return der;
}

/// NID_undef where the parameters name no curve.
int curve_nid(BytesView params) {
  const auto* at = params.data();
  const Owned<ASN1_OBJECT> oid(d2i_ASN1_OBJECT(nullptr, &at, static_cast<long>(params.size())));
  ERR_clear_error();
  if (oid) return OBJ_obj2nid(oid.get());
  // PrintableString: PKCS#11 v3.0 lets Edwards curves be named so.
  if (params.size() < 2 || params[0] != 0x13 || params[1] != params.size() - 2) return NID_undef;
  const std::string_view name = as_text(params.subspan(2));
  if (name == "edwards25519") return NID_ED25519;
  if (name == "edwards448") return NID_ED448;
  if (name == "curve25519") return NID_X25519;
  if (name == "curve448") return NID_X448;
  return NID_undef;
}

/// What an OCTET STRING holds; empty for what is none.
Bytes unwrapped(BytesView point) {
  const auto* at = point.data();
  const Owned<ASN1_OCTET_STRING> wrapped(
      d2i_ASN1_OCTET_STRING(nullptr, &at, static_cast<long>(point.size())));
  ERR_clear_error();
  if (!wrapped || at != point.data() + point.size()) return {};
  const auto* content = ASN1_STRING_get0_data(wrapped.get());
  return {content, content + ASN1_STRING_length(wrapped.get())};
}

bool has_raw_keys(int nid) {
  return nid == NID_ED25519 || nid == NID_ED448 || nid == NID_X25519 || nid == NID_X448;
}

Owned<EVP_PKEY> ec_key(int nid, const Bytes& point) {
  if (has_raw_keys(nid)) {
    Owned<EVP_PKEY> key(EVP_PKEY_new_raw_public_key(nid, nullptr, point.data(), point.size()));
    ERR_clear_error();
    return key;
  }
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder) return nullptr;
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(nid), 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return key_from("EC", builder.get());
}

std::string curve_name(int nid) {
  if (nid == NID_undef) return "";
  if (nid == NID_ED25519) return "Ed25519";
  if (nid == NID_ED448) return "Ed448";
  const char* nist = EC_curve_nid2nist(nid);
  return nist != nullptr ? nist : OBJ_nid2sn(nid);
}

unsigned field_bits(int nid) {
  if (nid == NID_ED25519 || nid == NID_X25519) return 255;
  if (nid == NID_ED448 || nid == NID_X448) return 448;
  const std::unique_ptr<EC_GROUP, decltype(&EC_GROUP_free)> group(EC_GROUP_new_by_curve_name(nid),
                                                                  &EC_GROUP_free);
  ERR_clear_error();
  return group ? static_cast<unsigned>(EC_GROUP_get_degree(group.get())) : 0;
}

}  // namespace

PublicKeyFacts rsa_facts(BytesView modulus, BytesView exponent) {
  PublicKeyFacts facts;
  const auto number = [](BytesView octets) {
    return Owned<BIGNUM>(BN_bin2bn(octets.data(), static_cast<int>(octets.size()), nullptr));
  };
  const auto n = number(modulus);
  if (!n || BN_is_zero(n.get())) return facts;
  facts.bits = static_cast<unsigned>(BN_num_bits(n.get()));
  const auto e = number(exponent);
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!e || BN_is_zero(e.get()) || !builder) return facts;
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  facts.spki = der_of(key_from("RSA", builder.get()).get());
  return facts;
}

PublicKeyFacts ec_facts(BytesView params, BytesView point) {
  const int nid = curve_nid(params);
  PublicKeyFacts facts;
  facts.curve = curve_name(nid);
  if (nid == NID_undef) return facts;
  facts.bits = field_bits(nid);
  if (point.empty() || facts.bits == 0) return facts;
  // A bare point can look like an OCTET STRING (its first octet is 4 as well); its content is then
  // no point.
  facts.spki = der_of(ec_key(nid, unwrapped(point)).get());
  if (facts.spki.empty()) facts.spki = der_of(ec_key(nid, to_bytes(point)).get());
  return facts;
}

}  // namespace mintmark::hsm::pkcs11
