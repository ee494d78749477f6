#include "attest/webauthn/judge.h"

namespace mintmark::attest::webauthn {
namespace {

using ChainResult = tl::expected<x509::Chain, x509::ChainRefusal>;

tl::unexpected<Refusal> refused(Code code, std::string detail, bool by_rule) {
  return tl::unexpected<Refusal>(Refusal{{code, std::move(detail)}, by_rule});
}

bool is_unknown(const ChainResult& chain) {
  return chain ? chain->root == x509::unknown_root
               : chain.error().fault == x509::ChainFault::untrusted_root;
}

/// By the operator's roots; where none of them vouches, by those that the metadata name for just
/// this authenticator.
ChainResult check_certificates(const Certificates& certificates, const Rules& rules,
                               const Authenticator* authenticator, Moment at) {
  ChainResult chain = tl::unexpected(x509::ChainRefusal{
      x509::ChainFault::untrusted_root, "no trusted root vouches for this authenticator"});
  const auto by = [&](const x509::Trust& trust) {
    return x509::check_chain(certificates.leaf.get(), certificates.offered, trust, at,
                             x509::ExpiredAuthorities::refuse);
  };
  if (rules.trust != nullptr) chain = by(*rules.trust);
  if (!is_unknown(chain) || authenticator == nullptr || authenticator->trust == nullptr)
    return chain;
  ChainResult listed = by(*authenticator->trust);
  return listed ? listed : chain;
}

tl::expected<void, Refusal> check_metadata(const Judged& judged, const Rules& rules) {
  if (rules.metadata == nullptr) return {};
  if (judged.authenticator == nullptr && rules.metadata_required)
    return refused(Code::webauthn_authenticator_unknown,
                   "FIDO's metadata do not list this authenticator", true);
  if (judged.authenticator != nullptr && !judged.authenticator->refused.empty())
    return refused(Code::webauthn_authenticator_status,
                   "FIDO's metadata say of this authenticator: " + judged.authenticator->refused,
                   true);
  return {};
}

tl::expected<void, Refusal> check_rules(const Judged& judged, const Rules& rules) {
  constexpr auto rs1 = static_cast<std::int64_t>(cbor::CoseAlgorithm::rs1);
  if (judged.proof.algorithm == rs1 && !rules.sha1)
    return refused(Code::webauthn_sha1,
                   "the statement is signed over SHA-1 (RS1); the operator can take such ones",
                   true);
  if (!judged.proof.certificates && !rules.self)
    return refused(Code::webauthn_self,
                   "self attestation proves nothing of hardware; the operator can take it", true);
  if (judged.proof.rule)
    return tl::unexpected<Refusal>(Refusal{*judged.proof.rule, /*by_rule=*/true});
  return check_metadata(judged, rules);
}

}  // namespace

Result<Judged> check_bindings(const AttestationObject& object, const ClientData& client,
                              const Expected& expected) {
  if (auto good = check_client_data(client, expected); !good) return pass_on(good);
  auto rp_id = check_authenticator_data(object.data, expected);
  if (!rp_id) return pass_on(rp_id);
  auto proof = check_statement({object, client.hash});
  if (!proof) return pass_on(proof);
  return Judged{std::move(*rp_id), std::move(*proof), std::nullopt, nullptr};
}

tl::expected<Judged, Refusal> check_trust(Judged judged, const AttestationObject& object,
                                          const Rules& rules, Moment at) {
  const auto& certificates = judged.proof.certificates;
  if (rules.metadata != nullptr) {
    if (auto fresh = rules.metadata->check_fresh(at); !fresh)
      return tl::unexpected<Refusal>(Refusal{fresh.error(), true});
    judged.authenticator = rules.metadata->find(object.data.credential->aaguid,
                                                certificates ? certificates->leaf.get() : nullptr);
  }
  if (certificates) {
    ChainResult chain = check_certificates(*certificates, rules, judged.authenticator, at);
    if (!chain) {
      const x509::ChainFault fault = chain.error().fault;
      return refused(x509::code_of(fault), chain.error().reason,
                     fault == x509::ChainFault::untrusted_root);
    }
    judged.chain = std::move(*chain);
  }
  if (auto good = check_rules(judged, rules); !good) return tl::unexpected(good.error());
  return judged;
}

}  // namespace mintmark::attest::webauthn
