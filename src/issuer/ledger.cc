#include "issuer/ledger.h"

#include "issuer/minting_clock.h"

namespace mintmark::issuer {

Result<Moment> first_good_moment(const Ledger& ledger, const std::string& client, Moment now) {
  for (Moment at = now; at <= now + MintingClock::tolerated; at += std::chrono::seconds(1)) {
    const auto verdict =
        ledger.events.judge({.jti = "", .subject = client, .kid = "", .issued_at = at});
    if (verdict == verify::RevokedSet::Verdict::good) return at;
  }
  return fail(Code::clock_behind,
              "this client's tokens were revoked up to a moment that lies ahead; come again");
}

bool is_good(const Ledger& ledger, const audit::Issued& token) {
  return ledger.events.judge(revoke::revocable(token)) == verify::RevokedSet::Verdict::good;
}

Json status_claim(const std::string& issuer, const audit::Issued& token) {
  return {{"status_list",
           {{"idx", token.index}, {"uri", issuer + "/status/" + std::to_string(token.list)}}}};
}

}  // namespace mintmark::issuer
