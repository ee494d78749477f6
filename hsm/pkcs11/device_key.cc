#include "hsm/pkcs11/device_key.h"

#include <array>

#include "hsm/pin_memory.h"
#include "hsm/pkcs11/curve.h"
#include "hsm/pkcs11/key_making.h"
#include "hsm/pkcs11/key_objects.h"
#include "hsm/pkcs11/login.h"
#include "hsm/pkcs11/mechanisms.h"
#include "hsm/pkcs11/objects.h"
#include "hsm/pkcs11/pin.h"
#include "hsm/pkcs11/rv.h"
#include "hsm/pkcs11/signing.h"
#include "hsm/pkcs11/token.h"
#include "hsm/pkcs11/uri.h"

namespace mintmark::hsm::pkcs11 {
namespace {

using jose::Algorithm;
using Handles = std::vector<CK_OBJECT_HANDLE>;

// For the device's owner it is their URI, token or PIN that is wrong, and no operator's store.
tl::unexpected<Error> as(Code code, Error error) {
  error.code = code;
  return tl::unexpected<Error>(std::move(error));
}

tl::unexpected<Error> key_fault(const std::string& what) {
  return fail(Code::agent_pkcs11_key, what);
}

std::string name_of_id(const Bytes& id) { return "CKA_ID " + to_hex(id); }

class Element final : public SecureElement {
 public:
  Element(KeyUri uri, std::unique_ptr<Module> module, std::unique_ptr<Login> login, Session session)
      : uri_(std::move(uri)),
        module_(std::move(module)),
        login_(std::move(login)),
        session_(std::move(session)),
        token_(login_->token().to_uri()) {}

  const std::string& token() const override { return token_; }
  Result<Bytes> identity_key() override;
  Result<Bytes> certificate(const Bytes& id) override;
  Result<jose::PublicKey> find_key(const Bytes& id) override;
  Result<jose::PublicKey> find_or_make_key(const Bytes& id) override;
  Result<Bytes> sign(const Bytes& id, Algorithm algorithm, BytesView octets) override;

 private:
  Result<Handles> objects(CK_OBJECT_CLASS object_class, const Bytes& id) const;
  Result<CK_OBJECT_HANDLE> private_key(const Bytes& id) const;
  Result<jose::PublicKey> made_key(const Bytes& id, CK_OBJECT_HANDLE private_half) const;
  Result<jose::PublicKey> make_key(const Bytes& id);
  Result<void> end_stray_halves(const Bytes& id);

  // In this order: sessions end before the login, and the login before the module.
  KeyUri uri_;
  std::unique_ptr<Module> module_;
  std::unique_ptr<Login> login_;
  Session session_;
  std::string token_;
};

Result<Handles> Element::objects(CK_OBJECT_CLASS object_class, const Bytes& id) const {
  Template wanted;
  wanted.number(CKA_CLASS, object_class).flag(CKA_TOKEN, true).octets(CKA_ID, id);
  return find_objects(session_, std::move(wanted));
}

Result<CK_OBJECT_HANDLE> Element::private_key(const Bytes& id) const {
  auto found = objects(CKO_PRIVATE_KEY, id);
  if (!found) return pass_on(found);
  if (found->size() == 1) return found->front();
  return key_fault(token_ + ": " +
                   (found->empty() ? "no private key has " : "several private keys have ") +
                   name_of_id(id));
}

Result<Bytes> Element::identity_key() {
  Template wanted;
  wanted.number(CKA_CLASS, CKO_PRIVATE_KEY).flag(CKA_TOKEN, true);
  if (uri_.object) wanted.octets(CKA_LABEL, as_bytes(*uri_.object));
  if (!uri_.id.empty()) wanted.octets(CKA_ID, uri_.id);
  auto found = find_objects(session_, std::move(wanted));
  if (!found) return pass_on(found);
  if (found->size() != 1) {
    return key_fault(token_ + ": " +
                     (found->empty() ? "no private key is" : "several private keys are") +
                     " what the URI says by object and id");
  }
  constexpr std::array<CK_ATTRIBUTE_TYPE, 2> types{CKA_EXTRACTABLE, CKA_SENSITIVE};
  auto flags = read_flags(session_, found->front(), types);
  if (!flags) return pass_on(flags);
  if ((*flags)[0] != false || (*flags)[1] != true) {
    return key_fault(token_ +
                     ": the identity key could leave the token: CKA_EXTRACTABLE must be false and "
                     "CKA_SENSITIVE true");
  }
  auto id = read_octets(session_, found->front(), CKA_ID);
  if (!id) return pass_on(id);
  if (!*id || (*id)->empty()) return key_fault(token_ + ": the identity key has no CKA_ID");
  return std::move(**id);
}

Result<Bytes> Element::certificate(const Bytes& id) {
  Template wanted;
  wanted.number(CKA_CLASS, CKO_CERTIFICATE).number(CKA_CERTIFICATE_TYPE, CKC_X_509);
  wanted.octets(CKA_ID, id);
  auto found = find_objects(session_, std::move(wanted));
  if (!found) return pass_on(found);
  auto der = found->size() == 1 ? read_octets(session_, found->front(), CKA_VALUE)
                                : Result<std::optional<Bytes>>(std::nullopt);
  if (!der) return pass_on(der);
  if (*der && !(*der)->empty()) return std::move(**der);
  return fail(Code::agent_pkcs11_certificate,
              token_ + ": " +
                  (found->size() > 1 ? "several certificates have " : "no certificate has ") +
                  name_of_id(id) + ", the identity key's; --certificate names a file with the one");
}

Result<jose::PublicKey> Element::made_key(const Bytes& id, CK_OBJECT_HANDLE private_half) const {
  auto unfit = unfitness_of(session_, private_half);
  if (!unfit) return pass_on(unfit);
  if (!unfit->empty())
    return key_fault(token_ + ": the key with " + name_of_id(id) + " may not sign: " + *unfit);
  auto publics = objects(CKO_PUBLIC_KEY, id);
  if (!publics) return pass_on(publics);
  if (publics->size() != 1) return key_fault(token_ + ": not one public key has " + name_of_id(id));
  auto params = read_octets(session_, publics->front(), CKA_EC_PARAMS);
  if (!params) return pass_on(params);
  auto point = read_octets(session_, publics->front(), CKA_EC_POINT);
  if (!point) return pass_on(point);
  auto key = *params && *point ? public_key_of(**params, **point)
                               : fail(Code::agent_pkcs11_key, "it shows none");
  if (!key || key->algorithm() != Algorithm::es256)
    return key_fault(token_ + ": the key with " + name_of_id(id) + " is no EC P-256 key");
  return key;
}

Result<jose::PublicKey> Element::find_key(const Bytes& id) {
  const auto found = private_key(id);
  if (!found) return tl::unexpected<Error>(found.error());
  return made_key(id, *found);
}

Result<jose::PublicKey> Element::find_or_make_key(const Bytes& id) {
  auto found = objects(CKO_PRIVATE_KEY, id);
  if (!found) return pass_on(found);
  return found->empty() ? make_key(id) : find_key(id);
}

// Of a generation that was cut short: the id is ours alone, and without its private half it is of
// no use to anybody.
Result<void> Element::end_stray_halves(const Bytes& id) {
  Template wanted;
  wanted.number(CKA_CLASS, CKO_PUBLIC_KEY).flag(CKA_TOKEN, true).octets(CKA_ID, id);
  wanted.octets(CKA_LABEL, as_bytes(device_key_label));
  auto found = find_objects(session_, std::move(wanted));
  if (!found) return pass_on(found);
  return destroy_objects(session_, *found);
}

Result<jose::PublicKey> Element::make_key(const Bytes& id) {
  if (auto ended = end_stray_halves(id); !ended) return pass_on(ended);
  const auto made = make_pair(session_, {id, device_key_label, Algorithm::es256});
  if (!made) return tl::unexpected<Error>(made.error());
  auto key = made_key(id, made->private_half);
  if (key) return key;
  for (const CK_OBJECT_HANDLE half : {made->private_half, made->public_half})
    (void)session_.calls().C_DestroyObject(session_.handle(), half);
  return key;
}

Result<Bytes> Element::sign(const Bytes& id, Algorithm algorithm, BytesView octets) {
  const auto mechanisms = Mechanisms::of(*module_, login_->token().slot_id);
  if (!mechanisms) return tl::unexpected<Error>(mechanisms.error());
  const SigningMechanism* mechanism = mechanisms->signing(algorithm);
  if (mechanism == nullptr) {
    return key_fault(token_ + " has no mechanism that signs " +
                     std::string(jose::name_of(algorithm)) + "; " + mechanisms->describe());
  }
  const auto key = private_key(id);
  if (!key) return tl::unexpected<Error>(key.error());
  auto input = sign_input(*mechanism, algorithm, as_text(octets));
  if (!input) return pass_on(input);
  auto signature = raw_signature(session_, *mechanism, *key, *input);
  if (!signature) return signature;
  if (signature->size() == signature_octets(algorithm).value_or(signature->size()))
    return signature;
  return fail(Code::hsm_signature_wrong,
              "C_Sign gave " + std::to_string(signature->size()) + " octets");
}

bool is_about_pin(const Error& error) {
  return error.code == Code::hsm_pin_refused || error.code == Code::hsm_pin_locked;
}

Result<std::unique_ptr<Login>> log_in(const Module& module, TokenFacts token, const KeyUri& uri,
                                      const std::string& pin_memory) {
  const config::PinSource source{.file = uri.pin_file, .credential = "", .fd = std::nullopt};
  // One record a source: that another one was refused meanwhile makes nobody forget this one.
  const PinMemory memory(pin_memory + "-" + to_hex(sha256(uri.pin_file)).substr(0, 16), source);
  const std::string source_now = memory.source_now();
  if (auto objection = memory.objection()) return as(Code::agent_pkcs11_pin, std::move(*objection));
  auto pin = read_pin(source);
  if (!pin) return as(Code::agent_pkcs11_pin, std::move(pin.error()));
  auto login = Login::into(module, std::move(token), std::move(*pin));
  if (login || !is_about_pin(login.error())) return login;
  if (auto kept = memory.was_refused(source_now); !kept) {
    login.error().detail += "; and that it was refused cannot be remembered (" +
                            kept.error().detail + "): take care, tokens lock themselves";
  }
  return as(Code::agent_pkcs11_pin, std::move(login.error()));
}

}  // namespace

Result<void> check_element_uri(const std::string& uri) {
  auto parsed = parse_key_uri(uri);
  if (!parsed) return as(Code::agent_pkcs11_uri, std::move(parsed.error()));
  return {};
}

Result<std::unique_ptr<SecureElement>> open_secure_element(const std::string& text,
                                                           const std::string& pin_memory) {
  auto uri = parse_key_uri(text);
  if (!uri) return as(Code::agent_pkcs11_uri, std::move(uri.error()));
  auto module = Module::load(uri->module_path);
  if (!module) return as(Code::agent_pkcs11_module, std::move(module.error()));
  auto token = choose_token(**module, uri->token);
  if (!token) return as(Code::agent_pkcs11_token, std::move(token.error()));
  const CK_SLOT_ID slot = token->slot_id;
  auto login = log_in(**module, std::move(*token), *uri, pin_memory);
  if (!login) return pass_on(login);
  auto session = Session::open(**module, slot, Access::read_write);
  if (!session) return pass_on(session);
  return std::make_unique<Element>(std::move(*uri), std::move(*module), std::move(*login),
                                   std::move(*session));
}

}  // namespace mintmark::hsm::pkcs11
