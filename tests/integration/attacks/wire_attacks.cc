// What is done to a request: its framing, its fields, its parameters.
#include <algorithm>
#include <stdexcept>

#include "http/text.h"
#include "wire_rows.h"

namespace mintmark::attacks {
namespace {

using namespace std::string_literals;

bool is_named(const std::string& field, std::string_view name) {
  return field.size() > name.size() && field[name.size()] == ':' &&
         http::equal_without_case(std::string_view(field).substr(0, name.size()), name);
}
const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

std::string chunked(Wire wire, const std::string& coding, const std::string& chunks) {
  wire.remove("Content-Length").add(coding);
  wire.body = chunks;
  return wire.octets();
}

void add_framing(WireRows& rows, const std::string& name, const Change& change, Code code) {
  rows.changed(name, change, everywhere(code)).framing = true;
}

Change with_length(const std::string& length) {
  return [length](Wire& wire) {
    wire.remove("Content-Length").add("Content-Length: " + length);
    wire.body = hidden;
  };
}

void add_lengths(WireRows& rows) {
  add_framing(
      rows, "Content-Length, then Transfer-Encoding",
      [](Wire& wire) {
        wire.set("Content-Length", "5").add("Transfer-Encoding: chunked");
        wire.body = "0\r\n\r\n" + hidden;
      },
      Code::http_framing_ambiguous);
  add_framing(
      rows, "Transfer-Encoding, then Content-Length",
      [](Wire& wire) {
        wire.remove("Content-Length").add("Transfer-Encoding: chunked").add("Content-Length: 5");
        wire.body = "0\r\n\r\n" + hidden;
      },
      Code::http_framing_ambiguous);
  add_framing(
      rows, "two Content-Length, other values",
      [](Wire& wire) {
        wire.set("Content-Length", "0").add("Content-Length: 5");
        wire.body = hidden;
      },
      Code::http_framing_ambiguous);
  add_framing(
      rows, "two Content-Length, one value",
      [](Wire& wire) {
        wire.set("Content-Length", "0").add("Content-Length: 0");
        wire.body = hidden;
      },
      Code::http_framing_ambiguous);
  for (const char* length : {"0, 0", "0,5", "+5", "-5", "0x5", "5 5", "5;q=1", "five",
                             "18446744073709551616", "\"5\"", "5.0"})
    add_framing(rows, "Content-Length: "s + length, with_length(length),
                Code::http_framing_ambiguous);
}

void add_codings(WireRows& rows) {
  for (const char* coding : {"chunked, chunked", "xchunked", "identity", "gzip, chunked",
                             "chunked, identity", "\"chunked\"", "chunked;q=1", "chunke"})
    rows.octets(
            "Transfer-Encoding: "s + coding,
            [coding](const Wire& wire) {
              return chunked(wire, "Transfer-Encoding: "s + coding, "0\r\n\r\n" + hidden);
            },
            everywhere(Code::http_coding_unknown))
        .framing = true;
  rows.octets(
          "Transfer-Encoding twice",
          [](Wire wire) {
            wire.add("Transfer-Encoding: chunked");
            return chunked(wire, "Transfer-Encoding: chunked", "0\r\n\r\n" + hidden);
          },
          everywhere(Code::http_framing_ambiguous))
      .framing = true;
  rows.octets(
          "Transfer-Encoding in HTTP/1.0",
          [](Wire wire) {
            line_with("HTTP/1.1", "HTTP/1.0")(wire);
            return chunked(wire, "Transfer-Encoding: chunked", "0\r\n\r\n" + hidden);
          },
          everywhere(Code::http_framing_ambiguous))
      .framing = true;
}

void add_lines(WireRows& rows) {
  const std::pair<const char*, const char*> fields[] = {
      {"a space before the colon", "Transfer-Encoding : chunked"},
      {"a line folded", "X: y\r\n Transfer-Encoding: chunked"},
      {"a space before the name", " Transfer-Encoding: chunked"},
      {"no colon", "Transfer-Encoding chunked"}};
  for (const auto& [name, field] : fields)
    add_framing(rows, "Transfer-Encoding with "s + name, add(field), Code::http_header_malformed);
  const std::pair<const char*, std::string> ends[] = {
      {"a bare LF", "X: y\nTransfer-Encoding: chunked"},
      {"a bare CR", "X: y\rTransfer-Encoding: chunked"},
      {"a NUL", "X: y\0Transfer-Encoding: chunked"s},
      {"a vertical tab", "X: y\x0bTransfer-Encoding: chunked"},
      {"a delete", "X: y\x7fTransfer-Encoding: chunked"}};
  for (const auto& [name, field] : ends)
    add_framing(rows, "a field with "s + name, add(field), Code::http_malformed);
}

void add_chunks(WireRows& rows) {
  const std::pair<const char*, const char*> chunks[] = {
      {"no number", "x\r\n\r\n0\r\n\r\n"},
      {"a negative size", "-1\r\n\r\n0\r\n\r\n"},
      {"a size of 17 digits", "10000000000000001\r\n"},
      {"a size with 0x", "0x1\r\na\r\n0\r\n\r\n"},
      {"no line's end behind it", "1\r\nab0\r\n\r\n"},
      {"a bare LF", "1\na\n0\n\n"}};
  for (const auto& [name, text] : chunks)
    rows.octets(
            "a chunk with "s + name,
            [text = text](const Wire& wire) {
              return chunked(wire, "Transfer-Encoding: chunked", text + hidden);
            },
            everywhere(Code::http_malformed))
        .framing = true;
  for (const char* size : {"ffffffffffffffff", "7fffffff", "20001"})
    rows.octets(
            "a chunk of 0x"s + size,
            [size](const Wire& wire) {
              return chunked(wire, "Transfer-Encoding: chunked", size + "\r\n"s + hidden);
            },
            everywhere(Code::http_body_too_large))
        .framing = true;
  rows.octets(
          "a body of 131,073 octets",
          [](Wire wire) {
            wire.remove("Content-Length").add("Content-Length: 131073");
            wire.body = "";
            return wire.octets();
          },
          everywhere(Code::http_body_too_large))
      .framing = true;
  rows.octets(
      "chunked, and a proof in the trailer",
      [](Wire wire) {
        const std::string proof = wire.value("DPoP");
        wire.remove("DPoP");
        const std::string body = wire.body;
        char size[17];
        std::snprintf(size, sizeof size, "%zx", body.size());
        return chunked(wire, "Transfer-Encoding: chunked",
                       (body.empty() ? "" : size + "\r\n"s + body + "\r\n") +
                           "0\r\nDPoP: " + proof + "\r\n\r\n");
      },
      at({Door::token_endpoint, Door::issuer_resource, Door::gate}, Code::proof_missing));
}

}  // namespace

WireChapter framing_attacks() {
  WireRows rows("Framing (RFC 9112 §6, §7, §11.2)");
  add_lengths(rows);
  add_codings(rows);
  add_lines(rows);
  add_chunks(rows);
  return std::move(rows).chapter();
}

namespace {

void add_request_lines(WireRows& rows) {
  rows.changed("HTTP/2.0", line_with("HTTP/1.1", "HTTP/2.0"),
               everywhere(Code::http_version_unsupported));
  rows.changed("HTTP/1.1 in small letters", line_with("HTTP/1.1", "http/1.1"),
               everywhere(Code::http_malformed));
  rows.changed("no version", line_with(" HTTP/1.1", ""), everywhere(Code::http_malformed));
  rows.changed("two spaces", before_target(" "), everywhere(Code::http_malformed));
  rows.changed("a tab", behind_target("\tx"), everywhere(Code::http_malformed));
  rows.changed("a space in the target", behind_target(" x"), everywhere(Code::http_malformed));
  rows.changed("an octet that is no ASCII in the target", behind_target("\xC3\xA9"),
               everywhere(Code::http_malformed));
  rows.changed("a fragment", behind_target("#x"), everywhere(Code::http_malformed));
  rows.changed("a target of 20,000 octets", behind_target("?" + std::string(20'000, 'a')),
               everywhere(Code::http_target_too_long));
  rows.changed("an absolute target", before_target("https://issuer.example"),
               everywhere(Right::taken()));
  rows.changed("an absolute target with a user", before_target("https://user@issuer.example"),
               everywhere(Code::http_malformed));
  rows.changed("an absolute target of another scheme", before_target("ftp://issuer.example"),
               everywhere(Code::http_malformed));
  rows.octets(
      "CONNECT",
      [](Wire wire) {
        wire.line = "CONNECT issuer.example:443 HTTP/1.1";
        return wire.octets();
      },
      everywhere(Code::http_method_unknown));
  rows.changed(
      "another method", [](Wire& wire) { wire.line.replace(0, wire.line.find(' '), "PUT"); },
      at({Door::token_endpoint, Door::introspection, Door::revocation, Door::issuer_resource},
         Code::http_method_not_allowed));
  rows.changed(
      "the method in small letters",
      [](Wire& wire) {
        std::transform(
            wire.line.begin(), wire.line.begin() + static_cast<std::ptrdiff_t>(wire.line.find(' ')),
            wire.line.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      },
      at({Door::token_endpoint, Door::introspection, Door::revocation, Door::issuer_resource},
         Code::http_method_not_allowed));
}

void add_paths(WireRows& rows) {
  for (const char* path : {"/", "x", "/../token", ";a"})
    rows.changed(
        "the path with \""s + path + "\" behind it", behind_target(path),
        at({Door::token_endpoint, Door::introspection, Door::revocation, Door::issuer_resource},
           Code::http_path_unknown));
  rows.changed(
      "a slash before the path", before_target("/"),
      at({Door::token_endpoint, Door::introspection, Door::revocation, Door::issuer_resource},
         Code::http_path_unknown));
}

void add_hosts_and_fields(WireRows& rows) {
  rows.changed("no Host", remove("Host"), everywhere(Code::http_host_wrong));
  rows.changed("two Host", add("Host: evil.example"), everywhere(Code::http_host_wrong));
  for (const char* host : {"", "a b", "a/b", "user@a", "a:b", "a:65536", "[::1"})
    rows.changed(
        "Host: "s + host, [host](Wire& wire) { wire.set("Host", host); },
        everywhere(Code::http_host_wrong));
  rows.changed("a header of 100,000 octets", add("X: " + std::string(100'000, 'a')),
               everywhere(Code::http_header_too_large));
  rows.changed(
      "251 fields more",
      [](Wire& wire) {
        for (int i = 0; i < 251; ++i) wire.add("X: y");
      },
      everywhere(Code::http_header_too_large));
  rows.changed("Expect: tea", add("Expect: tea"), everywhere(Code::http_expectation_unknown));
  for (const char* field :
       {"X-HTTP-Method-Override: PUT", "X-Original-URL: /admin", "X-Rewrite-URL: /admin",
        "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example;proto=http",
        "Mintmark-Subject: admin", "Connection: DPoP, Authorization"})
    rows.changed(field, add(field), everywhere(Right::taken()));
}

}  // namespace

WireChapter line_attacks() {
  WireRows rows("Request line and Host (RFC 9112 §3)");
  add_request_lines(rows);
  add_paths(rows);
  add_hosts_and_fields(rows);
  return std::move(rows).chapter();
}

std::string Wire::value(std::string_view name) const {
  for (const std::string& field : fields) {
    if (!is_named(field, name)) continue;
    const auto from = field.find_first_not_of(' ', name.size() + 1);
    return from == std::string::npos ? "" : field.substr(from);
  }
  throw std::runtime_error("the request has no " + std::string(name));
}

Wire& Wire::remove(std::string_view name) {
  std::erase_if(fields, [&](const std::string& field) { return is_named(field, name); });
  return *this;
}

Wire& Wire::set(const std::string& name, const std::string& value) {
  return remove(name).add(name + ": " + value);
}

Wire& Wire::add(const std::string& field) {
  fields.push_back(field);
  return *this;
}

Wire& Wire::with_body(std::string text) {
  body = std::move(text);
  return set("Content-Length", std::to_string(body.size()));
}

std::string Wire::octets() const {
  std::string all = line + "\r\n";
  for (const std::string& field : fields) all += field + "\r\n";
  return all + "\r\n" + body;
}

const std::vector<WireChapter>& wire_chapters() {
  static const std::vector<WireChapter> all = [] {
    std::vector<WireChapter> made;
    made.push_back(framing_attacks());
    made.push_back(line_attacks());
    made.push_back(credential_attacks());
    made.push_back(parameter_attacks());
    made.push_back(proxy_attacks());
    return made;
  }();
  return all;
}

}  // namespace mintmark::attacks
