#include "config/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sample.h"
#include "support/scratch.h"

namespace mintmark::config {
namespace {

using test::replaced;
using test::sample;

Config good(const std::string& text) {
  auto config = parse("/etc/mintmark/mintd.json", text);
  if (!config) throw std::runtime_error(config.error().to_string());
  return *config;
}

TEST(Config, GivesWhatTheFileSays) {
  const Config config = good(sample);
  EXPECT_EQ(config.issuer, "https://localhost:8443");
  ASSERT_EQ(config.listen.size(), 1U);
  EXPECT_EQ(config.listen[0].address, "127.0.0.1");
  EXPECT_EQ(config.listen[0].port, 8443);
  EXPECT_FALSE(config.trusted_proxy);
  EXPECT_EQ(config.front_user, "mintmark-front");
  EXPECT_EQ(config.signer_user, "mintmark-signer");
  EXPECT_EQ(config.longest_token_life, std::chrono::seconds(200));
  EXPECT_EQ(config.log_level, "warning");
  EXPECT_EQ(config.front_threads, 4U);
}

TEST(Config, GivesTheKeyStoreAsTheFileSays) {
  const Config config = good(sample);
  ASSERT_EQ(config.stores.size(), 1U);
  const HsmStore& store = config.stores[0];
  EXPECT_EQ(store.name, "main");
  EXPECT_EQ(store.module, "/usr/lib/softhsm/libsofthsm2.so");
  EXPECT_EQ(store.token, "mintmark");
  EXPECT_EQ(store.pin.file, "/etc/mintmark/pin");
  EXPECT_TRUE(store.pin.credential.empty());
  EXPECT_FALSE(store.pin.fd.has_value());
  EXPECT_EQ(store.sessions, 3U);
  EXPECT_EQ(store.queue, 512U);
  EXPECT_EQ(store.call_deadline, std::chrono::milliseconds(1500));
  EXPECT_EQ(store.self_check, SelfCheck::sampled);
  EXPECT_FALSE(store.session_copies);
  EXPECT_FALSE(store.sandbox.network);
  ASSERT_TRUE(store.attestation);
  EXPECT_EQ(store.attestation->kind, "yubihsm-attestation");
  EXPECT_EQ(store.attestation->directory, "/etc/mintmark/attestations");
  EXPECT_TRUE(store.sandbox.seccomp);
  EXPECT_EQ(store.start_up, std::chrono::seconds(9));
  EXPECT_EQ(store.key_change, std::chrono::seconds(15));
}

TEST(Config, GivesListenersLimitsAndRolesAsTheFileSays) {
  const Config config = good(sample);
  ASSERT_TRUE(config.metrics);
  EXPECT_EQ(config.metrics->address, "127.0.0.1");
  EXPECT_EQ(config.metrics->port, 9464);
  EXPECT_EQ(config.admin.read_group, "mintmark-read");
  EXPECT_EQ(config.admin.operate_group, "mintmark-operate");
  EXPECT_EQ(config.http.request_line_octets, 9000U);
  EXPECT_EQ(config.http.header_octets, 20'000U);
  EXPECT_EQ(config.http.header_fields, 60U);
  EXPECT_EQ(config.http.body_octets, 100'000U);
  EXPECT_EQ(config.http.evidence_octets, 1'000'000U);
  EXPECT_EQ(config.http.evidence_at_once, 7U);
  EXPECT_EQ(config.http.handshake, std::chrono::seconds(5));
  EXPECT_EQ(config.http.header, std::chrono::seconds(6));
  EXPECT_EQ(config.http.body, std::chrono::seconds(7));
  EXPECT_EQ(config.http.idle, std::chrono::seconds(30));
  EXPECT_EQ(config.http.write, std::chrono::seconds(8));
  EXPECT_EQ(config.http.connections, 500U);
  EXPECT_EQ(config.http.connections_per_address, 50U);
}

TEST(Config, ServesNoFiguresAndGivesNoGroupAnythingWhereNothingIsSaid) {
  const Config config =
      good(replaced(replaced(sample, R"("metrics": {"address": "127.0.0.1", "port": 9464},)", ""),
                    R"(, "read_group": "mintmark-read", "operate_group": "mintmark-operate")", ""));
  EXPECT_FALSE(config.metrics);
  EXPECT_EQ(config.admin.read_group, "");
  EXPECT_EQ(config.admin.operate_group, "");
}

TEST(Config, GivesEnrolmentAsTheFileSaysWithPcrsInOrder) {
  const Config config = good(sample);
  EXPECT_EQ(config.enrolment.mode, EnrolmentMode::open);
  EXPECT_EQ(config.enrolment.freshness, std::chrono::hours(1));
  EXPECT_TRUE(config.challenges_required);
  EXPECT_EQ(config.token_algorithms.usual, "PS256");
  EXPECT_EQ(config.token_algorithms.by_audience,
            (std::map<std::string, std::string>{{"https://legacy.example", "RS256"}}));
  EXPECT_EQ(config.enrolment.pending.per_root, 20U);
  EXPECT_EQ(config.enrolment.pending.per_address, 2U);
  EXPECT_EQ(config.enrolment.pending.keep, std::chrono::minutes(10));
  EXPECT_EQ(config.enrolment.tpm2.ek_kind, EkKind::ecc);
  EXPECT_EQ(config.enrolment.tpm2.ek_kind_by_root.at(std::string(64, 'a')), EkKind::rsa);
  EXPECT_EQ(config.enrolment.tpm2.pcr_bank, "sha256");
  EXPECT_EQ(config.enrolment.tpm2.pcrs, (std::vector<unsigned>{0, 1, 7}));
  EXPECT_EQ(config.enrolment.new_per_root_per_hour, 50U);
  const Formats& formats = config.enrolment.formats;
  EXPECT_TRUE(formats.x509->trust.review_unknown);
  EXPECT_FALSE(formats.nitro->trust.review_unknown);
  EXPECT_EQ(formats.webauthn->rp_ids, std::vector<std::string>{"example.org"});
  EXPECT_EQ(formats.webauthn->origins, std::vector<std::string>{"https://login.example.org"});
  EXPECT_TRUE(formats.webauthn->sha1 && formats.webauthn->self_attestation);
  EXPECT_TRUE(formats.webauthn->mds_required);
  EXPECT_EQ(formats.webauthn->mds_roots.size(), 1U);
  EXPECT_EQ(formats.apple_appattest->app_ids,
            std::vector<std::string>{"ABCDEFGHIJ.org.example.app"});
  EXPECT_EQ(formats.apple_appattest->root_sha256, std::string(64, 'b'));
  EXPECT_TRUE(formats.apple_appattest->development);
  EXPECT_FALSE(formats.tdx->collateral_required);
  EXPECT_EQ(formats.eat->issuers, std::vector<std::string>{"https://verifier.example"});
  EXPECT_EQ(formats.eat->audience, "https://localhost:8443");
  EXPECT_TRUE(formats.eat->warning);
}

TEST(Config, GivesResultsAsTheFileSaysAndNoneWhereItIsSilent) {
  EXPECT_TRUE(good(sample).results.enabled);
  EXPECT_EQ(good(sample).results.life, std::chrono::seconds(120));
  EXPECT_EQ(good(sample).keys.rotation_by_purpose.at("result"), std::chrono::hours(28 * 24));
  const std::string whole = R"("results": {"enabled": true, "life_seconds": 120},)";
  EXPECT_FALSE(good(replaced(sample, whole, "")).results.enabled);
  EXPECT_FALSE(good(replaced(sample, R"("enabled": true, )", "")).results.enabled);
}

TEST(Config, MakesStatusListsAsLongAsOneMessageToTheSignerTakes) {
  const std::string sampled = R"("status_bits": 1,
    "list_entries": 65536,)";
  const auto entries = [&](const std::string& members) {
    return good(replaced(sample, sampled, members)).revocation.list_entries;
  };
  EXPECT_EQ(entries(sampled), 65536U);
  EXPECT_EQ(entries(""), 1U << 20U);
  EXPECT_EQ(entries(R"("status_bits": 2,)"), 1U << 19U);
  EXPECT_EQ(entries(R"("status_bits": 2, "list_entries": 16384,)"), 1U << 14U);
}

TEST(Config, TakesClientsByCertificateOnlyWhereItSaysHow) {
  const std::string whole =
      R"("mutual_tls": {"self_signed": true, "authorities": ["devices-ca.pem"]},)";
  const MutualTls both = good(sample).mutual_tls;
  EXPECT_TRUE(both.self_signed);
  EXPECT_EQ(both.authorities, std::vector<std::string>{"/etc/mintmark/devices-ca.pem"});
  EXPECT_EQ(both.certificate_header, "");
  EXPECT_FALSE(good(replaced(sample, whole, "")).mutual_tls.is_on());
  const std::string own = R"("tls": {"certificate": "tls/server.pem", "key": "tls/server.key"},
  "plain_http_behind_trusted_proxy": false)";
  const std::string behind = replaced(
      replaced(sample, own, R"("plain_http_behind_trusted_proxy": true)"),
      R"("self_signed": true,)", R"("self_signed": true, "certificate_header": "Client-Cert",
        "trusted_networks": ["192.0.2.0/24", "::1"],)");
  const std::vector<Network> trusted = good(behind).mutual_tls.trusted_networks;
  ASSERT_EQ(trusted.size(), 2U);
  EXPECT_TRUE(trusted[0].contains("192.0.2.7"));
  EXPECT_FALSE(trusted[1].contains("192.0.2.7"));
  EXPECT_EQ(good(behind).mutual_tls.certificate_header, "Client-Cert");
}

TEST(Config, GivesTheVerifiersThatAcknowledgeAsTheFileSays) {
  const Acknowledge said = good(sample).keys.acknowledge;
  EXPECT_EQ(said.verifiers, (std::vector<std::string>{"gate-1", "api.v2_b"}));
  EXPECT_EQ(said.deadline, std::chrono::hours(2));
  EXPECT_EQ(said.forget, std::chrono::seconds(9000));
}

TEST(Config, ResolvesRelativePathsAgainstTheFilesDirectory) {
  const Config config = good(sample);
  EXPECT_EQ(config.tls->certificate, "/etc/mintmark/tls/server.pem");
  EXPECT_EQ(config.tls->key, "/etc/mintmark/tls/server.key");
  EXPECT_EQ(config.admin.socket, "/etc/mintmark/admin.sock");
  EXPECT_EQ(config.state_directory, "/etc/mintmark/state");
  EXPECT_EQ(config.enrolment.tpm2.trust.roots.at(0).path, "/etc/mintmark/ek-roots");
  EXPECT_EQ(config.enrolment.tpm2.ak_roots.at(0).path, "/etc/mintmark/ak-roots");
  EXPECT_EQ(config.enrolment.tpm2.trust.crls, "/etc/mintmark/crls");
  EXPECT_EQ(config.enrolment.tpm2.trust.intermediates, "/etc/mintmark/ek-intermediates");
  EXPECT_EQ(config.policy_file, "/etc/mintmark/policy.json");
  EXPECT_EQ(config.enrolment.formats.android_key->revocation_list, "/etc/mintmark/status.json");
  EXPECT_EQ(config.enrolment.formats.android_key->software_roots.at(0).path,
            "/etc/mintmark/emulators");
  EXPECT_EQ(config.enrolment.formats.webauthn->mds, "/etc/mintmark/blob.jwt");
  EXPECT_EQ(config.enrolment.formats.webauthn->revocation_list,
            "/etc/mintmark/webauthn-status.json");
  EXPECT_EQ(config.enrolment.formats.tdx->collateral, "/etc/mintmark/pcs");
  EXPECT_EQ(config.enrolment.formats.eat->keys, "/etc/mintmark/verifier-keys.json");
}

TEST(Config, TakesOnePathOfRootsOrAListWithARuleEach) {
  Config config = good(sample);
  ASSERT_EQ(config.enrolment.tpm2.trust.roots.size(), 1U);
  EXPECT_EQ(config.enrolment.tpm2.trust.roots[0].rule, RootRule::trust);
  EXPECT_EQ(config.enrolment.tpm2.ak_roots.at(0).rule, RootRule::review);
  EXPECT_FALSE(config.enrolment.tpm2.trust.review_unknown);
  EXPECT_FALSE(config.enrolment.tpm2.trust.crls_required);
  Json document = Json::parse(sample, nullptr, true, true);
  document["enrolment"]["tpm2"]["roots"] = {{{"path", "/a"}, {"rule", "trust"}},
                                            {{"path", "b"}, {"rule", "refuse"}}};
  document["enrolment"]["tpm2"]["crls_required"] = true;
  document["enrolment"]["tpm2"].erase("ak_roots");
  document["enrolment"]["tpm2"].erase("unknown_roots");
  config = good(document.dump());
  ASSERT_EQ(config.enrolment.tpm2.trust.roots.size(), 2U);
  EXPECT_EQ(config.enrolment.tpm2.trust.roots[1].path, "/etc/mintmark/b");
  EXPECT_EQ(config.enrolment.tpm2.trust.roots[1].rule, RootRule::refuse);
  EXPECT_TRUE(config.enrolment.tpm2.trust.crls_required);
  EXPECT_TRUE(config.enrolment.tpm2.ak_roots.empty()) << "no AK certificate is taken";
  EXPECT_TRUE(config.enrolment.tpm2.trust.review_unknown);
}

TEST(Config, TakesATlsKeyInAKeyStore) {
  const Config config =
      good(replaced(sample, R"("key": "tls/server.key")", R"("key_store": "main")"));
  EXPECT_EQ(config.tls->key_store, "main");
  EXPECT_EQ(config.tls->key, "");
}

TEST(Config, KeepsEnvironmentValuesAsTheyStand) {
  const Config config = good(sample);
  EXPECT_EQ(config.stores[0].environment.at("SOFTHSM2_CONF"), "softhsm2.conf");
}

TEST(Config, ResolvesAgainstTheWorkingDirectoryWhenTheFileIsNamedSo) {
  const auto config = parse("mintd.json", sample);
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->policy_file, (std::filesystem::current_path() / "policy.json").string());
}

TEST(Config, GivesAStoreInATpmADirectoryOfItsOwn) {
  Json document = Json::parse(test::sample, nullptr, true, true);
  document["hsm"]["stores"] = {
      {"chip", {{"profile", "tpm2"}, {"pin", {{"file", "pin"}}}}},
      {"other",
       {{"tpm", {{"tcti", "device:/dev/tpm1"}, {"blobs", "/b"}, {"owner", {{"file", "o"}}}}},
        {"pin", {{"file", "pin"}}}}}};
  const auto config = parse("/etc/mintmark/mintd.json", document.dump());
  ASSERT_TRUE(config) << config.error().to_string();
  const HsmStore& chip = config->stores[0];
  ASSERT_TRUE(chip.tpm);
  EXPECT_EQ(chip.tpm->tcti, "device:/dev/tpmrm0");
  EXPECT_EQ(chip.tpm->blobs, "/etc/mintmark/state/signer-chip");
  EXPECT_EQ(chip.tpm->owner, "");
  EXPECT_EQ(chip.module, "");
  EXPECT_EQ(config->stores[1].tpm->blobs, "/b");
  EXPECT_EQ(config->stores[1].tpm->owner, "/etc/mintmark/o");
}

TEST(Config, HasDefaultsForWhatMayBeLeftOut) {
  const Config config = good(R"({
    "issuer": "https://issuer.example",
    "listen": [{"address": "::", "port": 443}],
    "plain_http_behind_trusted_proxy": true,
    "admin": {"socket": "/run/mintmark/admin.sock"},
    "state_directory": "/var/lib/mintmark",
    "hsm": {"stores": {"main": {"module": "/m.so", "token": "t", "pin": {"fd": 3}}}},
    "enrolment": {"tpm2": {"roots": "/roots"}},
    "policy": "/etc/mintmark/policy.json"
  })");
  EXPECT_FALSE(config.tls.has_value());
  EXPECT_TRUE(config.trusted_proxy);
  EXPECT_TRUE(config.front_user.empty());
  EXPECT_EQ(config.stores[0].pin.fd, 3);
  EXPECT_EQ(config.stores[0].sessions, 2U);
  EXPECT_EQ(config.stores[0].queue, 1024U);
  EXPECT_EQ(config.stores[0].call_deadline, std::chrono::seconds(2));
  EXPECT_EQ(config.stores[0].self_check, SelfCheck::always);
  EXPECT_TRUE(config.stores[0].session_copies);
  EXPECT_TRUE(config.stores[0].sandbox.network);
  EXPECT_FALSE(config.stores[0].sandbox.seccomp);
  EXPECT_EQ(config.longest_token_life, std::chrono::minutes(5));
  EXPECT_EQ(config.enrolment.freshness, std::chrono::hours(24));
  EXPECT_EQ(config.enrolment.mode, EnrolmentMode::approve);
  EXPECT_EQ(config.enrolment.pending.per_root, 1000U);
  EXPECT_EQ(config.enrolment.pending.per_address, 16U);
  EXPECT_EQ(config.enrolment.pending.keep, std::chrono::hours(72));
  EXPECT_EQ(config.enrolment.tpm2.ek_kind, EkKind::rsa);
  EXPECT_FALSE(config.challenges_required);
  EXPECT_EQ(config.token_algorithms.usual, "ES256");
  EXPECT_TRUE(config.token_algorithms.by_audience.empty());
  EXPECT_TRUE(config.keys.acknowledge.verifiers.empty());
  EXPECT_EQ(config.keys.evidence.activations_per_minute, 6U);
  EXPECT_FALSE(config.stores[0].attestation);
  EXPECT_TRUE(config.enrolment.tpm2.trust.intermediates.empty());
  EXPECT_EQ(config.enrolment.tpm2.pcrs, (std::vector<unsigned>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(config.log_level, "info");
  EXPECT_EQ(config.front_threads, 0U);
}

TEST(Config, TakesAPinFromACredential) {
  const Config config =
      good(replaced(sample, R"({"file": "pin"})", R"({"credential": "hsm-pin"})"));
  EXPECT_EQ(config.stores[0].pin.credential, "hsm-pin");
  EXPECT_TRUE(config.stores[0].pin.file.empty());
}

TEST(Config, TakesATokenAsUri) {
  const Config config =
      good(replaced(sample, R"("token": "mintmark")", R"("token": "pkcs11:token=mint;serial=1")"));
  EXPECT_EQ(config.stores[0].token, "pkcs11:token=mint;serial=1");
}

TEST(Config, TakesSeveralStoresAndListeners) {
  std::string text = replaced(sample, R"("main": {)",
                              R"("spare": {"module": "/m.so", "token": "t", "pin": {"fd": 4}},
                                 "main": {)");
  text = replaced(text, R"("port": 8443})", R"("port": 8443}, {"address": "::1", "port": 8443})");
  const Config config = good(text);
  EXPECT_EQ(config.stores.size(), 2U);
  EXPECT_EQ(config.listen.size(), 2U);
}

TEST(Config, LoadsAFile) {
  const mintmark::test::Scratch scratch;
  std::ofstream(scratch / "mintd.json") << sample;
  const auto config = load(scratch / "mintd.json");
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->policy_file, scratch / "policy.json");
}

TEST(Config, OfAnAbsentFileIsUnreadable) {
  const auto config = load("/nonexistent/mintd.json");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::config_unreadable);
  EXPECT_NE(config.error().detail.find("/nonexistent/mintd.json"), std::string::npos);
}

}  // namespace
}  // namespace mintmark::config
