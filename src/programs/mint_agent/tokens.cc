// token, revoke, result, proof, curl: what this device is given, and how its use is proven.
#include <cstdio>

#include "programs/mint_agent/subcommand.h"

namespace mintmark::programs {
namespace {

const std::vector<Option> token_options = {
    {"--audience", "A", "the service the token is for (default: the issuer's rule decides)"},
    {"--scope", "S", "scopes, with one space between (default: all that the rule grants)"}};

const Option by_certificate{"--mtls", "",
                            "bound to this device's certificate (RFC 8705): no proof goes with it"};

agent::TokenRequest wanted(const Arguments& arguments) {
  return {arguments.value("--audience"), arguments.value("--scope"), arguments.has("--mtls")};
}

Result<int> token(agent::Agent& agent, const Arguments& arguments) {
  const auto request = wanted(arguments);
  auto token = arguments.has("--new") ? agent.new_token(request) : agent.token(request);
  if (!token) return pass_on(token);
  std::printf("%s\n", token->c_str());
  return exit_done;
}

Result<int> revoke(agent::Agent& agent, const Arguments& arguments) {
  std::string token;
  if (arguments.has("--token")) {
    auto text = value_or_stdin(arguments.value("--token"));
    if (!text) return pass_on(text);
    if (text->empty()) return fail(Code::invalid_argument, "--token is empty");
    token = std::move(*text);
  }
  const auto revoked = agent.revoke(token);
  if (!revoked) return tl::unexpected<Error>(revoked.error());
  if (token.empty()) std::fprintf(stderr, "mint-agent: %zu kept tokens revoked\n", *revoked);
  return exit_done;
}

Result<int> result(agent::Agent& agent, const Arguments& arguments) {
  auto result = agent.result(arguments.value("--nonce"));
  if (!result) return pass_on(result);
  std::printf("%s\n", result->c_str());
  return exit_done;
}

Result<int> proof(agent::Agent& agent, const Arguments& arguments) {
  auto method = arguments.required("--method");
  if (!method) return pass_on(method);
  auto url = arguments.required("--url");
  if (!url) return pass_on(url);
  auto named = arguments.required("--token");
  if (!named) return pass_on(named);
  auto text = value_or_stdin(*named);
  if (!text) return pass_on(text);
  auto proof = agent.proof({*method, *url, *text, arguments.value("--nonce")});
  if (!proof) return pass_on(proof);
  std::printf("%s\n", proof->c_str());
  return exit_done;
}

Result<http::Headers> headers_of(const Arguments& arguments) {
  http::Headers headers;
  for (const std::string& header : arguments.values("-H")) {
    const auto colon = header.find(':');
    if (colon == std::string::npos || colon == 0)
      return fail(Code::invalid_argument, "-H is \"Name: value\"");
    const auto value = header.find_first_not_of(' ', colon + 1);
    headers.add(header.substr(0, colon), value == std::string::npos ? "" : header.substr(value));
  }
  return headers;
}

Result<int> call(agent::Agent& agent, const Arguments& arguments) {
  if (arguments.has("--mtls") && arguments.has("--session")) {
    return fail(Code::invalid_argument,
                "--mtls and --session do not go together: a certificate is on the device key");
  }
  auto headers = headers_of(arguments);
  if (!headers) return pass_on(headers);
  auto ca = absolute(arguments, "--ca");
  if (!ca) return pass_on(ca);
  auto response = agent.call({.token = wanted(arguments),
                              .method = arguments.value("-X", arguments.has("-d") ? "POST" : "GET"),
                              .url = arguments.argument(),
                              .headers = std::move(*headers),
                              .body = arguments.value("-d"),
                              .ca_file = *ca,
                              .session = arguments.has("--session")});
  if (!response) return pass_on(response);
  std::fwrite(response->body.data(), 1, response->body.size(), stdout);
  if (response->status >= 200 && response->status < 300) return exit_done;
  std::fprintf(stderr, "mint-agent: the service answered %u\n", response->status);
  return exit_denied;
}

}  // namespace

std::vector<Subcommand> token_commands() {
  return {
      {{"token",
        "print a token, fetched or kept",
        {token_options[0],
         token_options[1],
         by_certificate,
         {"--new", "", "fetched, whatever is kept: what is kept may be revoked by now"}},
        ""},
       &token},
      {{"revoke",
        "tell the issuer that a token is not wanted any more; without --token all that are kept",
        {{"--token", "T", "the token; - reads standard input"}},
        ""},
       &revoke},
      {{"result",
        "print the issuer's verdict on this device, signed: an EAT for others than the issuer",
        {{"--nonce", "N", "to be echoed in it: 8 to 88 characters that whoever wants it chose"}},
        ""},
       &result},
      {{"proof",
        "print a DPoP proof for one request with a token",
        {{"--method", "M", "the request's method"},
         {"--url", "U", "the request's URL"},
         {"--token", "T", "the token it goes with; - reads standard input"},
         {"--nonce", "N", "what a service's DPoP-Nonce header said, where it asks for one"}},
        ""},
       &proof},
      {{"curl",
        "make a request with a token and its proof, and print the answer's body",
        {{"--audience", "A", "the service the token is for"},
         {"--scope", "S", "scopes, with one space between"},
         {"--ca", "FILE", "PEM of the roots to trust for the service (default: the issuer's)"},
         {"--mtls", "", "with a certificate on the device key instead of a proof (RFC 8705)"},
         {"--session", "",
          "with a key in memory, for which the device key vouches (docs/agent.md)"},
         {"-X", "METHOD", "the method (default: GET, with -d POST)"},
         {"-d", "DATA", "the body"},
         {"-H", "HEADER", "a header, \"Name: value\"", true}},
        "URL"},
       &call}};
}

}  // namespace mintmark::programs
