// mintd-signer: the one process that has the PIN and the vendor's module or the TPM. Started by
// mintd alone; see docs/architecture.md.
#include <signal.h>

#include <cstdio>

#include <boost/asio/steady_timer.hpp>

#include "config/config.h"
#include "hsm/last_operations.h"
#include "hsm/signer/server.h"
#include "programs/command_line.h"
#include "programs/mintd/algorithms.h"
#include "programs/mintd/inherited.h"
#include "programs/mintd/opened_store.h"
#include "programs/mintd/sandbox.h"
#include "programs/mintd/signer_exit.h"
#include "programs/mintd/signer_watch.h"
#include "programs/out_of_memory.h"
#include "programs/shut_in.h"
#include "telemetry/log.h"

namespace mintmark::mintd {
namespace {

const programs::Program program{
    "mintd-signer",
    "a key store's signer; started by mintd, not by hand",
    {{"--store", "NAME", "which of the configuration's key stores"},
     {"--config-name", "FILE", "the configuration's name, for messages"},
     {"--config-fd", "N", "the configuration"},
     {"--keeper-fd", "N", "the keeper's channel"},
     {"--vitals-fd", "N", "memory in which the keeper sees what is being done"},
     {"--keepers-network", "N", "the network namespace that is not to be this process's"},
     {"--pin-fd", "N", "the PIN, where it is no file of the signer's own"}},
    {}};

struct Inheritance {
  config::Config config;
  config::HsmStore store;
  UniqueFd keeper;
  UniqueFd pin;
  std::shared_ptr<hsm::Vitals> vitals;
};

Result<UniqueFd> descriptor(const programs::Arguments& arguments, const char* option) {
  auto number = arguments.required(option);
  if (!number) return pass_on(number);
  return inherited(option, *number);
}

Result<Inheritance> inherit(const programs::Arguments& arguments) {
  Inheritance all;
  auto keeper = descriptor(arguments, "--keeper-fd");
  if (!keeper) return pass_on(keeper);
  all.keeper = std::move(*keeper);
  auto file = descriptor(arguments, "--config-fd");
  if (!file) return pass_on(file);
  auto text = read_fd(file->get());
  if (!text) return pass_on(text);
  auto config = config::parse(arguments.value("--config-name", "configuration"), *text);
  if (!config) return pass_on(config);
  all.config = std::move(*config);
  if (arguments.has("--vitals-fd")) {
    auto memory = descriptor(arguments, "--vitals-fd");
    if (!memory) return pass_on(memory);
    auto vitals = hsm::Vitals::map(*memory);
    if (!vitals) return pass_on(vitals);
    all.vitals = std::move(*vitals);
  }
  if (arguments.has("--pin-fd")) {
    auto pin = descriptor(arguments, "--pin-fd");
    if (!pin) return pass_on(pin);
    all.pin = std::move(*pin);
  }
  for (const config::HsmStore& store : all.config.stores) {
    if (store.name == arguments.value("--store")) {
      all.store = store;
      if (all.pin) all.store.pin = {.file = "", .credential = "", .fd = all.pin.get()};
      return all;
    }
  }
  return fail(Code::invalid_argument, "--store names no key store of the configuration");
}

hsm::signer::PurposeRules rules_of(const config::Config& config, const std::string& store) {
  return {.issuer = config.issuer,
          .longest_life = longest_lives(config),
          .tls = config.tls && config.tls->key_store == store};
}

int exit_status_of(const Result<void>& how) {
  if (how) return signer_exit_done;
  const Code code = how.error().code;
  return code == Code::hsm_pin_refused || code == Code::hsm_pin_locked ? signer_exit_pin_refused
                                                                       : signer_exit_unavailable;
}

std::vector<jose::Algorithm> needed(const config::Config& config) {
  std::vector<jose::Algorithm> algorithms;
  for (const keyring::KeyKind& kind : signing_algorithms(config).wanted())
    algorithms.push_back(kind.algorithm);
  return algorithms;
}

/// Tells the keeper that this process still runs its loop.
class Heart {
 public:
  Heart(boost::asio::io_context& io, std::shared_ptr<hsm::Vitals> vitals)
      : timer_(io), vitals_(std::move(vitals)) {
    if (vitals_) beat();
  }

 private:
  void beat() {
    vitals_->beat();
    timer_.expires_after(SignerWatch::beat);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) beat();
    });
  }
  boost::asio::steady_timer timer_;
  std::shared_ptr<hsm::Vitals> vitals_;
};

Result<void> shut_in_with_module(const Inheritance& all, const std::string& keepers_network) {
  const config::Sandbox& wanted = all.store.sandbox;
  auto report = enter_sandbox(wanted, keepers_network);
  if (!report) return pass_on(report);
  log_sandbox(all.store.name, wanted, *report);
  if (all.vitals) all.vitals->set_sandbox(report->in_force);
  return {};
}

int not_opened(const Inheritance& all, const Error& why) {
  telemetry::log(telemetry::Level::error, "key_store_not_opened", why, {{"store", all.store.name}});
  hsm::signer::tell_unready(all.keeper.get(), why);
  return exit_status_of(tl::unexpected<Error>(why));
}

int serve(Inheritance all) {
  auto store = open_store(all.store, all.config.issuer, needed(all.config), all.vitals);
  if (!store) return not_opened(all, store.error());
  all.pin = UniqueFd();
  telemetry::log(telemetry::Level::info, "key_store_open", {{"store", all.store.name}});

  const SystemClock clock;
  boost::asio::io_context io(1);
  const Heart heart(io, all.vitals);
  hsm::signer::SignerServer server(io, *store->signer, *store->admin,
                                   rules_of(all.config, all.store.name), clock, store->activation);
  Result<void> outcome;
  server.serve(std::move(all.keeper), [&](const Result<void>& how) {
    outcome = how;
    io.stop();
  });
  io.run();
  store->owner.reset();  // Its workers may still be on their way out of an answer, which needs the
                         // io_context.
  if (!outcome) {
    telemetry::log(telemetry::Level::error, "key_store_lost", outcome.error(),
                   {{"store", all.store.name}});
  }
  return exit_status_of(outcome);
}

int run(const programs::Arguments& arguments) {
  // Only the keeper ends a signer, by closing its channel: a kill inside a call can cost SoftHSM
  // its token. That holds for SIGPIPE too, of a log that nobody reads.
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE}) signal(number, SIG_IGN);
  programs::watch_memory("mintd-signer", hsm::end_operations);
  if (auto core = programs::shut_in(); !core) return programs::report(program, core.error(), false);
  auto all = inherit(arguments);
  if (!all) {
    programs::report(program, all.error(), false);
    return signer_exit_usage;
  }
  const auto level = telemetry::level_named(all->config.log_level);
  telemetry::configure("mintd-signer", level.value_or(telemetry::Level::info));
  auto shut = shut_in_with_module(*all, arguments.value("--keepers-network", ""));
  if (!shut) return not_opened(*all, shut.error());
  return serve(std::move(*all));
}

}  // namespace
}  // namespace mintmark::mintd

int main(int argc, char** argv) {
  const auto line = mintmark::programs::read_command_line(mintmark::mintd::program, argc, argv);
  return line.arguments ? mintmark::mintd::run(*line.arguments) : line.exit_status;
}
