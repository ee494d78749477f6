// Any octets as what a trusted proxy says of its client's certificate, in both spellings: refused
// with its code, or one frame that is written again to the same.
#include "http/client_certificate.h"

#include "jose/base64url.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {

using http::CertificateHeader;

std::optional<Bytes> told_by(CertificateHeader header, std::string_view value) {
  http::Headers headers;
  headers.add(http::name_of(header), std::string(value));
  auto told = http::forwarded_certificate(headers, header);
  if (!told) {
    require(told.error().code == Code::token_certificate_malformed);
    require_told(told.error());
    return std::nullopt;
  }
  require(told->has_value() != value.empty());
  headers.add(http::name_of(header), std::string(value));
  require(!http::forwarded_certificate(headers, header));
  return std::move(*told);
}

std::string escaped_pem(BytesView der) {
  std::string escaped = "-----BEGIN%20CERTIFICATE-----%0A";
  for (const char character : jose::base64(der)) {
    const bool plain = character != '+' && character != '/' && character != '=';
    escaped += plain ? std::string(1, character)
                     : (character == '+' ? "%2B" : (character == '/' ? "%2F" : "%3D"));
  }
  return escaped + "%0A-----END%20CERTIFICATE-----%0A";
}

void run_client_certificate(BytesView octets) {
  const std::string_view text = as_text(octets);
  if (const auto der = told_by(CertificateHeader::client_cert, text)) {
    require(":" + jose::base64(*der) + ":" == text);
    require(told_by(CertificateHeader::nginx_escaped, escaped_pem(*der)) == der);
  }
  if (const auto der = told_by(CertificateHeader::nginx_escaped, text)) {
    require((*der)[0] == 0x30);
    require(told_by(CertificateHeader::client_cert, ":" + jose::base64(*der) + ":") == der);
  }
  require(!octets.empty() || !told_by(CertificateHeader::client_cert, ""));
}

bool is_no_der(BytesView seed) { return seed.size() <= 8192 && seed[0] != 0x30; }

const Registered client_certificate_target{
    {"client_certificate", &run_client_certificate, {"idevid", "oauth_misc"}, &is_no_der, 4000}};

}  // namespace
}  // namespace mintmark::fuzz
