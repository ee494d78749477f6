// The device's certificate in use, and what is asked for with it.
#include "agent/agent.h"
#include "agent/certificate.h"
#include "hsm/tls/key.h"
#include "http/tls.h"

namespace mintmark::agent {
namespace {

constexpr const char* own_file = "certificate.pem";
constexpr const char* installed_file = "installed-certificate.pem";
constexpr std::size_t longest_file = 128U << 10U;

bool is_there(const std::filesystem::path& file) {
  std::error_code error;
  return std::filesystem::exists(file, error) || error;
}

Result<std::optional<DeviceCertificate>> read_kept(const std::filesystem::path& file,
                                                   const std::string& jkt) {
  if (!is_there(file)) return std::nullopt;
  const auto pem = read_file(file, longest_file);
  if (!pem) return tl::unexpected<Error>(pem.error());
  auto read = read_certificate(*pem, jkt);
  if (read) return std::move(*read);
  return fail(read.error().code, file.string() + ": " + read.error().detail);
}

}  // namespace

Result<HeldDeviceKey> Agent::hold_key(const Identity& identity, const jose::PublicKey& key) {
  return hold(key, [this, identity](BytesView message) -> Result<Bytes> {
    auto opened = open_key(identity);
    if (!opened) return pass_on(opened);
    auto signature = (*opened)->sign(message);
    // Others may want the TPM while this connection stands.
    opened->reset();
    release_hardware();
    return signature;
  });
}

// One that an authority gave is for whoever wants an authority's: another does not take its place
// unasked.
Result<std::optional<DeviceCertificate>> Agent::installed_certificate(
    const Identity& identity) const {
  const auto file = state_.path() / installed_file;
  auto installed = read_kept(file, identity.jkt);
  if (!installed || !*installed || is_good(**installed, surroundings_.clock.now()))
    return installed;
  return fail(Code::agent_certificate_unfit,
              file.string() +
                  " is not good now: install a new one (mint-agent certificate "
                  "--request, then --install), or remove it for a self-signed one");
}

Result<std::optional<DeviceCertificate>> Agent::kept_certificate(const Identity& identity) const {
  auto installed = installed_certificate(identity);
  if (!installed || *installed) return installed;
  // What cannot be used is made anew.
  auto own = read_kept(state_.path() / own_file, identity.jkt);
  const Moment now = surroundings_.clock.now();
  if (!own || !*own || !is_good(**own, now) || is_ending(**own, now)) return std::nullopt;
  return own;
}

Result<DeviceCertificate> Agent::renewed_certificate(const Identity& identity,
                                                     std::chrono::hours life) {
  auto key = open_key(identity);
  if (!key) return tl::unexpected<Error>(key.error());
  const jose::PublicKey public_key = (*key)->public_key();
  key->reset();  // A signature lets go of the hardware, which no key may outlive.
  const auto held = hold_key(identity, public_key);
  if (!held) return tl::unexpected<Error>(held.error());
  auto pem = make_certificate({held->key.get(), public_key, identity.client_id}, life,
                              surroundings_.clock.now());
  if (!pem && *held->trouble) return tl::unexpected<Error>(**held->trouble);
  if (!pem) return pass_on(pem);
  if (auto saved = write_file_atomically(state_.path() / own_file, *pem, 0600); !saved)
    return pass_on(saved);
  return read_certificate(*pem, identity.jkt);
}

Result<DeviceCertificate> Agent::certificate_of(const Identity& identity) {
  auto kept = kept_certificate(identity);
  if (!kept) return pass_on(kept);
  if (*kept) return std::move(**kept);
  return renewed_certificate(identity, usual_certificate_life);
}

Result<std::string> Agent::certificate(std::optional<std::chrono::hours> life) {
  const auto lock = state_.lock();
  if (!lock) return tl::unexpected<Error>(lock.error());
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  if (life && is_there(state_.path() / installed_file)) {
    return fail(Code::agent_certificate_unfit,
                "an authority's certificate is installed, which this one would not be used "
                "beside; remove " +
                    (state_.path() / installed_file).string());
  }
  auto certificate = life ? renewed_certificate(*identity, *life) : certificate_of(*identity);
  if (!certificate) return pass_on(certificate);
  return std::move(certificate->pem);
}

Result<std::string> Agent::certificate_request() {
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  auto key = open_key(*identity);
  if (!key) return tl::unexpected<Error>(key.error());
  const jose::PublicKey public_key = (*key)->public_key();
  key->reset();  // A signature lets go of the hardware, which no key may outlive.
  const auto held = hold_key(*identity, public_key);
  if (!held) return tl::unexpected<Error>(held.error());
  auto pem = make_certificate_request({held->key.get(), public_key, identity->client_id});
  if (!pem && *held->trouble) return tl::unexpected<Error>(**held->trouble);
  return pem;
}

Result<void> Agent::install_certificate(const std::string& pem) {
  const auto lock = state_.lock();
  if (!lock) return tl::unexpected<Error>(lock.error());
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  const auto read = read_certificate(pem, identity->jkt);
  if (!read) return tl::unexpected<Error>(read.error());
  if (!is_good(*read, surroundings_.clock.now()))
    return fail(Code::agent_certificate_unfit,
                "the certificate is not good now; compare its times "
                "with the clock");
  return write_file_atomically(state_.path() / installed_file, pem, 0600);
}

Result<ShownCertificate> Agent::shown(const Identity& identity,
                                      const DeviceCertificate& certificate) {
  const auto key = public_key_of(certificate);
  if (!key) return tl::unexpected<Error>(key.error());
  auto held = hold_key(identity, *key);
  if (!held) return pass_on(held);
  auto identity_shown = std::make_shared<const http::ClientIdentity>(
      http::ClientIdentity{certificate.pem,
                           {.key = std::move(held->key),
                            .library = hsm::tls::library(),
                            .properties = hsm::tls::library_properties,
                            .threads = nullptr}});
  return ShownCertificate{certificate.thumbprint, std::move(identity_shown),
                          std::move(held->trouble)};
}

Result<ShownCertificate> Agent::shown_certificate() {
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  const auto certificate = kept_certificate(*identity);
  if (!certificate) return tl::unexpected<Error>(certificate.error());
  if (*certificate) return shown(*identity, **certificate);
  return fail(Code::agent_certificate_missing,
              "there is no certificate that is good; one is made with the next token");
}

Result<Agent::CertifiedTransport> Agent::certified_transport(const Identity& identity,
                                                             const DeviceCertificate& certificate,
                                                             const std::string& ca_file) {
  auto now = shown(identity, certificate);
  if (!now) return pass_on(now);
  return CertifiedTransport{surroundings_.open_transport_as(ca_file, std::move(now->identity)),
                            std::move(now->trouble)};
}

Result<TokenAnswer> Agent::ask_by_certificate(const Identity& identity,
                                              const TokenRequest& request) {
  const auto certificate = certificate_of(identity);
  if (!certificate) return tl::unexpected<Error>(certificate.error());
  const auto opened = certified_transport(identity, *certificate, identity.ca_file);
  if (!opened) return tl::unexpected<Error>(opened.error());
  auto issuer = IssuerClient::at(identity.issuer, *opened->transport);
  if (!issuer) return pass_on(issuer);
  const auto endpoints = issuer->endpoints();
  if (!endpoints) return tl::unexpected<Error>(opened->trouble->value_or(endpoints.error()));
  auto reply = issuer->token(endpoints->token, request,
                             ClientCredential::certificate(identity.client_id), "");
  if (!reply.answer) return tl::unexpected<Error>(opened->trouble->value_or(reply.answer.error()));
  reply.answer->certificate = certificate->thumbprint;
  return std::move(reply.answer);
}

Result<http::Response> Agent::call_by_certificate(const Call& call) {
  const auto access_token = token(call.token);
  if (!access_token) return tl::unexpected<Error>(access_token.error());
  const auto identity = state_.identity();
  if (!identity) return tl::unexpected<Error>(identity.error());
  const auto certificate = kept_certificate(*identity);
  if (!certificate) return tl::unexpected<Error>(certificate.error());
  if (!*certificate)
    return fail(Code::agent_certificate_missing,
                "the certificate that the token is bound to has ended just now; try again");
  const std::string& ca_file = call.ca_file.empty() ? identity->ca_file : call.ca_file;
  const auto opened = certified_transport(*identity, **certificate, ca_file);
  if (!opened) return tl::unexpected<Error>(opened.error());
  http::Headers headers = call.headers;
  headers.add("Authorization", "Bearer " + *access_token);
  auto response = opened->transport->send(call.method, call.url, headers, call.body);
  if (!response && *opened->trouble) return tl::unexpected<Error>(**opened->trouble);
  return answered(std::move(response), *access_token);
}

}  // namespace mintmark::agent
