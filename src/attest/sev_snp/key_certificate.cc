#include "attest/sev_snp/key_certificate.h"

#include <openssl/err.h>

#include <algorithm>
#include <optional>

#include "attest/eventlog/cursor.h"
#include "attest/x509/bundle.h"

namespace mintmark::attest::sev_snp {
namespace {

constexpr std::size_t longest_text = 64;
constexpr std::size_t hwid_size = 64;
constexpr std::size_t short_hwid_size = 8;  // From Turin on.

const std::string amd = "1.3.6.1.4.1.3704.1.";
const std::string oid_product = amd + "2";
const std::string oid_hwid = amd + "4";
const std::string oid_csp_id = amd + "5";
std::string spl(unsigned which) { return amd + "3." + std::to_string(which); }

struct Free {
  void operator()(ASN1_STRING* text) const { ASN1_STRING_free(text); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

tl::unexpected<Error> bad(const std::string& why) {
  return fail(Code::snp_key_certificate, "the signing key's certificate " + why);
}

BytesView view_of(const ASN1_STRING* text) {
  return {ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// The content of the one extension of that number; nothing where it is absent or stands twice.
std::optional<BytesView> extension(const X509* certificate, const std::string& oid) {
  const auto found = x509::extensions_numbered(certificate, oid);
  if (found.size() != 1) return std::nullopt;
  return x509::content_of(found.front());
}

bool is_absent(const X509* certificate, const std::string& oid) {
  return x509::extensions_numbered(certificate, oid).empty();
}

// All of the octets as one value of that universal type.
template <typename Decode>
Owned<ASN1_STRING> value_in(BytesView der, Decode decode) {
  const std::uint8_t* at = der.data();
  Owned<ASN1_STRING> value(decode(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (value && at != der.data() + der.size()) value.reset();
  return value;
}

std::optional<std::uint8_t> level(const X509* certificate, const std::string& oid) {
  const auto der = extension(certificate, oid);
  if (!der) return std::nullopt;
  const auto number = value_in(*der, &d2i_ASN1_INTEGER);
  std::uint64_t value = 0;
  const bool read = number && ASN1_INTEGER_get_uint64(&value, number.get()) == 1 && value <= 0xFF;
  ERR_clear_error();
  if (!read) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

std::string text(const X509* certificate, const std::string& oid) {
  const auto der = extension(certificate, oid);
  if (!der) return {};
  const auto value = value_in(*der, &d2i_ASN1_IA5STRING);
  if (!value || view_of(value.get()).size() > longest_text) return {};
  return printable(as_text(view_of(value.get())));
}

// AMD writes the identifier without a type around it.
Bytes hwid_in(const X509* certificate) {
  const auto octets = extension(certificate, oid_hwid);
  if (!octets) return {};
  if (octets->size() == hwid_size || octets->size() == short_hwid_size) return to_bytes(*octets);
  const auto wrapped = value_in(*octets, &d2i_ASN1_OCTET_STRING);
  const BytesView inner = wrapped ? view_of(wrapped.get()) : BytesView{};
  if (inner.size() == hwid_size || inner.size() == short_hwid_size) return to_bytes(inner);
  return {};
}

// "Milan-B0" is of the line Milan; Bergamo and Siena are signed for as Genoa.
std::string line_of(const std::string& product) {
  const std::string line = product.substr(0, product.find('-'));
  if (line == "Bergamo" || line == "Siena") return "Genoa";
  return line == "Milan" || line == "Genoa" || line == "Turin" ? line : "";
}

// Which number of amd.3 stands at which octet of TCB_VERSION; 0: one that nobody certifies.
std::array<unsigned, 8> layout_of(const std::string& line) {
  if (line == "Turin") return {9, 1, 2, 3, 5, 6, 7, 8};  // fmc, bl, tee, snp, -, -, -, ucode
  return {1, 2, 4, 5, 6, 7, 3, 8};                       // bl, tee, -, -, -, -, snp, ucode
}

Result<Tcb> tcb_in(const X509* certificate, const std::string& line) {
  Tcb tcb{};
  const auto layout = layout_of(line);
  for (std::size_t i = 0; i < tcb.size(); ++i) {
    const unsigned which = layout[i];
    const bool spare = which >= 4 && which <= 7;  // Nobody uses it yet, so it may be left out.
    const auto value = level(certificate, spl(which));
    if (!value && !(spare && is_absent(certificate, spl(which))))
      return bad("has no security level " + spl(which) + ", or more than one");
    tcb[i] = value.value_or(0);
  }
  return tcb;
}

std::string common_name(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  return printable(as_text(view_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)))),
                   longest_text);
}

// AMD 57230: by whom and under which name each kind is certified.
bool fits_its_names(const KeyCertificate& key) {
  const X509* certificate = key.certificate.get();
  const bool vlek = key.kind == SigningKey::vlek;
  return common_name(X509_get_subject_name(certificate)) == (vlek ? "SEV-VLEK" : "SEV-VCEK") &&
         common_name(X509_get_issuer_name(certificate)) ==
             (vlek ? "SEV-VLEK-" : "SEV-") + key.product;
}

// --- the table ---

using Guid = std::array<std::uint8_t, 16>;
constexpr std::size_t entry_size = 24;
constexpr std::size_t most_entries = 16;
constexpr Guid vcek_guid = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
                            0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
constexpr Guid vlek_guid = {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e,
                            0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1};
constexpr Guid ask_guid = {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4,
                           0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82};
constexpr Guid ark_guid = {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52,
                           0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae};

bool is_known(BytesView guid) {
  for (const Guid& known : {vcek_guid, vlek_guid, ask_guid, ark_guid}) {
    if (std::equal(guid.begin(), guid.end(), known.begin(), known.end())) return true;
  }
  return false;
}

// Hosts put DER into the table, or PEM.
Result<Bytes> one_certificate(BytesView octets) {
  auto found = x509::der_of_all(octets, 1);
  if (found.size() == 1) return std::move(found[0]);
  return fail(Code::snp_certificates_malformed, "an entry of the table is no certificate");
}

}  // namespace

bool looks_like_table(BytesView octets) {
  return octets.size() >= entry_size && is_known(octets.first(16));
}

Result<std::vector<Bytes>> certificates_in_table(BytesView table) {
  if (table.size() > longest_table)
    return fail(Code::snp_certificates_malformed, "the table has more than 64 KiB");
  std::vector<Bytes> found;
  eventlog::Cursor at(table);
  for (std::size_t entries = 0; entries <= most_entries; ++entries) {
    const auto entry = at.take(entry_size);
    if (!entry) break;
    eventlog::Cursor fields(*entry);
    const BytesView guid = *fields.take(16);
    const std::size_t offset = *fields.number<std::uint32_t>();
    const std::size_t length = *fields.number<std::uint32_t>();
    if (is_zero(*entry)) return found;
    if (offset > table.size() || length > table.size() - offset)
      return fail(Code::snp_certificates_malformed, "an entry points behind the table's end");
    if (!is_known(guid)) continue;
    auto certificate = one_certificate(table.subspan(offset, length));
    if (!certificate) return pass_on(certificate);
    found.push_back(std::move(*certificate));
  }
  return fail(Code::snp_certificates_malformed,
              "the table has no end, or more than 16 entries before it");
}

bool is_key_certificate(const X509* certificate) { return !is_absent(certificate, oid_product); }

Result<KeyCertificate> read_key_certificate(x509::Certificate certificate) {
  KeyCertificate key;
  key.certificate = std::move(certificate);
  X509* of = key.certificate.get();
  if (x509::is_authority(of)) return bad("is an authority's");
  const std::string product = text(of, oid_product);
  if (product.empty()) return bad("names no product, or more than one");
  key.product = line_of(product);
  if (key.product.empty())
    return fail(Code::snp_product, "what the TCB of product \"" + product +
                                       "\" is made of is not "
                                       "known here; known are Milan, Genoa and Turin");
  key.hwid = hwid_in(of);
  key.csp_id = text(of, oid_csp_id);
  if (key.hwid.empty() == key.csp_id.empty())
    return bad("must have the chip's identifier (VCEK) or the provider's (VLEK), and not both");
  key.kind = key.csp_id.empty() ? SigningKey::vcek : SigningKey::vlek;
  auto tcb = tcb_in(of, key.product);
  if (!tcb) return pass_on(tcb);
  key.tcb = *tcb;
  if (!fits_its_names(key)) return bad("has not the names that AMD gives one for " + key.product);
  return key;
}

std::string product_of(const Report& report) {
  const unsigned model = report.model;
  if (report.family == 0x1A) return model <= 0x1F ? "Turin" : "";
  if (report.family != 0x19) return {};
  if (model <= 0x0F) return "Milan";
  return (model >= 0x10 && model <= 0x1F) || (model >= 0xA0 && model <= 0xAF) ? "Genoa" : "";
}

}  // namespace mintmark::attest::sev_snp
