#include "hsm/signer/list_rules.h"

#include <algorithm>
#include <array>

#include "cbor/cose.h"
#include "cbor/cwt.h"
#include "jose/base64url.h"

namespace mintmark::hsm::signer {
namespace {

namespace cwt = cbor::cwt;

struct Label {
  std::int64_t number;
  const char* name;
};
constexpr std::array header_labels{Label{cwt::alg, "alg"}, Label{cwt::kid, "kid"},
                                   Label{cwt::typ, "typ"}};
constexpr std::array claim_labels{Label{cwt::iss, "iss"}, Label{cwt::sub, "sub"},
                                  Label{cwt::exp, "exp"}, Label{cwt::iat, "iat"},
                                  Label{cwt::ttl, "ttl"}, Label{cwt::status_list, "status_list"}};

tl::unexpected<Error> refuse(const std::string& what) { return fail(Code::purpose_refused, what); }

/// nullptr: what it is has no place in a status list token.
Json json_of(const cbor::Value& value) {
  if (const auto number = value.integer()) return *number;
  if (const auto text = value.text()) return std::string(*text);
  if (const auto octets = value.octets()) return Json::binary(to_bytes(*octets));
  if (!value.is_map()) return nullptr;
  Json object = Json::object();
  for (const auto& [key, member] : value.members()) {
    // Deeper than a list has it nothing is taken.
    const bool flat = !member.is_map();
    object[std::string(key.text().value_or("?"))] = flat ? json_of(member) : Json();
  }
  return object;
}

template <std::size_t count>
Json named(const cbor::Value& map, const std::array<Label, count>& labels) {
  Json object = Json::object();
  for (const auto& [key, value] : map.members()) {
    const auto number = key.integer();
    const auto label = std::find_if(labels.begin(), labels.end(),
                                    [&](const Label& one) { return number == one.number; });
    const std::string name = label != labels.end() ? label->name
                             : number              ? "label " + std::to_string(*number)
                                                   : "a label that is no number";
    object[name] = json_of(value);
  }
  return object;
}

/// As a JWS header would have it: the algorithm by its name, the kid as text.
void in_words_of_jose(Json& header) {
  const Json number = header.value("alg", Json());
  header["alg"] = nullptr;
  for (const jose::Algorithm algorithm : jose::all_algorithms) {
    if (number == static_cast<std::int64_t>(cbor::cose_algorithm(algorithm)))
      header["alg"] = jose::name_of(algorithm);
  }
  Json& kid = header["kid"];
  if (kid.is_binary()) kid = std::string(as_text(kid.get_binary()));
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_below(const std::string& uri, const std::string& prefix) {
  return uri.size() > prefix.size() && uri.compare(0, prefix.size(), prefix) == 0;
}

bool is_compressed(const Json& lst) {
  if (lst.is_binary()) return !lst.get_binary().empty();
  return lst.is_string() && !lst.get_ref<const std::string&>().empty() &&
         jose::from_base64url(lst.get_ref<const std::string&>()).has_value();
}

Result<void> check_list(const std::string& issuer, const Json& list) {
  for (const auto& [name, value] : list.items()) {
    if (name != "bits" && name != "lst" && name != "aggregation_uri")
      return refuse("status_list may have bits, lst and aggregation_uri, not " + printable(name));
  }
  const Json bits = list.value("bits", Json());
  if (bits != 1 && bits != 2 && bits != 4 && bits != 8)
    return refuse("status_list.bits must be 1, 2, 4 or 8");
  if (!is_compressed(list.value("lst", Json())))
    return refuse("status_list.lst is missing, or no list");
  if (list.contains("aggregation_uri") && !is_below(text_of(list, "aggregation_uri"), issuer + "/"))
    return refuse("status_list.aggregation_uri must be this issuer's");
  return {};
}

}  // namespace

bool may_be_cose(std::string_view input) {
  constexpr unsigned char beyond_ascii = 0x80;
  return !input.empty() && static_cast<unsigned char>(input.front()) >= beyond_ascii;
}

Result<jose::SigningInputParts> list_parts_of_cwt(std::string_view input) {
  const auto parts = cbor::parse_sig_structure(as_bytes(input), longest_list_input);
  if (!parts) return refuse("no Sig_structure: " + parts.error().detail);
  const auto header = cbor::parse(parts->protected_header);
  if (!header || !header->is_map()) return refuse("the protected header is no map");
  const auto claims = cbor::parse(parts->payload, longest_list_input);
  if (!claims || !claims->is_map()) return refuse("the payload is no map of claims");
  jose::SigningInputParts words{named(*header, header_labels), named(*claims, claim_labels)};
  in_words_of_jose(words.header);
  return words;
}

Result<void> check_list_claims(const std::string& issuer, const Json& claims) {
  for (const auto& [name, value] : claims.items()) {
    const bool known =
        std::any_of(claim_labels.begin(), claim_labels.end(),
                    [&name = name](const Label& label) { return name == label.name; });
    if (!known)
      return refuse("a status list may have iss, sub, iat, exp, ttl and status_list, not " +
                    printable(name));
  }
  if (!is_below(text_of(claims, "sub"), issuer + "/status/"))
    return refuse("sub must be one of this issuer's status lists");
  const auto ttl = jose::time_claim(claims, "ttl");
  if (!ttl || !*ttl || **ttl == 0) return refuse("ttl is missing, or no time");
  if (**ttl > claims["exp"].get<std::int64_t>() - claims["iat"].get<std::int64_t>())
    return refuse("ttl is longer than the list is good");
  const auto list = claims.find("status_list");
  if (list == claims.end() || !list->is_object()) return refuse("status_list is missing");
  return check_list(issuer, *list);
}

}  // namespace mintmark::hsm::signer
