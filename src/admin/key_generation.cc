#include "admin/key_generation.h"

#include <openssl/evp.h>

#include "admin/keeper_endpoints.h"
#include "config/reader.h"
#include "hsm/tls/certificate_key.h"

namespace mintmark::admin {
namespace {

constexpr std::size_t pem_line = 64;  // RFC 7468 §2.

Result<hsm::KeySpec> read_spec(const http::Request& request) {
  const auto document = parse_json_document("request", request.body);
  if (!document) return fail(Code::admin_member_wrong, document.error().detail);
  config::ObjectReader reader(*document, Code::admin_member_wrong);
  hsm::KeySpec spec{hsm::random_key_id(), hsm::Purpose::tls, jose::Algorithm::es256};
  if (reader.text("purpose") != hsm::name_of(hsm::Purpose::tls)) {
    reader.refuse("purpose",
                  R"(must be "tls"; keys that sign tokens are made by mintd when they are needed)");
  }
  const auto algorithm = jose::algorithm_named(reader.text("algorithm", "ES256"));
  if (algorithm && hsm::tls::serves_tls(*algorithm))
    spec.algorithm = *algorithm;
  else
    reader.refuse("algorithm", R"(must be "ES256" or "ES384" for a TLS key)");
  if (auto read = reader.finish(); !read) return pass_on(read);
  return spec;
}

std::string pem_of(BytesView spki) {
  std::string base64(4 * ((spki.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), spki.data(),
                                     static_cast<int>(spki.size()));
  base64.resize(static_cast<std::size_t>(length));
  std::string pem = "-----BEGIN PUBLIC KEY-----\n";
  for (std::size_t at = 0; at < base64.size(); at += pem_line)
    pem += base64.substr(at, pem_line) + "\n";
  return pem + "-----END PUBLIC KEY-----\n";
}

std::string percent_encoded(BytesView octets) {
  std::string text;
  for (std::size_t i = 0; i < octets.size(); ++i) text += "%" + to_hex(octets.subspan(i, 1));
  return text;
}

}  // namespace

http::Handler key_generation(GenerateKey generate) {
  return
      [generate = std::move(generate)](const http::Request& request, const http::Respond& respond) {
        const auto spec = read_spec(request);
        if (!spec) return respond(error_response(spec.error()));
        generate(*spec, [respond](const Result<Json>& key) {
          respond(key ? http::json_response(200, key->dump()) : error_response(key.error()));
        });
      };
}

Json describe_key(const hsm::KeyInfo& key, const std::string& store, const std::string& token) {
  const std::string where =
      token.starts_with("pkcs11:") ? token : "pkcs11:token=" + percent_encoded(as_bytes(token));
  return {{"kid", key.kid()},
          {"id", hsm::to_string(key.id)},
          {"store", store},
          {"purpose", hsm::name_of(key.purpose)},
          {"algorithm", jose::name_of(key.public_key.algorithm())},
          {"uri", where + ";id=" + percent_encoded(key.id) + ";type=private"},
          {"public_key", pem_of(key.public_key.to_spki())}};
}

}  // namespace mintmark::admin
