#include "status_bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <vector>

#include "base/json.h"
#include "hsm/signer/rules.h"
#include "jose/jws.h"
#include "programs/command_line.h"
#include "support/soft_key.h"
#include "verify/status_list_token.h"

namespace mintmark::bench {
namespace {

using Clock = std::chrono::steady_clock;

const programs::Program program{
    "mint-bench status",
    "milliseconds to encode, sign (by a key in memory), judge as the signer does, and read a "
    "status "
    "list, by how many of its entries are revoked; and its octets",
    {{"--entries", "N", "of the list, one bit each (default 1000000)"},
     {"--rounds", "N", "of each figure, whose median is shown (default 5)"},
     {"--json", "", "print the figures as JSON"}},
    {}};

constexpr std::int64_t now = 1'800'000'000;
const std::string issuer = "https://issuer.example";

Bytes list_of(std::size_t entries, double revoked) {
  std::mt19937_64 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same list each run
  std::bernoulli_distribution is_revoked(revoked);
  Bytes octets((entries + 7) / 8);
  for (std::size_t i = 0; i < entries; ++i) {
    if (is_revoked(random)) octets[i / 8] = static_cast<std::uint8_t>(octets[i / 8] | 1U << i % 8);
  }
  return octets;
}

/// The median of what it takes.
template <typename Work>
double milliseconds(std::size_t rounds, const Work& work) {
  std::vector<double> took;
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto began = Clock::now();
    work();
    took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
  }
  std::sort(took.begin(), took.end());
  return took[took.size() / 2];
}

Json measured(std::size_t entries, double revoked, std::size_t rounds) {
  const test::SoftKey key;
  const Bytes octets = list_of(entries, revoked);
  verify::StatusListClaims claims{.issuer = issuer,
                                  .uri = issuer + "/status/1",
                                  .aggregation_uri = issuer + "/statuslists",
                                  .issued_at = from_unix(now),
                                  .life = std::chrono::seconds(300),
                                  .ttl = std::chrono::seconds(60),
                                  .bits = 1,
                                  .compressed = {}};
  const double encode =
      milliseconds(rounds, [&] { claims.compressed = verify::compressed_list(octets); });
  std::string jwt;
  std::string cwt;
  const double make_jwt = milliseconds(rounds, [&] {
    const std::string input = verify::status_list_jwt_input(claims, key.public_key());
    jwt = jose::compact(input, key.sign(as_bytes(input)));
  });
  const double make_cwt = milliseconds(rounds, [&] {
    const std::string input = verify::status_list_cwt_input(claims, key.public_key());
    cwt = verify::status_list_cwt(input, key.sign(as_bytes(input)));
  });
  const hsm::KeyInfo info{{}, hsm::Purpose::status_list, key.public_key(), ""};
  const hsm::signer::PurposeRules rules{
      .issuer = issuer, .longest_life = {{hsm::Purpose::status_list, std::chrono::seconds(300)}}};
  const std::string input = verify::status_list_jwt_input(claims, key.public_key());
  const double judge = milliseconds(rounds, [&] {
    if (!hsm::signer::check_purpose(rules, info, input, from_unix(now))) std::abort();
  });
  Json jwk = key.public_key().to_jwk();
  jwk["kid"] = key.jkt();
  jwk["mintmark_purpose"] = verify::status_list_purpose;
  const auto keys =
      verify::KeySet::parse(Json{{"keys", Json::array({jwk})}}.dump(), verify::status_list_purpose)
          .value();
  const verify::WantedStatusList wanted{.uri = claims.uri, .issuer = issuer, .now = from_unix(now)};
  const double read = milliseconds(rounds, [&] {
    if (!verify::read_status_list_jwt(jwt, keys, wanted)) std::abort();
  });
  return {{"entries", entries},      {"revoked", revoked},       {"encode_ms", encode},
          {"sign_jwt_ms", make_jwt}, {"sign_cwt_ms", make_cwt},  {"signer_judges_ms", judge},
          {"read_jwt_ms", read},     {"jwt_octets", jwt.size()}, {"cwt_octets", cwt.size()}};
}

void print(const Json& rows) {
  std::printf("%-10s %9s %11s %11s %12s %9s %10s %10s\n", "revoked", "encode", "sign JWT",
              "sign CWT", "signer judges", "read", "JWT", "CWT");
  for (const Json& row : rows)
    std::printf("%-10g %6.1f ms %8.1f ms %8.1f ms %9.1f ms %6.1f ms %10zu %10zu\n",
                row["revoked"].get<double>(), row["encode_ms"].get<double>(),
                row["sign_jwt_ms"].get<double>(), row["sign_cwt_ms"].get<double>(),
                row["signer_judges_ms"].get<double>(), row["read_jwt_ms"].get<double>(),
                row["jwt_octets"].get<std::size_t>(), row["cwt_octets"].get<std::size_t>());
}

}  // namespace

int status(int argc, char** argv) {
  const auto line = programs::read_command_line(program, argc, argv);
  if (!line.arguments) return line.exit_status;
  const std::size_t entries = std::stoul(line.arguments->value("--entries", "1000000"));
  const std::size_t rounds = std::stoul(line.arguments->value("--rounds", "5"));
  Json rows = Json::array();
  for (const double revoked : {0.0, 0.0001, 0.001, 0.01, 0.1, 0.5})
    rows.push_back(measured(entries, revoked, rounds));
  if (line.arguments->has("--json"))
    std::printf("%s\n", rows.dump(2).c_str());
  else
    print(rows);
  return programs::exit_done;
}

}  // namespace mintmark::bench
