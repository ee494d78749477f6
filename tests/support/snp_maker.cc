#include "support/snp_maker.h"

#include <algorithm>

#include "jose/base64url.h"
#include "support/openssl_pair.h"

namespace mintmark::test {
namespace {

constexpr std::size_t report_size = 1184;
constexpr std::size_t signed_size = 0x2A0;

using Name = std::vector<std::pair<std::string, std::string>>;
Name amd_name(const std::string& common_name) {
  return {{"OU", "Engineering"}, {"C", "US"}, {"O", "Advanced Micro Devices"}, {"CN", common_name}};
}

void put(Bytes& into, std::size_t at, BytesView octets) {
  std::copy(octets.begin(), octets.end(), into.begin() + static_cast<std::ptrdiff_t>(at));
}
void put_number(Bytes& into, std::size_t at, std::uint64_t number, unsigned size) {
  for (unsigned i = 0; i < size; ++i) into[at + i] = static_cast<std::uint8_t>(number >> 8U * i);
}

// Levels by the last number of AMD's extension: bootloader 10, TEE 1, SNP 23, microcode 84, FMC 3.
unsigned level_of(unsigned which) {
  switch (which) {
    case 1:
      return 10;
    case 2:
      return 1;
    case 3:
      return 23;
    case 8:
      return 84;
    case 9:
      return 3;
    default:
      return 0;
  }
}

// TCB_VERSION: 56860 table 3, and its form from Turin on.
Bytes tcb_of(const std::string& product) {
  if (product.starts_with("Turin")) return {3, 10, 1, 23, 0, 0, 0, 84};
  return {10, 1, 0, 0, 0, 0, 23, 84};
}

std::vector<std::pair<std::string, Bytes>> extensions_of(const SnpKeyOptions& options,
                                                         const Bytes& chip) {
  const bool turin = options.product.starts_with("Turin");
  std::vector<std::pair<std::string, Bytes>> all = {{"1", der_integer(turin ? 1 : 0)},
                                                    {"2", der_text(options.product)}};
  for (unsigned which = 1; which <= (turin ? 9U : 8U); ++which)
    all.emplace_back("3." + std::to_string(which), der_integer(level_of(which)));
  if (options.vlek)
    all.emplace_back("5", der_text("Test Cloud"));
  else
    all.emplace_back("4", turin ? Bytes(chip.begin(), chip.begin() + 8) : chip);
  for (const auto& [name, content] : options.changed) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == name; });
    if (found != all.end()) all.erase(found);
    if (!content.empty()) all.emplace_back(name, content);
  }
  all.insert(all.end(), options.more.begin(), options.more.end());
  for (auto& one : all) one.first = "1.3.6.1.4.1.3704.1." + one.first;
  return all;
}

Bytes little_endian(BytesView number) {
  Bytes octets(number.rbegin(), number.rend());
  octets.resize(72);
  return octets;
}

}  // namespace

SnpMaker::SnpMaker(const std::string& root)
    : root_key_(new_pair("RSA")),
      intermediate_key_(new_pair("RSA")),
      key_(new_pair("P-384")),
      short_key_(new_pair("P-256")),
      root_(issue({.subject = amd_name(root),
                   .key = root_key_,
                   .ca = true,
                   .key_usage = "critical,keyCertSign,cRLSign"},
                  {nullptr, root_key_, true})) {}

Bytes SnpMaker::chip_id() {
  Bytes chip(64);
  for (std::size_t i = 0; i < chip.size(); ++i) chip[i] = static_cast<std::uint8_t>(i + 1);
  return chip;
}

Bytes SnpMaker::chip() const {
  Bytes chip = chip_id();
  if (key_options.product.starts_with("Turin")) std::fill(chip.begin() + 8, chip.end(), 0);
  return chip;
}

std::shared_ptr<X509> SnpMaker::intermediate() const {
  const std::string name = (key_options.vlek ? "SEV-VLEK-" : "SEV-") + key_options.issued_as;
  return issue({.subject = amd_name(name),
                .key = intermediate_key_,
                .ca = true,
                .key_usage = "critical,keyCertSign",
                .serial = 2},
               {root_, root_key_, true});
}

Bytes SnpMaker::report(BytesView report_data) const {
  Bytes report(report_size);
  put_number(report, 0x00, version, 4);
  put_number(report, 0x04, 7, 4);        // GUEST_SVN
  put_number(report, 0x08, 0x30000, 8);  // POLICY: SMT, the bit that is always set
  put_number(report, 0x34, 1, 4);        // ECDSA P-384 with SHA-384
  const Bytes tcb = tcb_of(key_options.product);
  for (const std::size_t at : {0x38U, 0x180U, 0x1E0U, 0x1F0U}) put(report, at, tcb);
  put_number(report, 0x48, key_options.vlek ? 4 : 0, 4);
  put(report, 0x50, report_data);
  put(report, 0x90, Bytes(48, 0xAA));   // MEASUREMENT
  put(report, 0xC0, Bytes(32, 0xBB));   // HOST_DATA
  put(report, 0x140, Bytes(32, 0xCC));  // REPORT_ID
  put(report, 0x160, Bytes(32, 0xFF));  // REPORT_ID_MA: none
  if (version >= 3) {
    const bool turin = key_options.product.starts_with("Turin");
    put(report, 0x188, turin ? Bytes{0x1A, 0x02, 0x01} : Bytes{0x19, 0x11, 0x01});
  }
  put(report, 0x1A0, chip());
  if (before_signing) before_signing(report);
  const Bytes signature =
      sign_as_jws(key_.get(), jose::Algorithm::es384, BytesView(report).first(signed_size));
  put(report, signed_size, little_endian(BytesView(signature).first(48)));
  put(report, signed_size + 72, little_endian(BytesView(signature).subspan(48)));
  if (after_signing) after_signing(report);
  return report;
}

std::vector<Bytes> SnpMaker::certificates() const {
  const auto by = intermediate();
  const std::string name =
      key_options.common_name.value_or(key_options.vlek ? "SEV-VLEK" : "SEV-VCEK");
  const auto leaf = issue({.subject = amd_name(name),
                           .key = key_options.curve == "P-384" ? key_ : short_key_,
                           .ca = key_options.ca,
                           .extensions = extensions_of(key_options, chip()),
                           .serial = 0,
                           .not_after = key_options.not_after},
                          {by, intermediate_key_, true});
  return {der_of(leaf.get()), der_of(by.get())};
}

Bytes SnpMaker::table(const std::vector<Bytes>& all) const {
  const Bytes vcek = *from_hex("63da758de6644564adc5f4b93be8accd");
  const Bytes vlek = *from_hex("a8074bc2a25a483eaae639c045a0b8a1");
  const Bytes ask = *from_hex("4ab7b379bbac4fe4a02f05aef327c782");
  Bytes table(3 * 24);
  put(table, 0, key_options.vlek ? vlek : vcek);
  put(table, 24, ask);
  for (std::size_t i = 0; i < all.size(); ++i) {
    put_number(table, 24 * i + 16, table.size(), 4);
    put_number(table, 24 * i + 20, all[i].size(), 4);
    table.insert(table.end(), all[i].begin(), all[i].end());
  }
  return table;
}

Json SnpMaker::evidence(const Sha256& binding, const jose::PublicKey& /*key*/) const {
  Json json = {{"report", jose::base64url(report(binding))}};
  if (with_table) {
    json["auxblob"] = jose::base64url(table(certificates()));
    return json;
  }
  for (const Bytes& one : certificates()) json["certificates"].push_back(jose::base64url(one));
  return json;
}

Bytes SnpMaker::root_pem() const { return to_bytes(as_bytes(pem_text_of(root_.get()))); }
Bytes SnpMaker::root_der() const { return der_of(root_.get()); }

}  // namespace mintmark::test
