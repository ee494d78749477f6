#include "api/evidence_enrolment.h"

#include "api/answers.h"
#include "api/enrolment_answer.h"
#include "api/members.h"
#include "attest/vocabulary.h"

namespace mintmark::api {
namespace {

using issuer::EvidenceEnrolment;

Result<jose::PublicKey> key_in(jose::Members& members) {
  const Json& jwk = members.object("jwk");
  if (members.error()) return tl::unexpected<Error>(*members.error());
  return jose::PublicKey::from_jwk(jwk);
}

Result<std::string> begin(EvidenceEnrolment& enrolment, const std::string& format,
                          const http::Request& request) {
  const auto body = read_object(request);
  if (!body) return tl::unexpected<Error>(body.error());
  if (!body->contains("jwk")) return enrolment.begin(format, std::nullopt);
  jose::Members members = members_of_request(*body);
  const auto key = key_in(members);
  if (!key) return tl::unexpected<Error>(key.error());
  return enrolment.begin(format, *key);
}

Result<issuer::EvidenceFinishCall> finish_call(const std::string& format,
                                               const http::Request& request) {
  const auto proof = verify::one_proof(request.headers);
  if (!proof) return tl::unexpected<Error>(proof.error());
  const auto body = read_object(request, longest_evidence_body);
  if (!body) return tl::unexpected<Error>(body.error());
  jose::Members members = members_of_request(*body);
  std::string ticket = members.text("ticket");
  const Json& evidence = members.object("evidence");
  const auto key = key_in(members);
  if (!key) return tl::unexpected<Error>(key.error());
  return issuer::EvidenceFinishCall{format,   *key, std::move(ticket), std::string(*proof),
                                    evidence, ""};
}

void finish(EvidenceEnrolment& enrolment, const std::string& format, const AddressOf& address_of,
            const http::Request& request, const http::Respond& respond) {
  auto call = finish_call(format, request);
  if (!call) return respond(refusal(call.error()));
  call->address = address_of(request);
  enrolment.finish(*call, [respond](const Result<issuer::EnrolmentOutcome>& outcome) {
    respond(enrolment_answer(outcome));
  });
}

}  // namespace

void add_evidence_enrolment(http::Router& router, const std::string& path,
                            EvidenceEnrolment& enrolment, const AddressLimit& by_address) {
  for (const std::string& format : attest::evidence_formats()) {
    const std::string at = path + "/" + format;
    router.on("POST", at + "/begin",
              limited(by_address, [&enrolment, format](const http::Request& request,
                                                       const http::Respond& respond) {
                const auto ticket = begin(enrolment, format, request);
                if (!ticket) return respond(refusal(ticket.error()));
                respond(fresh_json(
                    {{"ticket", *ticket}, {"expires_in", issuer::TicketSealer::life.count()}}));
              }));
    router.on("POST", at + "/finish",
              limited(by_address, [&enrolment, format, address_of = by_address.address_of](
                                      const http::Request& request, const http::Respond& respond) {
                finish(enrolment, format, address_of, request, respond);
              }));
  }
}

}  // namespace mintmark::api
