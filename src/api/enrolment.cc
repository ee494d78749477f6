#include "api/enrolment.h"

#include "api/answers.h"
#include "api/enrolment_answer.h"
#include "api/members.h"
#include "jose/base64url.h"

namespace mintmark::api {
namespace {

constexpr std::size_t longest_chain = 8;

std::vector<Bytes> chain_in(const Json& body, const char* name, jose::Members& members) {
  return body.contains(name) ? members.octets_list(name, longest_chain) : std::vector<Bytes>{};
}

attest::tpm2::Presented presented_in(const Json& body, jose::Members& members) {
  attest::tpm2::Presented presented;
  if (body.contains("ak_certificate")) {
    presented.ak_certificate = members.octets("ak_certificate");
    presented.ak_chain = chain_in(body, "ak_chain", members);
    if (body.contains("ek_certificate"))
      members.refuse("ek_certificate", "absent where ak_certificate is there");
  } else {
    presented.ek_certificate = members.octets("ek_certificate");
    presented.ek_chain = chain_in(body, "ek_chain", members);
  }
  presented.ak_public = members.octets("ak_public");
  presented.device_public = members.octets("device_public");
  if (body.contains("platform_certificate"))
    presented.platform_certificate = members.octets("platform_certificate");
  return presented;
}

std::map<unsigned, Bytes> pcrs_in(const Json& values, jose::Members& members) {
  std::map<unsigned, Bytes> pcrs;
  for (const auto& [name, value] : values.items()) {
    const bool index = !name.empty() && name.size() <= 2 &&
                       name.find_first_not_of("0123456789") == std::string::npos;
    auto digest =
        value.is_string() ? from_hex(value.get<std::string>()) : fail(Code::invalid_argument, "");
    if (!index || !digest) {
      members.refuse("quote.pcrs", "an object of PCR index to hexadecimal value");
      return pcrs;
    }
    if (!pcrs.emplace(static_cast<unsigned>(std::stoul(name)), std::move(*digest)).second) {
      members.refuse("quote.pcrs", "an object that names each PCR once");
    }
  }
  return pcrs;
}

Result<issuer::FinishCall> finish_call(const http::Request& request) {
  auto proof = verify::one_proof(request.headers);
  if (!proof) return pass_on(proof);
  // As long as the server took it.
  auto body = read_object(request, std::max(usual_body, request.body.size()));
  if (!body) return pass_on(body);

  jose::Members members = members_of_request(*body);
  issuer::FinishCall call;
  call.proof = *proof;
  call.presented = presented_in(*body, members);
  call.ticket = members.text("ticket");
  // Nothing was sealed for an AK that is certified.
  if (call.presented.ak_certificate.empty())
    call.answer.activation_secret = members.octets("activation_secret");

  const Json& certify_object = members.object("certify");
  jose::Members certify = members_of_request(certify_object);
  call.answer.certify_attest = certify.octets("attest");
  call.answer.certify_signature = certify.octets("signature");
  if (certify_object.contains("creation_data"))
    call.answer.creation_data = certify.octets("creation_data");
  const Json& quote_object = members.object("quote");
  jose::Members quote = members_of_request(quote_object);
  call.answer.quote_attest = quote.octets("attest");
  call.answer.quote_signature = quote.octets("signature");
  call.answer.pcrs = pcrs_in(quote.object("pcrs"), quote);
  if (members.has("event_log")) call.answer.logs.event_log = members.octets("event_log");
  if (members.has("ima_log")) call.answer.logs.ima_log = members.octets("ima_log");

  members.adopt(certify);
  members.adopt(quote);
  if (members.error()) return tl::unexpected<Error>(*members.error());
  return call;
}

void begin(issuer::Enrolment& enrolment, const http::Request& request,
           const http::Respond& respond) {
  auto body = read_object(request);
  if (!body) return respond(refusal(body.error()));
  jose::Members members = members_of_request(*body);
  const attest::tpm2::Presented presented = presented_in(*body, members);
  if (members.error()) return respond(refusal(*members.error()));

  const auto begun = enrolment.begin(presented);
  if (!begun) return respond(refusal(begun.error()));
  Json answer = {{"ticket", begun->ticket},
                 {"pcr_bank", enrolment.options().pcrs.bank},
                 {"pcr_selection", enrolment.options().pcrs.indexes},
                 {"logs", begun->logs},
                 {"longest_body", enrolment.options().longest_body},
                 {"expires_in", issuer::TicketSealer::life.count()}};
  if (!begun->challenge.credential_blob.empty()) {
    answer["credential_blob"] = jose::base64url(begun->challenge.credential_blob);
    answer["encrypted_secret"] = jose::base64url(begun->challenge.encrypted_secret);
  }
  respond(fresh_json(answer));
}

void finish(issuer::Enrolment& enrolment, const AddressOf& address_of, const http::Request& request,
            const http::Respond& respond) {
  auto call = finish_call(request);
  if (!call) return respond(refusal(call.error()));
  call->address = address_of(request);
  enrolment.finish(*call, [respond](const Result<issuer::EnrolmentOutcome>& outcome) {
    respond(enrolment_answer(outcome));
  });
}

}  // namespace

void add_enrolment(http::Router& router, const std::string& path, issuer::Enrolment& enrolment,
                   const AddressLimit& by_address) {
  router.on(
      "POST", path + "/begin",
      limited(by_address, [&enrolment](const http::Request& request, const http::Respond& respond) {
        begin(enrolment, request, respond);
      }));
  router.on("POST", path + "/finish",
            limited(by_address, [&enrolment, address_of = by_address.address_of](
                                    const http::Request& request, const http::Respond& respond) {
              finish(enrolment, address_of, request, respond);
            }));
}

}  // namespace mintmark::api
