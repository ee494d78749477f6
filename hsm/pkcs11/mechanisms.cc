#include "hsm/pkcs11/mechanisms.h"

#include <openssl/evp.h>

#include "hsm/pkcs11/rv.h"

namespace mintmark::hsm::pkcs11 {
namespace {

using jose::Algorithm;

#define MECHANISM(name) name, #name
constexpr std::array es256{SigningMechanism{MECHANISM(CKM_ECDSA), SignInput::digest},
                           SigningMechanism{MECHANISM(CKM_ECDSA_SHA256), SignInput::message}};
constexpr std::array es384{SigningMechanism{MECHANISM(CKM_ECDSA), SignInput::digest},
                           SigningMechanism{MECHANISM(CKM_ECDSA_SHA384), SignInput::message}};
// Modules that are certified often refuse to pad what they have not hashed: hashed first.
constexpr std::array rs256{SigningMechanism{MECHANISM(CKM_SHA256_RSA_PKCS), SignInput::message},
                           SigningMechanism{MECHANISM(CKM_RSA_PKCS), SignInput::digest_info}};
constexpr std::array ps256{
    SigningMechanism{MECHANISM(CKM_SHA256_RSA_PKCS_PSS), SignInput::message, true},
    SigningMechanism{MECHANISM(CKM_RSA_PKCS_PSS), SignInput::digest, true}};
constexpr std::array ed25519{SigningMechanism{MECHANISM(CKM_EDDSA), SignInput::message}};

constexpr MakingMechanism makes_ec{MECHANISM(CKM_EC_KEY_PAIR_GEN)};
constexpr MakingMechanism makes_rsa{MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN)};
constexpr MakingMechanism makes_edwards{MECHANISM(CKM_EC_EDWARDS_KEY_PAIR_GEN)};
#undef MECHANISM

/// SEQUENCE { SEQUENCE { sha256, NULL }, OCTET STRING of 32 } (RFC 8017 §9.2 note 1).
constexpr std::array<std::uint8_t, 19> sha256_digest_info{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60,
                                                          0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                                                          0x01, 0x05, 0x00, 0x04, 0x20};

Result<bool> offers(const Module& module, CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_FLAGS use) {
  CK_MECHANISM_INFO info{};
  const CK_RV rv = module.calls().C_GetMechanismInfo(slot, type, &info);
  if (rv == CKR_MECHANISM_INVALID) return false;
  if (rv != CKR_OK) return fail_with(rv, "C_GetMechanismInfo");
  return (info.flags & use) != 0;
}

}  // namespace

std::span<const SigningMechanism> signing_mechanisms(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256:
      return es256;
    case Algorithm::es384:
      return es384;
    case Algorithm::rs256:
      return rs256;
    case Algorithm::ps256:
      return ps256;
    case Algorithm::ed25519:
      return ed25519;
  }
  return {};
}

const MakingMechanism& making_mechanism(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::rs256:
    case Algorithm::ps256:
      return makes_rsa;
    case Algorithm::ed25519:
      return makes_edwards;
    case Algorithm::es256:
    case Algorithm::es384:
      break;
  }
  return makes_ec;
}

Result<Bytes> digest_of(Algorithm algorithm, std::string_view text) {
  Bytes digest(EVP_MAX_MD_SIZE);
  std::size_t size = 0;
  const char* name = algorithm == Algorithm::es384 ? "SHA384" : "SHA256";
  if (EVP_Q_digest(nullptr, name, nullptr, text.data(), text.size(), digest.data(), &size) != 1)
    return fail(Code::internal, "OpenSSL cannot hash");
  digest.resize(size);
  return digest;
}

std::optional<std::size_t> signature_octets(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256:
    case Algorithm::ed25519:
      return 64;
    case Algorithm::es384:
      return 96;
    case Algorithm::rs256:
    case Algorithm::ps256:
      break;
  }
  return std::nullopt;
}

Result<Bytes> sign_input(const SigningMechanism& mechanism, Algorithm algorithm,
                         std::string_view text) {
  if (mechanism.input == SignInput::message) return to_bytes(as_bytes(text));
  auto digest = digest_of(algorithm, text);
  if (!digest || mechanism.input == SignInput::digest) return digest;
  Bytes info(sha256_digest_info.begin(), sha256_digest_info.end());
  info.insert(info.end(), digest->begin(), digest->end());
  return info;
}

MechanismCall::MechanismCall(const SigningMechanism& mechanism)
    : call_{mechanism.type, mechanism.has_pss_parameters ? &pss_ : nullptr,
            mechanism.has_pss_parameters ? sizeof pss_ : 0} {}

Result<Mechanisms> Mechanisms::of(const Module& module, CK_SLOT_ID slot) {
  Mechanisms all;
  for (std::size_t i = 0; i < jose::all_algorithms.size(); ++i) {
    const Algorithm algorithm = jose::all_algorithms.at(i);
    Has& has = all.has_.at(i);
    for (const SigningMechanism& candidate : signing_mechanisms(algorithm)) {
      auto offered = offers(module, slot, candidate.type, CKF_SIGN);
      if (!offered) return pass_on(offered);
      if (*offered && has.signing == nullptr) has.signing = &candidate;
    }
    auto makes = offers(module, slot, making_mechanism(algorithm).type, CKF_GENERATE_KEY_PAIR);
    if (!makes) return pass_on(makes);
    has.makes = *makes;
  }
  return all;
}

const SigningMechanism* Mechanisms::signing(Algorithm algorithm) const {
  return has_.at(static_cast<std::size_t>(algorithm)).signing;
}

bool Mechanisms::makes(Algorithm algorithm) const {
  return has_.at(static_cast<std::size_t>(algorithm)).makes;
}

std::string Mechanisms::describe() const {
  std::string text;
  for (const Algorithm algorithm : jose::all_algorithms) {
    const SigningMechanism* mechanism = signing(algorithm);
    if (mechanism == nullptr) continue;
    text += (text.empty() ? "it has " : ", ") + std::string(jose::name_of(algorithm)) + " (" +
            std::string(mechanism->name) + ")";
  }
  return text.empty() ? "it has none of ours" : text;
}

}  // namespace mintmark::hsm::pkcs11
