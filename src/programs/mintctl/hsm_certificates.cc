#include <cstdio>
#include <ctime>

#include "base/file.h"
#include "hsm/libp11/request.h"
#include "programs/mintctl/opened_token.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

using hsm::libp11::CertificateFacts;
using hsm::libp11::StoredCertificate;
using hsm::pkcs11::ObjectFacts;

const Option key_option{"--key", "ID|LABEL", "the private key: its CKA_ID (hex) or its label"};

// ---- certs ----

/// Whether the key that a certificate is for is there under its ID.
const char* private_key_of(const Objects& objects, const StoredCertificate& certificate) {
  const char* state = "missing";
  for (const ObjectFacts* key : private_keys(objects)) {
    if (key->id != certificate.id) continue;
    if (key->public_key.empty() || key->public_key == certificate.facts.public_key)
      return "present";
    state = "another key has this ID";
  }
  return state;
}

Result<Json> certs(AdminClient& /*mintd*/, const Arguments& arguments) {
  const auto opened = OpenedToken::named_by(arguments);
  if (!opened) return tl::unexpected<Error>(opened.error());
  auto stored = (*opened)->with_session<std::vector<StoredCertificate>>(
      [](hsm::libp11::Session& session) { return session.certificates(); });
  if (!stored) return pass_on(stored);
  Json all = Json::array();
  for (const StoredCertificate& one : *stored) {
    all.push_back({{"label", one.label},
                   {"id", to_hex(one.id)},
                   {"readable", !one.facts.public_key.empty()},
                   {"subject", one.facts.subject},
                   {"issuer", one.facts.issuer},
                   {"serial", one.facts.serial},
                   {"not_before", one.facts.not_before},
                   {"not_after", one.facts.not_after},
                   {"private_key", private_key_of((*opened)->objects(), one)}});
  }
  return Json{{"token", (*opened)->token()}, {"certificates", all}};
}

void print_certs(const Json& answer) {
  std::printf("token        %s\n", text(answer["token"], "uri").c_str());
  for (const Json& one : answer["certificates"]) {
    if (one["readable"] == false) {
      std::printf("\nid           %s\nsubject      UNREADABLE: no X.509 certificate\n",
                  text(one, "id").c_str());
      continue;
    }
    const bool over = one["not_after"].get<std::int64_t>() < std::time(nullptr);
    std::printf(
        "\nsubject      %s\nissuer       %s\nnot after    %s%s\nkey id       %s\nprivate key  %s\n",
        printable(text(one, "subject"), 400).c_str(), printable(text(one, "issuer"), 400).c_str(),
        moment(one, "not_after").c_str(), over ? " EXPIRED" : "", text(one, "id").c_str(),
        text(one, "private_key").c_str());
  }
}

// ---- csr ----

Result<void> require_signing_key(const ObjectFacts& key) {
  if (key.key_type != "RSA" && key.key_type != "EC")
    return fail(Code::hsm_tool_failed,
                "libp11 signs with RSA and EC keys; this one is " +
                    (key.key_type.empty() ? "of no known type" : key.key_type) + " (" +
                    describe(key) + ")");
  for (const auto& [name, value] : key.attributes) {
    if (name == "CKA_SIGN" && !value)
      return fail(Code::hsm_key_unfit,
                  "the key " + describe(key) + " may not sign: CKA_SIGN is false");
  }
  if (key.public_key.empty() || key.id.empty())
    return fail(Code::hsm_object_missing, "the token shows no public key beside " + describe(key) +
                                              "; it must be there with the same CKA_ID");
  return {};
}

Result<std::pair<std::string, ObjectFacts>> request_by(const OpenedToken& opened,
                                                       const std::string& name,
                                                       const hsm::libp11::RequestSpec& spec) {
  const auto key = the_key_named(opened.objects(), name);
  if (!key) return tl::unexpected<Error>(key.error());
  auto fit = require_signing_key(**key);
  if (!fit) return pass_on(fit);
  auto pem = opened.with_session<std::string>([&](hsm::libp11::Session& session) {
    return session.with_key((*key)->id, [&](evp_pkey_st* signing_key) {
      return hsm::libp11::sign_request(signing_key, (*key)->public_key, spec);
    });
  });
  if (!pem) return pass_on(pem);
  return std::make_pair(std::move(*pem), **key);
}

Result<Json> csr(AdminClient& /*mintd*/, const Arguments& arguments) {
  const auto key = arguments.required("--key");
  if (!key) return tl::unexpected<Error>(key.error());
  const auto subject = arguments.required("--subject");
  if (!subject) return tl::unexpected<Error>(subject.error());
  const hsm::libp11::RequestSpec spec{*subject, arguments.values("--dns"),
                                      arguments.values("--ip")};
  auto good = check(spec);
  if (!good) return pass_on(good);
  Json answer;
  {
    const auto opened = OpenedToken::named_by(arguments);
    if (!opened) return tl::unexpected<Error>(opened.error());
    auto request = request_by(**opened, *key, spec);
    if (!request) return pass_on(request);
    answer = {{"csr", request->first},
              {"key", {{"id", to_hex(request->second.id)}, {"label", request->second.label}}}};
  }
  if (!arguments.has("--out")) return answer;
  const std::string out = arguments.value("--out");
  auto written = write_file_atomically(out, answer["csr"].get<std::string>(), 0644);
  if (!written) return pass_on(written);
  answer["file"] = out;
  return answer;
}

void print_csr(const Json& answer) {
  if (answer.contains("file"))
    std::printf("written to %s\n", text(answer, "file").c_str());
  else
    std::printf("%s", text(answer, "csr").c_str());
}

// ---- import-cert ----

Result<CertificateFacts> read_certificate_file(const std::string& file) {
  constexpr std::size_t longest = 1U << 20U;
  const auto text = file == "-" ? read_fd(0, longest) : read_file(file, longest);
  if (!text) return fail(Code::certificate_malformed, text.error().detail);
  auto certificate = hsm::libp11::read_certificate(*text);
  if (!certificate) return fail(certificate.error().code, file + ": " + certificate.error().detail);
  return certificate;
}

/// The private key that the certificate is for; of those named, if one is named.
Result<const ObjectFacts*> key_of(const Objects& objects, const CertificateFacts& certificate,
                                  const Arguments& arguments) {
  auto candidates = private_keys(objects);
  if (arguments.has("--key")) {
    const auto named = the_key_named(objects, arguments.value("--key"));
    if (!named) return tl::unexpected<Error>(named.error());
    candidates = {*named};
  }
  std::vector<const ObjectFacts*> fitting;
  for (const ObjectFacts* key : candidates) {
    if (!key->id.empty() && key->public_key == certificate.public_key) fitting.push_back(key);
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.empty())
    return fail(Code::certificate_mismatch,
                "the certificate (" + printable(certificate.subject, 200) +
                    ") is for none of the token's private keys: " + describe(candidates));
  return fail(
      Code::hsm_object_ambiguous,
      "the certificate is for several private keys; name one with --key: " + describe(fitting));
}

/// What was done: "stored", or "there already".
Result<std::string> store(hsm::libp11::Session& session, const CertificateFacts& certificate,
                          const ObjectFacts& key, bool replace) {
  auto stored = session.certificates();
  if (!stored) return pass_on(stored);
  bool is_there = false;
  for (const StoredCertificate& other : *stored) {
    if (other.id != key.id) continue;
    if (other.facts.der == certificate.der) {
      is_there = true;
    } else if (!replace) {
      return fail(Code::hsm_object_ambiguous, "the key has another certificate already (serial " +
                                                  other.facts.serial +
                                                  "); --replace puts this one in its place");
    }
  }
  if (!is_there) {
    auto done = session.store(certificate, key.label, key.id);
    if (!done) return pass_on(done);
  }
  // The new one first: an end in between leaves two, and never none.
  if (replace) {
    auto removed = session.remove_others(key.id, certificate.der);
    if (!removed) return pass_on(removed);
  }
  return std::string(is_there ? "there already" : "stored");
}

Result<Json> import_cert(AdminClient& /*mintd*/, const Arguments& arguments) {
  if (arguments.argument() == "-" && arguments.value("--pin-file") == "-")
    return fail(Code::invalid_argument, "certificate and PIN cannot both be standard input");
  const auto certificate = read_certificate_file(arguments.argument());
  if (!certificate) return tl::unexpected<Error>(certificate.error());
  const auto opened = OpenedToken::named_by(arguments);
  if (!opened) return tl::unexpected<Error>(opened.error());
  const auto key = key_of((*opened)->objects(), *certificate, arguments);
  if (!key) return tl::unexpected<Error>(key.error());
  auto done = (*opened)->with_session<std::string>([&](hsm::libp11::Session& session) {
    return store(session, *certificate, **key, arguments.has("--replace"));
  });
  if (!done) return pass_on(done);
  return Json{{"token", (*opened)->token()},     {"certificate", *done},
              {"subject", certificate->subject}, {"not_after", certificate->not_after},
              {"id", to_hex((*key)->id)},        {"label", (*key)->label}};
}

void print_import(const Json& answer) {
  std::printf("%s: %s, beside the key %s \"%s\"\n", text(answer, "certificate").c_str(),
              printable(text(answer, "subject"), 400).c_str(), text(answer, "id").c_str(),
              printable(text(answer, "label")).c_str());
}

}  // namespace

std::vector<Subcommand> hsm_certificate_commands() {
  return {
      {{"hsm certs", "the token's certificates, and whether their keys are there",
        with_token({user_pin_option()}), ""},
       certs,
       print_certs},
      {{"hsm csr", "a certificate request (PKCS#10) signed by an RSA or EC key of the token",
        with_token({key_option,
                    {"--subject", "NAME", "as \"/C=DE/O=Example/CN=issuer.example\""},
                    {"--dns", "NAME", "a subject alternative name", true},
                    {"--ip", "ADDRESS", "likewise", true},
                    {"--out", "FILE", "where to (default: standard output)"},
                    user_pin_option()}),
        ""},
       csr,
       print_csr},
      {{"hsm import-cert", "store a certificate (PEM or DER; - is standard input) beside its key",
        with_token({key_option,
                    {"--replace", "", "take the key's other certificates away"},
                    user_pin_option()}),
        "FILE"},
       import_cert,
       print_import}};
}

}  // namespace mintmark::programs
