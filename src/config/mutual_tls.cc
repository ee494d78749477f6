#include "config/mutual_tls.h"

#include "config/networks.h"

namespace mintmark::config {
namespace {

constexpr std::size_t most_authorities = 64;

void check_header(ObjectReader& reader, const MutualTls& read, bool trusted_proxy) {
  if (reader.failed()) return;
  if (!trusted_proxy && !read.certificate_header.empty()) {
    reader.refuse("certificate_header",
                  R"(must not stand where "tls" is ours: anybody could send it. It goes with )"
                  R"("plain_http_behind_trusted_proxy": true)");
  }
  if (trusted_proxy && read.certificate_header.empty()) {
    reader.refuse("certificate_header",
                  R"(is missing; behind a trusted proxy it must be "Client-Cert" or )"
                  R"("X-SSL-Client-Escaped-Cert", whichever the proxy overwrites)");
  }
}

void read_networks(ObjectReader& reader, MutualTls& read, bool trusted_proxy) {
  constexpr const char* key = "trusted_networks";
  const auto texts = reader.texts(key, std::vector<std::string>{});
  if (reader.failed()) return;
  if (trusted_proxy) {
    read.trusted_networks = networks_in(reader, key, texts);
    return;
  }
  if (reader.has(key)) reader.refuse(key, R"(speaks of a proxy that ends TLS, and "tls" is ours)");
}

}  // namespace

MutualTls read_mutual_tls(ObjectReader& root, const Directory& directory, bool trusted_proxy) {
  MutualTls read;
  root.object("mutual_tls", false, [&](ObjectReader& reader) {
    read.self_signed = reader.boolean("self_signed", false);
    read.authorities = reader.texts("authorities", std::vector<std::string>{});
    for (std::string& file : read.authorities) file = directory.resolve(file);
    if (read.authorities.size() > most_authorities)
      reader.refuse("authorities",
                    "must name at most " + std::to_string(most_authorities) + " files");
    read.certificate_header =
        reader.choice("certificate_header", {"Client-Cert", "X-SSL-Client-Escaped-Cert"}, "");
    if (!reader.failed() && !read.is_on()) {
      reader.refuse_here(
          R"(must take a method: "self_signed": true, or "authorities": [FILE], or both)");
    }
    check_header(reader, read, trusted_proxy);
    read_networks(reader, read, trusted_proxy);
  });
  return read;
}

}  // namespace mintmark::config
