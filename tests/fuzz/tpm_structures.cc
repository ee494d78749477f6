// Any octets as each structure that a TPM's words are made of: refused with a code, or whole and
// canonical, so that an octet more or less is another structure; what nobody signed does not
// verify.
#include <tss2/tss2_mu.h>

#include "attest/offline/material.h"
#include "attest/offline/words.h"
#include "attest/tpm2/attestation_key.h"
#include "attest/tpm2/credential.h"
#include "attest/tpm2/ek_profile.h"
#include "attest/tpm2/quote.h"
#include "attest/tpm2/signature.h"
#include "hsm/tpm2/public_area.h"
#include "jose/base64url.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

namespace tpm2 = attest::tpm2;

Bytes and_one_more(BytesView octets) {
  Bytes longer = to_bytes(octets);
  longer.push_back(0);
  return longer;
}

template <typename Parse>
void require_whole(BytesView octets, Parse parse) {
  require(!parse(and_one_more(octets)));
  require(!parse(octets.first(octets.size() - 1)));
}

// The name, made by another hand (Part 1, 16).
void require_name(const tpm2::PublicArea& area, BytesView tpm2b) {
  const auto hash = tpm2::known_hash(area.area.nameAlg);
  if (!hash) return require(area.name.empty());
  Bytes name{static_cast<std::uint8_t>(area.area.nameAlg >> 8U),
             static_cast<std::uint8_t>(area.area.nameAlg & 0xFFU)};
  const Bytes digest = hash->digest(tpm2b.subspan(2));
  name.insert(name.end(), digest.begin(), digest.end());
  require(area.name == name);
  const auto other = hsm::tpm2::name_of_public(tpm2b);
  require(!other || *other == name);
}

// An attestation key of the form that our agents make, whose private half nobody has.
const TPMT_PUBLIC& nobodys_ak() {
  static const TPMT_PUBLIC area = [] {
    TPMT_PUBLIC ak{};
    ak.type = TPM2_ALG_ECC;
    ak.nameAlg = TPM2_ALG_SHA256;
    ak.objectAttributes = 0x50072;
    ak.parameters.eccDetail = {
        {TPM2_ALG_NULL, {}, {}}, {TPM2_ALG_ECDSA, {}}, TPM2_ECC_NIST_P256, {TPM2_ALG_NULL, {}}};
    ak.parameters.eccDetail.scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    const auto put = [](TPM2B_ECC_PARAMETER& into, const char* text) {
      const Bytes octets = *jose::from_base64url(text);
      into.size = static_cast<UINT16>(octets.size());
      std::copy(octets.begin(), octets.end(), std::begin(into.buffer));
    };
    put(ak.unique.ecc.x, "G8fAud93NgCg8C_0bY1YqVZ5zNlkb-cNsGTQia7m0is");
    put(ak.unique.ecc.y, "RK1gonvUKKQOCSHDwz3SiN9EijCqmXS4sDeRbc8RnL0");
    return ak;
  }();
  return area;
}

void read_public(BytesView octets) {
  const auto parse = [](BytesView tpm2b) { return tpm2::parse_public(tpm2b, "the area"); };
  const auto area = parse(octets);
  const auto agents = hsm::tpm2::key_of_public(octets);
  if (!area) {
    require(area.error().code == Code::tpm_structure);
    require_told(area.error());
    return;
  }
  require_whole(octets, parse);
  require_name(*area, octets);
  const auto key = tpm2::openssl_key_of(area->area);
  const auto point = tpm2::point_of(area->area);
  require(!point || (point->size() % 2 == 1 && point->front() == 4));
  require(!agents || (key != nullptr && agents->to_point() == *point));
  const auto ak = tpm2::check_attestation_key(area->area);
  if (!ak) require_told(ak.error());
  require(!ak || tpm2::hash_of(tpm2::signing_hash(area->area)));
  const std::string ek = tpm2::ek_template_of(area->area);
  require(ek.empty() || !ak);
}

// As it is, and with its size before it, as files have it without.
void run_tpm_public(BytesView octets) {
  read_public(octets);
  Bytes sized{static_cast<std::uint8_t>(octets.size() >> 8U & 0xFFU),
              static_cast<std::uint8_t>(octets.size() & 0xFFU)};
  sized.insert(sized.end(), octets.begin(), octets.end());
  read_public(sized);
}

void run_tpm_attest(BytesView octets) {
  const auto parse = [](BytesView attest) { return tpm2::parse_attest(attest, "the statement"); };
  const auto attest = parse(octets);
  if (!attest) return require_told(attest.error());
  require_whole(octets, parse);
  require(!attest::offline::attest_json(*attest).dump().empty());
  for (const TPM2_ST type :
       {TPM2_ST_ATTEST_QUOTE, TPM2_ST_ATTEST_CERTIFY, TPM2_ST_ATTEST_CREATION, TPM2_ST_ATTEST_NV}) {
    const BytesView bound = tpm2::view_of(attest->extraData);
    const auto read = tpm2::read_statement(octets, type, bound, "the statement");
    if (!read) require_told(read.error());
    require(!read || (attest->magic == TPM2_GENERATED_VALUE && attest->type == type));
    Bytes other = to_bytes(bound);
    other.push_back(1);
    require(!tpm2::read_statement(octets, type, other, "the statement"));
  }
  if (attest->type != TPM2_ST_ATTEST_QUOTE) return;
  // Nobody's values make this digest.
  for (const char* bank : {"sha256", "sha384"}) {
    tpm2::PcrSelection asked{bank, {0, 7}};
    const Bytes value(bank == std::string("sha256") ? 32 : 48, 7);
    const auto quoted = tpm2::check_quoted(attest->attested.quote, TPM2_ALG_SHA256, asked,
                                           {{0, value}, {7, value}});
    require(!quoted);
    require_told(quoted.error());
  }
}

void run_tpm_signature(BytesView octets) {
  const auto parse = [](BytesView text) { return tpm2::parse_signature(text, "the signature"); };
  const auto signature = parse(octets);
  if (!signature) return require_told(signature.error());
  require_whole(octets, parse);
  const auto checked = tpm2::check_signature(nobodys_ak(), as_bytes("statement"), *signature);
  require(!checked);
  require_told(checked.error());
}

void run_tpm_creation(BytesView octets) {
  const auto creation = tpm2::parse_creation(octets, "the creation data");
  if (!creation) return require_told(creation.error());
  require(creation->octets.size() == octets.size() || creation->octets.size() + 2 == octets.size());
  const auto again = tpm2::parse_creation(creation->octets, "the creation data");
  require(again && again->octets == creation->octets);
  require(!tpm2::parse_creation(and_one_more(octets), "the creation data"));
  require(!tpm2::check_creation({}, Bytes(34, 1), *creation));
}

// A file is told apart by what is in it; what is broken is said, and nothing is two things.
void run_tpm_file(BytesView octets) {
  const auto material = attest::offline::sort_files({to_bytes(octets)});
  const std::size_t kinds =
      material.statements.size() + material.areas.size() + material.signatures.size() +
      material.values.size() + material.creations.size() + material.credentials.size() +
      material.event_logs.size() + material.ima_logs.size() + material.others.size();
  require(kinds <= 1);
  for (const auto& credential : material.credentials)
    require(credential.id_object + credential.encrypted_secret <= octets.size());
  for (const auto& values : material.values) {
    for (const auto& [bank, pcrs] : values.banks) require(pcrs.size() <= 100);
  }
}

// TPM2_MakeCredential for whatever Name: the secret is not in what is sent.
void run_tpm_credential(BytesView octets) {
  const tpm2::Hash& hash = tpm2::hashes[0];
  const BytesView name = octets.first(std::min<std::size_t>(octets.size(), 66));
  const Bytes secret(32, 0x5A);
  const auto sealed = tpm2::seal_identity(hash, 128, Bytes(32, 3), name, secret);
  require(sealed.has_value());
  TPM2B_ID_OBJECT object{};
  std::size_t offset = 0;
  require(Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(sealed->data(), sealed->size(), &offset, &object) ==
          TSS2_RC_SUCCESS);
  require(offset == sealed->size());
  require(as_text(*sealed).find(as_text(secret)) == std::string_view::npos);
  const auto other = tpm2::seal_identity(hash, 128, Bytes(32, 3), and_one_more(name), secret);
  require(other && *other != *sealed);
}

bool is_structure(BytesView seed) { return seed.size() <= 4096 && seed[0] != '{'; }

const std::vector<std::string> topics{"tpm_quotes", "tpm_key_attestation"};
const Registered tpm_targets{{"tpm_public", &run_tpm_public, topics, &is_structure, 4000},
                             {"tpm_attest", &run_tpm_attest, topics, &is_structure, 4000},
                             {"tpm_signature", &run_tpm_signature, topics, &is_structure, 4000},
                             {"tpm_creation", &run_tpm_creation, topics, &is_structure, 4000},
                             {"tpm_file", &run_tpm_file, topics},
                             {"tpm_credential", &run_tpm_credential}};

}  // namespace
}  // namespace mintmark::fuzz
