// Any octets as a CWT, and as the claims of a JWT: refused with a code, or judged; and none that
// contradicts an EAR's good word affirms.
#include "attest/eat/appraisal.h"
#include "attest/eat/claims.h"
#include "attest/eat/token.h"
#include "jose/base64url.h"
#include "target.h"

namespace mintmark::fuzz {
namespace {
using namespace mintmark::attest;

const Moment now = from_unix(1'800'000'000);

void judge_claims(Json claims) {
  (void)eat::check_times(claims, now);
  (void)eat::check_debug(claims);
  (void)eat::check_issuer(claims, {"https://verifier.test"});
  require(!eat::check_audience(claims, "an audience of nobody's"));
  require(!eat::check_nonce(claims, Bytes(65, 7)));
  // What whoever asks Azure Attestation may choose binds nothing.
  const Sha256 wanted = sha256(claims.dump(-1, ' ', false, Json::error_handler_t::replace));
  claims["nonce"] = jose::base64url(wanted);
  require(!eat::check_nonce(claims, wanted));
  require(eat::measurement_of(claims).size() <= 128);
  const auto appraisal = eat::appraise(claims);
  if (!appraisal) {
    require(facts_of(appraisal.error().code).http_status < 500);
    return;
  }
  require(appraisal->is_ear || !(appraisal->hardware || appraisal->boot_state));
  if (!appraisal->is_ear) return;
  claims["submods"]["one more"] = {{"ear_status", "contraindicated"}};
  const auto worse = eat::appraise(claims);
  require(!worse || !eat::check_status(*worse, true));
}

void run_eat(BytesView octets) {
  if (const auto value = cbor::parse(octets)) {
    if (auto claims = attest::eat::claims_of(*value)) judge_claims(std::move(*claims));
  }
  if (auto claims = parse_json(as_text(octets)); claims && claims->is_object())
    judge_claims(std::move(*claims));
  static const auto keys = attest::eat::Keys::parse(
      R"({"kty":"EC","crv":"P-256","x":"G8fAud93NgCg8C_0bY1YqVZ5zNlkb-cNsGTQia7m0is",
          "y":"RK1gonvUKKQOCSHDwz3SiN9EijCqmXS4sDeRbc8RnL0"})",
      {});
  require(!attest::eat::verify_cwt(octets, *keys));
  require(!attest::eat::verify_jwt(as_text(octets), *keys));
}

const Registered eat_target{{"eat", &run_eat}};

}  // namespace
}  // namespace mintmark::fuzz
