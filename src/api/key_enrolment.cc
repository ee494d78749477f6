#include "api/key_enrolment.h"

#include "api/answers.h"
#include "api/members.h"

namespace mintmark::api {
namespace {

Result<jose::PublicKey> key_in(jose::Members& members) {
  const Json& jwk = members.object("jwk");
  if (members.error()) return tl::unexpected<Error>(*members.error());
  return jose::PublicKey::from_jwk(jwk);
}

void begin(issuer::KeyEnrolment& enrolment, const http::Request& request,
           const http::Respond& respond) {
  const auto body = read_object(request);
  if (!body) return respond(refusal(body.error()));
  jose::Members members = members_of_request(*body);
  const auto key = key_in(members);
  if (!key) return respond(refusal(key.error()));
  respond(fresh_json(
      {{"ticket", enrolment.begin(*key)}, {"expires_in", issuer::TicketSealer::life.count()}}));
}

void finish(issuer::KeyEnrolment& enrolment, const http::Request& request,
            const http::Respond& respond) {
  const auto proof = verify::one_proof(request.headers);
  if (!proof) return respond(refusal(proof.error()));
  const auto body = read_object(request);
  if (!body) return respond(refusal(body.error()));
  jose::Members members = members_of_request(*body);
  const std::string ticket = members.text("ticket");
  const std::string code = members.text("code");
  const auto key = key_in(members);
  if (!key) return respond(refusal(key.error()));
  enrolment.finish({*key, ticket, code, std::string(*proof)},
                   [respond](const Result<std::string>& client_id) {
                     if (!client_id) return respond(refusal(client_id.error()));
                     respond(fresh_json({{"client_id", *client_id}}));
                   });
}

}  // namespace

void add_key_enrolment(http::Router& router, const std::string& path,
                       issuer::KeyEnrolment& enrolment, const AddressLimit& by_address) {
  router.on(
      "POST", path + "/begin",
      limited(by_address, [&enrolment](const http::Request& request, const http::Respond& respond) {
        begin(enrolment, request, respond);
      }));
  router.on(
      "POST", path + "/finish",
      limited(by_address, [&enrolment](const http::Request& request, const http::Respond& respond) {
        finish(enrolment, request, respond);
      }));
}

}  // namespace mintmark::api
