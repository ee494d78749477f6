#include "hsm/tpm2/attestation.h"

#include <openssl/evp.h>

#include <set>

#include "hsm/tpm2/esapi.h"
#include "hsm/tpm2/keys.h"
#include "hsm/tpm2/octets.h"
#include "hsm/tpm2/rc.h"

namespace mintmark::hsm::tpm2 {
namespace {

using PcrValues = std::map<unsigned, Bytes>;

constexpr int quote_attempts = 5;

constexpr TPMT_SIG_SCHEME scheme_of_key{.scheme = TPM2_ALG_NULL, .details = {}};

Result<TPMI_ALG_HASH> bank_named(const std::string& name) {
  if (name == "sha1") return TPMI_ALG_HASH{TPM2_ALG_SHA1};
  if (name == "sha256") return TPMI_ALG_HASH{TPM2_ALG_SHA256};
  if (name == "sha384") return TPMI_ALG_HASH{TPM2_ALG_SHA384};
  if (name == "sha512") return TPMI_ALG_HASH{TPM2_ALG_SHA512};
  return fail(Code::tpm_pcr_bank_missing, "no PCR bank is called \"" + name + "\"");
}

Result<TPML_PCR_SELECTION> select(const std::string& bank, const std::vector<unsigned>& indexes) {
  const auto hash = bank_named(bank);
  if (!hash) return tl::unexpected<Error>(hash.error());
  TPML_PCR_SELECTION selection{};
  selection.count = 1;
  selection.pcrSelections[0].hash = *hash;
  selection.pcrSelections[0].sizeofSelect = 3;
  for (const unsigned index : indexes) {
    if (index > 23)
      return fail(Code::invalid_argument, "PCR " + std::to_string(index) + " does not exist");
    BYTE& octet = selection.pcrSelections[0].pcrSelect[index / 8];
    octet = static_cast<BYTE>(octet | 1U << index % 8);
  }
  return selection;
}

bool is_selected(const TPMS_PCR_SELECTION& selection, unsigned index) {
  return index / 8 < selection.sizeofSelect &&
         (selection.pcrSelect[index / 8] >> index % 8 & 1U) != 0;
}

// One answer has eight values at most (Part 3, 22.4); the rest is asked for again. Returns how many
// it gave.
Result<std::size_t> read_some(const Tpm& tpm, TPML_PCR_SELECTION& left, PcrValues& values) {
  UINT32 counter = 0;
  EsysOwned<TPML_PCR_SELECTION> given;
  EsysOwned<TPML_DIGEST> digests;
  const TSS2_RC rc = Esys_PCR_Read(tpm.esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &left,
                                   &counter, out(given), out(digests));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_PCR_Read", rc);
  if (given->count == 0) return 0;
  std::size_t next = 0;
  for (unsigned index = 0; index < 24 && next < digests->count; ++index) {
    if (!is_selected(given->pcrSelections[0], index)) continue;
    values[index] = to_bytes(content_of(digests->digests[next++]));
    BYTE& octet = left.pcrSelections[0].pcrSelect[index / 8];
    octet = static_cast<BYTE>(octet & ~(1U << index % 8));
  }
  return next;
}

Result<PcrValues> read_pcrs(const Tpm& tpm, TPML_PCR_SELECTION left, std::size_t wanted) {
  PcrValues values;
  while (values.size() < wanted) {
    const auto count = read_some(tpm, left, values);
    if (!count) return tl::unexpected<Error>(count.error());
    if (*count == 0)
      return fail(Code::tpm_pcr_bank_missing, "the TPM does not keep these PCRs in that bank");
  }
  return values;
}

const EVP_MD* md_of(TPMI_ALG_HASH hash) {
  switch (hash) {
    case TPM2_ALG_SHA1:
      return EVP_sha1();
    case TPM2_ALG_SHA256:
      return EVP_sha256();
    case TPM2_ALG_SHA384:
      return EVP_sha384();
    case TPM2_ALG_SHA512:
      return EVP_sha512();
    default:
      return nullptr;
  }
}

// "": by a hash that is not known here.
Bytes digest_of(const PcrValues& values, TPMI_ALG_HASH hash) {
  const EVP_MD* md = md_of(hash);
  if (md == nullptr) return {};
  Bytes all;
  for (const auto& [index, value] : values) all.insert(all.end(), value.begin(), value.end());
  Bytes digest(static_cast<std::size_t>(EVP_MD_get_size(md)));
  if (EVP_Digest(all.data(), all.size(), digest.data(), nullptr, md, nullptr) != 1) return {};
  return digest;
}

struct LoadedBy {
  const Tpm& tpm;
  Result<Handle> operator()(const KeyBlobs& blobs) const { return load_key(tpm, blobs); }
  Result<Handle> operator()(const PersistentKey& key) const {
    auto opened = open_persistent(tpm, key.handle);
    if (opened || opened.error().code != Code::not_found) return opened;
    return fail(Code::tpm_key_lost, "no key persists at " + name_of_handle(key.handle) +
                                        "; its owner can have it persist there again, or enrol "
                                        "this device in another way");
  }
};

Result<Handle> loaded(const Tpm& tpm, const AttestationKey& key) {
  return std::visit(LoadedBy{tpm}, key);
}

// Of the structures of RSASSA, RSAPSS and ECDSA the hash is the first member (Part 2, 11.3.2).
Result<TPMI_ALG_HASH> hash_of(const TPMT_SIGNATURE& signature) {
  switch (signature.sigAlg) {
    case TPM2_ALG_RSASSA:
    case TPM2_ALG_RSAPSS:
    case TPM2_ALG_ECDSA:
      return signature.signature.any.hashAlg;
    default:
      return fail(Code::tpm_failed, "the attestation key signs by a scheme that is not known here");
  }
}

/// What a quote says, and the hash by which it says it.
struct Quoted {
  Statement statement;
  TPMI_ALG_HASH hash = TPM2_ALG_NULL;
};

Result<Quoted> quote_once(const Tpm& tpm, const Handle& ak, const TPML_PCR_SELECTION& selection,
                          const TPM2B_DATA& qualifying) {
  EsysOwned<TPM2B_ATTEST> attest;
  EsysOwned<TPMT_SIGNATURE> signature;
  const TSS2_RC rc =
      Esys_Quote(tpm.esys(), ak.id(), ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &qualifying,
                 &scheme_of_key, &selection, out(attest), out(signature));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_Quote", rc);
  const auto hash = hash_of(*signature);
  if (!hash) return tl::unexpected<Error>(hash.error());
  return Quoted{{to_bytes(BytesView(attest->attestationData, attest->size)),
                 marshalled(*signature, Tss2_MU_TPMT_SIGNATURE_Marshal)},
                *hash};
}

// The digest that the TPM signed is the one measure of whether the values read beside it are the
// quoted ones: the update counter also moves for PCRs nobody asked for, and does not move for some.
bool covers(const Quoted& quoted, const PcrValues& values) {
  const auto attest = unmarshalled<TPMS_ATTEST>(
      quoted.statement.attest, Tss2_MU_TPMS_ATTEST_Unmarshal, Code::tpm_failed, "TPMS_ATTEST");
  if (!attest || attest->type != TPM2_ST_ATTEST_QUOTE) return false;
  return equal_in_constant_time(content_of(attest->attested.quote.pcrDigest),
                                digest_of(values, quoted.hash));
}

}  // namespace

Result<Bytes> persistent_public_area(const Tpm& tpm, const PersistentKey& key) {
  const auto opened = LoadedBy{tpm}(key);
  if (!opened) return tl::unexpected<Error>(opened.error());
  const auto area = read_public(tpm, *opened);
  if (!area) return tl::unexpected<Error>(area.error());
  return marshalled(*area, Tss2_MU_TPM2B_PUBLIC_Marshal);
}

Result<Statement> certify_key(const Tpm& tpm, const KeyBlobs& key_blobs,
                              const AttestationKey& ak_named, BytesView qualifying_data) {
  const auto qualifying = tpm2b_of<TPM2B_DATA>(qualifying_data, "the qualifying data");
  if (!qualifying) return tl::unexpected<Error>(qualifying.error());
  const auto ak = loaded(tpm, ak_named);
  if (!ak) return tl::unexpected<Error>(ak.error());
  const auto key = load_key(tpm, key_blobs);
  if (!key) return tl::unexpected<Error>(key.error());
  EsysOwned<TPM2B_ATTEST> attest;
  EsysOwned<TPMT_SIGNATURE> signature;
  const TSS2_RC rc =
      Esys_Certify(tpm.esys(), key->id(), ak->id(), ESYS_TR_PASSWORD, ESYS_TR_PASSWORD,
                   ESYS_TR_NONE, &*qualifying, &scheme_of_key, out(attest), out(signature));
  if (rc != TSS2_RC_SUCCESS) return tpm_refusal("TPM2_Certify", rc);
  return Statement{to_bytes(BytesView(attest->attestationData, attest->size)),
                   marshalled(*signature, Tss2_MU_TPMT_SIGNATURE_Marshal)};
}

Result<Quote> quote_pcrs(const Tpm& tpm, const AttestationKey& ak_named, const std::string& bank,
                         const std::vector<unsigned>& indexes, BytesView qualifying_data) {
  const auto qualifying = tpm2b_of<TPM2B_DATA>(qualifying_data, "the qualifying data");
  if (!qualifying) return tl::unexpected<Error>(qualifying.error());
  const auto selection = select(bank, indexes);
  if (!selection) return tl::unexpected<Error>(selection.error());
  const auto ak = loaded(tpm, ak_named);
  if (!ak) return tl::unexpected<Error>(ak.error());
  const std::size_t wanted = std::set<unsigned>(indexes.begin(), indexes.end()).size();
  for (int attempt = 0; attempt < quote_attempts; ++attempt) {
    auto values = read_pcrs(tpm, *selection, wanted);
    if (!values) return pass_on(values);
    auto quoted = quote_once(tpm, *ak, *selection, *qualifying);
    if (!quoted) return pass_on(quoted);
    if (covers(*quoted, *values)) return Quote{std::move(quoted->statement), std::move(*values)};
  }
  return fail(Code::tpm_pcrs_moving, "the PCRs changed between reading and quoting, each time");
}

Result<std::map<unsigned, Bytes>> read_pcr_values(const Tpm& tpm, const std::string& bank,
                                                  const std::vector<unsigned>& indexes) {
  const auto selection = select(bank, indexes);
  if (!selection) return tl::unexpected<Error>(selection.error());
  return read_pcrs(tpm, *selection, std::set<unsigned>(indexes.begin(), indexes.end()).size());
}

}  // namespace mintmark::hsm::tpm2
