#include "http/client_certificate.h"

#include <openssl/evp.h>

#include <string>
#include <string_view>

#include "http/text.h"
#include "http/tls.h"

namespace mintmark::http {
namespace {

/// Of base64: four characters for three octets.
constexpr std::size_t longest_base64 = (longest_client_certificate + 2) / 3 * 4;
/// With line ends, frame and each character escaped.
constexpr std::size_t longest_escaped = 4 * longest_base64;

tl::unexpected<Error> malformed(const char* header, const char* what) {
  return fail(Code::token_certificate_malformed,
              "the header " + std::string(header) + " that tells the client's certificate " + what);
}

/// RFC 4648 §4 in the one way to write it: whole groups, padded, no bit left over.
std::optional<Bytes> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > longest_base64) return std::nullopt;
  Bytes octets(text.size() / 4 * 3);
  const auto* characters = reinterpret_cast<const unsigned char*>(text.data());
  if (EVP_DecodeBlock(octets.data(), characters, static_cast<int>(text.size())) < 0)
    return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  octets.resize(octets.size() - padding);
  // OpenSSL is lenient about blanks, padding and the last bits.
  std::string again(text.size() + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(again.data()), octets.data(),
                  static_cast<int>(octets.size()));
  again.pop_back();
  if (again != text) return std::nullopt;
  return octets;
}

/// One DER SEQUENCE of a certificate's possible lengths, and nothing behind it.
bool is_one_sequence(const Bytes& der) {
  if (der.size() < 4 || der.size() > longest_client_certificate || der[0] != 0x30) return false;
  if (der[1] == 0x81) return der[2] >= 0x80 && der.size() == 3U + der[2];
  if (der[1] != 0x82 || der[2] == 0) return der[1] < 0x80 && der.size() == 2U + der[1];
  return der.size() == 4U + 256U * der[2] + der[3];
}

std::optional<std::string> without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_alphanumeric(text[at]) || std::string_view("-._~").find(text[at]) < 4) {
      plain += text[at];
      continue;
    }
    if (text[at] != '%' || at + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    plain += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return plain;
}

/// RFC 7468 §5, the one certificate and nothing around it.
std::optional<Bytes> from_pem(std::string_view pem) {
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----\n";
  constexpr std::string_view end = "-----END CERTIFICATE-----";
  if (pem.ends_with('\n')) pem.remove_suffix(1);
  if (!pem.starts_with(begin) || !pem.ends_with(end) || pem.size() < begin.size() + end.size())
    return std::nullopt;
  pem = pem.substr(begin.size(), pem.size() - begin.size() - end.size());
  std::string text(pem);
  std::erase(text, '\n');
  return from_base64(text);
}

std::optional<Bytes> from_structured(std::string_view value) {
  // RFC 8941 §3.3.5, without parameters: RFC 9440 §2.2 knows none.
  if (value.size() < 2 || !value.starts_with(':') || !value.ends_with(':')) return std::nullopt;
  return from_base64(value.substr(1, value.size() - 2));
}

std::optional<Bytes> from_escaped(std::string_view value) {
  if (value.size() > longest_escaped) return std::nullopt;
  const auto pem = without_escapes(value);
  return pem ? from_pem(*pem) : std::nullopt;
}

}  // namespace

const char* name_of(CertificateHeader header) {
  switch (header) {
    case CertificateHeader::client_cert:
      return client_cert_header;
    case CertificateHeader::nginx_escaped:
      return nginx_escaped_header;
    case CertificateHeader::none:
      break;
  }
  return "";
}

std::optional<CertificateHeader> certificate_header_named(std::string_view name) {
  for (const auto header : {CertificateHeader::client_cert, CertificateHeader::nginx_escaped}) {
    if (equal_without_case(name, name_of(header))) return header;
  }
  return std::nullopt;
}

Result<std::optional<Bytes>> forwarded_certificate(const Headers& headers,
                                                   CertificateHeader header) {
  if (header == CertificateHeader::none) return std::nullopt;
  const bool structured = header == CertificateHeader::client_cert;
  const char* name = name_of(header);
  if (headers.count(name) > 1) return malformed(name, "stands twice");
  const std::string* value = headers.find(name);
  if (value == nullptr || value->empty()) return std::nullopt;
  auto der = structured ? from_structured(*value) : from_escaped(*value);
  if (!der || !is_one_sequence(*der)) {
    return malformed(name, structured ? "is not :base64: of one certificate (RFC 9440 §2.2)"
                                      : "is not one PEM certificate as nginx escapes it");
  }
  return der;
}

}  // namespace mintmark::http
