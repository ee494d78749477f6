// mint-gate serve: beside a proxy, asked about each call.
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/signal_set.hpp>

#include "programs/mint_gate/commands.h"
#include "programs/mint_gate/gate_server.h"
#include "programs/out_of_memory.h"
#include "telemetry/log.h"

namespace mintmark::programs {
namespace {

using telemetry::Level;

int complain(const Error& error) {
  std::fprintf(stderr, "mint-gate: %s\n", error.to_string().c_str());
  return exit_usage;
}

void end(const Contexts& contexts) {
  for (const auto& io : contexts) io->stop();
}

/// SIGHUP reloads, SIGTERM and SIGINT drain; a second one ends at once.
class Signals {
 public:
  Signals(const Contexts& contexts, GateServer& server)
      : contexts_(contexts),
        server_(server),
        signals_(*contexts.front(), SIGHUP, SIGTERM, SIGINT) {}
  void wait() {
    signals_.async_wait([this](const boost::system::error_code& problem, int number) {
      if (!problem) take(number);
    });
  }

 private:
  void take(int number) {
    if (number == SIGHUP) {
      server_.reload();
      return wait();
    }
    if (std::exchange(stopping_, true)) return end(contexts_);
    telemetry::log(Level::info, "stopping");
    server_.stop([this] { end(contexts_); });
    wait();
  }

  const Contexts& contexts_;
  GateServer& server_;
  boost::asio::signal_set signals_;
  bool stopping_ = false;
};

Contexts contexts_of(const gate::Settings& settings) {
  const unsigned threads =
      settings.threads != 0 ? settings.threads : std::max(2U, std::thread::hardware_concurrency());
  Contexts contexts;
  for (unsigned i = 0; i < threads; ++i)
    contexts.push_back(std::make_unique<boost::asio::io_context>(1));
  return contexts;
}

int serve(const std::string& file, Prepared prepared) {
  signal(SIGPIPE, SIG_IGN);
  watch_memory("mint-gate");
  Contexts contexts = contexts_of(prepared.settings);
  GateServer server(contexts, file, std::move(prepared));
  Signals signals(contexts, server);
  signals.wait();
  if (auto opened = server.open(); !opened) {
    (void)complain(opened.error());
    return exit_unavailable;
  }
  // Without it a loop would end with its last connection, and nobody would learn that it is
  // drained.
  std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> kept;
  for (const auto& io : contexts) kept.emplace_back(io->get_executor());
  std::vector<std::jthread> workers;
  for (std::size_t i = 1; i < contexts.size(); ++i)
    workers.emplace_back([&io = *contexts[i]] { io.run(); });
  contexts.front()->run();
  workers.clear();
  telemetry::log(Level::info, "stopped");
  return exit_done;
}

}  // namespace

Command serve_command() {
  return {"serve",
          "decide for a proxy (nginx, Envoy, Caddy, Traefik), call by call, whether it may pass. "
          "SIGHUP reads the configuration again, SIGTERM ends after what is under way",
          {{"--config", "FILE", "the configuration (JSON, comments allowed)"},
           {"--check-config", "", "check the configuration and what it names, then end"}},
          ""};
}

int serve(const Program& program, const Arguments& arguments) {
  const auto file = arguments.required("--config");
  if (!file) return report(program, file.error(), arguments.has("--json"));
  auto prepared = prepare(*file);
  if (!prepared) return complain(prepared.error());
  if (arguments.has("--check-config")) {
    std::printf("%s: configuration is good\n", file->c_str());
    return exit_done;
  }
  return serve(*file, std::move(*prepared));
}

}  // namespace mintmark::programs
