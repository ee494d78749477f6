// Azure Attestation's tokens: bound by what a TEE signed, and by nothing else.
#include "foreign_result.h"
#include "jose/base64url.h"

namespace mintmark::attest::eat {
namespace {

class AzureResult : public ForeignResult {
 protected:
  AzureResult() {
    maker.claims = {{"iss", "https://shared.test.attest.azure.net"}, {"sub", "vm"}};
    maker.azure = "sevsnpvm";
  }
  Code refused_with(const Break& change) {
    Json all = maker.bound_claims(binding);
    change(all);
    return refusal(Json{{"token", maker.jwt(all)}});
  }
};

TEST_F(AzureResult, IsBoundWhereItsTeeSignedItAndProvesNothing) {
  for (const auto& [type, length] :
       {std::pair{"sevsnpvm", 48U}, std::pair{"tdxvm", 48U}, std::pair{"sgx", 32U}}) {
    maker.azure = type;
    const auto verdict = checked();
    ASSERT_TRUE(verdict) << type << verdict.error().to_string();
    EXPECT_EQ(verdict->facts().more.at("measurement"), FactValue(to_hex(Bytes(length, 0xAB))));
    EXPECT_TRUE(verdict->facts().proves.empty());
  }
}

// Anybody who holds evidence of a guest may ask for a token of any nonce.
TEST_F(AzureResult, IsBoundByNoFieldOfTheRequestNorByAClaimThatAPolicyMayIssue) {
  const std::string text = jose::base64url(binding);
  for (const auto& [type, claim] :
       {std::pair{"sevsnpvm", "x-ms-sevsnpvm-reportdata"}, std::pair{"tdxvm", "tdx_report_data"},
        std::pair{"sgx", "x-ms-sgx-ehd"}}) {
    maker.azure = type;
    EXPECT_EQ(refused_with([&, claim = claim](Json& c) {
                c.erase(claim);
                c["nonce"] = c["eat_nonce"] = text;
                c["x-ms-runtime"] = {{"nonce", text}, {"client-payload", {{"nonce", text}}}};
              }),
              Code::eat_nonce)
        << type;
  }
}

TEST_F(AzureResult, OfAnotherTypeThanItsClaimIsRefused) {
  for (const char* type : {"azurevm", "tpm", "", "sgx", "tdxvm", "SEVSNPVM"})
    EXPECT_EQ(refused_with([&](Json& c) { c["x-ms-attestation-type"] = type; }), Code::eat_nonce)
        << type;
  const auto without_type = [](Json& c) {
    c.erase("x-ms-attestation-type");
    c["eat_nonce"] = jose::base64url(binding);
  };
  EXPECT_EQ(refused_with(without_type), Code::eat_nonce);
}

TEST_F(AzureResult, WithOtherReportDataIsRefused) {
  const std::string good = to_hex(binding);
  const std::string zeros(64, '0');
  for (const std::string& bad :
       {zeros + zeros, zeros + good, good, good + std::string(63, '0') + "1", good + zeros + "00",
        good.substr(2) + zeros + "00", std::string(), good + std::string(64, 'x')})
    EXPECT_EQ(refused_with([&](Json& c) { c["x-ms-sevsnpvm-reportdata"] = bad; }), Code::eat_nonce)
        << bad;
  EXPECT_EQ(refused_with([](Json& c) { c["x-ms-sevsnpvm-reportdata"] = 7; }), Code::eat_nonce);
  maker.azure = "sgx";
  for (const Json& bad : {Json(""), Json(7), Json(to_hex(binding)), Json(good + zeros),
                          Json(jose::base64url(Bytes(32))), Json{jose::base64url(binding)}})
    EXPECT_EQ(refused_with([&](Json& c) { c["x-ms-sgx-ehd"] = bad; }), Code::eat_nonce) << bad;
}

TEST_F(AzureResult, ThatIsDebuggableIsRefused) {
  EXPECT_EQ(refusal([](Json& c) { c["x-ms-sevsnpvm-is-debuggable"] = true; }), Code::eat_debug);
  EXPECT_EQ(refusal([](Json& c) { c["x-ms-sevsnpvm-is-debuggable"] = "no"; }), Code::eat_malformed);
  EXPECT_EQ(refusal([](Json& c) {
              c["x-ms-isolation-tee"] = {{"x-ms-sgx-is-debuggable", true}};
            }),
            Code::eat_debug);
  maker.azure = "tdxvm";
  EXPECT_EQ(refusal([](Json& c) { c["tdx_td_attributes_debug"] = true; }), Code::eat_debug);
}

}  // namespace
}  // namespace mintmark::attest::eat
