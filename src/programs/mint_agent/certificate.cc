// certificate: what this device shows in TLS handshakes.
#include <charconv>
#include <cstdio>

#include "base/file.h"
#include "programs/mint_agent/subcommand.h"

namespace mintmark::programs {
namespace {

constexpr std::size_t longest_file = 128U << 10U;

Result<std::optional<std::chrono::hours>> life_in(const Arguments& arguments) {
  if (!arguments.has("--hours")) return std::nullopt;
  const std::string text = arguments.value("--hours");
  int hours = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), hours);
  const auto most = agent::longest_certificate_life.count();
  if (problem == std::errc{} && end == text.data() + text.size() && hours >= 1 && hours <= most)
    return std::chrono::hours(hours);
  return fail(Code::invalid_argument,
              "--hours is a whole number from 1 to " + std::to_string(most));
}

Result<int> install(agent::Agent& agent, const std::string& file) {
  const auto pem = read_file(file, longest_file);
  if (!pem) return tl::unexpected<Error>(pem.error());
  if (auto installed = agent.install_certificate(*pem); !installed) return pass_on(installed);
  return exit_done;
}

Result<int> certificate(agent::Agent& agent, const Arguments& arguments) {
  int ways = 0;
  for (const char* way : {"--hours", "--request", "--install"}) ways += arguments.has(way) ? 1 : 0;
  if (ways > 1)
    return fail(Code::invalid_argument, "--hours, --request and --install go one at a time");
  if (arguments.has("--install")) return install(agent, arguments.value("--install"));
  const auto life = life_in(arguments);
  if (!life) return tl::unexpected<Error>(life.error());
  auto pem = arguments.has("--request") ? agent.certificate_request() : agent.certificate(*life);
  if (!pem) return pass_on(pem);
  std::fwrite(pem->data(), 1, pem->size(), stdout);
  return exit_done;
}

}  // namespace

std::vector<Subcommand> certificate_commands() {
  return {{{"certificate",
            "print the certificate that this device shows in TLS: one that its key signed itself, "
            "made anew when it is about to end, or the installed one",
            {{"--hours", "N", "make one anew, good for N hours (default: 24, where one is due)"},
             {"--request", "", "print a PKCS#10 request on the device key, for an authority"},
             {"--install", "FILE",
              "from now on, show this certificate of an authority: PEM, its chain behind it"}},
            ""},
           &certificate}};
}

}  // namespace mintmark::programs
