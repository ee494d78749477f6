#include "hsm/pkcs11/uri.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/bytes.h"

namespace mintmark::hsm::pkcs11 {
namespace {

constexpr std::string_view scheme = "pkcs11:";

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// RFC 7512 §2.3, pk11-pchar without the percent-encoded.
bool may_stand_bare(char c) {
  return is_alphanumeric(c) ||
         std::string_view("-._~:[]@!$'()*+,=&").find(c) != std::string_view::npos;
}

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(Code::hsm_uri_malformed, "token URI: " + what);
}

Result<std::string> decode(std::string_view name, std::string_view value) {
  std::string decoded;
  while (!value.empty()) {
    if (value.front() != '%') {
      if (!may_stand_bare(value.front())) {
        return malformed("\"" + std::string(name) +
                         "\" has a character that must be percent-encoded");
      }
      decoded += value.front();
      value.remove_prefix(1);
      continue;
    }
    const auto octet = value.size() >= 3 ? from_hex(value.substr(1, 2)) : Result<Bytes>(Bytes{});
    if (!octet || octet->empty() || octet->front() == 0) {
      return malformed("\"" + std::string(name) + "\" has a % that no octet's two digits follow");
    }
    decoded += static_cast<char>(octet->front());
    value.remove_prefix(3);
  }
  return decoded;
}

std::string encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (is_alphanumeric(c) || std::string_view("-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += "%" + to_hex(as_bytes({&c, 1}));
    }
  }
  return encoded;
}

bool is_pin_attribute(std::string_view name) { return name == "pin-value" || name == "pin-source"; }

Result<void> set_text(std::optional<std::string>& member, std::string_view name,
                      std::string_view value) {
  if (member) return malformed("\"" + std::string(name) + "\" stands twice");
  auto decoded = decode(name, value);
  if (!decoded) return pass_on(decoded);
  if (decoded->empty()) return malformed("\"" + std::string(name) + "\" is empty");
  member = std::move(*decoded);
  return {};
}

Result<void> set_slot(std::optional<std::uint64_t>& member, std::string_view value) {
  if (member) return malformed("\"slot-id\" stands twice");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (value.empty() || error != std::errc{} || end != value.data() + value.size()) {
    return malformed("\"slot-id\" is no decimal number");
  }
  member = number;
  return {};
}

Result<void> set_attribute(TokenSelector& selector, std::string_view name, std::string_view value) {
  if (is_pin_attribute(name)) {
    return fail(Code::hsm_uri_pin, "token URI: \"" + std::string(name) +
                                       "\" is not taken: a PIN comes from the key \"pin\" (file, "
                                       "credential or fd), never from a URI");
  }
  if (name == "token") return set_text(selector.label, name, value);
  if (name == "manufacturer") return set_text(selector.manufacturer, name, value);
  if (name == "model") return set_text(selector.model, name, value);
  if (name == "serial") return set_text(selector.serial, name, value);
  if (name == "slot-id") return set_slot(selector.slot_id, value);
  return malformed("\"" + std::string(name) +
                   "\" is not taken; token, manufacturer, model, serial and slot-id are");
}

Result<void> set_attributes(TokenSelector& selector, std::string_view path) {
  while (true) {
    const auto end = path.find(';');
    const std::string_view attribute = path.substr(0, end);
    const auto equals = attribute.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return malformed("it is not a list of name=value with ; between");
    }
    auto set = set_attribute(selector, attribute.substr(0, equals), attribute.substr(equals + 1));
    if (!set || end == std::string_view::npos) return set;
    path.remove_prefix(end + 1);
  }
}

/// The query part has nothing for us; but a PIN in it deserves its own words.
Result<void> refuse_query(std::string_view query) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view attribute = query.substr(0, end);
    const std::string_view name = attribute.substr(0, attribute.find('='));
    TokenSelector unused;
    if (is_pin_attribute(name)) return set_attribute(unused, name, {});
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return malformed("a query part (after ?) is not taken");
}

template <typename T>
bool fits(const std::optional<T>& wanted, const T& present) {
  return !wanted || *wanted == present;
}

std::string enumerate(const std::vector<TokenFacts>& tokens) {
  std::string text;
  for (const TokenFacts& token : tokens) text += (text.empty() ? "" : ", ") + token.to_uri();
  return text;
}

}  // namespace

std::string TokenFacts::to_uri() const {
  std::string uri(scheme);
  const std::array<std::pair<const char*, const std::string*>, 4> members{
      {{"token", &label}, {"manufacturer", &manufacturer}, {"model", &model}, {"serial", &serial}}};
  for (const auto& [name, value] : members) {
    if (value->empty()) continue;
    if (uri.size() > scheme.size()) uri += ';';
    uri += std::string(name) + "=" + encode(*value);
  }
  return uri;
}

bool TokenSelector::matches(const TokenFacts& token) const {
  return fits(label, token.label) && fits(manufacturer, token.manufacturer) &&
         fits(model, token.model) && fits(serial, token.serial) && fits(slot_id, token.slot_id);
}

Result<TokenFacts> TokenSelector::choose(const std::vector<TokenFacts>& tokens) const {
  std::vector<TokenFacts> matching;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(matching),
               [this](const TokenFacts& token) { return matches(token); });
  if (matching.size() == 1) return matching.front();
  if (matching.empty()) {
    return fail(Code::hsm_token_missing, tokens.empty()
                                             ? "the module shows no initialised token"
                                             : "no token matches; there are: " + enumerate(tokens));
  }
  return fail(Code::hsm_token_ambiguous,
              "several tokens match; name one of: " + enumerate(matching));
}

Result<TokenSelector> parse_token_selector(std::string_view text) {
  TokenSelector selector;
  if (text.empty()) return malformed("neither a label nor a URI");
  if (!text.starts_with(scheme)) {
    selector.label = std::string(text);
    return selector;
  }
  text.remove_prefix(scheme.size());
  const auto query = text.find('?');
  if (query != std::string_view::npos) {
    if (auto refused = refuse_query(text.substr(query + 1)); !refused) return pass_on(refused);
  }
  if (auto set = set_attributes(selector, text); !set) return pass_on(set);
  return selector;
}

}  // namespace mintmark::hsm::pkcs11
