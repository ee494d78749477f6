// An issuer behind the agent's transport, with as much of the real one as the agent can see.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "fake_device.h"
#include "fake_element.h"
#include "support/manual_clock.h"
#include "support/temporary_directory.h"

namespace mintmark::agent {

struct SeenRequest {
  std::string method;
  std::string url;
  http::Headers headers;
  std::string body;
};

struct FakeIssuer {
  std::string issuer = "https://issuer.example";
  std::string token_endpoint = "https://issuer.example/token";
  Json challenge;                  ///< Of begin.
  Json admission;                  ///< Of finish.
  Json token;                      ///< Of the token endpoint; access_token gets a running number.
  std::string challenge_endpoint;  ///< In the metadata, if not "".
  std::string next_nonce;          ///< Of answers of the token endpoint, if not "".
  std::map<std::string, std::deque<http::Response>> instead;  ///< By URL: answered first.
  std::vector<SeenRequest> seen;
  std::optional<Error> transport_error;

  FakeIssuer();
  [[nodiscard]] Result<http::Response> answer(const SeenRequest& request);
  /// As the real one refuses.
  void refuse_next(const std::string& url, Code code);
  /// The same, with a nonce for the next proof.
  void refuse_next(const std::string& url, Code code, const std::string& nonce);
  [[nodiscard]] std::vector<SeenRequest> seen_at(const std::string& url) const;

 private:
  int tokens_ = 0;
};

/// The claims of a proof, its signature checked with its own key.
struct ReadProof {
  Json header;
  Json claims;
  std::string jkt;
};
[[nodiscard]] ReadProof read_proof(const std::string& proof);

/// An agent between a fake TPM and a fake issuer, on a state directory of its own.
class Bench {
 public:
  [[nodiscard]] Agent agent();
  [[nodiscard]] StateDirectory state() const {
    return StateDirectory::open(directory.path() / "state").value();
  }
  Identity enroll(const LogFiles& logs = {});
  /// With a key in a file.
  [[nodiscard]] Result<Enrolment> enroll_by_code(const std::string& code = "one-time-code");

  test::ManualClock clock;
  test::TemporaryDirectory directory;
  FakeTpm tpm;
  FakeToken* element = nullptr;  ///< Where a test has one; outlives the bench.
  FakeIssuer issuer;
  std::string last_ca_file;
  std::shared_ptr<const http::ClientIdentity> shown;  ///< By the last connection that showed one.
  std::string boot_id = "the-first-boot";
  std::vector<std::string> said;  ///< To the owner.
};

}  // namespace mintmark::agent
