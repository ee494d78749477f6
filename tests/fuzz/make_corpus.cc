// Writes tests/fuzz/corpus anew: small logs of every form that the builders of the tests can make.
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "cbor/cose.h"
#include "cbor/write.h"
#include "jose/jws.h"
#include "support/android_chain.h"
#include "support/app_attest_maker.h"
#include "support/boot_log.h"
#include "support/eat_maker.h"
#include "support/identity_maker.h"
#include "support/ima_log.h"
#include "support/nitro_maker.h"
#include "support/webauthn_maker.h"
#include "verify/status_list_token.h"

namespace {

using namespace mintmark;

bool write(const std::filesystem::path& path, BytesView octets) {
  const auto written = write_file_atomically(path, as_text(octets), 0644);
  if (!written) std::fprintf(stderr, "%s\n", written.error().to_string().c_str());
  return written.has_value();
}

test::BootLog loaders() {
  test::BootLog log({"sha256"});
  log.startup_locality(3).secure_boot(true).separator(7);
  Bytes entry = test::efi_global_guid();
  entry.insert(entry.end(), 32, 0x44);
  log.measure(7, test::ev_efi_variable_authority,
              test::efi_variable(test::image_security_guid(), "db", entry));
  log.measure_as(14, test::ev_ipl, as_bytes("MokList"), as_bytes("list"));
  Bytes section = test::utf16(".linux");
  section.resize(section.size() + 2);
  log.measure_as(11, test::ev_ipl, section, as_bytes(std::string_view(".linux", 7)));
  log.measure_as(11, test::ev_ipl, section, as_bytes("kernel"));
  Bytes line = test::utf16("root=/dev/sda2");
  line.resize(line.size() + 2);
  log.measure(12, test::ev_ipl, line);
  return log.measure_as(9, test::ev_event_tag, *from_hex("ec223b8f0400000078797a00"),
                        as_bytes("initrd"));
}

test::ImaLog files() {
  test::ImaLog log;
  log.file("boot_aggregate", "a").file("/bin/a b", "b", "ima-sig", Bytes{3, 2});
  return log.file("/c", "c", "ima-ngv2").violation("/d").file(".ima", "e", "ima-buf", Bytes{1});
}

test::ImaLog old_files() {
  test::ImaLog log;
  return log.file("boot_aggregate", "a", "ima").file("/bin/init", "b", "ima");
}

Bytes certificate(const test::IdentityOptions& options, jose::Algorithm algorithm) {
  return test::IdentityDevice(test::IdentityMaker(), options, algorithm).certificate();
}

bool write_identities(const std::filesystem::path& folder) {
  using jose::Algorithm;
  test::IdentityOptions bare;
  bare.module_type = bare.common_name = "";
  test::IdentityOptions octets;
  octets.module_serial = std::string("\x01\xFE", 2);
  octets.key_usage = nullptr;
  octets.policies.clear();
  return write(folder / "idevid.der", certificate({}, Algorithm::es256)) &&
         write(folder / "rsa.der", certificate(octets, Algorithm::rs256)) &&
         write(folder / "nameless.der", certificate(bare, Algorithm::es384)) &&
         write(folder / "ed25519.der", certificate({}, Algorithm::ed25519));
}

// Every kind of field, those of no version that is known among them.
Json every_field() {
  Json description = test::good_key_description();
  description["uniqueId"] = "AQID";
  Json& hardware = description["hardwareEnforced"];
  hardware["rsaOaepMgfDigests"] = {"1", "2"};
  hardware["usageExpireDateTime"] = "18446744073709551615";
  hardware["allApplications"] = true;
  hardware["moduleHash"] = "AQID";
  hardware["unknownTags"] = {725, 99'999, 9};
  return description;
}

Json keymaster() {
  Json description = test::good_key_description();
  description["attestationVersion"] = "2";
  description["hardwareEnforced"] = {{"rollbackResistant", true}};
  description["softwareEnforced"] = Json::object();
  return description;
}

bool write_android_keys(const std::filesystem::path& folder) {
  return write(folder / "good.bin", test::key_description_der(test::good_key_description())) &&
         write(folder / "every_field.bin", test::key_description_der(every_field())) &&
         write(folder / "keymaster.bin", test::key_description_der(keymaster()));
}

bool write_nitro(const std::filesystem::path& folder) {
  test::NitroMaker maker;
  maker.at = from_unix(1'800'000'000);
  maker.nonce = Bytes(32, 7);
  const Bytes enclave = maker.document();
  maker.tagged = true;
  maker.machine = true;
  maker.public_key = Bytes(65, 4);
  const Bytes machine = maker.document();
  maker.bundle_to = 1;
  maker.pcrs = {{0, Bytes(48, 1)}};
  return write(folder / "enclave.cose", enclave) && write(folder / "machine.cose", machine) &&
         write(folder / "small.cose", maker.document()) &&
         write(folder / "carrier.der", maker.carrier(enclave));
}

// The claims alone: what a key signed is nothing that mutations would get past.
bool write_eat(const std::filesystem::path& folder) {
  test::EatMaker maker;
  maker.at = from_unix(1'800'000'000);
  const Json ear = maker.bound_claims(Bytes(32, 7));
  const auto message = cbor::parse_sign1(maker.cwt(ear)).value();
  for (const char* type : {"sevsnpvm", "tdxvm", "sgx"}) {
    test::EatMaker azure;
    azure.at = maker.at;
    azure.azure = type;
    azure.claims = {{"iss", "https://shared.test.attest.azure.net"},
                    {"nonce", "chosen by anybody"}};
    const auto name = std::string("azure_") + type + ".json";
    if (!write(folder / name, as_bytes(azure.bound_claims(Bytes(32, 7)).dump()))) return false;
  }
  return write(folder / "ear.json", as_bytes(ear.dump())) &&
         write(folder / "ear.cbor", message.payload) && write(folder / "ear.cwt", maker.cwt(ear)) &&
         write(folder / "ear.jwt", as_bytes(maker.jwt(ear)));
}

// Bound to what the target asks for.
bool write_webauthn(const std::filesystem::path& folder) {
  for (const char* kind : {"packed", "self", "tpm", "android-key", "apple", "fido-u2f", "none"}) {
    test::WebAuthnMaker maker(kind);
    // Just these members, in this order.
    maker.change_client = [](Json& client) { client.erase("crossOrigin"); };
    const auto made = maker.make(Bytes(32, 7));
    if (!write(folder / (std::string(kind) + ".cbor"), made.object)) return false;
    if (!write(folder / "client.json", made.client)) return false;
  }
  return true;
}

bool write_app_attest(const std::filesystem::path& folder) {
  test::AppAttestMaker maker;
  const Bytes hash(32, 7);
  if (!write(folder / "attestation.cbor", maker.attestation(hash)) ||
      !write(folder / "assertion.cbor", maker.assertion(hash, 1)))
    return false;
  maker.receipt.reset();
  maker.aaguid = "appattestdevelop";
  return write(folder / "development.cbor", maker.attestation(hash));
}

// By the target's key, of which nobody has the private half: what is signed is whole, the tokens
// are not.
bool write_status_lists(const std::filesystem::path& folder) {
  const auto key = jose::PublicKey::from_jwk({{"kty", "EC"},
                                              {"crv", "P-256"},
                                              {"x", "G8fAud93NgCg8C_0bY1YqVZ5zNlkb-cNsGTQia7m0is"},
                                              {"y", "RK1gonvUKKQOCSHDwz3SiN9EijCqmXS4sDeRbc8RnL0"}})
                       .value();
  const std::string issuer = "https://issuer.example";
  const std::string aggregation = issuer + "/statuslists";
  const Bytes octets = from_hex("c944f9").value();
  const Bytes compressed = verify::compressed_list(octets);
  const verify::StatusListClaims claims{.issuer = issuer,
                                        .uri = issuer + "/status/1",
                                        .aggregation_uri = aggregation,
                                        .issued_at = from_unix(1'800'000'000),
                                        .life = std::chrono::seconds(300),
                                        .ttl = std::chrono::seconds(60),
                                        .bits = 2,
                                        .compressed = compressed};
  const std::string jwt = verify::status_list_jwt_input(claims, key);
  const std::string cwt = verify::status_list_cwt_input(claims, key);
  const Bytes signature(64, 7);
  return write(folder / "input.jwt", as_bytes(jwt)) && write(folder / "input.cwt", as_bytes(cwt)) &&
         write(folder / "token.jwt", as_bytes(jose::compact(jwt, signature))) &&
         write(folder / "token.cwt", as_bytes(verify::status_list_cwt(cwt, signature))) &&
         write(folder / "list.json",
               as_bytes(verify::status_list_json(2, compressed, aggregation).dump())) &&
         write(folder / "list.cbor", verify::status_list_cbor(2, compressed, aggregation)) &&
         write(folder / "list.bin", cbor::joined(Bytes{2}, compressed));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_corpus FOLDER\n");
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const auto whole = test::BootLog::whole("shim", true, {"sha1", "sha256"});
  auto padded = loaders();
  padded.raw(Bytes(64, 0xFF));
  const bool written = write_android_keys(folder / "android_key") &&
                       write(folder / "eventlog/whole.bin", whole.octets()) &&
                       write(folder / "eventlog/sha1.bin", whole.sha1_octets()) &&
                       write(folder / "eventlog/loaders.bin", loaders().octets()) &&
                       write(folder / "eventlog/padded.bin", padded.octets()) &&
                       write_identities(folder / "device_identity") &&
                       write(folder / "ima/files.bin", files().binary()) &&
                       write(folder / "ima/files.txt", as_bytes(files().ascii())) &&
                       write(folder / "ima/old.bin", old_files().binary()) &&
                       write(folder / "ima/old.txt", as_bytes(old_files().ascii())) &&
                       write_nitro(folder / "nitro") && write_eat(folder / "eat") &&
                       write_webauthn(folder / "webauthn") &&
                       write_app_attest(folder / "apple_appattest") &&
                       write_status_lists(folder / "status_list");
  return written ? 0 : 1;
}
