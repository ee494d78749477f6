// mint-gate verify: one token, and the proof or the certificate that came with it.
#include <openssl/x509.h>

#include <cstdio>
#include <ctime>
#include <optional>

#include "attest/x509/trust.h"
#include "base/file.h"
#include "base/json.h"
#include "http/url.h"
#include "mintmark/verifier.h"
#include "programs/mint_gate/commands.h"
#include "programs/mint_gate/status_check.h"

namespace mintmark::programs {
namespace {

struct Call {
  std::string issuer, ca, audience, token, proof, method, url;
  std::string certificate;       // DER.
  std::optional<Scheme> scheme;  // Nothing: the one that the token's binding asks for.
  std::vector<std::string> key_protections;
  bool without_proof = false;
  bool without_status = false;
};

tl::unexpected<Error> usage(std::string detail) {
  return fail(Code::invalid_argument, std::move(detail));
}

// The options that speak of the proof belong together, or give way to --no-proof.
Result<void> check_proof_options(const Arguments& arguments) {
  const bool proof = arguments.has("--proof");
  if (arguments.has("--no-proof")) {
    for (const char* option : {"--proof", "--method", "--url", "--certificate", "--scheme"}) {
      if (arguments.has(option))
        return usage(std::string(option) + " and --no-proof exclude each other");
    }
    return {};
  }
  for (const char* option : {"--method", "--url"}) {
    if (proof && !arguments.has(option))
      return usage(std::string("--proof needs ") + option + ": the request that it is for");
    if (!proof && arguments.has(option))
      return usage(std::string(option) + " speaks of a proof, and --proof is missing");
  }
  return {};
}

Result<void> check_key_protections(const std::vector<std::string>& wanted) {
  for (const std::string& one : wanted) {
    if (one != "hardware" && one != "session" && one != "unproven" && one != "none")
      return usage("--key-protection must be hardware, session, unproven or none");
  }
  return {};
}

Result<void> check_addresses(const Call& call) {
  if (auto issuer = check_issuer(call.issuer); !issuer) return issuer;
  if (call.audience.empty())
    return usage("--audience is empty; it names the service that the token is for");
  return check_ca(call.ca);
}

Result<std::optional<Scheme>> scheme_named(const std::string& name) {
  if (name.empty()) return std::optional<Scheme>();
  if (name == "dpop") return std::optional<Scheme>(Scheme::dpop);
  if (name == "bearer") return std::optional<Scheme>(Scheme::bearer);
  return usage("--scheme must be dpop or bearer");
}

// DER of the first certificate in the file: of a chain, the client's own.
Result<std::string> certificate_of(const std::string& file) {
  if (file.empty()) return file;
  const auto content = read_file(file);
  if (!content) return usage("--certificate: " + content.error().detail);
  const auto found = attest::x509::certificates_in(as_bytes(*content));
  if (found.empty()) return usage("--certificate: " + file + " holds no certificate (PEM or DER)");
  std::uint8_t* der = nullptr;
  const int length = i2d_X509(found.front().get(), &der);
  if (length <= 0) return usage("--certificate: " + file + " cannot be encoded");
  std::string text(as_text({der, static_cast<std::size_t>(length)}));
  OPENSSL_free(der);
  return text;
}

Result<void> read_required(const Arguments& arguments, Call& call) {
  const std::pair<const char*, std::string*> required[] = {
      {"--issuer", &call.issuer}, {"--audience", &call.audience}, {"--token", &call.token}};
  for (const auto& [option, place] : required) {
    auto value = arguments.required(option);
    if (!value) return pass_on(value);
    *place = std::move(*value);
  }
  return {};
}

Result<Call> read_call(const Arguments& arguments) {
  Call call;
  if (auto required = read_required(arguments, call); !required) return pass_on(required);
  if (auto options = check_proof_options(arguments); !options) return pass_on(options);
  call.ca = arguments.value("--ca");
  call.proof = arguments.value("--proof");
  call.method = arguments.value("--method");
  call.url = arguments.value("--url");
  call.without_proof = arguments.has("--no-proof");
  call.without_status = arguments.has("--no-status");
  auto scheme = scheme_named(arguments.value("--scheme"));
  if (!scheme) return pass_on(scheme);
  call.scheme = *scheme;
  auto certificate = certificate_of(arguments.value("--certificate"));
  if (!certificate) return pass_on(certificate);
  call.certificate = std::move(*certificate);
  call.key_protections = arguments.values("--key-protection");
  if (auto known = check_key_protections(call.key_protections); !known) return pass_on(known);
  if (auto addresses = check_addresses(call); !addresses) return pass_on(addresses);
  if (call.token == "-" && call.proof == "-")
    return usage("--token and --proof cannot both come from standard input");
  for (std::string* secret : {&call.token, &call.proof}) {
    auto value = value_or_stdin(*secret);
    if (!value) return pass_on(value);
    *secret = std::move(*value);
  }
  if (call.token.empty()) return usage("the token is empty");
  return call;
}

tl::expected<VerifiedToken, Refused> judged(const Call& call) {
  VerifierOptions options(call.issuer, call.audience);
  // This process remembers no proof, and each was made before it started.
  options.proof_memory = ProofMemory::of_caller;
  options.key_protections = call.key_protections;
  const Verifier verifier(std::move(options), published_keys(call.issuer, call.ca));
  const auto token = verifier.check_without_proof(call.token);
  if (!token || call.without_proof) return token;
  const Scheme asked_for = token->jkt().empty() ? Scheme::bearer : Scheme::dpop;
  return verifier.check(call.token, {.method = call.method,
                                     .url = call.url,
                                     .proof = call.proof,
                                     .scheme = call.scheme.value_or(asked_for),
                                     .certificate = call.certificate});
}

std::string utc(std::chrono::sys_seconds moment) {
  const std::time_t time = moment.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%SZ", &parts);
  return text;
}

void print_json(const Json& answer) {
  std::printf("%s\n", answer.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

const char* shown_by(const VerifiedToken& token) {
  if (!token.proof_checked())
    return " by signature and claims; who sent it was not checked (--no-proof)";
  if (token.jkt().empty()) return "; the certificate is the one that the token is bound to";
  if (token.certificate_thumbprint().empty())
    return "; the proof shows that the sender holds the device key";
  return "; the proof shows that the sender holds the device key, and the certificate is the "
         "token's";
}

std::string advice_on(Refusal refusal) {
  if (refusal == Refusal::proof_missing)
    return "; give --proof, --method and --url, or say --no-proof";
  if (refusal == Refusal::token_certificate_missing)
    return "; give --certificate, or say --no-proof";
  return "";
}

Json as_json(const std::optional<ListedAsValid>& status) {
  if (!status) return nullptr;
  return {{"status", "valid"}, {"list", status->uri}, {"list_age_seconds", status->age.count()}};
}

int accept(const Call& call, const VerifiedToken& token, const std::optional<ListedAsValid>& status,
           bool json) {
  if (json) {
    print_json({{"valid", true},
                {"proof_checked", token.proof_checked()},
                {"status", as_json(status)},
                {"claims", Json::parse(token.claims(), nullptr, false)}});
    return exit_done;
  }
  std::string scope;
  for (const std::string& word : token.scopes()) scope += (scope.empty() ? "" : " ") + word;
  std::printf("valid%s\n", shown_by(token));
  std::printf("  subject         %s\n  audience        %s\n  scope           %s\n",
              printable(token.subject()).c_str(), printable(call.audience).c_str(),
              printable(scope).c_str());
  std::printf("  expires         %s\n", utc(token.expires_at()).c_str());
  if (status)
    std::printf("  status          valid, by a list of %lld s ago\n",
                static_cast<long long>(status->age.count()));
  else
    std::printf("  status          not looked at (--no-status): it may have been revoked\n");
  if (!token.jkt().empty()) std::printf("  device key      %s\n", printable(token.jkt()).c_str());
  if (!token.certificate_thumbprint().empty())
    std::printf("  certificate     %s\n", token.certificate_thumbprint().c_str());
  std::printf("  key protection  %s\n", printable(token.key_protection()).c_str());
  return exit_done;
}

int refuse(const std::string& name, bool unavailable, const std::string& detail, bool json) {
  if (json) {
    // Without keys nothing is known of the token.
    print_json({{"valid", unavailable ? Json() : Json(false)}, {"code", name}, {"detail", detail}});
  } else {
    std::fprintf(stderr, "mint-gate: %s: %s: %s\n", unavailable ? "cannot verify" : "refused",
                 name.c_str(), detail.c_str());
  }
  return unavailable ? exit_unavailable : exit_denied;
}

int refuse(const Refused& refused, bool json) {
  return refuse(std::string(name_of(refused.refusal)), is_unavailable(refused.refusal),
                refused.detail + advice_on(refused.refusal), json);
}

// What says nothing about the token is as where its issuer's keys cannot be had.
int refuse(const Error& error, bool json) {
  const CodeFacts& facts = facts_of(error.code);
  return refuse(std::string(facts.name), facts.http_status >= 500, error.detail, json);
}

int conclude(const Call& call, const VerifiedToken& token, bool json) {
  if (call.without_status) return accept(call, token, std::nullopt, json);
  auto status = check_status(token, call.issuer, call.ca);
  if (!status) return refuse(status.error(), json);
  return accept(call, token, *status, json);
}

}  // namespace

Command verify_command() {
  return {
      "verify",
      "check one token, and the DPoP proof or the certificate that came with it, by the issuer's "
      "published keys, and its status by the list that it names. A token is bound to a device key "
      "or a certificate: without them it is refused. Whether the proof was used before is not "
      "known "
      "here.",
      {{"--issuer", "URL", "the issuer, as in the token's iss"},
       {"--ca", "FILE", "PEM of the roots to trust for the issuer's TLS (default: the system's)"},
       {"--audience", "A", "the service that the token must be for, as in its aud"},
       {"--token", "T", "the access token; - reads it from standard input"},
       {"--proof", "P", "the DPoP header's value; - reads it from standard input"},
       {"--method", "M", "method of the request that the proof is for"},
       {"--url", "U", "URL of the request that the proof is for"},
       {"--certificate", "FILE", "the client's certificate of the connection, PEM or DER"},
       {"--scheme", "S",
        "dpop or bearer, as the token came (default: by what the token is bound to)"},
       {"--key-protection", "P",
        "take tokens of such keys alone: hardware, session, unproven, none (default: all)", true},
       {"--no-proof", "", "check no proof: whoever copied the token passes"},
       {"--no-status", "", "fetch no status list: a token that was revoked passes"}},
      ""};
}

int verify(const Program& program, const Arguments& arguments) {
  const bool json = arguments.has("--json");
  const auto call = read_call(arguments);
  if (!call) return report(program, call.error(), json);
  const auto token = judged(*call);
  return token ? conclude(*call, *token, json) : refuse(token.error(), json);
}

Result<void> check_issuer(const std::string& issuer) {
  const auto url = http::parse_url(issuer);
  if (url && url->scheme == "https") return {};
  return usage("--issuer must be an https URL" + (url ? "" : ": " + url.error().detail));
}

Result<void> check_ca(const std::string& file) {
  if (file.empty()) return {};
  const auto roots = read_file(file);
  if (!roots) return usage("--ca: " + roots.error().detail);
  if (roots->find("-----BEGIN") == std::string::npos)
    return usage("--ca: " + file + " is no PEM file");
  return {};
}

}  // namespace mintmark::programs
