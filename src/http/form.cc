#include "base/text.h"
#include "http/message.h"
#include "http/text.h"

namespace mintmark::http {
namespace {

/// More fields than any form of ours has; beyond it a body is no form but an attack on whoever
/// searches it.
constexpr std::size_t most_fields = 256;

std::optional<std::string> decode(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char character = text[at];
    if (character <= ' ' || character > '~') return std::nullopt;
    if (character != '%') {
      plain += character == '+' ? ' ' : character;
      continue;
    }
    if (at + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    plain += static_cast<char>(high * 16 + low);
    at += 2;
  }
  if (!is_utf8(plain)) return std::nullopt;
  return plain;
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char character : text) {
    if (is_alphanumeric(character) || std::string_view("*-._").find(character) < 4) {
      out += character;
    } else if (character == ' ') {
      out += '+';
    } else {
      const auto octet = static_cast<unsigned char>(character);
      out += '%';
      out += digits[octet >> 4U];
      out += digits[octet & 0x0FU];
    }
  }
}

}  // namespace

std::optional<FormFields> parse_form(std::string_view body) {
  FormFields fields;
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, body.find('&'));
    body.remove_prefix(piece.size() < body.size() ? piece.size() + 1 : piece.size());
    if (piece.empty()) continue;
    if (fields.size() == most_fields) return std::nullopt;
    const std::size_t equals = piece.find('=');
    auto name = decode(piece.substr(0, equals));
    auto value =
        decode(equals == std::string_view::npos ? std::string_view{} : piece.substr(equals + 1));
    if (!name || !value) return std::nullopt;
    fields.emplace_back(*std::move(name), *std::move(value));
  }
  return fields;
}

std::string encode_form(const FormFields& fields) {
  std::string body;
  for (const auto& [name, value] : fields) {
    if (!body.empty()) body += '&';
    append_encoded(body, name);
    body += '=';
    append_encoded(body, value);
  }
  return body;
}

}  // namespace mintmark::http
