#include "attest/webauthn/judge.h"

#include <algorithm>

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

/// One entry's word, and the operator's.
struct Vouching {
  ChainResult chain;
  bool listed = false;  ///< The entry's own roots vouch too.
};

/// By the operator's roots; where none of them vouches, by those that the metadata name for just
/// this authenticator.
Vouching check_certificates(const Certificates& certificates, const Rules& rules,
                            const Authenticator* named, Moment at) {
  ChainResult chain = tl::unexpected(x509::ChainRefusal{
      x509::ChainFault::untrusted_root, "no trusted root vouches for this authenticator"});
  const auto by = [&](const x509::Trust& trust) {
    return x509::check_chain(certificates.leaf.get(), certificates.offered, trust, at,
                             x509::ExpiredAuthorities::refuse);
  };
  if (rules.trust != nullptr) chain = by(*rules.trust);
  if (named == nullptr || named->trust == nullptr) return {std::move(chain), false};
  ChainResult listed = by(*named->trust);
  const bool holds = listed.has_value() && !is_unknown(listed);
  if (holds && is_unknown(chain)) chain = std::move(listed);
  return {std::move(chain), holds};
}

const X509* found_among(const std::vector<const X509*>& all, const std::string& digest) {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const X509* one) { return x509::digest_of(one) == digest; });
  return found == all.end() ? nullptr : *found;
}

/// The certificates of the chain that was verified, from the leaf; those above it were offered, or
/// are known.
std::vector<const X509*> verified_in(const Judged& judged, const Rules& rules,
                                     const Authenticator* named) {
  std::vector<const X509*> all{judged.proof.certificates->leaf.get()};
  for (const auto& one : judged.proof.certificates->offered) all.push_back(one.get());
  for (const x509::Trust* trust : {rules.trust, named != nullptr ? named->trust.get() : nullptr}) {
    if (trust != nullptr) all.insert(all.end(), trust->known().begin(), trust->known().end());
  }
  std::vector<const X509*> verified;
  for (const x509::Link& link : judged.chain->links)
    verified.push_back(found_among(all, link.sha256));
  return verified;
}

tl::expected<void, Refusal> check_android(const Judged& judged, const Rules& rules,
                                          const Authenticator* named) {
  const auto verified = verified_in(judged, rules, named);
  if (std::find(verified.begin(), verified.end(), nullptr) != verified.end())
    return refused(Code::internal, "a verified certificate was not found again", false);
  auto good = check_android_chain(verified, rules.revocations);
  if (good) return {};
  const bool by_rule = good.error().code != Code::android_extension_misplaced;
  return tl::unexpected<Refusal>(Refusal{good.error(), by_rule});
}

/// What is reported of a model ends trust in whatever names it; that it is listed helps only those
/// of whom its roots know.
tl::expected<void, Refusal> check_metadata(const Judged& judged, const Rules& rules,
                                           const Authenticator* named) {
  if (named != nullptr && !named->refused.empty())
    return refused(Code::webauthn_authenticator_status,
                   "FIDO's metadata say of this authenticator: " + named->refused, true);
  if (rules.metadata_required && judged.authenticator == nullptr)
    return refused(Code::webauthn_authenticator_unknown,
                   "FIDO's metadata do not list this authenticator, or not under those who vouch "
                   "for it",
                   true);
  return {};
}

tl::expected<void, Refusal> check_rules(const Judged& judged, const Rules& rules,
                                        const Authenticator* named) {
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
  return check_metadata(judged, rules, named);
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
  const Authenticator* named = nullptr;
  if (rules.metadata != nullptr) {
    if (auto fresh = rules.metadata->check_fresh(at); !fresh)
      return tl::unexpected<Refusal>(Refusal{fresh.error(), true});
    named = rules.metadata->find(object.data.credential->aaguid,
                                 certificates ? certificates->leaf.get() : nullptr);
  }
  if (certificates) {
    Vouching vouching = check_certificates(*certificates, rules, named, at);
    if (!vouching.chain) {
      const x509::ChainRefusal& why = vouching.chain.error();
      return refused(x509::code_of(why.fault), why.reason,
                     why.fault == x509::ChainFault::untrusted_root);
    }
    judged.chain = std::move(*vouching.chain);
    if (vouching.listed) judged.authenticator = named;
  }
  if (object.format == "android-key") {
    if (auto good = check_android(judged, rules, named); !good) return tl::unexpected(good.error());
  }
  if (auto good = check_rules(judged, rules, named); !good) return tl::unexpected(good.error());
  return judged;
}

}  // namespace mintmark::attest::webauthn
