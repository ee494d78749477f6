#include "attest/sev_snp/check.h"

#include <openssl/err.h>

#include <algorithm>

#include "attest/x509/vouched.h"
#include "jose/key.h"

namespace mintmark::attest::sev_snp {
namespace {

constexpr std::uint32_t lowest_vmpl = 3;

bool same(const X509* one, const X509* other) { return X509_cmp(one, other) == 0; }

const char* name_of(unsigned signing_key) {
  switch (signing_key) {
    case static_cast<unsigned>(SigningKey::vcek):
      return "a VCEK";
    case static_cast<unsigned>(SigningKey::vlek):
      return "a VLEK";
    default:
      return "no key";
  }
}

Result<std::vector<x509::Certificate>> parse_all(const std::vector<Bytes>& certificates) {
  if (certificates.size() > most_certificates)
    return fail(Code::snp_certificates_malformed, "more than 16 certificates beside a report");
  std::vector<x509::Certificate> all;
  for (const Bytes& der : certificates) {
    std::string why;
    x509::Certificate one = x509::parse_certificate(der, &why);
    if (!one) return fail(Code::snp_certificates_malformed, why);
    if (!x509::has_bounded_key(one.get()))
      return fail(Code::snp_certificates_malformed, "a certificate has a key that is too large");
    const bool again = std::any_of(all.begin(), all.end(), [&](const x509::Certificate& known) {
      return same(known.get(), one.get());
    });
    if (!again) all.push_back(std::move(one));
  }
  return all;
}

Result<void> check_product(const Report& report, const KeyCertificate& key) {
  const std::string product = product_of(report);
  if (product.empty() || product == key.product) return {};
  return fail(Code::snp_product, "the report is of a processor of " + product +
                                     ", and its key's certificate of one of " + key.product);
}

// A host may have chip identifiers masked; the certificate is then the word for which chip it is.
Result<void> check_chip(const Report& report, const KeyCertificate& key) {
  const BytesView chip(report.chip_id);
  if (key.kind == SigningKey::vlek || is_zero(chip)) return {};
  if (equal_in_constant_time(chip.first(key.hwid.size()), key.hwid) &&
      is_zero(chip.subspan(key.hwid.size())))
    return {};
  return fail(Code::snp_chip_id, "the key's certificate is another chip's");
}

Result<void> check_tcb(const Report& report, const KeyCertificate& key) {
  if (report.reported_tcb == key.tcb) return {};
  return fail(Code::snp_tcb, "the report tells TCB " + to_hex(report.reported_tcb) +
                                 ", and its key's certificate is for " + to_hex(key.tcb) +
                                 "; ask AMD's KDS for the certificate of the reported TCB");
}

}  // namespace

Result<Beside> sort_certificates(const std::vector<Bytes>& certificates, const Report& report) {
  if (report.signing_key() > static_cast<unsigned>(SigningKey::vlek))
    return fail(Code::snp_signing_key, "the report is signed by neither a VCEK nor a VLEK");
  auto all = parse_all(certificates);
  if (!all) return pass_on(all);
  Beside beside;
  bool found = false;
  bool other_kind = false;
  for (x509::Certificate& one : *all) {
    if (!is_key_certificate(one.get())) {
      beside.helpers.push_back(std::move(one));
      continue;
    }
    auto key = read_key_certificate(std::move(one));
    if (!key) return pass_on(key);
    const bool fits = static_cast<unsigned>(key->kind) == report.signing_key();
    if (fits && found)
      return fail(Code::snp_certificates_malformed, "certificates of two signing keys came");
    if (fits) beside.key = std::move(*key);
    found = found || fits;
    other_kind = other_kind || !fits;
  }
  if (found) return beside;
  if (other_kind)
    return fail(Code::snp_signing_key, std::string("the report says that ") +
                                           name_of(report.signing_key()) +
                                           " signed it, and the certificate is of another kind");
  return fail(Code::snp_key_certificate_missing,
              std::string("no certificate of ") + name_of(report.signing_key()) +
                  " came; take it from the host's table or from AMD's KDS");
}

Result<void> check_signature(const Report& report, const KeyCertificate& key) {
  if (report.signature_algo != ecdsa_p384_sha384)
    return fail(Code::snp_signature_algorithm, "signature algorithm " +
                                                   std::to_string(report.signature_algo) +
                                                   " is not 1, ECDSA on P-384 with SHA-384");
  const auto public_key =
      jose::PublicKey::from_spki(x509::spki_of(key.certificate.get()), jose::Algorithm::ps256);
  ERR_clear_error();
  if (!public_key || public_key->algorithm() != jose::Algorithm::es384)
    return fail(Code::snp_key_certificate, "the signing key is none on P-384");
  const bool good = public_key->verify(report.signed_part, report.signature);
  ERR_clear_error();
  if (!good) return fail(Code::snp_signature, "the report's signature is wrong");
  return {};
}

Result<Checked> check_report(BytesView octets, const std::vector<Bytes>& certificates,
                             const x509::Trust& trust, Moment now) {
  auto report = read_report(octets);
  if (!report) return pass_on(report);
  auto beside = sort_certificates(certificates, *report);
  if (!beside) return pass_on(beside);
  const KeyCertificate& key = beside->key;
  auto chain = x509::check_chain(key.certificate.get(), beside->helpers, trust, now,
                                 x509::ExpiredAuthorities::refuse);
  if (!chain) return fail(x509::code_of(chain.error().fault), chain.error().reason);
  if (auto good = check_signature(*report, key); !good) return pass_on(good);
  if (auto good = check_product(*report, key); !good) return pass_on(good);
  if (auto good = check_chip(*report, key); !good) return pass_on(good);
  if (auto good = check_tcb(*report, key); !good) return pass_on(good);
  return Checked{std::move(*report), std::move(*beside), std::move(*chain)};
}

Result<void> check_report_data(const Report& report, BytesView challenge) {
  const BytesView data(report.report_data);
  if (challenge.size() <= data.size() &&
      equal_in_constant_time(data.first(challenge.size()), challenge) &&
      is_zero(data.subspan(challenge.size())))
    return {};
  return fail(Code::snp_report_data,
              "report_data must be the challenge, and zeros up to its 64 octets");
}

Result<void> check_rules(const Report& report, const Rules& rules) {
  if (!report.reserved_is_zero)
    return fail(Code::snp_reserved,
                "a reserved field is not zero: what it would say is not known here");
  if (report.vmpl > lowest_vmpl)
    return fail(Code::snp_vmpl, "VMPL " + std::to_string(report.vmpl) +
                                    " is none that a guest has: its host asked for this report");
  if (report.migration_agent())
    return fail(Code::snp_migration_agent,
                "the guest's policy lets a migration agent move it, and nobody knows which");
  if (report.debug() && !rules.debug_allowed)
    return fail(Code::snp_debug, "the guest's policy lets its host debug it: no secret is safe");
  return {};
}

std::vector<std::string> not_evaluated(const Report& report, const x509::Trust* trust) {
  std::vector<std::string> all = {"committed_tcb", "current_tcb",       "family_and_image_id",
                                  "id_key",        "launch_tcb",        "minimum_tcb",
                                  "platform_info", "report_id_of_agent"};
  if (report.version >= 5) all.emplace_back("mitigation_vectors");
  if (trust == nullptr || !trust->crls_required()) all.emplace_back("revocation");
  if (report.version < 3 || product_of(report).empty()) all.emplace_back("processor_model");
  std::sort(all.begin(), all.end());
  return all;
}

Facts facts_of(const Checked& checked, const x509::Trust& trust) {
  const Report& report = checked.report;
  Facts facts;
  facts.format = "sev-snp";
  facts.key_protection = "unproven";  // The report carries a hash of the token's key, no more.
  facts.manufacturer = "AMD";
  facts.model = checked.beside.key.product;
  x509::set_vouched(facts, checked.chain);
  if (checked.chain.standing == x509::Standing::trusted)
    facts.proves = {proves::boot_state, proves::hardware};
  facts.more["measurement"] = to_hex(report.measurement);
  facts.more["host_data"] = to_hex(report.host_data);
  facts.more["chip"] = is_zero(report.chip_id) ? std::string() : to_hex(report.chip_id);
  facts.more["product"] = checked.beside.key.product;
  facts.more["tcb"] = to_hex(report.reported_tcb);
  facts.more["security_version"] = std::int64_t{report.guest_svn};
  facts.more["vmpl"] = std::int64_t{report.vmpl};
  if (!is_zero(report.author_key_digest))
    facts.more["signer_measurement"] = to_hex(report.author_key_digest);
  facts.more["not_evaluated"] = not_evaluated(report, &trust);
  return facts;
}

}  // namespace mintmark::attest::sev_snp
