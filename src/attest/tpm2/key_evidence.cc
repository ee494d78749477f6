#include "attest/tpm2/key_evidence.h"

#include <tss2/tss2_mu.h>

#include <array>
#include <optional>

#include "attest/tpm2/attestation_key.h"
#include "attest/tpm2/attributes.h"
#include "attest/tpm2/binding.h"
#include "attest/tpm2/signature.h"
#include "jose/base64url.h"

namespace mintmark::attest::tpm2 {
namespace {

constexpr std::size_t counter_octets = 8;
constexpr std::size_t most_certificates = 16;
constexpr std::size_t longest_text = 16U << 10U;
constexpr std::array<std::uint8_t, 3> default_exponent{0x01, 0x00, 0x01};

constexpr std::array signing_key_rules = {
    AttributeRule{TPMA_OBJECT_SIGN_ENCRYPT, true, Code::signing_key_not_signing,
                  "the key must be a signing key"},
    AttributeRule{TPMA_OBJECT_RESTRICTED, false, Code::signing_key_restricted,
                  "the key must not be restricted: it signs tokens"},
    AttributeRule{TPMA_OBJECT_DECRYPT, false, Code::signing_key_decrypts,
                  "the key must not decrypt"},
    AttributeRule{TPMA_OBJECT_FIXEDTPM, true, Code::signing_key_not_fixed_tpm,
                  "the key must be fixedTPM: another one may be copied"},
    AttributeRule{TPMA_OBJECT_FIXEDPARENT, true, Code::signing_key_not_fixed_parent,
                  "the key must be fixedParent"},
    AttributeRule{TPMA_OBJECT_SENSITIVEDATAORIGIN, true, Code::signing_key_imported,
                  "the key must have been made by the TPM (sensitiveDataOrigin)"},
    AttributeRule{TPMA_OBJECT_USERWITHAUTH, false, Code::signing_key_without_policy,
                  "the key must be used by its policy alone (userWithAuth)"},
};

tl::unexpected<Error> malformed(const std::string& member) {
  return fail(Code::evidence_malformed, "the evidence has no \"" + member + "\" as it must be");
}

template <typename T>
void append_number(Bytes& to, T number) {
  for (std::size_t i = sizeof number; i > 0; --i)
    to.push_back(static_cast<std::uint8_t>(number >> (8U * (i - 1)) & 0xFFU));
}
void append(Bytes& to, BytesView octets) { to.insert(to.end(), octets.begin(), octets.end()); }

// The Name of a counter as an issuer's store defines it (hsm/tpm2/counter.h): 64 bits, read and
// incremented by its own authorisation alone, written.
Bytes counter_name(std::uint32_t index) {
  TPMS_NV_PUBLIC area{};
  area.nvIndex = index;
  area.nameAlg = TPM2_ALG_SHA256;
  area.attributes = TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT | TPMA_NV_AUTHREAD |
                    TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | TPMA_NV_WRITTEN;
  area.dataSize = counter_octets;
  std::array<std::uint8_t, sizeof area> octets{};
  std::size_t size = 0;
  // A structure without pointers, into room enough: it does not fail.
  (void)Tss2_MU_TPMS_NV_PUBLIC_Marshal(&area, octets.data(), octets.size(), &size);
  Bytes name;
  append_number(name, TPM2_ALG_ID{TPM2_ALG_SHA256});
  append(name, sha256(BytesView(octets).first(size)));
  return name;
}

Sha256 extended(const Sha256& before, TPM2_CC command, BytesView arguments) {
  Bytes all;
  append(all, before);
  append_number(all, command);
  append(all, arguments);
  return sha256(all);
}

std::optional<jose::Algorithm> algorithm_of(const TPMT_PUBLIC& key) {
  using jose::Algorithm;
  const TPM2_ALG_ID scheme = signing_scheme(key);
  const TPM2_ALG_ID hash = signing_hash(key);
  if (key.type == TPM2_ALG_RSA && hash == TPM2_ALG_SHA256 &&
      key.parameters.rsaDetail.exponent == 0) {
    if (scheme == TPM2_ALG_RSASSA) return Algorithm::rs256;
    if (scheme == TPM2_ALG_RSAPSS) return Algorithm::ps256;
  }
  if (key.type == TPM2_ALG_ECC && scheme == TPM2_ALG_ECDSA) {
    const TPM2_ECC_CURVE curve = key.parameters.eccDetail.curveID;
    if (curve == TPM2_ECC_NIST_P256 && hash == TPM2_ALG_SHA256) return Algorithm::es256;
    if (curve == TPM2_ECC_NIST_P384 && hash == TPM2_ALG_SHA384) return Algorithm::es384;
  }
  return std::nullopt;
}

Result<jose::PublicKey> public_key_of(const TPMT_PUBLIC& key) {
  const auto algorithm = algorithm_of(key);
  if (!algorithm)
    return fail(Code::signing_key_type, "the key's type and scheme are none that tokens have");
  if (key.type == TPM2_ALG_RSA)
    return jose::PublicKey::from_rsa({key.unique.rsa.buffer, key.unique.rsa.size}, default_exponent,
                                     *algorithm);
  auto point = point_of(key);
  if (!point) return pass_on(point);
  return jose::PublicKey::from_point(*algorithm, *point);
}

}  // namespace

Sha256 key_evidence_binding(std::string_view issuer, std::string_view kid) {
  return hash_fields({as_bytes("mintmark key evidence v1"), as_bytes(issuer), as_bytes(kid)});
}

Sha256 counted_key_policy(std::uint32_t counter_index, std::uint64_t counter_value,
                          BytesView boot_authority) {
  Bytes compared;
  append_number(compared, counter_value);
  append_number(compared, UINT16{0});
  append_number(compared, TPM2_EO{TPM2_EO_EQ});
  Bytes arguments;
  append(arguments, sha256(compared));
  append(arguments, counter_name(counter_index));
  Sha256 digest{};
  if (!boot_authority.empty()) {
    // The reference is extended in a step of its own, without a command (Part 3, 23.2.3).
    Bytes named = to_bytes(extended(digest, TPM2_CC_PolicyAuthorize, boot_authority));
    append(named, as_bytes("mintmark boot state v1"));
    digest = sha256(named);
  }
  return extended(extended(digest, TPM2_CC_PolicyNV, arguments), TPM2_CC_PolicyAuthValue, {});
}

/// Members of the evidence, and the checks, one after the other.
class KeyEvidenceJudge {
 public:
  KeyEvidenceJudge(const Json& facts, std::string_view issuer, const EkTrust& trust, Moment now)
      : facts_(facts), issuer_(issuer), trust_(trust), now_(now) {}

  Result<KeyVerdict> judge() {
    auto key = signing_key();
    if (!key) return pass_on(key);
    KeyVerdict verdict(std::move(*key));
    binding_ = key_evidence_binding(issuer_, verdict.kid());
    if (auto ak = attestation_key(); !ak) return pass_on(ak);
    verdict.ak_name_ = ak_.name;
    if (auto certified = certified_key(verdict); !certified) return pass_on(certified);
    if (auto counted = counter(verdict); !counted) return pass_on(counted);
    if (auto vouched = endorsements(verdict); !vouched) return pass_on(vouched);
    return verdict;
  }

 private:
  Result<jose::PublicKey> signing_key() {
    auto octets = octets_at("public");
    if (!octets) return pass_on(octets);
    auto area = parse_public(*octets, "the key's public area");
    if (!area) return pass_on(area);
    key_ = std::move(*area);
    auto attributes = check_attributes(key_.area.objectAttributes, signing_key_rules);
    if (!attributes) return pass_on(attributes);
    auto key = public_key_of(key_.area);
    if (!key) return key;
    const Json::json_pointer kid("/kid");
    if (!facts_.contains(kid) || !facts_[kid].is_string()) return malformed("kid");
    if (facts_[kid].get_ref<const std::string&>() != key->thumbprint())
      return fail(Code::evidence_kid, "the evidence is of another key than its kid names");
    return key;
  }

  Result<void> attestation_key() {
    auto octets = octets_at("ak_public");
    if (!octets) return pass_on(octets);
    auto area = parse_public(*octets, "the AK's public area");
    if (!area) return pass_on(area);
    ak_ = std::move(*area);
    return check_attestation_key(ak_.area);
  }

  Result<TPMS_ATTEST> statement(const std::string& member, TPM2_ST type) const {
    auto octets = octets_at(member + "/attest");
    if (!octets) return pass_on(octets);
    auto attest = read_statement(*octets, type, binding_, member.c_str());
    if (!attest) return attest;
    auto signature = octets_at(member + "/signature");
    if (!signature) return pass_on(signature);
    const std::string what = member + "'s signature";
    if (auto by_ak = check_signed(ak_.area, *octets, *signature, what.c_str()); !by_ak)
      return pass_on(by_ak);
    return attest;
  }

  Result<void> certified_key(KeyVerdict& verdict) const {
    auto attest = statement("certify", TPM2_ST_ATTEST_CERTIFY);
    if (!attest) return pass_on(attest);
    if (!equal_in_constant_time(view_of(attest->attested.certify.name), key_.name))
      return fail(Code::certify_name, "certify speaks of another key");
    verdict.firmware_ = attest->firmwareVersion;
    return {};
  }

  Result<void> counter(KeyVerdict& verdict) const {
    auto index = nv_index_at("counter/index");
    if (!index) return pass_on(index);
    auto value = number_at("counter/value");
    if (!value) return pass_on(value);
    verdict.counter_index_ = *index;
    verdict.counter_value_ = *value;
    auto attest = statement("counter/certify", TPM2_ST_ATTEST_NV);
    if (!attest) return pass_on(attest);
    const TPMS_NV_CERTIFY_INFO& said = attest->attested.nv;
    if (to_bytes(view_of(said.indexName)) != counter_name(verdict.counter_index_))
      return fail(Code::evidence_counter_name,
                  "counter/certify speaks of another NV index, or one of another kind");
    Bytes expected;
    append_number(expected, *value);
    if (said.offset != 0 || to_bytes({said.nvContents.buffer, said.nvContents.size}) != expected)
      return fail(Code::evidence_counter_value,
                  "the counter has another value than the evidence "
                  "says: the key signs no more");
    if (facts_.contains("boot")) {
      auto authority = octets_at("boot/authority");
      if (!authority) return pass_on(authority);
      auto area = parse_public(*authority, "the boot authority's public area");
      if (!area) return pass_on(area);
      verdict.boot_authority_ = std::move(area->name);
    }
    const Sha256 policy =
        counted_key_policy(verdict.counter_index_, *value, verdict.boot_authority_);
    if (to_bytes(view_of(key_.area.authPolicy)) != to_bytes(policy))
      return fail(Code::signing_key_policy,
                  "the key's policy does not tie it to its counter at this value");
    return {};
  }

  Result<void> endorsements(KeyVerdict& verdict) const {
    auto chain = helpers();
    if (!chain) return pass_on(chain);
    const Json::json_pointer place("/ek");
    if (!facts_.contains(place) || !facts_[place].is_array() ||
        facts_[place].size() > most_certificates)
      return malformed("ek");
    std::optional<Error> first;
    for (std::size_t i = 0; i < facts_[place].size(); ++i) {
      const std::string member = "ek/" + std::to_string(i);
      auto index = nv_index_at(member + "/nv_index");
      if (!index) return pass_on(index);
      auto der = octets_at(member + "/certificate");
      if (!der) return pass_on(der);
      auto endorsement = check_endorsement(*der, *chain, trust_, now_);
      if (endorsement && endorsement->chain.standing != x509::Standing::trusted)
        endorsement =
            fail(Code::ek_untrusted_root, "the root of this EK certificate is not trusted");
      if (endorsement) {
        verdict.eks_.push_back({*index, std::move(*endorsement)});
      } else if (!first) {
        first = endorsement.error();
      }
    }
    if (!verdict.eks_.empty()) return {};
    if (first) return tl::unexpected<Error>(*first);
    return fail(Code::evidence_ek_missing,
                "the issuer's TPM has no EK certificate: nobody says that it is a TPM");
  }

  Result<std::vector<Bytes>> helpers() const {
    const Json::json_pointer place("/ek_chain");
    std::vector<Bytes> chain;
    if (!facts_.contains(place)) return chain;
    if (!facts_[place].is_array() || facts_[place].size() > most_certificates)
      return malformed("ek_chain");
    for (std::size_t i = 0; i < facts_[place].size(); ++i) {
      auto certificate = octets_at("ek_chain/" + std::to_string(i));
      if (!certificate) return pass_on(certificate);
      chain.push_back(std::move(*certificate));
    }
    return chain;
  }

  Result<Bytes> octets_at(const std::string& member) const {
    const Json::json_pointer place("/" + member);
    if (!facts_.contains(place) || !facts_[place].is_string()) return malformed(member);
    const auto& text = facts_[place].get_ref<const std::string&>();
    if (text.size() > longest_text) return malformed(member);
    auto octets = jose::from_base64url(text);
    if (!octets) return malformed(member);
    return octets;
  }

  Result<std::uint64_t> number_at(const std::string& member) const {
    const Json::json_pointer place("/" + member);
    if (!facts_.contains(place) || !facts_[place].is_number_unsigned()) return malformed(member);
    return facts_[place].get<std::uint64_t>();
  }

  Result<std::uint32_t> nv_index_at(const std::string& member) const {
    auto number = number_at(member);
    if (!number) return pass_on(number);
    if (*number > UINT32_MAX) return malformed(member);
    return static_cast<std::uint32_t>(*number);
  }

  const Json& facts_;
  std::string_view issuer_;
  const EkTrust& trust_;
  const Moment now_;
  Sha256 binding_{};
  PublicArea key_;
  PublicArea ak_;
};

Result<KeyVerdict> verify_key_evidence(const Json& facts, std::string_view issuer,
                                       const EkTrust& trust, Moment now) {
  if (!facts.is_object()) return fail(Code::evidence_malformed, "the evidence is no JSON object");
  return KeyEvidenceJudge(facts, issuer, trust, now).judge();
}

Bytes activation_secret() {
  Bytes secret = to_bytes(as_bytes("mintmark keyev 1"));
  append(secret, random_bytes(16));
  return secret;
}

Result<Challenge> seal_for(const KeyVerdict& verdict, const VouchedEk& ek, BytesView secret) {
  return make_credential(ek.endorsement.kind, *ek.endorsement.key, verdict.ak_name(), secret);
}

}  // namespace mintmark::attest::tpm2
