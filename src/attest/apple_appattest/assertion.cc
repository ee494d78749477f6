// Assertions: what an attested key signs later.
#include <openssl/err.h>
#include <openssl/x509.h>

#include "attest/apple_appattest/app.h"
#include "attest/apple_appattest/attestation.h"

namespace mintmark::attest::apple_appattest {
namespace {

// There is nothing behind the fixed part, whatever flag AT says: Apple sets it.
constexpr std::size_t authenticator_data = 37;

tl::unexpected<Error> malformed(const std::string& why) {
  return fail(Code::appattest_assertion_malformed, "the assertion " + why);
}

cbor::Key key_in(BytesView spki) {
  const std::uint8_t* at = spki.data();
  cbor::Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  ERR_clear_error();
  return key;
}

}  // namespace

bool is_assertion(BytesView octets) {
  const auto whole = cbor::parse(octets);
  return whole && whole->find("authenticatorData") && whole->find("signature");
}

Result<Assertion> parse_assertion(BytesView octets) {
  auto whole = cbor::parse(octets);
  if (!whole) return pass_on(whole);
  const auto data = whole->find("authenticatorData");
  const auto signature = whole->find("signature");
  if (!data || !data->octets()) return malformed("must have octets \"authenticatorData\"");
  if (!signature || !signature->octets()) return malformed("must have octets \"signature\"");
  if (data->octets()->size() != authenticator_data)
    return malformed("must have authenticator data of 37 octets");
  auto parsed = webauthn::parse_fixed_part(*data->octets());
  if (!parsed) return malformed(parsed.error().detail);
  return Assertion{to_bytes(*data->octets()), std::move(*parsed), to_bytes(*signature->octets())};
}

Result<std::string> check_assertion(const Assertion& assertion, BytesView spki,
                                    const Expected& expected) {
  if (!expected.client_data_hash)
    return fail(Code::appattest_signature, "what was signed is not known (clientDataHash)");
  Bytes octets = assertion.octets;
  octets.insert(octets.end(), expected.client_data_hash->begin(), expected.client_data_hash->end());
  // The message is the nonce, which ECDSA with SHA-256 hashes once more.
  const Sha256 nonce = sha256(octets);
  const cbor::Key key = key_in(spki);
  constexpr auto es256 = static_cast<std::int64_t>(cbor::CoseAlgorithm::es256);
  if (!key || !cbor::check_signature(es256, key.get(), nonce, assertion.signature, /*raw=*/false))
    return fail(Code::appattest_signature,
                "the attested key did not sign SHA-256(authenticatorData || clientDataHash)");
  auto app = app_of(assertion.data.rp_id_hash, expected);
  if (!app) return app;
  if (assertion.data.sign_count == 0)
    return fail(Code::appattest_counter, "the counter of an assertion is greater than 0");
  return app;
}

}  // namespace mintmark::attest::apple_appattest
