#include "attest/eventlog/signatures.h"

#include <openssl/x509.h>

#include <array>
#include <memory>
#include <string_view>

#include "attest/eventlog/cursor.h"
#include "attest/eventlog/text.h"

namespace mintmark::attest::eventlog {
namespace {

constexpr std::size_t guid_size = 16;

struct Kind {
  std::string_view guid;
  const char* name;
  std::size_t digest;  ///< Octets at the front that are a digest; 0: it is no digest.
};

constexpr std::array kinds = {
    Kind{"a5c059a1-94e4-4aa7-87b5-ab155c2bf072", "x509", 0},
    Kind{"c1c41626-504c-4092-aca9-41f936934328", "sha256", 32},
    Kind{"3bd2a492-96c0-4079-b420-fcf98ef103ed", "x509_sha256", 32},
    Kind{"7076876e-80c2-4ee6-aad2-28b349a6865b", "x509_sha384", 48},
    Kind{"446dbf63-2502-4cda-bcfa-2465d2b0fe9d", "x509_sha512", 64},
    Kind{"826ca512-cf10-4ac9-b187-be01496631bd", "sha1", 20},
    Kind{"0b6e5233-a65c-44c9-9407-d9ab83bfc8bd", "sha224", 28},
    Kind{"ff3e5307-9fd0-48c9-85f1-8ad56c701e01", "sha384", 48},
    Kind{"093e0fae-a6c4-4f50-9f1b-d41e2b89c19a", "sha512", 64},
    Kind{"3c5766e8-269c-4e34-aa14-ed776e85b3b6", "rsa2048", 0},
    Kind{"e2b36190-879b-4a3d-ad8d-f2e7bba32784", "rsa2048_sha256", 0},
    Kind{"67f8444f-8743-48f1-a328-1eaab8736080", "rsa2048_sha1", 0},
    Kind{"4aafd29d-68df-49ee-8aa9-347d375665a7", "pkcs7", 0},
    Kind{"452e8ced-dfff-4b8c-ae01-5118862e682c", "external_management", 0},
};

const Kind* kind_of(const std::string& guid) {
  for (const Kind& kind : kinds) {
    if (kind.guid == guid) return &kind;
  }
  return nullptr;
}

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

std::string subject_of(const X509* certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (!out ||
      X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
    return {};
  char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  return length > 0 ? for_people({text, static_cast<std::size_t>(length)}, 512) : std::string();
}

// The certificate at the front; octets behind it are no part of what is hashed.
bool read_certificate(BytesView data, SignatureEntry& entry) {
  if (data.size() > largest_certificate) return false;
  const std::uint8_t* at = data.data();
  const Certificate certificate(d2i_X509(nullptr, &at, static_cast<long>(data.size())), X509_free);
  if (!certificate) return false;
  entry.kind = "x509";
  entry.digest = to_hex(sha256(data.first(static_cast<std::size_t>(at - data.data()))));
  entry.subject = subject_of(certificate.get());
  return true;
}

SignatureEntry entry_of(const std::string& type, BytesView owner, BytesView data) {
  SignatureEntry entry;
  entry.owner = guid_text(owner);
  const Kind* const kind = kind_of(type);
  entry.kind = kind != nullptr ? kind->name : type;
  if (entry.kind == "x509" && read_certificate(data, entry)) return entry;
  if (kind != nullptr && kind->digest != 0 && data.size() >= kind->digest)
    entry.digest = to_hex(data.first(kind->digest));
  else
    entry.digest = to_hex(sha256(data));
  return entry;
}

// One EFI_SIGNATURE_LIST.
bool read_list(Cursor& cursor, std::vector<SignatureEntry>& entries) {
  constexpr std::size_t head = guid_size + 12;
  const auto type = cursor.take(guid_size);
  const auto size = cursor.number<std::uint32_t>();
  const auto header_size = cursor.number<std::uint32_t>();
  const auto entry_size = cursor.number<std::uint32_t>();
  if (!entry_size || *size < head || *entry_size <= guid_size) return false;
  const auto body = cursor.take(*size - head);
  if (!body || *header_size > body->size()) return false;
  const BytesView signatures = body->subspan(*header_size);
  if (signatures.size() % *entry_size != 0) return false;
  if (signatures.size() / *entry_size > most_signatures - entries.size()) return false;
  const std::string guid = guid_text(*type);
  for (std::size_t at = 0; at < signatures.size(); at += *entry_size) {
    const BytesView entry = signatures.subspan(at, *entry_size);
    entries.push_back(entry_of(guid, entry.first(guid_size), entry.subspan(guid_size)));
  }
  return true;
}

}  // namespace

std::optional<std::vector<SignatureEntry>> read_signatures(BytesView lists) {
  std::vector<SignatureEntry> entries;
  Cursor cursor(lists);
  while (cursor.left() > 0) {
    if (!read_list(cursor, entries)) return std::nullopt;
  }
  return entries;
}

SignatureEntry read_authority(BytesView content) {
  SignatureEntry entry;
  if (read_certificate(content, entry)) return entry;
  if (content.size() > guid_size) {
    entry.owner = guid_text(content.first(guid_size));
    const BytesView data = content.subspan(guid_size);
    if (read_certificate(data, entry)) return entry;
    if (data.size() == 32) {
      entry.kind = "sha256";
      entry.digest = to_hex(data);
      return entry;
    }
  }
  return {"other", to_hex(sha256(content)), {}, {}};
}

}  // namespace mintmark::attest::eventlog
