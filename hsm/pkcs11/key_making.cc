#include "hsm/pkcs11/key_making.h"

#include <array>
#include <span>
#include <vector>

#include "hsm/pkcs11/curve.h"
#include "hsm/pkcs11/mechanisms.h"
#include "hsm/pkcs11/objects.h"
#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {
namespace {

constexpr CK_ULONG rsa_bits = 2048;
constexpr std::array<std::uint8_t, 3> rsa_exponent{0x01, 0x00, 0x01};

Template public_template(const NewKey& key, BytesView params) {
  Template wanted;
  wanted.flag(CKA_TOKEN, true).flag(CKA_VERIFY, true).octets(CKA_ID, key.id);
  wanted.octets(CKA_LABEL, as_bytes(key.label));
  if (params.empty()) {
    wanted.number(CKA_MODULUS_BITS, rsa_bits).octets(CKA_PUBLIC_EXPONENT, rsa_exponent);
  } else {
    wanted.octets(CKA_EC_PARAMS, params);
  }
  return wanted;
}

/// Uses to deny by name, from the fullest set that a module takes: libtpm2_pkcs11 makes no EC key
/// with CKA_DECRYPT named.
constexpr std::array denied_uses_full{CKA_DECRYPT, CKA_UNWRAP, CKA_DERIVE, CKA_SIGN_RECOVER};
constexpr std::array denied_uses_of_ec{CKA_UNWRAP, CKA_DERIVE, CKA_SIGN_RECOVER};
using Uses = std::span<const CK_ATTRIBUTE_TYPE>;
constexpr std::array<Uses, 3> denied_uses{denied_uses_full, denied_uses_of_ec, Uses{}};

Template private_template(const NewKey& key, Uses denied) {
  Template wanted;
  wanted.flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, true);
  wanted.flag(CKA_EXTRACTABLE, false).flag(CKA_SIGN, true).octets(CKA_ID, key.id);
  wanted.octets(CKA_LABEL, as_bytes(key.label));
  for (const CK_ATTRIBUTE_TYPE use : denied) wanted.flag(use, false);
  return wanted;
}

CK_RV generate(const Session& session, const NewKey& key, BytesView params, Uses denied,
               NewPair& made) {
  CK_MECHANISM mechanism{making_mechanism(key.algorithm).type, nullptr, 0};
  Template publics = public_template(key, params);
  Template privates = private_template(key, denied);
  return session.calls().C_GenerateKeyPair(session.handle(), &mechanism, publics.data(),
                                           publics.size(), privates.data(), privates.size(),
                                           &made.public_half, &made.private_half);
}

bool refuses_template(CK_RV rv) {
  // CKR_GENERAL_ERROR is libtpm2_pkcs11's word for an attribute that the TPM answered otherwise.
  return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
         rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_READ_ONLY ||
         rv == CKR_GENERAL_ERROR || rv == CKR_CURVE_NOT_SUPPORTED ||
         rv == CKR_DOMAIN_PARAMS_INVALID;
}

/// A module may have made what it says it did not: with the next template there would be two pairs
/// of one name.
Result<void> end_what_was_made(const Session& session, const NewKey& key) {
  for (const CK_OBJECT_CLASS half : {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY}) {
    Template made;
    made.number(CKA_CLASS, half).flag(CKA_TOKEN, true).octets(CKA_ID, key.id);
    made.octets(CKA_LABEL, as_bytes(key.label));
    auto found = find_objects(session, std::move(made));
    if (!found) return pass_on(found);
    if (auto ended = destroy_objects(session, *found); !ended) return ended;
  }
  return {};
}

/// The names of the key's curve, the usual one first; one empty one for RSA.
std::vector<BytesView> curve_names(const NewKey& key) {
  std::vector<BytesView> names{params_of(key.algorithm)};
  if (key.algorithm == jose::Algorithm::ed25519) names.push_back(edwards25519_by_name());
  return names;
}

}  // namespace

Result<NewPair> make_pair(const Session& session, const NewKey& key) {
  NewPair made;
  CK_RV rv = CKR_OK;
  for (const BytesView params : curve_names(key)) {
    for (const Uses denied : denied_uses) {
      rv = generate(session, key, params, denied, made);
      if (rv == CKR_OK) return made;
      if (!refuses_template(rv)) return fail_with(rv, "C_GenerateKeyPair");
      if (auto ended = end_what_was_made(session, key); !ended) return pass_on(ended);
    }
  }
  return fail_with(rv, "C_GenerateKeyPair");
}

}  // namespace mintmark::hsm::pkcs11
