#include "attest/offline/material.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "attest/platform/certificate.h"
#include "attest/tpm2/hash.h"
#include "attest/x509/trust.h"
#include "base/json.h"
#include "base/pem.h"

namespace mintmark::attest::offline {
namespace {

constexpr std::array<std::uint8_t, 4> attest_magic = {0xFF, 0x54, 0x43, 0x47};
constexpr std::array<std::uint8_t, 8> credential_magic = {0xBA, 0xDC, 0xC0, 0xDE, 0, 0, 0, 1};
constexpr std::string_view pem_begin = "-----BEGIN ";
constexpr std::string_view spec_id = "Spec ID Event";
// tpm2-tools' PCR file: TPML_PCR_SELECTION, a count, TPML_DIGESTs, as x86-64 lays them out.
constexpr std::size_t tools_selection = 132;
constexpr std::size_t tools_digests = 4 + 8 * (2 + 64);
constexpr std::size_t longest_certificate_file = 1U << 20U;

template <std::size_t n>
bool begins(BytesView octets, const std::array<std::uint8_t, n>& with) {
  return octets.size() >= n && std::equal(with.begin(), with.end(), octets.begin());
}

std::size_t u16_at(BytesView octets, std::size_t at) {
  return static_cast<std::size_t>(octets[at]) << 8U | octets[at + 1];
}
std::uint32_t little_u32(BytesView octets, std::size_t at) {
  return static_cast<std::uint32_t>(octets[at]) | static_cast<std::uint32_t>(octets[at + 1]) << 8U |
         static_cast<std::uint32_t>(octets[at + 2]) << 16U |
         static_cast<std::uint32_t>(octets[at + 3]) << 24U;
}
std::size_t little_u16(BytesView octets, std::size_t at) {
  return octets[at] | static_cast<std::size_t>(octets[at + 1]) << 8U;
}

Bytes der_of(X509* certificate) {
  std::uint8_t* octets = nullptr;
  const int length = i2d_X509(certificate, &octets);
  Bytes der;
  if (length > 0) der.assign(octets, octets + length);
  OPENSSL_free(octets);
  return der;
}

// --- one kind after the other: true where the octets are of it ---

bool take_pem(BytesView octets, Material& into) {
  const std::string_view text = as_text(octets);
  if (octets.size() > longest_certificate_file || text.find(pem_begin) == std::string_view::npos)
    return false;
  for (const auto& certificate : x509::certificates_in(octets))
    into.certificates.push_back(der_of(certificate.get()));
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(octets.data(), static_cast<int>(octets.size())), &BIO_free);
  const bool certificates = text.find("BEGIN CERTIFICATE") != std::string_view::npos;
  EVP_PKEY* key =
      certificates ? nullptr : PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr);
  ERR_clear_error();
  if (key != nullptr) into.keys.emplace_back(key, &EVP_PKEY_free);
  if (key == nullptr && !certificates) return false;
  if (certificates && into.certificates.empty())
    into.broken = "a PEM file holds a damaged certificate";
  return true;
}

bool take_values(BytesView octets, Material& into) {
  const auto json = parse_json(as_text(octets));
  if (!json || !json->is_object() || json->empty()) return false;
  Values values;
  const auto read = [&values](const std::string& bank, const Json& of) {
    for (const auto& [index, value] : of.items()) {
      const bool number = !index.empty() && index.size() <= 2 &&
                          index.find_first_not_of("0123456789") == std::string::npos;
      auto digest = value.is_string() ? from_hex(value.get_ref<const std::string&>())
                                      : fail(Code::invalid_argument, "");
      if (!number || !digest) return false;
      values.banks[bank][static_cast<unsigned>(std::stoul(index))] = std::move(*digest);
    }
    return true;
  };
  if (std::isdigit(static_cast<unsigned char>(json->begin().key()[0])) != 0) {
    if (!read("", *json)) return false;
  } else {
    for (const auto& [bank, of] : json->items()) {
      if (!of.is_object() || !read(bank, of)) return false;
    }
  }
  into.values.push_back(std::move(values));
  return true;
}

std::vector<unsigned> tools_indexes(BytesView octets, std::size_t at) {
  std::vector<unsigned> indexes;
  const std::size_t count = std::min<std::size_t>(octets[at + 2], 4);
  for (std::size_t octet = 0; octet < count; ++octet) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((octets[at + 3 + octet] >> bit & 1U) != 0)
        indexes.push_back(static_cast<unsigned>(octet) * 8 + bit);
    }
  }
  return indexes;
}

// The digests stand in the order of the selections, eight to a list.
bool take_tools_values(BytesView octets, Material& into) {
  if (octets.size() <= tools_selection + 4) return false;
  const std::size_t lists = (octets.size() - tools_selection - 4) / tools_digests;
  const std::uint32_t banks = little_u32(octets, 0);
  if (octets.size() != tools_selection + 4 + lists * tools_digests || banks == 0 || banks > 16 ||
      lists == 0 || lists > 16 || little_u32(octets, tools_selection) != lists)
    return false;
  std::vector<Bytes> digests;
  for (std::size_t list = 0; list < lists; ++list) {
    const std::size_t at = tools_selection + 4 + list * tools_digests;
    const std::uint32_t count = little_u32(octets, at);
    if (count > 8) return false;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t begin = at + 4 + i * 66;
      const std::size_t size = little_u16(octets, begin);
      if (size > 64) return false;
      digests.push_back(to_bytes(octets.subspan(begin + 2, size)));
    }
  }
  Values values;
  std::size_t next = 0;
  for (std::uint32_t bank = 0; bank < banks; ++bank) {
    const std::size_t at = 4 + std::size_t{bank} * 8;
    const auto hash = tpm2::known_hash(static_cast<TPM2_ALG_ID>(little_u16(octets, at)));
    for (const unsigned index : tools_indexes(octets, at)) {
      if (!hash || next == digests.size()) return false;
      values.banks[hash->name][index] = digests[next++];
    }
  }
  if (next != digests.size()) return false;
  into.values.push_back(std::move(values));
  return true;
}

bool take_statement(BytesView octets, Material& into) {
  auto attest = tpm2::parse_attest(octets, "the statement");
  if (attest) {
    into.statements.push_back({to_bytes(octets), *attest});
    return true;
  }
  if (!begins(octets, attest_magic)) return false;
  if (into.broken.empty()) into.broken = attest.error().detail;
  return true;
}

bool take_der(BytesView padded, Material& into) {
  if (padded.empty() || padded[0] != 0x30) return false;
  const BytesView octets = x509::without_padding(padded);
  if (x509::parse_certificate(octets)) {
    into.certificates.push_back(to_bytes(octets));
    return true;
  }
  if (platform::parse(octets)) {
    into.attribute_certificates.push_back(to_bytes(octets));
    return true;
  }
  const std::uint8_t* at = octets.data();
  const auto length = static_cast<long>(octets.size());
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, length);
  const bool whole = pair != nullptr && at == octets.data() + octets.size();
  ECDSA_SIG_free(pair);
  at = octets.data();
  EVP_PKEY* key = whole ? nullptr : d2i_PUBKEY(nullptr, &at, length);
  ERR_clear_error();
  if (whole) {
    into.signatures.push_back({{}, to_bytes(octets)});
    return true;
  }
  if (key == nullptr) return false;
  into.keys.emplace_back(key, &EVP_PKEY_free);
  return at == octets.data() + octets.size();
}

bool take_area(BytesView octets, Material& into) {
  if (octets.size() < 4 || octets.size() > tpm2::longest_structure) return false;
  Bytes sized = to_bytes(octets);
  // Without its size the type stands first, which no size of a public area is.
  const bool bare = octets[0] == 0 && (octets[1] == TPM2_ALG_RSA || octets[1] == TPM2_ALG_ECC);
  if (bare && u16_at(octets, 0) != octets.size() - 2) {
    const std::array<std::uint8_t, 2> size = {static_cast<std::uint8_t>(octets.size() >> 8U),
                                              static_cast<std::uint8_t>(octets.size() & 0xFFU)};
    sized.insert(sized.begin(), size.begin(), size.end());
  }
  auto area = tpm2::parse_public(sized, "the public area");
  if (!area) return false;
  into.areas.push_back(std::move(*area));
  return true;
}

bool take_signature(BytesView octets, Material& into) {
  auto signature = tpm2::parse_signature(octets, "the signature");
  if (!signature) return false;
  into.signatures.push_back({*signature, {}});
  return true;
}

bool take_creation(BytesView octets, Material& into) {
  auto creation = tpm2::parse_creation(octets, "the creation data");
  if (!creation) return false;
  into.creations.push_back(std::move(*creation));
  return true;
}

bool take_name(BytesView octets, Material& into) {
  if (octets.size() < 2) return false;
  const auto hash = tpm2::known_hash(static_cast<TPM2_ALG_ID>(u16_at(octets, 0)));
  if (!hash || octets.size() != 2 + hash->size) return false;
  into.names.push_back(to_bytes(octets));
  return true;
}

bool take_credential(BytesView octets, Material& into) {
  if (!begins(octets, credential_magic)) return false;
  Credential credential;
  std::size_t at = credential_magic.size();
  for (std::size_t* size : {&credential.id_object, &credential.encrypted_secret}) {
    *size = octets.size() - at < 2 ? 0 : u16_at(octets, at);
    if (*size == 0 || octets.size() - at - 2 < *size) {
      into.broken = "the file of a credential is not as long as it says";
      return true;
    }
    at += 2 + *size;
  }
  if (at != octets.size()) into.broken = "the file of a credential has octets after its end";
  into.credentials.push_back(credential);
  return true;
}

// A log begins with an event of PCR 0 that is EV_NO_ACTION and names its form, or, of the old form,
// with any event: PCR below 24, a type of 32 bits, a length that fits.
bool take_event_log(BytesView octets, Material& into) {
  constexpr std::size_t header = 32;
  constexpr std::uint32_t highest_pcr = 23;
  if (octets.size() < header) return false;
  const std::uint32_t pcr = little_u32(octets, 0);
  const std::uint32_t type = little_u32(octets, 4);
  const std::uint32_t length = little_u32(octets, 28);
  const bool crypto_agile = octets.size() >= header + spec_id.size() &&
                            as_text(octets.subspan(header, spec_id.size())) == spec_id;
  const bool old = pcr <= highest_pcr && type != 0 && (type < 0x20 || type >> 24U == 0x80) &&
                   length <= octets.size() - header;
  if (!crypto_agile && !old) return false;
  into.event_logs.push_back(to_bytes(octets));
  return true;
}

// "10 HEX ima-ng …", or binary: PCR 10, a digest, the length of the template's name, "ima…".
bool take_ima_log(BytesView octets, Material& into) {
  constexpr std::size_t name_at = 4 + 20 + 4;
  const bool ascii = as_text(octets.first(std::min<std::size_t>(octets.size(), 3))) == "10 ";
  const bool binary = octets.size() > name_at + 3 && little_u32(octets, 0) == 10 &&
                      as_text(octets.subspan(name_at, 3)) == "ima";
  if (!ascii && !binary) return false;
  into.ima_logs.push_back(to_bytes(octets));
  return true;
}

/// Whether the octets are one CBOR item (RFC 8949), of definite lengths and bounded depth;
/// nlohmann's reader would recurse as deep as a stranger nests.
bool is_cbor(BytesView octets) {
  constexpr std::size_t deepest = 16;
  std::vector<std::uint64_t> open = {1};  // Items that each level still waits for.
  std::size_t at = 0;
  while (!open.empty()) {
    if (open.back() == 0) {
      open.pop_back();
      continue;
    }
    if (at == octets.size() || open.size() > deepest) return false;
    --open.back();
    const unsigned major = octets[at] >> 5U;
    const unsigned info = octets[at++] & 0x1FU;
    const std::size_t more = info < 24   ? 0
                             : info > 27 ? octets.size()
                                         : std::size_t{1} << (info - 24);
    if (more > octets.size() - at) return false;
    std::uint64_t number = info;
    if (more > 0) number = 0;
    for (std::size_t i = 0; i < more; ++i) number = number << 8U | octets[at++];
    if (major == 2 || major == 3) {
      if (number > octets.size() - at) return false;
      at += static_cast<std::size_t>(number);
    } else if (major == 4 || major == 5) {
      if (number > octets.size() - at) return false;
      open.push_back(major == 5 ? 2 * number : number);
    } else if (major == 6) {
      open.push_back(1);
    }
  }
  return at == octets.size();
}

bool take_document(BytesView octets, Material& into) {
  // A map, an array, or a tag before one.
  if (octets.empty() || octets[0] < 0x80 || octets[0] >= 0xE0 || !is_cbor(octets)) return false;
  ++into.documents;
  return true;
}

}  // namespace

Material sort_files(const std::vector<Bytes>& files) {
  Material material;
  for (const Bytes& file : files) {
    bool known = false;
    for (auto* take : {&take_pem, &take_statement, &take_der, &take_area, &take_signature,
                       &take_creation, &take_name, &take_credential, &take_ima_log, &take_event_log,
                       &take_tools_values, &take_values, &take_document}) {
      known = take(file, material);
      if (known) break;
    }
    if (!known) material.others.push_back(file);
  }
  return material;
}

}  // namespace mintmark::attest::offline
