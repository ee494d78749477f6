#include "attesters.h"

#include "attest/facts.h"
#include "support/android_chain.h"
#include "support/app_attest_maker.h"
#include "support/eat_maker.h"
#include "support/identity_maker.h"
#include "support/nitro_maker.h"
#include "support/snp_maker.h"
#include "support/tdx_maker.h"
#include "support/webauthn_maker.h"

namespace mintmark::test {
namespace {

/// One whose authority is a certificate: "roots" names the file of it.
struct Certified : Attester {
  Certified(std::string name, Bytes root, Bytes foreign_root) {
    format = std::move(name);
    const std::string file = format + "-roots.pem";
    configuration = {{"roots", file}};
    files[file] = std::move(root);
    foreign_files[file] = std::move(foreign_root);
  }
};

struct IdentityAttester final : Certified {
  IdentityAttester() : Certified("x509", {}, IdentityMaker().root_pem()) {
    files["x509-roots.pem"] = maker.root_pem();
    proves = {attest::proves::hardware};
    rule_facts = {{"hardware_module", "2.23.133.1.2:GW7:0001"}};
    refusal_of_binding = "x509_possession";
  }
  Json evidence(const Sha256& binding, const SoftKey& token_key) override {
    return device.evidence(binding, token_key.public_key());
  }
  IdentityMaker maker;
  IdentityDevice device{maker};
};

// As Google publishes it.
Bytes status_list(const std::vector<std::string>& revoked) {
  Json entries = Json::object();
  for (const std::string& serial : revoked)
    entries[serial] = {{"status", "REVOKED"}, {"reason", "KEY_COMPROMISE"}};
  return to_bytes(as_bytes(Json{{"entries", entries}}.dump()));
}

struct AndroidAttester final : Certified {
  AndroidAttester() : Certified("android-key", {}, AndroidMaker().root_pem()) {
    files["android-key-roots.pem"] = maker.root_pem();
    configuration["revocation_list"] = "android-status.json";
    files["android-status.json"] = status_list({});
    revoking_files["android-status.json"] = status_list({maker.device.batch_serial});
    refusal_when_revoked = "android_revoked";
    proves = {attest::proves::boot_state, attest::proves::token_key};
    rule_facts = {{"security_level", "trusted_environment"},
                  {"boot_locked", true},
                  {"application", "package:org.example.agent"}};
    key_protection = "hardware";
    attests_the_key = true;
    refusal_of_binding = "android_challenge";
  }
  Json evidence(const Sha256& binding, const SoftKey& token_key) override {
    return maker.evidence(binding, token_key.public_key());
  }
  AndroidMaker maker;
};

struct NitroAttester final : Certified {
  NitroAttester() : Certified("nitro", {}, NitroMaker().root_pem()) {
    files["nitro-roots.pem"] = maker.root_pem();
    proves = {attest::proves::boot_state};
    rule_facts = {{"module", maker.module_id}};
    refusal_of_binding = "nitro_nonce";
  }
  Json evidence(const Sha256& binding, const SoftKey& token_key) override {
    maker.at = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return maker.evidence(binding, token_key.public_key());
  }
  NitroMaker maker;
};

struct SnpAttester final : Certified {
  SnpAttester() : Certified("sev-snp", {}, SnpMaker().root_pem()) {
    files["sev-snp-roots.pem"] = maker.root_pem();
    proves = {attest::proves::boot_state};
    rule_facts = {{"product", "Genoa"}};
    refusal_of_binding = "snp_report_data";
    refusal_of_root = "certificate_signature";  // The other root has the same name.
  }
  Json evidence(const Sha256& binding, const SoftKey& token_key) override {
    return maker.evidence(binding, token_key.public_key());
  }
  SnpMaker maker;
};

struct TdxAttester final : Certified {
  TdxAttester() : Certified("tdx", {}, TdxMaker().root_pem()) {
    files["tdx-roots.pem"] = maker.root_pem();
    proves = {attest::proves::boot_state};
    rule_facts = {{"tcb_status", "not_evaluated"}};
    refusal_of_binding = "tdx_report_data";
    refusal_of_root = "certificate_signature";
  }
  Json evidence(const Sha256& binding, const SoftKey& token_key) override {
    return maker.evidence(binding, token_key.public_key());
  }
  TdxMaker maker;
};

struct EatAttester final : Attester {
  EatAttester() {
    format = "eat";
    configuration = {{"keys", "eat-keys.json"}};
    files["eat-keys.json"] = to_bytes(as_bytes(maker.keys()));
    foreign_files["eat-keys.json"] = to_bytes(as_bytes(EatMaker().keys()));
    proves = {attest::proves::hardware};
    rule_facts = {{"attester_status", "affirming"}};
    refusal_of_binding = "eat_nonce";
    refusal_of_root = "eat_key_unknown";
  }
  Json evidence(const Sha256& binding, const SoftKey& token_key) override {
    maker.at = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return maker.evidence(binding, token_key.public_key());
  }
  EatMaker maker;
};

struct WebAuthnAttester final : Certified {
  WebAuthnAttester() : Certified("webauthn", {}, WebAuthnMaker().root_pem()) {
    files["webauthn-roots.pem"] = maker.root_pem();
    configuration["rp_ids"] = {maker.rp_id};
    configuration["origins"] = {maker.origin};
    proves = {attest::proves::hardware};
    rule_facts = {{"application", "rp:" + maker.rp_id}, {"user_verified", true}};
    refusal_of_binding = "webauthn_challenge";
  }
  Json evidence(const Sha256& binding, const SoftKey& token_key) override {
    return maker.evidence(binding, token_key.public_key());
  }
  WebAuthnMaker maker;
};

// Its root is known by its digest: another one is refused for that.
struct AppAttestAttester final : Certified {
  AppAttestAttester() : Certified("apple-appattest", {}, AppAttestMaker().root_pem()) {
    files["apple-appattest-roots.pem"] = maker.root_pem();
    configuration["app_ids"] = {maker.app_id};
    configuration["root_sha256"] = maker.root_digest();
    proves = {attest::proves::application};
    rule_facts = {{"application", maker.app_id}, {"environment", "production"}};
    refusal_of_binding = "appattest_nonce";
    refusal_of_root = "";
  }
  // A key attests once; what comes later are assertions.
  Json evidence(const Sha256& binding, const SoftKey& token_key) override {
    if (!client_id.empty()) return maker.known_evidence(binding, client_id, ++count);
    return maker.evidence(binding, token_key.public_key());
  }
  AppAttestMaker maker;
  std::uint32_t count = 0;
};

template <typename Attester>
std::unique_ptr<test::Attester> made() {
  return std::make_unique<Attester>();
}

using Make = std::unique_ptr<Attester> (*)();
const std::map<std::string, Make>& makers() {
  static const std::map<std::string, Make> all = {{"android-key", made<AndroidAttester>},
                                                  {"apple-appattest", made<AppAttestAttester>},
                                                  {"eat", made<EatAttester>},
                                                  {"nitro", made<NitroAttester>},
                                                  {"sev-snp", made<SnpAttester>},
                                                  {"tdx", made<TdxAttester>},
                                                  {"webauthn", made<WebAuthnAttester>},
                                                  {"x509", made<IdentityAttester>}};
  return all;
}

}  // namespace

std::unique_ptr<Attester> make_attester(const std::string& format) { return makers().at(format)(); }

std::vector<std::string> attester_names() {
  std::vector<std::string> names;
  for (const auto& [name, make] : makers()) names.push_back(name);
  return names;
}

}  // namespace mintmark::test
