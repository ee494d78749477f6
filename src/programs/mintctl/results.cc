// Our verdict on a device as an EAT, asked of mintd.
#include <cstdio>

#include "jose/jws.h"
#include "programs/mintctl/subcommand.h"
#include "programs/mintctl/text.h"

namespace mintmark::programs {
namespace {

/// The claims beside the token, for people and scripts: mintd's own word, nothing is verified here.
Result<Json> with_claims(Json answer) {
  const std::string result = text(answer, "result");
  auto parts = jose::parse_signing_input(result.substr(0, result.rfind('.')));
  if (!parts) return fail(Code::http_malformed, "mintd's answer is no result");
  answer["claims"] = std::move(parts->claims);
  return answer;
}

Result<Json> ask(AdminClient& mintd, const Arguments& arguments) {
  http::FormFields query;
  if (arguments.has("--nonce")) query.emplace_back("nonce", arguments.value("--nonce"));
  if (arguments.has("--labels")) query.emplace_back("labels", "true");
  std::string path = "/admin/v1/devices/" + arguments.argument() + "/result";
  if (!query.empty()) path += "?" + http::encode_form(query);
  auto answer = mintd.get(path);
  if (!answer) return answer;
  return with_claims(std::move(*answer));
}

void print(const Json& answer) { std::printf("%s\n", text(answer, "result").c_str()); }

}  // namespace

std::vector<Subcommand> result_commands() {
  return {{{"devices result",
            "print our verdict on a device, signed: an EAT for others than us",
            {{"--nonce", "N", "to be echoed in it: 8 to 88 characters"},
             {"--labels", "", "with the device's labels in it"}},
            "ID"},
           ask,
           print}};
}

}  // namespace mintmark::programs
