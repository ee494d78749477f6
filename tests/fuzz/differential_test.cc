// Beside an implementation that is not ours: what we take it takes, and means by it the same; what
// it takes and we refuse is refused for one of the reasons that stand here.
// MINTMARK_DIFFERENTIAL_ROUNDS: how many inputs each comparison makes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "attest/tpm2/structures.h"
#include "base/file.h"
#include "jose/base64url.h"
#include "jose/jws.h"
#include "seeds.h"
#include "support/child_process.h"
#include "support/mutations.h"
#include "support/soft_key.h"
#include "support/temporary_directory.h"

namespace mintmark::fuzz {
namespace {

namespace tpm2 = attest::tpm2;
using test::SoftKey;

/// Code -> why we refuse what the other takes.
using Reasons = std::map<Code, const char*>;

std::size_t rounds() {
  const char* wished = std::getenv("MINTMARK_DIFFERENTIAL_ROUNDS");
  return wished == nullptr ? 60 : std::strtoul(wished, nullptr, 10);
}

class Beside : public testing::Test {
 protected:
  struct Said {
    bool taken = false;
    std::string output;
  };
  Said ask(const std::vector<std::string>& command) {
    test::ChildProcess other(command, directory_.path() / "said");
    const int status = other.wait();
    EXPECT_LT(status, 128) << command.front() << " broke: " << other.output();
    return {status == 0, other.output()};
  }
  std::string file(const std::string& name, std::string_view content) {
    return directory_.write(name, content).string();
  }
  void expect_reason(const Error& error, const Reasons& reasons, std::string_view input) {
    EXPECT_TRUE(reasons.contains(error.code))
        << "the other takes what we refuse: " << error.to_string() << "\n"
        << printable(input, 2000);
    ++refused_;
  }

  test::TemporaryDirectory directory_;
  std::size_t both_ = 0;
  std::size_t refused_ = 0;
};

// --- JWS: the `jose` command ---

const Reasons jws_reasons = {
    {Code::jws_malformed, "we want an object as payload, and base64url without a stray bit"},
    {Code::jws_alg_refused, "we want `alg` in each header; jose takes the key's"},
    {Code::jws_crit_unknown, "jose 11 does not look at `crit` and `b64`"},
    {Code::json_duplicate_key, "jansson keeps the last of two"},
    {Code::json_malformed, "jansson takes more as text than RFC 8259 does"},
};

class BesideJose : public Beside {
 protected:
  explicit BesideJose(jose::Algorithm algorithm = jose::Algorithm::es256) : key(algorithm) {
    jwk_ = file("key.jwk", key.public_key().to_jwk().dump());
  }

  std::string signed_by_us(const std::string& header, const std::string& payload) const {
    const std::string input =
        jose::base64url(as_bytes(header)) + "." + jose::base64url(as_bytes(payload));
    return jose::compact(input, key.sign(as_bytes(input)));
  }
  void compare(const std::string& text) {
    auto jws = jose::UnverifiedJws::parse(text);
    auto ours = jws ? std::move(*jws).verify(key.public_key())
                    : Result<jose::VerifiedJws>(tl::unexpected<Error>(jws.error()));
    const Said theirs = ask({"jose", "jws", "ver", "-i", file("a.jws", text), "-k", jwk_, "-O-"});
    if (!ours && theirs.taken) return expect_reason(ours.error(), jws_reasons, text);
    if (!ours) return;
    EXPECT_TRUE(theirs.taken) << "we take what jose refuses: " << text;
    const auto payload = parse_json(theirs.output);
    EXPECT_TRUE(payload && *payload == ours->claims()) << theirs.output;
    ++both_;
  }

  SoftKey key;
  std::string jwk_;
};

TEST_F(BesideJose, WeTakeNoJwsThatItRefusesWhateverIsSignedWell) {
  const std::string header = R"({"alg":"ES256","typ":"at+jwt","kid":"k"})";
  const std::string payload = R"({"iss":"https://a","exp":1800000300,"a":[1,2.5,null,"é"]})";
  compare(signed_by_us(header, payload));
  ASSERT_EQ(both_, 1U);
  for (const char* odd :
       {R"({"alg":"none"})", R"({"typ":"JWT"})", R"({"alg":"ES384"})", R"({"alg":"HS256"})",
        R"({"alg":"ES256","crit":["exp"]})", R"({"alg":"ES256","b64":false,"crit":["b64"]})",
        R"({"alg":"ES256","alg":"none"})", R"({"alg":"none","alg":"ES256"})", R"([])", R"("ES256")",
        R"({"alg":["ES256"]})", R"( {"alg" : "ES256" } )", R"({"alg":"ES256"}x)"})
    compare(signed_by_us(odd, payload));
  for (const char* odd : {"", "[]", "7", "text", R"({"a":1,"a":2})", "{} "})
    compare(signed_by_us(header, odd));
  test::for_some_mutations(header, rounds() / 2, [&](const std::string& broken) {
    compare(signed_by_us(broken, payload));
  });
  test::for_some_mutations(payload, rounds() / 2, [&](const std::string& broken) {
    compare(signed_by_us(header, broken));
  });
  EXPECT_GT(both_, 3U);
  EXPECT_GT(refused_, 2U);  // It takes what RFC 8725 refuses: the comparison has teeth.
}

TEST_F(BesideJose, WeTakeNoJwsThatItRefusesWhateverIsBroken) {
  const std::string good = signed_by_us(R"({"alg":"ES256"})", R"({"a":1})");
  for (const std::string& odd :
       {good + "=", good + "\n", good + ".", "." + good, good + ".AA", " " + good,
        good.substr(0, good.size() - 1) + "B", good.substr(0, good.rfind('.') + 1)})
    compare(odd);
  test::for_some_mutations(good, rounds(), [&](const std::string& broken) { compare(broken); });
}

class BesideJoseOfEachKind : public BesideJose,
                             public testing::WithParamInterface<jose::Algorithm> {
 protected:
  BesideJoseOfEachKind() : BesideJose(GetParam()) {}
};

TEST_P(BesideJoseOfEachKind, WeTakeNoSignatureThatItRefuses) {
  const std::string header = Json{{"alg", jose::name_of(GetParam())}}.dump();
  const std::string input =
      jose::base64url(as_bytes(header)) + "." + jose::base64url(as_bytes(R"({"a":1})"));
  const Bytes signature = key.sign(as_bytes(input));
  compare(jose::compact(input, signature));
  ASSERT_EQ(both_, 1U);
  test::for_some_mutations(
      std::string(as_text(signature)), rounds() / 6,
      [&](const std::string& broken) { compare(jose::compact(input, as_bytes(broken))); });
}

// jose 11 knows EdDSA's curves for ECDH alone.
INSTANTIATE_TEST_SUITE_P(Signatures, BesideJoseOfEachKind,
                         testing::Values(jose::Algorithm::es384, jose::Algorithm::rs256,
                                         jose::Algorithm::ps256),
                         [](const auto& one) { return std::string(jose::name_of(one.param)); });

// --- TPM structures: tpm2_print ---

const Reasons structure_reasons = {
    {Code::tpm_structure,
     "octets behind the end, forms that are not canonical, names by other hashes than SHA-2"}};

/// "name: value" as tpm2_print writes it; "" where there is none.
std::string value_of(const std::string& yaml, const std::string& name) {
  const std::string begin = "\n" + name + ": ";
  const std::string text = "\n" + yaml;
  const std::size_t at = text.find(begin);
  if (at == std::string::npos) return "";
  const std::size_t from = at + begin.size();
  return text.substr(from, text.find('\n', from) - from);
}

class BesideTpm2Tools : public Beside {
 protected:
  template <typename Compare>
  void for_versions_of(const char* name, Compare compare) {
    const Target* target = target_named(name);
    ASSERT_NE(target, nullptr);
    auto seeds = corpus_of(MINTMARK_FUZZ_CORPUS, *target);
    for (auto& seed : seeds_of_topics(*target, 8)) seeds.push_back(std::move(seed));
    for (const Seed& seed : seeds) {
      SCOPED_TRACE(seed.name);
      compare(std::string(as_text(seed.octets)));
      test::for_some_mutations(std::string(as_text(seed.octets)), rounds() / seeds.size() + 1,
                               compare);
    }
    EXPECT_GT(both_, 2U);
  }
  Said printed(const char* type, std::string_view octets) {
    return ask({"tpm2_print", "-t", type, file("octets", octets)});
  }
};

TEST_F(BesideTpm2Tools, AStatementSaysToUsWhatItSaysToThem) {
  for_versions_of("tpm_attest", [&](const std::string& octets) {
    const auto ours = tpm2::parse_attest(as_bytes(octets), "the statement");
    // It prints quotes alone.
    if (ours && (ours->type != TPM2_ST_ATTEST_QUOTE || ours->magic != TPM2_GENERATED_VALUE)) return;
    const Said theirs = printed("TPMS_ATTEST", octets);
    if (!ours && theirs.taken) return expect_reason(ours.error(), structure_reasons, octets);
    if (!ours) return;
    ASSERT_TRUE(theirs.taken) << to_hex(as_bytes(octets));
    EXPECT_EQ(value_of(theirs.output, "extraData"), to_hex(tpm2::view_of(ours->extraData)));
    EXPECT_EQ(value_of(theirs.output, "qualifiedSigner"),
              to_hex(tpm2::view_of(ours->qualifiedSigner)));
    EXPECT_EQ(value_of(theirs.output, "  clock"), std::to_string(ours->clockInfo.clock));
    EXPECT_EQ(value_of(theirs.output, "    pcrDigest"),
              to_hex(tpm2::view_of(ours->attested.quote.pcrDigest)));
    ++both_;
  });
}

TEST_F(BesideTpm2Tools, APublicAreaSaysToUsWhatItSaysToThem) {
  for_versions_of("tpm_public", [&](const std::string& octets) {
    const auto ours = tpm2::parse_public(as_bytes(octets), "the area");
    const Said theirs = printed("TPM2B_PUBLIC", octets);
    if (!ours && theirs.taken) return expect_reason(ours.error(), structure_reasons, octets);
    if (!ours) return;
    ASSERT_TRUE(theirs.taken) << to_hex(as_bytes(octets));
    const TPMT_PUBLIC& area = ours->area;
    if (area.type == TPM2_ALG_ECC) {
      const auto& x = area.unique.ecc.x;
      EXPECT_EQ(value_of(theirs.output, "x"), to_hex(BytesView{x.buffer, x.size}));
    } else if (area.type == TPM2_ALG_RSA) {
      const auto& n = area.unique.rsa;
      EXPECT_EQ(value_of(theirs.output, "rsa"), to_hex(BytesView{n.buffer, n.size}));
    }
    ++both_;
  });
}

}  // namespace
}  // namespace mintmark::fuzz
