// What Intel's documents say of a platform: which of them count, and what they refuse.
#include <openssl/err.h>

#include <algorithm>

#include "attest/tdx/check.h"
#include "attest/tdx/tcb.h"

namespace mintmark::attest::tdx {
namespace {

constexpr std::uint64_t migratable = std::uint64_t{1} << 29U;

/// Whether a document may be gone by.
enum class Use : std::uint8_t { good, absent, unsigned_, expired };

class Appraiser {
 public:
  Appraiser(const Checked& checked, const Collateral& collateral, const x509::Trust& trust,
            const Rules& rules, Moment now)
      : checked_(checked), collateral_(collateral), trust_(trust), rules_(rules), now_(now) {}

  Result<Appraisal> run() {
    if (auto done = platform(); !done) return pass_on(done);
    if (auto done = quoting_enclave(); !done) return pass_on(done);
    if (auto done = revocation(); !done) return pass_on(done);
    const TdReport& report = checked_.quote.report;
    left_out("xfam");
    if (report.has_15) left_out("tee_tcb_svn_2");
    if (report.has_15 || (report.td_attributes & migratable) != 0) left_out("service_td");
    auto& words = appraisal_.not_evaluated;
    std::sort(words.begin(), words.end());
    if (known_) appraisal_.tcb_status = name_of(standing_.status);
    if (known_) appraisal_.advisories = standing_.advisories;
    return appraisal_;
  }

 private:
  void left_out(const std::string& what) { appraisal_.not_evaluated.push_back(what); }

  Result<void> not_revoked(const Standing& standing) const {
    if (standing.status != TcbStatus::revoked) return {};
    return fail(Code::tdx_tcb_revoked, "Intel has revoked this platform's TCB level");
  }

  // Whether the document's signer is Intel's, now.
  Result<Use> use_of(const Signed* document) const {
    if (document == nullptr) return Use::absent;
    if (!document->signer) return Use::unsigned_;
    X509* signer = collateral_.signers[*document->signer].get();
    const auto chain = x509::check_chain(signer, collateral_.authorities, trust_, now_,
                                         x509::ExpiredAuthorities::refuse);
    // One whom nobody trusts yet may not say what is up to date.
    if (chain && chain->standing != x509::Standing::trusted) return Use::unsigned_;
    if (chain) {
      if (auto good = check_signer(signer); !good) return pass_on(good);
      const bool alive = document->issued <= now_ && now_ <= document->next_update;
      return alive ? Use::good : Use::expired;
    }
    const x509::ChainFault fault = chain.error().fault;
    if (fault == x509::ChainFault::expired || fault == x509::ChainFault::not_yet_valid)
      return Use::expired;
    if (fault == x509::ChainFault::revoked)
      return fail(Code::certificate_revoked, chain.error().reason);
    return fail(Code::tdx_collateral_signature, "of the TCB signer: " + chain.error().reason);
  }

  // What is not there is told, or refused where it must be there.
  Result<void> tell(Use use, const std::string& what) {
    if (use == Use::good) return {};
    const char* suffix = use == Use::unsigned_ ? "_unsigned"
                         : use == Use::expired ? "_expired"
                                               : "";
    if (!rules_.collateral_required) {
      left_out(what + suffix);
      return {};
    }
    if (use == Use::expired)
      return fail(Code::tdx_collateral_expired, what + " is not of this time; fetch it anew");
    if (what == "tcb_info" && use == Use::absent && !collateral_.tcb_infos.empty())
      return fail(Code::tdx_fmspc, "there is TCB info, but none of FMSPC " +
                                       to_hex(checked_.pck.fmspc) + " and PCE-ID " +
                                       to_hex(checked_.pck.pce_id));
    return fail(Code::tdx_collateral_missing,
                what + (use == Use::unsigned_ ? " has no signing chain beside it" : " is missing"));
  }

  // A level that was revoked once stays so, and a document that has expired still says it.
  Result<void> platform() {
    const Pck& pck = checked_.pck;
    const TdReport& report = checked_.quote.report;
    const TcbInfo* info = collateral_.tcb_info_of(pck.fmspc, pck.pce_id);
    const auto use = use_of(info);
    if (!use) return tl::unexpected<Error>(use.error());
    if (auto told = tell(*use, "tcb_info"); !told) return told;
    const bool good = *use == Use::good;
    if (auto module = good ? check_module(report, *info) : check_module(report); !module)
      return module;
    if (!good && *use != Use::expired) return {};
    auto standing = standing_of(report, pck, *info);
    if (!standing && good) return pass_on(standing);
    if (!standing) return {};
    if (good) standing_ = *standing;
    known_ = good;
    return not_revoked(*standing);
  }

  Result<void> quoting_enclave() {
    const EnclaveReport& qe = checked_.quote.qe;
    const QeIdentity* identity = collateral_.qe_identity();
    const auto use = use_of(identity);
    if (!use) return tl::unexpected<Error>(use.error());
    if (auto told = tell(*use, "qe_identity"); !told) return told;
    const bool good = *use == Use::good;
    if (auto checked = good ? check_qe(qe, *identity) : check_qe(qe); !checked) return checked;
    if (!good && *use != Use::expired) return {};
    auto standing = standing_of(qe, *identity);
    if (!standing && good) return pass_on(standing);
    if (!standing) return {};
    if (good) standing_ = together(std::move(standing_), *standing);
    return not_revoked(*standing);
  }

  Result<void> revocation() {
    X509* leaf = checked_.pck_chain.front().get();
    X509* intermediate = issuer_of(leaf);
    const auto by_intermediate = list_says(leaf, intermediate);
    if (!by_intermediate) return tl::unexpected<Error>(by_intermediate.error());
    if (auto told = tell_list(*by_intermediate, "pck_crl"); !told) return told;
    const auto by_root =
        intermediate == nullptr ? Use::absent : list_says(intermediate, issuer_of(intermediate));
    if (!by_root) return tl::unexpected<Error>(by_root.error());
    return tell_list(*by_root, "root_crl");
  }
  Result<void> tell_list(Use use, const char* what) {
    if (use == Use::absent && trust_.crls_required()) return {};  // The chain's own check saw it.
    return tell(use, what);
  }
  Result<void> check_signer(X509* signer) const {
    const auto says = list_says(signer, issuer_of(signer));
    if (!says) return tl::unexpected<Error>(says.error());
    return {};
  }

  X509* issuer_of(X509* certificate) const {
    const auto issued = [&](X509* issuer) {
      const bool by_it = X509_cmp(issuer, certificate) != 0 &&
                         X509_check_issued(issuer, certificate) == X509_V_OK &&
                         X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
      ERR_clear_error();
      return by_it;
    };
    for (X509* known : trust_.known()) {
      if (issued(known)) return known;
    }
    for (const auto* certificates : {&checked_.pck_chain, &collateral_.authorities}) {
      for (const x509::Certificate& one : *certificates) {
        if (issued(one.get())) return one.get();
      }
    }
    return nullptr;
  }

  // What the issuer's list says of the certificate.
  Result<Use> list_says(X509* certificate, X509* issuer) const {
    Use use = Use::absent;
    for (const x509::Crl& crl : collateral_.crls) {
      if (issuer == nullptr ||
          X509_NAME_cmp(X509_CRL_get_issuer(crl.get()), X509_get_subject_name(issuer)) != 0)
        continue;
      const bool signed_by_it = X509_CRL_verify(crl.get(), X509_get0_pubkey(issuer)) == 1;
      ERR_clear_error();
      if (!signed_by_it)
        return fail(Code::tdx_collateral_signature,
                    "a CRL in the name of \"" + x509::name_text(X509_get_subject_name(issuer)) +
                        "\" is not signed by it");
      X509_REVOKED* entry = nullptr;
      if (X509_CRL_get0_by_cert(crl.get(), &entry, certificate) == 1)
        return fail(Code::certificate_revoked,
                    "\"" + x509::name_text(X509_get_subject_name(certificate)) +
                        "\" was revoked by its issuer");
      if (use != Use::good) use = is_of_now(crl.get()) ? Use::good : Use::expired;
    }
    return use;
  }
  bool is_of_now(const X509_CRL* crl) const {
    std::time_t at = static_cast<std::time_t>(to_unix(now_));
    const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl);
    return X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &at) < 0 && next != nullptr &&
           X509_cmp_time(next, &at) > 0;
  }

  const Checked& checked_;
  const Collateral& collateral_;
  const x509::Trust& trust_;
  const Rules rules_;
  const Moment now_;
  Appraisal appraisal_;
  Standing standing_{TcbStatus::up_to_date, {}};
  bool known_ = false;
};

}  // namespace

Result<Appraisal> appraise(const Checked& checked, const Collateral& collateral,
                           const x509::Trust& trust, const Rules& rules, Moment now) {
  return Appraiser(checked, collateral, trust, rules, now).run();
}

}  // namespace mintmark::attest::tdx
