#include "config/formats.h"

#include <algorithm>

#include "config/trust_files.h"

namespace mintmark::config {
namespace {

constexpr const char* by_default = "refuse";

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::vector<std::string> some_texts(ObjectReader& reader, const char* key, const char* right) {
  std::vector<std::string> texts = reader.texts(key);
  if (!reader.failed() && texts.empty()) reader.refuse(key, right);
  return texts;
}

AndroidKeyEnrolment read_android_key(ObjectReader& reader, const Directory& directory) {
  AndroidKeyEnrolment read;
  read.trust = read_trust(reader, by_default, directory);
  read.software_roots = read_roots(reader, "software_roots", false, directory);
  read.revocation_list = directory.resolve(reader.text("revocation_list", ""));
  return read;
}

void check_origins(ObjectReader& reader, const std::vector<std::string>& origins) {
  for (std::size_t i = 0; i < origins.size(); ++i) {
    const bool web = origins[i].starts_with("https://") || origins[i].starts_with("http://");
    const bool application = origins[i].starts_with("android:apk-key-hash:");
    if (application || (web && origins[i].back() != '/')) continue;
    reader.refuse_element("origins", i,
                          "must be as clientDataJSON has it: \"https://HOST\" without a slash at "
                          "its end, or \"android:apk-key-hash:…\"");
  }
}

WebAuthnEnrolment read_webauthn(ObjectReader& reader, const Directory& directory) {
  WebAuthnEnrolment read;
  read.trust = read_trust(reader, by_default, directory);
  read.rp_ids = some_texts(reader, "rp_ids", R"(must name at least one: ["example.org"])");
  read.origins =
      some_texts(reader, "origins", R"(must name at least one: ["https://example.org"])");
  check_origins(reader, read.origins);
  read.sha1 = reader.boolean("sha1", false);
  read.self_attestation = reader.boolean("self_attestation", false);
  read.revocation_list = directory.resolve(reader.text("revocation_list", ""));
  reader.object("mds", false, [&](ObjectReader& mds) {
    read.mds = directory.resolve(mds.text("blob"));
    read.mds_roots = read_roots(mds, "roots", true, directory);
    read.mds_required = mds.boolean("required", false);
  });
  return read;
}

AppleAppAttestEnrolment read_apple_appattest(ObjectReader& reader, const Directory& directory) {
  AppleAppAttestEnrolment read;
  read.trust = read_trust(reader, by_default, directory);
  read.root_sha256 = reader.text("root_sha256", "");
  if (!read.root_sha256.empty() && !is_sha256(read.root_sha256)) {
    reader.refuse("root_sha256",
                  "must be the SHA-256 of the root's certificate, 64 digits in lower case");
  }
  read.app_ids = some_texts(reader, "app_ids", R"(must name at least one: ["TEAMID.org.example"])");
  for (std::size_t i = 0; i < read.app_ids.size(); ++i) {
    const std::size_t dot = read.app_ids[i].find('.');
    if (dot == 10 && read.app_ids[i].size() > 11) continue;
    reader.refuse_element("app_ids", i,
                          "must be the team's ten characters, a dot and the bundle's id");
  }
  read.development = reader.boolean("development", false);
  return read;
}

TdxEnrolment read_tdx(ObjectReader& reader, const Directory& directory) {
  TdxEnrolment read;
  read.trust = read_trust(reader, by_default, directory);
  read.collateral = directory.resolve(reader.text("collateral", ""));
  read.collateral_required = reader.boolean("collateral_required", false);
  if (read.collateral_required && read.collateral.empty())
    reader.refuse("collateral_required", "needs \"collateral\", the place where it is");
  return read;
}

EatEnrolment read_eat(ObjectReader& reader, const Directory& directory) {
  EatEnrolment read;
  read.keys = directory.resolve(reader.text("keys"));
  read.issuers = reader.texts("issuers", std::vector<std::string>{});
  read.audience = reader.text("audience", "");
  read.warning = reader.boolean("warning", false);
  return read;
}

}  // namespace

Formats read_formats(ObjectReader& enrolment, const Directory& directory) {
  Formats read;
  const auto of = [&](const char* name, const auto& take) { enrolment.object(name, false, take); };
  of("x509", [&](ObjectReader& reader) {
    read.x509 = X509Enrolment{read_trust(reader, by_default, directory)};
  });
  of("android-key",
     [&](ObjectReader& reader) { read.android_key = read_android_key(reader, directory); });
  of("webauthn", [&](ObjectReader& reader) { read.webauthn = read_webauthn(reader, directory); });
  of("apple-appattest",
     [&](ObjectReader& reader) { read.apple_appattest = read_apple_appattest(reader, directory); });
  of("nitro", [&](ObjectReader& reader) {
    read.nitro = NitroEnrolment{read_trust(reader, by_default, directory)};
  });
  of("sev-snp", [&](ObjectReader& reader) {
    read.sev_snp = SevSnpEnrolment{read_trust(reader, by_default, directory)};
  });
  of("tdx", [&](ObjectReader& reader) { read.tdx = read_tdx(reader, directory); });
  of("eat", [&](ObjectReader& reader) { read.eat = read_eat(reader, directory); });
  return read;
}

}  // namespace mintmark::config
