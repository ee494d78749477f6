#include "attest/android_key/attestation.h"

#include <algorithm>
#include <array>

#include "attest/x509/vouched.h"

namespace mintmark::attest::android_key {
namespace {

constexpr std::array by_rule = {Code::android_software,   Code::android_security_levels,
                                Code::android_key_origin, Code::android_key_purpose,
                                Code::android_revoked,    Code::android_suspended};

Result<void> check_challenge(const KeyDescription& description, const Terms& terms) {
  if (!terms.challenge ||
      equal_in_constant_time(description.attestation_challenge, *terms.challenge))
    return {};
  return fail(Code::android_challenge,
              "attestationChallenge is not what was asked for: the key was attested for another "
              "enrolment");
}

tl::expected<x509::Chain, x509::ChainRefusal> chain_to(const x509::Trust& trust,
                                                       const KeyChain& chain, Moment at,
                                                       const x509::Leniency& leniency) {
  std::vector<x509::Certificate> offered;
  for (std::size_t i = 1; i < chain.certificates.size(); ++i) {
    X509_up_ref(chain.certificates[i].get());
    offered.emplace_back(chain.certificates[i].get());
  }
  return x509::check_chain(chain.leaf(), offered, trust, at, leniency);
}

x509::Leniency leniency_for(Provisioning provisioning) {
  if (provisioning == Provisioning::remote) return x509::ExpiredAuthorities::refuse;
  x509::Leniency leniency = x509::ExpiredAuthorities::taken;
  // The batch certificates of 2016 say CA:FALSE. No attested key is mistaken for one: it would
  // bring its KeyDescription.
  leniency.unmarked_issuer = true;
  return leniency;
}

x509::Leniency leniency_for_software() {
  x509::Leniency leniency = x509::ExpiredAuthorities::taken;
  // AOSP's published key has 1024 bits: nobody relies on it.
  leniency.strength = x509::Strength::bits_80;
  return leniency;
}

Result<void> vouch(Attested& attested, const KeyChain& chain, const Terms& terms) {
  const bool says_software =
      attested.description.attestation_security_level == SecurityLevel::software;
  if (says_software && terms.software == nullptr)
    return fail(Code::android_software,
                "the key is held by software, says its attestation: a TEE or StrongBox is wanted");
  auto vouched = says_software
                     ? chain_to(*terms.software, chain, terms.at, leniency_for_software())
                     : chain_to(*terms.trust, chain, terms.at, leniency_for(attested.provisioning));
  attested.software = says_software;
  const bool unknown =
      !vouched && vouched.error().fault == x509::ChainFault::untrusted_root && !says_software;
  if (unknown && terms.software != nullptr) {
    auto by_software = chain_to(*terms.software, chain, terms.at, leniency_for_software());
    attested.software = by_software.has_value();
    if (by_software) vouched = std::move(by_software);
  }
  if (!vouched) return fail(x509::code_of(vouched.error().fault), vouched.error().reason);
  attested.chain = std::move(*vouched);
  return check_verified(chain, attested.chain, attested.software ? *terms.software : *terms.trust);
}

Result<void> check_levels(const KeyDescription& description, const KeyChain& chain) {
  const SecurityLevel level = description.attestation_security_level;
  if (description.keymint_security_level == SecurityLevel::software)
    return fail(Code::android_software, "the key is held by software, says its attestation");
  if (level != description.keymint_security_level)
    return fail(Code::android_security_levels, std::string("the attestation is by ") +
                                                   name_of(level) + ", the key in " +
                                                   name_of(description.keymint_security_level));
  const auto claimed = claimed_level(chain);
  if (claimed.value_or(SecurityLevel::trusted_environment) != level)
    return fail(Code::android_security_levels,
                std::string("the attestation says ") + name_of(level) +
                    ", the names of those who certified its key do not");
  return {};
}

bool generated_in(const AuthorizationList& list) {
  return list.number(Tag::origin) == origin_generated;
}

bool signs_by(const AuthorizationList& list) { return list.holds(Tag::purpose, purpose_sign); }

// What software enforces counts only where nothing is proven.
Result<void> check_key(const Attested& attested) {
  const KeyDescription& description = attested.description;
  const bool lenient = attested.software;
  if (!generated_in(description.hardware_enforced) &&
      !(lenient && generated_in(description.software_enforced)))
    return fail(Code::android_key_origin,
                "the hardware does not say that it made the key (origin GENERATED): an imported "
                "key may be held elsewhere too");
  if (!signs_by(description.hardware_enforced) &&
      !(lenient && signs_by(description.software_enforced)))
    return fail(Code::android_key_purpose, "the hardware does not let the key sign (purpose SIGN)");
  return {};
}

Result<void> check_revocation(const KeyChain& chain, const RevocationList& revocations) {
  for (const auto& certificate : chain.certificates) {
    const auto status = revocations.status_of(certificate.get());
    if (status == CertificateStatus::good) continue;
    const bool revoked = status == CertificateStatus::revoked;
    return fail(revoked ? Code::android_revoked : Code::android_suspended,
                "Google's list has \"" + x509::name_text(X509_get_subject_name(certificate.get())) +
                    "\" as " + (revoked ? "revoked" : "suspended"));
  }
  return {};
}

void tell_boot(const AuthorizationList& hardware, Facts& facts) {
  if (const RootOfTrust* root = hardware.root_of_trust()) {
    facts.more["boot_state"] = std::string(name_of(root->verified_boot_state));
    facts.more["boot_locked"] = root->device_locked;
    facts.more["verified_boot_key"] = to_hex(root->verified_boot_key);
  }
  if (const auto version = hardware.number(Tag::os_version)) facts.more["os_version"] = *version;
  for (const auto& [tag, name] : {std::pair{Tag::os_patch_level, "os_patch_level"},
                                  std::pair{Tag::vendor_patch_level, "vendor_patch_level"},
                                  std::pair{Tag::boot_patch_level, "boot_patch_level"}}) {
    if (const auto level = hardware.patch_level(tag)) facts.more[name] = *level;
  }
}

void tell_application(const ApplicationId& id, Facts& facts) {
  std::vector<std::string> packages;
  for (const auto& package : id.packages) packages.push_back("package:" + package.name);
  std::vector<std::string> signers;
  for (const Bytes& signer : id.signatures) signers.push_back(to_hex(signer));
  facts.more["application"] = std::move(packages);
  facts.more["application_signer"] = std::move(signers);
}

/// Whose key verified what was booted, where the boot loader lets nothing else boot.
std::optional<BootState> verified_boot(const AuthorizationList& hardware) {
  const RootOfTrust* root = hardware.root_of_trust();
  if (root == nullptr || !root->device_locked) return std::nullopt;
  const BootState state = root->verified_boot_state;
  const bool by_a_key = state == BootState::verified || state == BootState::self_signed;
  return by_a_key ? std::optional(state) : std::nullopt;
}

std::vector<std::string> proven_by(const Attested& attested) {
  if (attested.software || attested.chain.standing != x509::Standing::trusted) return {};
  std::vector<std::string> words = {proves::hardware, proves::token_key};
  const auto boot = verified_boot(attested.description.hardware_enforced);
  if (boot) words.emplace_back(proves::boot_state);
  // The system says who asks: only the maker's is held to the truth. One that the owner signed, or
  // that an unlocked boot loader let in, may say anything.
  if (boot == BootState::verified &&
      attested.description.software_enforced.application_id() != nullptr)
    words.emplace_back(proves::application);
  std::sort(words.begin(), words.end());
  return words;
}

}  // namespace

Result<Attested> check_attestation(const KeyChain& chain, const Terms& terms) {
  auto description = description_of(chain);
  if (!description) return pass_on(description);
  auto provisioning = provisioning_of(chain);
  if (!provisioning) return pass_on(provisioning);
  if (auto links = check_links(chain); !links) return pass_on(links);
  Attested attested{std::move(*description), {}, *provisioning, false};
  if (auto same = check_challenge(attested.description, terms); !same) return pass_on(same);
  if (auto vouched = vouch(attested, chain, terms); !vouched) return pass_on(vouched);
  if (!attested.software) {
    if (auto levels = check_levels(attested.description, chain); !levels) return pass_on(levels);
  }
  if (auto key = check_key(attested); !key) return pass_on(key);
  if (terms.revocations == nullptr) return attested;
  if (auto good = check_revocation(chain, *terms.revocations); !good) return pass_on(good);
  return attested;
}

bool refused_by_rule(Code code) {
  return std::find(by_rule.begin(), by_rule.end(), code) != by_rule.end();
}

Facts facts_of(const Attested& attested) {
  const KeyDescription& description = attested.description;
  Facts facts;
  facts.format = "android-key";
  x509::set_vouched(facts, attested.chain);
  facts.proves = proven_by(attested);
  facts.key_protection = facts.proves.empty() ? "unproven" : "hardware";
  facts.manufacturer = description.hardware_enforced.text(Tag::id_manufacturer);
  facts.model = description.hardware_enforced.text(Tag::id_model);
  const SecurityLevel level =
      attested.software ? SecurityLevel::software : description.attestation_security_level;
  facts.more["security_level"] = std::string(name_of(level));
  tell_boot(description.hardware_enforced, facts);
  if (const ApplicationId* id = description.software_enforced.application_id())
    tell_application(*id, facts);
  return facts;
}

}  // namespace mintmark::attest::android_key
