#include "attest/tdx/collateral.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

#include "attest/x509/bundle.h"
#include "base/pem.h"
#include "jose/key.h"

namespace mintmark::attest::tdx {
namespace {

constexpr const char* signer_name = "Intel SGX TCB Signing";
constexpr std::size_t most_certificates = 64;
constexpr std::size_t most_files = 256;

tl::unexpected<Error> bad(const std::string& why) {
  return fail(Code::tdx_collateral_malformed, why);
}

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

std::string common_name(const X509* certificate) {
  const X509_NAME* name = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  return printable(
      as_text({ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text))}));
}

x509::Crl crl_in(BytesView file) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
  x509::Crl crl(PEM_read_bio_X509_CRL(bio.get(), nullptr, no_passphrase, nullptr));
  if (!crl) {
    const std::uint8_t* at = file.data();
    crl.reset(d2i_X509_CRL(nullptr, &at, static_cast<long>(file.size())));
    if (crl && at != file.data() + file.size()) crl.reset();
  }
  ERR_clear_error();
  return crl;
}

Result<void> add_certificates(const std::vector<Bytes>& all, Collateral& into) {
  for (const Bytes& der : all) {
    std::string why;
    x509::Certificate one = x509::parse_certificate(der, &why);
    if (!one || !x509::has_bounded_key(one.get()))
      return bad("a certificate: " + (one ? std::string("its key is too large") : why));
    if (x509::is_authority(one.get()))
      into.authorities.push_back(std::move(one));
    else if (common_name(one.get()) == signer_name)
      into.signers.push_back(std::move(one));
  }
  return {};
}

Result<void> add_document(std::string_view text, Collateral& into) {
  if (text.substr(0, 64).find("\"enclaveIdentity\"") != std::string_view::npos ||
      text.find("\"tcbInfo\"") == std::string_view::npos) {
    auto identity = read_qe_identity(text);
    if (!identity) return pass_on(identity);
    into.qe_identities.push_back(std::move(*identity));
    return {};
  }
  auto info = read_tcb_info(text);
  if (!info) return pass_on(info);
  into.tcb_infos.push_back(std::move(*info));
  return {};
}

Result<void> add_file(const Bytes& file, Collateral& into) {
  if (file.size() > longest_collateral_file) return bad("a file has more than 4 MiB");
  const std::string_view text = as_text(file);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return add_document(text, into);
  const auto certificates = x509::der_of_all(file, most_certificates);
  if (!certificates.empty()) return add_certificates(certificates, into);
  x509::Crl crl = crl_in(file);
  if (!crl) return bad("a file is neither JSON of Intel's PCS, nor certificates, nor a CRL");
  into.crls.push_back(std::move(crl));
  return {};
}

// Which of the signers' keys made the signature.
Result<void> find_signer(const std::vector<x509::Certificate>& signers, Signed& document) {
  if (signers.empty()) return {};
  for (std::size_t i = 0; i < signers.size(); ++i) {
    const auto key =
        jose::PublicKey::from_spki(x509::spki_of(signers[i].get()), jose::Algorithm::ps256);
    if (!key || key->algorithm() != jose::Algorithm::es256 ||
        !key->verify(document.octets, document.signature))
      continue;
    document.signer = i;
    break;
  }
  ERR_clear_error();
  if (document.signer) return {};
  return fail(Code::tdx_collateral_signature,
              "no TCB signing certificate that is there signed a document as it is; take each file "
              "as Intel serves it, with the chain of its answer's header");
}

template <typename Document, typename Fits>
const Document* newest(const std::vector<Document>& all, Fits fits) {
  const Document* best = nullptr;
  for (const Document& one : all) {
    if (!fits(one)) continue;
    if (best == nullptr ||
        std::pair(one.evaluation, one.issued) > std::pair(best->evaluation, best->issued))
      best = &one;
  }
  return best;
}

}  // namespace

const TcbInfo* Collateral::tcb_info_of(BytesView fmspc, BytesView pce_id) const {
  return newest(tcb_infos, [&](const TcbInfo& info) {
    return std::equal(fmspc.begin(), fmspc.end(), info.fmspc.begin(), info.fmspc.end()) &&
           std::equal(pce_id.begin(), pce_id.end(), info.pce_id.begin(), info.pce_id.end());
  });
}

const QeIdentity* Collateral::qe_identity() const {
  return newest(qe_identities, [](const QeIdentity&) { return true; });
}

Result<Collateral> read_collateral(const std::vector<Bytes>& files) {
  if (files.size() > most_files) return bad("more than 256 files of collateral");
  Collateral collateral;
  for (const Bytes& file : files) {
    if (auto added = add_file(file, collateral); !added) return pass_on(added);
  }
  for (TcbInfo& info : collateral.tcb_infos) {
    if (auto found = find_signer(collateral.signers, info); !found) return pass_on(found);
  }
  for (QeIdentity& identity : collateral.qe_identities) {
    if (auto found = find_signer(collateral.signers, identity); !found) return pass_on(found);
  }
  return collateral;
}

}  // namespace mintmark::attest::tdx
