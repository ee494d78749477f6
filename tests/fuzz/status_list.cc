// Any octets as a status list token of both forms, as a list of both forms, and as what a key of
// status lists is asked to sign: refused with a code, or read; never signed unless it is whole.
#include "hsm/signer/rules.h"
#include "jose/base64url.h"
#include "target.h"
#include "verify/status_list_token.h"

namespace mintmark::fuzz {
namespace {

const Moment now = from_unix(1'800'000'000);
constexpr const char* issuer = "https://issuer.example";
constexpr const char* uri = "https://issuer.example/status/1";

// The key that signed the corpus, whose private half nobody kept.
constexpr const char* jwk =
    R"({"kty":"EC","crv":"P-256","x":"G8fAud93NgCg8C_0bY1YqVZ5zNlkb-cNsGTQia7m0is",
        "y":"RK1gonvUKKQOCSHDwz3SiN9EijCqmXS4sDeRbc8RnL0"})";

/// Read, it is within its bounds and says something of each of its entries, and of none beyond.
void look_at(const Result<verify::StatusList>& list) {
  if (!list) return require(list.error().code == Code::status_list_malformed);
  require(list->size() <= verify::most_listed);
  require(!list->at(list->size()));
  if (list->size() > 0) require(list->at(list->size() - 1).has_value());
  const auto again =
      verify::StatusList::inflate(list->bits(), verify::compressed_list(list->octets()));
  require(again && again->octets() == list->octets());
}

void read_lists(BytesView octets) {
  if (const auto value = cbor::parse(octets)) look_at(verify::StatusList::from_cbor(*value));
  if (const auto json = parse_json(as_text(octets))) look_at(verify::StatusList::from_json(*json));
  if (octets.empty()) return;
  constexpr unsigned widths = 9;
  look_at(verify::StatusList::inflate(octets[0] % widths, octets.subspan(1)));
}

void read_tokens(BytesView octets) {
  static const auto keys = [] {
    Json one = Json::parse(jwk);
    one["kid"] = jose::PublicKey::from_jwk(one).value().thumbprint();
    one["mintmark_purpose"] = verify::status_list_purpose;
    return verify::KeySet::parse(Json{{"keys", Json::array({one})}}.dump(),
                                 verify::status_list_purpose)
        .value();
  }();
  const verify::WantedStatusList wanted{.uri = uri, .issuer = issuer, .now = now};
  // Nobody can sign for that key any more: what is taken would be forged.
  require(!verify::read_status_list_jwt(as_text(octets), keys, wanted));
  require(!verify::read_status_list_cwt(octets, keys, wanted));
}

void judge_input(std::string_view input) {
  using hsm::Purpose;
  static const hsm::KeyInfo key{
      {}, Purpose::status_list, jose::PublicKey::from_jwk(Json::parse(jwk)).value(), ""};
  static const hsm::signer::PurposeRules rules{
      .issuer = issuer, .longest_life = {{Purpose::status_list, std::chrono::seconds(300)}}};
  const auto outcome = hsm::signer::check_purpose(rules, key, input, now);
  require(outcome || outcome.error().code == Code::purpose_refused);
  if (!outcome) return;
  hsm::KeyInfo other = key;
  other.purpose = Purpose::access_token;
  require(!hsm::signer::check_purpose(rules, other, input, now));
}

void run_status_list(BytesView octets) {
  read_lists(octets);
  read_tokens(octets);
  judge_input(as_text(octets));
}

const Registered status_list_target{{"status_list", &run_status_list, {"status_list"}}};

}  // namespace
}  // namespace mintmark::fuzz
