#include "support/tdx_maker.h"

#include <algorithm>

#include "jose/base64url.h"
#include "support/openssl_pair.h"

namespace mintmark::test {
namespace {

const std::string sgx = "1.2.840.113741.1.13.1";
const std::string zeros_48(96, '0');

using Name = std::vector<std::pair<std::string, std::string>>;
Name intel_name(const std::string& common_name) {
  return {{"CN", common_name}, {"O", "Intel Corporation"}, {"C", "US"}};
}

void append(Bytes& into, BytesView octets) {
  into.insert(into.end(), octets.begin(), octets.end());
}
void append_number(Bytes& into, std::uint64_t number, unsigned size) {
  for (unsigned i = 0; i < size; ++i) into.push_back(static_cast<std::uint8_t>(number >> 8U * i));
}

// TEE_TCB_SVN: module 1, SVN 6; microcode 3.
Bytes tee_tcb_svn() {
  Bytes svn(16);
  svn[0] = 6;
  svn[1] = 1;
  svn[2] = 3;
  return svn;
}

Bytes body(BytesView report_data, bool tdx_15) {
  Bytes body = tee_tcb_svn();
  append(body, Bytes(48, 0x11));      // MRSEAM
  append(body, Bytes(48 + 8));        // MRSIGNERSEAM, SEAMATTRIBUTES
  append_number(body, 1U << 28U, 8);  // TDATTRIBUTES: SEPT_VE_DISABLE
  append_number(body, 0x602E7, 8);    // XFAM
  append(body, Bytes(48, 0x22));      // MRTD
  append(body, Bytes(3 * 48));        // MRCONFIGID, MROWNER, MROWNERCONFIG
  for (std::uint8_t i = 0; i < 4; ++i) append(body, Bytes(48, static_cast<std::uint8_t>(0x30 + i)));
  Bytes data = to_bytes(report_data);
  data.resize(64);
  append(body, data);
  if (!tdx_15) return body;
  append(body, tee_tcb_svn());
  append(body, Bytes(48));
  return body;
}

Bytes certification(std::uint16_t type, BytesView data) {
  Bytes all;
  append_number(all, type, 2);
  append_number(all, data.size(), 4);
  append(all, data);
  return all;
}

Bytes public_half_of(EVP_PKEY* pair) {
  const Bytes point = public_half(pair, jose::Algorithm::es256).to_point();
  return Bytes(point.begin() + 1, point.end());
}

Json component(unsigned svn) { return {{"svn", svn}}; }
Json level(unsigned svn, unsigned pce_svn, unsigned microcode, const char* status) {
  Json components = Json::array();
  Json tdx = Json::array();
  for (unsigned i = 0; i < 16; ++i) {
    components.push_back(component(svn));
    tdx.push_back(component(i == 0 ? 5 : i == 2 ? microcode : 0));
  }
  return {
      {"tcb", {{"sgxtcbcomponents", components}, {"tdxtcbcomponents", tdx}, {"pcesvn", pce_svn}}},
      {"tcbDate", "2025-01-01T00:00:00Z"},
      {"tcbStatus", status}};
}

}  // namespace

TdxMaker::TdxMaker()
    : root_key_(new_pair("P-256")),
      intermediate_key_(new_pair("P-256")),
      pck_key_(new_pair("P-256")),
      wrong_curve_key_(new_pair("P-384")),
      signer_key_(new_pair("P-256")),
      attestation_key_(new_pair("P-256")),
      root_(issue({.subject = intel_name("Intel SGX Root CA"),
                   .key = root_key_,
                   .ca = true,
                   .key_usage = "critical,keyCertSign,cRLSign"},
                  {nullptr, root_key_})),
      intermediate_(issue({.subject = intel_name("Intel SGX PCK Platform CA"),
                           .key = intermediate_key_,
                           .ca = true,
                           .key_usage = "critical,keyCertSign,cRLSign",
                           .serial = intermediate_serial},
                          {root_, root_key_})) {}

Bytes TdxMaker::sgx_extension(unsigned svn, unsigned pce_svn) {
  const auto field = [](const std::string& last, const Bytes& value) {
    return der_sequence({der_oid(sgx + last), value});
  };
  std::vector<Bytes> tcb;
  for (unsigned i = 1; i <= 16; ++i)
    tcb.push_back(field(".2." + std::to_string(i), der_integer(svn)));
  tcb.push_back(field(".2.17", der_integer(pce_svn)));
  tcb.push_back(field(".2.18", der_octets(Bytes(16, static_cast<std::uint8_t>(svn)))));
  return der_sequence({field(".1", der_octets(Bytes(16, 0x77))), field(".2", der_sequence(tcb)),
                       field(".3", der_octets(Bytes(2))),
                       field(".4", der_octets(*from_hex("00806f050000")))});
}

std::string TdxMaker::pck_chain_pem() const {
  IssuedCertificate of{.subject = intel_name("Intel SGX PCK Certificate"),
                       .key = pck_curve == "P-256" ? pck_key_ : wrong_curve_key_,
                       .ca = pck_ca,
                       .key_usage = "critical,digitalSignature,nonRepudiation",
                       .extensions = more_extensions,
                       .serial = pck_serial,
                       .not_after = pck_not_after};
  const Bytes extension = pck_extension ? pck_extension() : sgx_extension();
  if (!extension.empty()) of.extensions.emplace_back(sgx, extension);
  const auto leaf = issue(of, {intermediate_, intermediate_key_});
  return pem_text_of(leaf.get()) + pem_text_of(intermediate_.get()) + pem_text_of(root_.get());
}

Bytes TdxMaker::signature_data(BytesView signed_part) const {
  const Bytes key = public_half_of(attestation_key_.get());
  Bytes hashed = key;
  append(hashed, auth_data);
  Bytes qe(16, 0x05);           // CPUSVN
  append(qe, Bytes(4 + 28));    // MISCSELECT, reserved
  append_number(qe, 0x15, 16);  // ATTRIBUTES: INIT, MODE64BIT, PROVISIONKEY
  append(qe, Bytes(32, 0x44));  // MRENCLAVE
  append(qe, Bytes(32));
  append(qe, *from_hex("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5"));
  append(qe, Bytes(96));
  append_number(qe, 2, 2);  // ISVPRODID
  append_number(qe, 7, 2);  // ISVSVN
  append(qe, Bytes(60));
  append(qe, sha256(hashed));
  append(qe, Bytes(32));
  if (before_qe_signing) before_qe_signing(qe);
  const bool good_curve = pck_curve == "P-256";
  Bytes nested = qe;
  append(nested, good_curve ? sign_raw(pck_key_.get(), qe) : Bytes(64, 1));
  append_number(nested, auth_data.size(), 2);
  append(nested, auth_data);
  const std::string chain = (without_chain ? std::string() : pck_chain_pem()) + after_chain;
  append(nested, certification(inner_type, as_bytes(chain)));
  append(nested, after_inner);
  Bytes data = sign_raw(attestation_key_.get(), signed_part);
  append(data, key);
  append(data, certification(outer_type, nested));
  return data;
}

Bytes TdxMaker::quote(BytesView report_data) const {
  Bytes quote;
  append_number(quote, version, 2);
  append_number(quote, 2, 2);     // ECDSA P-256
  append_number(quote, 0x81, 4);  // TDX
  append_number(quote, 0, 4);
  append(quote, *from_hex("939a7233f79c4ca9940a0db3957f0607"));
  append(quote, Bytes(20));
  if (version >= 5) append_number(quote, tdx_15 ? 3 : 2, 2);
  if (version >= 5) append_number(quote, tdx_15 ? 648 : 584, 4);
  append(quote, body(report_data, tdx_15));
  if (before_signing) before_signing(quote);
  const Bytes data = signature_data(quote);
  append_number(quote, data.size(), 4);
  append(quote, data);
  if (after_signing) after_signing(quote);
  return quote;
}

Json TdxMaker::evidence(const Sha256& binding, const jose::PublicKey& /*key*/) const {
  return {{"quote", jose::base64url(quote(binding))}};
}

Bytes TdxMaker::root_pem() const { return to_bytes(as_bytes(pem_text_of(root_.get()))); }
Bytes TdxMaker::root_der() const { return der_of(root_.get()); }

Bytes TdxMaker::local_report() const {
  Bytes report(1024);
  const Bytes told = body(Bytes(64, 0x66), false);
  report[0] = 0x81;
  const auto put = [&](std::size_t at, std::size_t from, std::size_t size) {
    std::copy_n(told.begin() + static_cast<std::ptrdiff_t>(from), size,
                report.begin() + static_cast<std::ptrdiff_t>(at));
  };
  report[256] = 0xFF;
  report[257] = 0x01;
  put(128, 520, 64);   // REPORTDATA
  put(264, 0, 120);    // TEE_TCB_SVN to SEAMATTRIBUTES
  put(512, 120, 400);  // TDINFO
  return report;
}

Json TdxMaker::tcb_info() {
  const Json module = {{"mrsigner", zeros_48},
                       {"attributes", std::string(16, '0')},
                       {"attributesMask", std::string(16, 'F')}};
  Json identity = module;
  identity["id"] = "TDX_01";
  identity["tcbLevels"] = Json::array(
      {{{"tcb", {{"isvsvn", 6}}}, {"tcbStatus", "UpToDate"}},
       {{"tcb", {{"isvsvn", 2}}}, {"tcbStatus", "OutOfDate"}, {"advisoryIDs", {"INTEL-SA-2"}}}});
  Json old = level(2, 5, 0, "OutOfDate");
  old["advisoryIDs"] = {"INTEL-SA-3", "INTEL-SA-1"};
  return {{"id", "TDX"},
          {"version", 3},
          {"issueDate", "2026-01-01T00:00:00Z"},
          {"nextUpdate", "2028-01-01T00:00:00Z"},
          {"fmspc", "00806F050000"},
          {"pceId", "0000"},
          {"tcbType", 0},
          {"tcbEvaluationDataNumber", 18},
          {"tdxModule", module},
          {"tdxModuleIdentities", Json::array({identity})},
          {"tcbLevels", Json::array({level(5, 11, 3, "UpToDate"), old})}};
}

Json TdxMaker::qe_identity() {
  return {{"id", "TD_QE"},
          {"version", 2},
          {"issueDate", "2026-01-01T00:00:00Z"},
          {"nextUpdate", "2028-01-01T00:00:00Z"},
          {"tcbEvaluationDataNumber", 18},
          {"miscselect", "00000000"},
          {"miscselectMask", "FFFFFFFF"},
          {"attributes", "11000000000000000000000000000000"},
          {"attributesMask", "FBFFFFFFFFFFFFFF0000000000000000"},
          {"mrsigner", "DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5"},
          {"isvprodid", 2},
          {"tcbLevels", Json::array({{{"tcb", {{"isvsvn", 4}}}, {"tcbStatus", "UpToDate"}},
                                     {{"tcb", {{"isvsvn", 2}}},
                                      {"tcbStatus", "OutOfDate"},
                                      {"advisoryIDs", {"INTEL-SA-4"}}}})}};
}

Bytes TdxMaker::response(const std::string& name, const Json& body) const {
  const std::string text = body.dump();
  const std::string signature = to_hex(sign_raw(signer_key_.get(), as_bytes(text)));
  return to_bytes(as_bytes("{\"" + name + "\":" + text + ",\"signature\":\"" + signature + "\"}"));
}

Bytes TdxMaker::signing_chain_pem() const {
  const auto signer = issue({.subject = intel_name(signer_common_name),
                             .key = signer_key_,
                             .key_usage = "critical,digitalSignature",
                             .serial = signer_serial,
                             .not_after = signer_not_after},
                            {root_, root_key_});
  return to_bytes(as_bytes(pem_text_of(signer.get()) + pem_text_of(root_.get())));
}

Bytes TdxMaker::root_crl(const std::vector<long>& revoked, Moment next_update) const {
  return issue_crl({root_, root_key_}, revoked, from_unix(1'700'000'000), next_update);
}
Bytes TdxMaker::pck_crl(const std::vector<long>& revoked, Moment next_update) const {
  return issue_crl({intermediate_, intermediate_key_}, revoked, from_unix(1'700'000'000),
                   next_update);
}

std::vector<Bytes> TdxMaker::collateral() const {
  return {response("tcbInfo", tcb_info()), response("enclaveIdentity", qe_identity()),
          signing_chain_pem(), root_crl(), pck_crl()};
}

}  // namespace mintmark::test
