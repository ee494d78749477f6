// serve: local programs reach services through this device, without a credential of their own.
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

#include "agent/serve/service.h"
#include "base/file.h"
#include "base/mutex.h"
#include "jose/software_key.h"
#include "programs/descriptors.h"
#include "programs/mint_agent/subcommand.h"
#include "programs/shut_in.h"
#include "telemetry/log.h"

namespace mintmark::programs {
namespace {

using agent::serve::Service;
using agent::serve::Settings;
using telemetry::Level;

constexpr std::size_t longest_file = 1U << 20U;
// From the last answer on.
constexpr std::chrono::seconds longest_end{5};

const std::vector<const char*> simple_options = {"--socket", "--audience", "--scope",
                                                 "--destination"};

Result<Settings> settings_of_file(const std::string& file) {
  const auto text = read_file(file, longest_file);
  if (!text) return fail(Code::config_invalid, text.error().detail);
  return agent::serve::parse_settings(file, *text);
}

Result<Settings> settings_of_options(const Arguments& arguments) {
  for (const char* option : {"--socket", "--audience", "--scope"}) {
    if (!arguments.has(option))
      return fail(Code::invalid_argument, std::string(option) + " is missing, or --config FILE");
  }
  return agent::serve::simple_settings({.socket = arguments.value("--socket"),
                                        .audience = arguments.value("--audience"),
                                        .scope = arguments.value("--scope"),
                                        .destinations = arguments.values("--destination"),
                                        .session = arguments.has("--session")},
                                       geteuid());
}

Result<Settings> settings_of(const Arguments& arguments) {
  if (!arguments.has("--config")) return settings_of_options(arguments);
  for (const char* option : simple_options) {
    if (arguments.has(option)) {
      return fail(Code::invalid_argument,
                  std::string(option) + " goes without --config: the file says it");
    }
  }
  auto settings = settings_of_file(arguments.value("--config"));
  if (settings && arguments.has("--session") && !settings->session_life)
    settings->session_life = agent::longest_session;
  return settings;
}

Result<void> prepare(const Settings& settings) {
  const auto level = telemetry::level_named(settings.log_level);
  if (!level) return tl::unexpected<Error>(level.error());
  telemetry::configure("mint-agent", *level);
  if (auto shut = shut_in(); !shut) return shut;
  if (!jose::secure_keys()) telemetry::log(Level::warning, "memory_not_locked");
  return {};
}

class Serving {
 public:
  Serving(boost::asio::io_context& io, Service& service, const Arguments& arguments)
      : io_(io), service_(service), arguments_(arguments), signals_(io, SIGTERM, SIGINT, SIGHUP) {
    wait();
  }

 private:
  void wait() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (signal != SIGHUP) return service_.stop([this] { io_.stop(); });
      reload();
      wait();
    });
  }
  void reload() {
    if (!arguments_.has("--config")) return telemetry::log(Level::info, "nothing_to_reload");
    auto settings = settings_of(arguments_);
    const auto taken =
        settings ? service_.reload(std::move(*settings)) : Result<void>(pass_on(settings));
    if (!taken) telemetry::log(Level::error, "not_reloaded", taken.error());
  }

  boost::asio::io_context& io_;
  Service& service_;
  const Arguments& arguments_;
  boost::asio::signal_set signals_;
};

agent::Surroundings surroundings_for(const Settings& settings, const Clock& clock) {
  agent::Surroundings surroundings = own_surroundings(clock);
  const auto patience = settings.limits.token;
  surroundings.open_transport = [patience](const std::string& ca_file) {
    return agent::open_transport_within(patience, ca_file);
  };
  surroundings.say = [](const std::string& line) {
    telemetry::log(Level::warning, "attestation", {{"detail", line}});
  };
  return surroundings;
}

// Whoever is inside a call of hardware that hangs cannot be told to end, and nothing is left to
// lose by then: all are answered, and nothing is written.
class EndsInTime {
 public:
  EndsInTime() : thread_([this] { watch(); }) {}
  ~EndsInTime() {
    {
      const MutexLock lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  EndsInTime(const EndsInTime&) = delete;
  EndsInTime& operator=(const EndsInTime&) = delete;

  /// The end begins.
  void begin() {
    {
      const MutexLock lock(mutex_);
      begun_ = true;
    }
    changed_.notify_all();
  }

 private:
  void watch() {
    const MutexLock lock(mutex_);
    while (!begun_ && !ended_) changed_.wait(mutex_);
    const auto latest = std::chrono::steady_clock::now() + longest_end;
    while (!ended_ && changed_.wait_until(mutex_, latest)) continue;
    if (ended_) return;
    telemetry::log(Level::warning, "ended_within_a_call_that_hangs");
    _exit(exit_done);
  }

  Mutex mutex_;
  Condition changed_;
  bool begun_ MINTMARK_GUARDED_BY(mutex_) = false;
  bool ended_ MINTMARK_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

Result<int> serve(const Arguments& arguments) {
  auto settings = settings_of(arguments);
  if (!settings) return pass_on(settings);
  if (arguments.has("--check-config")) {
    std::printf("%s: configuration is good\n", arguments.value("--config", "command line").c_str());
    return exit_done;
  }
  auto state = open_state(arguments);
  if (!state) return pass_on(state);
  if (auto prepared = prepare(*settings); !prepared) return pass_on(prepared);
  raise_descriptor_limit();

  const SystemClock clock;
  EndsInTime end;
  boost::asio::io_context io(1);
  const auto surroundings = surroundings_for(*settings, clock);
  Service service(io, std::move(*state), surroundings, std::move(*settings));
  const Serving serving(io, service, arguments);
  if (auto started = service.start(); !started) return pass_on(started);
  io.run();
  end.begin();
  telemetry::log(Level::info, "stopped");
  return exit_done;
}

}  // namespace

std::vector<Subcommand> serve_commands() {
  Subcommand one;
  one.command = {
      "serve",
      "give local programs tokens, proofs and whole requests at a unix socket (docs/agent.md)",
      {{"--config", "FILE", "who may have what (JSON, comments allowed)"},
       {"--check-config", "", "check the configuration, then end"},
       {"--session", "", "with keys in memory, for which the device key vouches each hour"},
       {"--socket", "PATH", "without a file: a socket for the user that runs this alone"},
       {"--audience", "A", "then: the service"},
       {"--scope", "S", "then: scopes, with one space between"},
       {"--destination", "URL", "then: where requests may go, https://HOST[:PORT]", true}},
      ""};
  one.run_alone = &serve;
  return {one};
}

}  // namespace mintmark::programs
