#include "hsm/tpm2/boot_policy.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>

#include "base/file.h"
#include "base/json.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/public_area.h"
#include "jose/base64url.h"

namespace mintmark::hsm::tpm2 {
namespace {

constexpr unsigned last_pcr = 23;
constexpr std::size_t coordinate = 32;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

std::size_t digest_size(const PcrSelection& selection) {
  return selection.bank == "sha384" ? 48 : 32;
}

tl::unexpected<Error> unusable(const std::string& file, const std::string& why) {
  ERR_clear_error();
  return fail(Code::hsm_boot_policy, file + ": " + why);
}

Result<jose::PublicKey> read_authority(const std::string& file) {
  const auto text = read_file(file, 64U << 10U);
  if (!text) return unusable(file, text.error().detail);
  const Owned<BIO> bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  const Owned<EVP_PKEY> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  std::uint8_t* der = nullptr;
  const int length = key ? i2d_PUBKEY(key.get(), &der) : 0;
  if (length <= 0) return unusable(file, "holds no public key in PEM");
  auto read = jose::PublicKey::from_spki({der, static_cast<std::size_t>(length)});
  OPENSSL_free(der);
  if (!read || read->algorithm() != jose::Algorithm::es256)
    return unusable(file, "must be an EC key on P-256");
  return read;
}

Result<Approval> approval_from(const Json& json) {
  const auto text = [&](const char* key) {
    return json.is_object() && json.contains(key) && json[key].is_string()
               ? json[key].get<std::string>()
               : std::string();
  };
  auto pcrs = pcr_selection_from(text("pcrs"));
  auto policy = from_hex(text("policy"));
  auto signature = jose::from_base64url(text("signature"));
  Approval approval;
  if (!pcrs || !policy || policy->size() != approval.policy.size() || !signature)
    return fail(Code::hsm_boot_policy, "is not as mintctl hsm approve-boot writes it");
  approval.pcrs = std::move(*pcrs);
  std::copy_n(policy->begin(), approval.policy.size(), approval.policy.begin());
  approval.signature = std::move(*signature);
  approval.comment = text("comment");
  return approval;
}

Result<Json> read_approved(const std::string& file) {
  const auto text = read_file(file, 1U << 20U);
  if (!text) return unusable(file, text.error().detail);
  auto json = parse_json(*text, {.octets = 1U << 20U});
  if (!json || !json->is_object() || !json->contains("approved") || !(*json)["approved"].is_array())
    return unusable(file, R"(must be {"approved": […]}, as mintctl hsm approve-boot writes)");
  return json;
}

Result<Bytes> sign(const std::string& file, BytesView octets) {
  auto text = read_file(file, 64U << 10U);
  if (!text) return unusable(file, text.error().detail);
  const Owned<BIO> bio(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  const Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  std::size_t size = 256;
  Bytes der(size);
  if (!key || !context ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), der.data(), &size, octets.data(), octets.size()) != 1 ||
      size > der.size())  // As jose/software_key.cc has it.
    return unusable(file, "holds no private key in PEM that signs with SHA-256");
  der.resize(size);
  auto raw = jose::signature_from_der(jose::Algorithm::es256, der);
  if (!raw) return unusable(file, "must be an EC key on P-256");
  return raw;
}

}  // namespace

Bytes approved_octets(const Sha256& policy) {
  std::string octets(as_text(policy));
  octets += boot_policy_ref;
  return to_bytes(as_bytes(octets));
}

std::string PcrSelection::to_string() const {
  std::string text = bank + ":";
  for (const unsigned index : indexes)
    text += (text.back() == ':' ? "" : ",") + std::to_string(index);
  return text;
}

Result<PcrSelection> pcr_selection_from(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::invalid_argument,
                "PCRs are written as \"sha256:0,2,7\" (banks sha256 and sha384, PCRs 0 to 23)");
  };
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return wrong();
  PcrSelection selection{std::string(text.substr(0, colon)), {}};
  if (selection.bank != "sha256" && selection.bank != "sha384") return wrong();
  text.remove_prefix(colon + 1);
  for (;;) {
    unsigned index = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (error != std::errc() || index > last_pcr) return wrong();
    selection.indexes.push_back(index);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) break;
    if (text.front() != ',') return wrong();
    text.remove_prefix(1);
  }
  std::sort(selection.indexes.begin(), selection.indexes.end());
  selection.indexes.erase(std::unique(selection.indexes.begin(), selection.indexes.end()),
                          selection.indexes.end());
  return selection;
}

TPML_PCR_SELECTION tpml_of(const PcrSelection& selection) {
  TPML_PCR_SELECTION list{};
  list.count = 1;
  TPMS_PCR_SELECTION& one = list.pcrSelections[0];
  one.hash = selection.bank == "sha384" ? TPM2_ALG_SHA384 : TPM2_ALG_SHA256;
  one.sizeofSelect = 3;
  for (const unsigned index : selection.indexes)
    one.pcrSelect[index / 8] = static_cast<BYTE>(one.pcrSelect[index / 8] | 1U << index % 8);
  return list;
}

Result<Sha256> pcr_policy(const PcrSelection& selection, const std::map<unsigned, Bytes>& values) {
  Bytes all;
  for (const unsigned index : selection.indexes) {
    const auto value = values.find(index);
    if (value == values.end())
      return fail(Code::invalid_argument, "PCR " + std::to_string(index) + " has no value");
    if (value->second.size() != digest_size(selection))
      return fail(Code::invalid_argument,
                  "PCR " + std::to_string(index) + " has no value of " + selection.bank);
    all.insert(all.end(), value->second.begin(), value->second.end());
  }
  const Sha256 digest = sha256(all);
  const Bytes list = marshalled(tpml_of(selection), Tss2_MU_TPML_PCR_SELECTION_Marshal);
  Bytes extended(Sha256{}.size() + sizeof(TPM2_CC));  // The digest before, which is zeros.
  for (std::size_t i = 0; i < sizeof(TPM2_CC); ++i)
    extended[Sha256{}.size() + i] =
        static_cast<std::uint8_t>(TPM2_CC_PolicyPCR >> (24U - 8U * i) & 0xFFU);
  extended.insert(extended.end(), list.begin(), list.end());
  extended.insert(extended.end(), digest.begin(), digest.end());
  return sha256(extended);
}

Result<TPM2B_PUBLIC> authority_area(const jose::PublicKey& authority) {
  const Bytes point = authority.to_point();
  if (point.size() != 1 + 2 * coordinate)
    return fail(Code::hsm_boot_policy, "the authority must have an EC key on P-256");
  TPM2B_PUBLIC made{};
  TPMT_PUBLIC& area = made.publicArea;
  area.type = TPM2_ALG_ECC;
  area.nameAlg = TPM2_ALG_SHA256;
  area.objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH;
  TPMS_ECC_PARMS& ecc = area.parameters.eccDetail;
  ecc.symmetric.algorithm = TPM2_ALG_NULL;
  ecc.scheme.scheme = TPM2_ALG_ECDSA;
  ecc.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
  ecc.curveID = TPM2_ECC_NIST_P256;
  ecc.kdf.scheme = TPM2_ALG_NULL;
  area.unique.ecc.x.size = area.unique.ecc.y.size = coordinate;
  std::copy_n(point.begin() + 1, coordinate, std::begin(area.unique.ecc.x.buffer));
  std::copy_n(point.begin() + 1 + coordinate, coordinate, std::begin(area.unique.ecc.y.buffer));
  return made;
}

Result<BootPolicy> BootPolicy::load(const std::string& authority, const std::string& approved) {
  auto key = read_authority(authority);
  if (!key) return pass_on(key);
  auto area = authority_area(*key);
  if (!area) return pass_on(area);
  auto name = name_of_public(marshalled(*area, Tss2_MU_TPM2B_PUBLIC_Marshal));
  if (!name) return pass_on(name);
  BootPolicy policy(std::move(*key), approved);
  policy.area_ = *area;
  policy.name_ = std::move(*name);
  if (auto read = policy.reload(); !read) return pass_on(read);
  return policy;
}

Result<void> BootPolicy::reload() {
  auto json = read_approved(file_);
  if (!json) return pass_on(json);
  std::vector<Approval> approvals;
  for (const Json& one : (*json)["approved"]) {
    const std::string which = "approval " + std::to_string(approvals.size() + 1) + " ";
    auto approval = approval_from(one);
    if (!approval) return unusable(file_, which + approval.error().detail);
    if (!key_.verify(approved_octets(approval->policy), approval->signature))
      return unusable(file_, which + "is not signed by the authority");
    approvals.push_back(std::move(*approval));
  }
  approvals_ = std::move(approvals);
  return {};
}

Result<Approval> approve(const std::string& private_key, const std::string& file,
                         const PcrSelection& selection, const std::map<unsigned, Bytes>& values,
                         const std::string& comment) {
  auto policy = pcr_policy(selection, values);
  if (!policy) return pass_on(policy);
  auto signature = sign(private_key, approved_octets(*policy));
  if (!signature) return pass_on(signature);
  Json all = {{"approved", Json::array()}};
  if (std::filesystem::exists(file)) {
    auto before = read_approved(file);
    if (!before) return pass_on(before);
    all = std::move(*before);
  }
  Approval approval{selection, *policy, std::move(*signature), comment};
  all["approved"].push_back({{"pcrs", selection.to_string()},
                             {"policy", to_hex(approval.policy)},
                             {"signature", jose::base64url(approval.signature)},
                             {"comment", comment}});
  if (auto written = write_file_atomically(file, all.dump(2) + "\n", 0644); !written)
    return pass_on(written);
  return approval;
}

}  // namespace mintmark::hsm::tpm2
