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

/// pk11-qchar likewise.
bool may_stand_bare_in_query(char c) {
  return is_alphanumeric(c) ||
         std::string_view("-._~:[]@!$'()*+,=/?|").find(c) != std::string_view::npos;
}

using Alphabet = bool (*)(char);

Result<std::string> decode(std::string_view name, std::string_view value,
                           Alphabet bare = &may_stand_bare) {
  std::string decoded;
  while (!value.empty()) {
    if (value.front() != '%') {
      if (!bare(value.front())) {
        return malformed("\"" + std::string(name) +
                         "\" has a character that must be percent-encoded");
      }
      decoded += value.front();
      value.remove_prefix(1);
      continue;
    }
    const auto octet = value.size() >= 3 ? from_hex(value.substr(1, 2)) : Result<Bytes>(Bytes{});
    // CKA_ID alone is octets and no text.
    if (!octet || octet->empty() || (octet->front() == 0 && name != "id")) {
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
                      std::string_view value, Alphabet bare = &may_stand_bare) {
  if (member) return malformed("\"" + std::string(name) + "\" stands twice");
  auto decoded = decode(name, value, bare);
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

/// False: no attribute of a token.
Result<bool> set_token_attribute(TokenSelector& selector, std::string_view name,
                                 std::string_view value) {
  const auto set = [](Result<void> done) -> Result<bool> {
    if (!done) return pass_on(done);
    return true;
  };
  if (name == "token") return set(set_text(selector.label, name, value));
  if (name == "manufacturer") return set(set_text(selector.manufacturer, name, value));
  if (name == "model") return set(set_text(selector.model, name, value));
  if (name == "serial") return set(set_text(selector.serial, name, value));
  if (name == "slot-id") return set(set_slot(selector.slot_id, value));
  return false;
}

Result<void> set_attribute(TokenSelector& selector, std::string_view name, std::string_view value) {
  if (is_pin_attribute(name)) {
    return fail(Code::hsm_uri_pin, "token URI: \"" + std::string(name) +
                                       "\" is not taken: a PIN comes from the key \"pin\" (file, "
                                       "credential or fd), never from a URI");
  }
  auto set = set_token_attribute(selector, name, value);
  if (!set) return pass_on(set);
  if (*set) return {};
  return malformed("\"" + printable(name) +
                   "\" is not taken; token, manufacturer, model, serial and slot-id are");
}

/// `set`: (name, value) -> Result<void>.
template <typename Set>
Result<void> for_each_attribute(std::string_view list, char separator, Set set) {
  while (true) {
    const auto end = list.find(separator);
    const std::string_view attribute = list.substr(0, end);
    const auto equals = attribute.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return malformed(std::string("it is not a list of name=value with ") + separator +
                       " between");
    }
    Result<void> done = set(attribute.substr(0, equals), attribute.substr(equals + 1));
    if (!done || end == std::string_view::npos) return done;
    list.remove_prefix(end + 1);
  }
}

Result<void> set_attributes(TokenSelector& selector, std::string_view path) {
  return for_each_attribute(path, ';', [&](std::string_view name, std::string_view value) {
    return set_attribute(selector, name, value);
  });
}

/// Texts of a key's URI as they are found.
struct KeyTexts {
  TokenSelector token;
  std::optional<std::string> object;
  std::optional<std::string> id;
  std::optional<std::string> type;
  std::optional<std::string> module_path;
  std::optional<std::string> pin_source;
};

Result<void> set_key_attribute(KeyTexts& texts, std::string_view name, std::string_view value) {
  auto of_token = set_token_attribute(texts.token, name, value);
  if (!of_token) return pass_on(of_token);
  if (*of_token) return {};
  if (name == "object") return set_text(texts.object, name, value);
  if (name == "id") return set_text(texts.id, name, value);
  if (name == "type") return set_text(texts.type, name, value);
  return malformed("\"" + printable(name) +
                   "\" is not taken before the ?; token, manufacturer, model, serial, slot-id, "
                   "object, id and type are");
}

Result<void> set_key_query(KeyTexts& texts, std::string_view name, std::string_view value) {
  if (name == "module-path")
    return set_text(texts.module_path, name, value, &may_stand_bare_in_query);
  if (name == "pin-source")
    return set_text(texts.pin_source, name, value, &may_stand_bare_in_query);
  if (name == "pin-value") {
    return fail(Code::hsm_uri_pin,
                "token URI: \"pin-value\" is not taken: it would be seen by everybody; pin-source "
                "names a file that holds the PIN");
  }
  return malformed("\"" + printable(name) +
                   "\" is not taken behind the ?; module-path and pin-source are");
}

Result<std::string> pin_file_in(std::string source) {
  constexpr std::string_view file = "file:";
  if (source.starts_with(file)) {
    source.erase(0, file.size());
    if (source.starts_with("//")) source.erase(0, source.find('/', 2));
  }
  if (source.starts_with("/")) return source;
  return fail(Code::hsm_uri_pin,
              "token URI: \"pin-source\" is the absolute path of a file, or file: with one");
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

Result<KeyUri> parse_key_uri(std::string_view text) {
  if (!text.starts_with(scheme)) return malformed("it does not begin with pkcs11:");
  text.remove_prefix(scheme.size());
  const auto query = text.find('?');
  if (query == std::string_view::npos)
    return malformed("it names no module: \"?module-path=/path/to/module.so&pin-source=/file\"");
  KeyTexts texts;
  auto set = for_each_attribute(text.substr(0, query), ';', [&](auto name, auto value) {
    return set_key_attribute(texts, name, value);
  });
  if (!set) return pass_on(set);
  set = for_each_attribute(text.substr(query + 1), '&', [&](auto name, auto value) {
    return set_key_query(texts, name, value);
  });
  if (!set) return pass_on(set);
  if (!texts.object && !texts.id) return malformed("neither \"object\" nor \"id\" names a key");
  if (texts.type && *texts.type != "private") return malformed("\"type\" can be private alone");
  if (!texts.module_path) return malformed("\"module-path\" is missing behind the ?");
  if (!texts.pin_source) return malformed("\"pin-source\" is missing behind the ?");
  auto pin_file = pin_file_in(std::move(*texts.pin_source));
  if (!pin_file) return pass_on(pin_file);
  return KeyUri{std::move(texts.token), std::move(texts.object),
                to_bytes(as_bytes(texts.id.value_or(""))), std::move(*texts.module_path),
                std::move(*pin_file)};
}

}  // namespace mintmark::hsm::pkcs11
