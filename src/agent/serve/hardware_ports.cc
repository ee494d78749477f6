#include "agent/serve/hardware_ports.h"

namespace mintmark::agent::serve {
namespace {

using hsm::pkcs11::SecureElement;
using hsm::tpm2::AttestationKey;
using hsm::tpm2::Device;
using hsm::tpm2::EkCertificate;
using hsm::tpm2::EkKind;
using hsm::tpm2::KeyBlobs;
using hsm::tpm2::PersistentKey;
using hsm::tpm2::Quote;
using hsm::tpm2::Statement;

// The caller may have gone when the call is made: `use` holds copies of what it needs, and the
// answer is kept for whoever is still there.
template <typename T, typename Part>
Result<T> through(Hardware& hardware, Standing standing,
                  std::function<Result<Part*>(Hardware&)> part,
                  std::function<Result<T>(Part&)> use) {
  const auto answer = std::make_shared<Result<T>>(fail(Code::internal, "no answer"));
  auto waited = hardware.wait_for(
      [&hardware, answer, part = std::move(part), use = std::move(use)] {
        const auto found = part(hardware);
        if (found) *answer = use(**found);
        if (!found) *answer = tl::unexpected<Error>(found.error());
        if (!*answer) hardware.heed(answer->error());
      },
      standing);
  if (!waited) return pass_on(waited);
  return std::move(*answer);
}

class DeviceThrough final : public Device {
 public:
  DeviceThrough(Hardware& hardware, Standing standing, std::string tcti)
      : hardware_(hardware), standing_(standing), tcti_(std::move(tcti)) {}

  Result<EkCertificate> ek_certificate(std::optional<EkKind> wanted) override {
    return call<EkCertificate>([wanted](Device& tpm) { return tpm.ek_certificate(wanted); });
  }
  Result<Bytes> ak_certificate(std::uint32_t nv_index) override {
    return call<Bytes>([nv_index](Device& tpm) { return tpm.ak_certificate(nv_index); });
  }
  Result<Bytes> public_area(const PersistentKey& key) override {
    return call<Bytes>([key](Device& tpm) { return tpm.public_area(key); });
  }
  Result<KeyBlobs> create_attestation_key() override {
    return call<KeyBlobs>([](Device& tpm) { return tpm.create_attestation_key(); });
  }
  Result<KeyBlobs> create_device_key() override {
    return call<KeyBlobs>([](Device& tpm) { return tpm.create_device_key(); });
  }
  Result<Secret> activate_credential(const EkCertificate& ek, const KeyBlobs& ak,
                                     BytesView credential_blob,
                                     BytesView encrypted_secret) override {
    return call<Secret>([ek, ak, blob = to_bytes(credential_blob),
                         secret = to_bytes(encrypted_secret)](Device& tpm) {
      return tpm.activate_credential(ek, ak, blob, secret);
    });
  }
  Result<Statement> certify(const KeyBlobs& key, const AttestationKey& ak,
                            BytesView qualifying_data) override {
    return call<Statement>([key, ak, data = to_bytes(qualifying_data)](Device& tpm) {
      return tpm.certify(key, ak, data);
    });
  }
  Result<Quote> quote(const AttestationKey& ak, const std::string& bank,
                      const std::vector<unsigned>& selection, BytesView qualifying_data) override {
    return call<Quote>([ak, bank, selection, data = to_bytes(qualifying_data)](Device& tpm) {
      return tpm.quote(ak, bank, selection, data);
    });
  }
  Result<Bytes> sign(const KeyBlobs& key, const Sha256& digest) override {
    return call<Bytes>([key, digest](Device& tpm) { return tpm.sign(key, digest); });
  }

 private:
  template <typename T>
  Result<T> call(std::function<Result<T>(Device&)> use) {
    return through<T, Device>(
        hardware_, standing_, [tcti = tcti_](Hardware& owner) { return owner.device(tcti); },
        std::move(use));
  }
  Hardware& hardware_;
  Standing standing_;
  std::string tcti_;
};

class ElementThrough final : public SecureElement {
 public:
  ElementThrough(Hardware& hardware, Standing standing, std::string uri, std::string pin_memory)
      : hardware_(hardware),
        standing_(standing),
        uri_(std::move(uri)),
        pin_memory_(std::move(pin_memory)) {}

  const std::string& token() const override { return token_; }
  Result<Bytes> identity_key() override {
    return call<Bytes>([](SecureElement& element) { return element.identity_key(); });
  }
  Result<Bytes> certificate(const Bytes& id) override {
    return call<Bytes>([id](SecureElement& element) { return element.certificate(id); });
  }
  Result<jose::PublicKey> find_key(const Bytes& id) override {
    return call<jose::PublicKey>([id](SecureElement& element) { return element.find_key(id); });
  }
  Result<jose::PublicKey> find_or_make_key(const Bytes& id) override {
    return call<jose::PublicKey>(
        [id](SecureElement& element) { return element.find_or_make_key(id); });
  }
  Result<Bytes> sign(const Bytes& id, jose::Algorithm algorithm, BytesView octets) override {
    return call<Bytes>([id, algorithm, copy = to_bytes(octets)](SecureElement& element) {
      return element.sign(id, algorithm, copy);
    });
  }

  [[nodiscard]] Result<void> open() {
    token_ = hardware_.token_of(uri_);
    if (!token_.empty()) return {};
    auto token = call<std::string>(
        [](SecureElement& element) { return Result<std::string>(element.token()); });
    if (!token) return pass_on(token);
    token_ = std::move(*token);
    return {};
  }

 private:
  template <typename T>
  Result<T> call(std::function<Result<T>(SecureElement&)> use) {
    return through<T, SecureElement>(
        hardware_, standing_,
        [uri = uri_, memory = pin_memory_](Hardware& owner) { return owner.element(uri, memory); },
        std::move(use));
  }
  Hardware& hardware_;
  Standing standing_;
  std::string uri_;
  std::string pin_memory_;
  std::string token_;
};

}  // namespace

Result<std::unique_ptr<Device>> device_through(Hardware& hardware, Standing standing,
                                               const std::string& tcti) {
  return std::make_unique<DeviceThrough>(hardware, standing, tcti);
}

Result<std::unique_ptr<SecureElement>> element_through(Hardware& hardware, Standing standing,
                                                       const std::string& uri,
                                                       const std::string& pin_memory) {
  auto made = std::make_unique<ElementThrough>(hardware, standing, uri, pin_memory);
  if (auto opened = made->open(); !opened) return pass_on(opened);
  return std::unique_ptr<SecureElement>(std::move(made));
}

}  // namespace mintmark::agent::serve
