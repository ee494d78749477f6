// mintd-front: what strangers talk to. Started by mintd alone; see docs/architecture.md.
#include <signal.h>

#include <cstdio>
#include <thread>
#include <vector>

#include "programs/command_line.h"
#include "programs/descriptors.h"
#include "programs/mintd/front.h"
#include "programs/mintd/inherited.h"
#include "programs/out_of_memory.h"
#include "programs/shut_in.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

const programs::Program program{
    "mintd-front",
    "the issuer's front; started by mintd, not by hand",
    {{"--config-name", "FILE", "the configuration's name, for messages"},
     {"--config-fd", "N", "the configuration"},
     {"--control-fd", "N", "the keeper's channel"},
     {"--clock", "SECONDS", "how late it is by the keeper"},
     {"--tls-certificate-fd", "N", "certificate chain, PEM"},
     {"--tls-key-fd", "N", "its key, PEM, where it lives in no key store"},
     {"--policy-fd", "N", "the policy with the files that it names"},
     {"--metrics-fd", "N", "the listening socket for figures"},
     {"--listen-fd", "N", "a listening socket", true}},
    {}};

Result<std::string> text_of(const programs::Arguments& arguments, const char* option,
                            std::size_t longest = 16U << 20U) {
  auto number = arguments.required(option);
  if (!number) return number;
  auto fd = inherited(option, *number);
  if (!fd) return pass_on(fd);
  return read_fd(fd->get(), longest);
}

Result<FrontInheritance> inherit(const programs::Arguments& arguments,
                                 const config::Config& config) {
  FrontInheritance all;
  auto number = arguments.required("--control-fd");
  if (!number) return pass_on(number);
  auto control = inherited("--control-fd", *number);
  if (!control) return pass_on(control);
  all.control = std::move(*control);
  auto clock = arguments.required("--clock");
  if (!clock) return pass_on(clock);
  all.keepers_clock = from_unix(std::atoll(clock->c_str()));
  for (const std::string& listening : arguments.values("--listen-fd")) {
    auto socket = inherited("--listen-fd", listening);
    if (!socket) return pass_on(socket);
    all.sockets.strangers.push_back(std::move(*socket));
  }
  if (arguments.has("--metrics-fd")) {
    auto socket = inherited("--metrics-fd", arguments.value("--metrics-fd", ""));
    if (!socket) return pass_on(socket);
    all.sockets.metrics = std::move(*socket);
  }
  auto packed = text_of(arguments, "--policy-fd", policy::Bundle::longest);
  if (!packed) return pass_on(packed);
  auto policy = policy::Bundle::from(*packed);
  if (!policy) return pass_on(policy);
  all.policy = std::move(*policy);
  if (!config.tls) return all;
  auto certificate = text_of(arguments, "--tls-certificate-fd");
  if (!certificate) return pass_on(certificate);
  all.tls_certificate = std::move(*certificate);
  if (config.tls->key.empty()) return all;
  auto key = text_of(arguments, "--tls-key-fd");
  if (!key) return pass_on(key);
  all.tls_key = std::move(*key);
  return all;
}

void fit_connections(config::HttpLimits& limits) {
  const std::size_t descriptors = programs::raise_descriptor_limit();
  const std::size_t fit = programs::connections_within(descriptors, limits.connections);
  if (fit < limits.connections) {
    telemetry::log(telemetry::Level::warning, "connections_fewer_than_configured",
                   {{"configured", std::to_string(limits.connections)},
                    {"connections", std::to_string(fit)},
                    {"descriptors", std::to_string(descriptors)}});
  }
  limits.connections = fit;
}

int serve(config::Config config, FrontInheritance inheritance) {
  fit_connections(config.http);
  const unsigned threads = config.front_threads != 0
                               ? config.front_threads
                               : std::max(1U, std::thread::hardware_concurrency());
  boost::asio::io_context io(static_cast<int>(threads));
  Front front(io, std::move(config), std::move(inheritance));
  if (auto started = front.start(); !started) {
    telemetry::log(telemetry::Level::error, "front_not_started", started.error());
    return programs::exit_unavailable;
  }
  std::vector<std::jthread> workers;
  for (unsigned i = 1; i < threads; ++i) workers.emplace_back([&io] { io.run(); });
  io.run();
  workers.clear();
  return programs::exit_done;
}

int run(const programs::Arguments& arguments) {
  // The keeper says when to stop, so that what is under way is answered.
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) signal(number, SIG_IGN);
  programs::watch_memory("mintd-front");
  if (auto shut = programs::shut_in(); !shut) return programs::report(program, shut.error(), false);
  auto text = text_of(arguments, "--config-fd");
  if (!text) return programs::report(program, text.error(), false);
  auto config = config::parse(arguments.value("--config-name", "configuration"), *text);
  if (!config) return programs::report(program, config.error(), false);
  telemetry::configure("mintd-front",
                       telemetry::level_named(config->log_level).value_or(telemetry::Level::info));
  auto inheritance = inherit(arguments, *config);
  if (!inheritance) return programs::report(program, inheritance.error(), false);
  return serve(std::move(*config), std::move(*inheritance));
}

}  // namespace
}  // namespace mintmark::mintd

int main(int argc, char** argv) {
  const auto line = mintmark::programs::read_command_line(mintmark::mintd::program, argc, argv);
  return line.arguments ? mintmark::mintd::run(*line.arguments) : line.exit_status;
}
