#include "support/signer_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

#include "contract/key_store_contract.h"

namespace mintmark::test {
namespace {

constexpr std::chrono::seconds patience{30};

std::string read_all(const std::filesystem::path& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Above all numbers that the child is to have.
UniqueFd out_of_the_way(int fd) { return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 100)); }

pid_t start(const std::vector<std::string>& words, const std::vector<UniqueFd>& descriptors,
            const std::string& log) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    posix_spawn_file_actions_adddup2(&actions, descriptors[i].get(), static_cast<int>(3 + i));
  }
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, MINTD_SIGNER, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " MINTD_SIGNER);
  return pid;
}

}  // namespace

struct SignerProcess::Words {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Result<void>> told;
};

std::string configuration_with(const config::HsmStore& store) {
  const Json pin = store.pin.fd ? Json{{"fd", *store.pin.fd}} : Json{{"file", store.pin.file}};
  Json stores = {{store.name,
                  {{"pin", pin},
                   {"sessions", store.sessions},
                   {"queue", store.queue},
                   {"sandbox",
                    {{"network", store.sandbox.network ? "host" : "none"},
                     {"seccomp", store.sandbox.seccomp}}},
                   {"environment", store.environment}}}};
  Json& hardware = stores[store.name];
  if (store.tpm) {
    hardware["tpm"] = {{"tcti", store.tpm->tcti}, {"blobs", store.tpm->blobs}};
  } else {
    hardware["module"] = store.module;
    hardware["token"] = store.token;
  }
  return Json{{"issuer", contract_issuer},
              {"listen", Json::array({{{"address", "127.0.0.1"}, {"port", 8443}}})},
              {"plain_http_behind_trusted_proxy", true},
              {"admin", {{"socket", "admin.sock"}}},
              {"state_directory", "state"},
              {"hsm", {{"stores", stores}}},
              {"tokens", {{"longest_life_seconds", 300}}},
              {"enrolment",
               {{"mode", "open"}, {"freshness_seconds", 3600}, {"tpm2", {{"roots", "roots"}}}}},
              {"policy", "policy.json"}}
      .dump(2);
}

SignerProcess::SignerProcess(Handed handed)
    : words_(std::make_shared<Words>()),
      keeper_(hsm::signer::SignerClient::make_unconnected(loop_.io())) {
  keeper_->on_readiness([words = words_](const Result<void>& word) {
    const std::lock_guard lock(words->mutex);
    words->told.push_back(word);
    words->changed.notify_all();
  });
  auto pair = connected();
  const auto file = directory_.write("mintd.json", handed.configuration);
  const UniqueFd configuration(open(file.c_str(), O_RDONLY | O_CLOEXEC));

  std::vector<std::string> words{
      MINTD_SIGNER, "--store",     handed.store, "--config-name", file.string(), "--keeper-fd",
      "3",          "--config-fd", "4"};
  std::vector<UniqueFd> descriptors;
  descriptors.push_back(out_of_the_way(pair.right.get()));
  descriptors.push_back(out_of_the_way(configuration.get()));
  if (handed.pin) {
    words.insert(words.end(), {"--pin-fd", "5"});
    descriptors.push_back(out_of_the_way(handed.pin.get()));
  }
  pid_ = start(words, descriptors, (directory_.path() / "log").string());
  keeper_->replace(std::move(pair.left));
}

SignerProcess::~SignerProcess() {
  keeper_->close();
  const auto end = std::chrono::steady_clock::now() + patience;
  while (status_ < 0 && waitpid(pid_, &status_, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  loop_.drain();
}

UniqueFd SignerProcess::attach_front() {
  auto pair = connected();
  Answer<void> attached;
  keeper_->attach_front(std::move(pair.right), Deadline::in(patience), attached.done());
  if (auto done = attached.wait(); !done) throw std::runtime_error(done.error().to_string());
  return std::move(pair.left);
}

std::shared_ptr<hsm::signer::SignerClient> SignerProcess::make_front() {
  return hsm::signer::SignerClient::make(loop_.io(), attach_front());
}

Result<void> SignerProcess::wait_for_readiness(std::size_t nth) {
  std::unique_lock lock(words_->mutex);
  if (!words_->changed.wait_for(lock, patience, [&] { return words_->told.size() > nth; })) {
    throw std::runtime_error("TIMEOUT waiting for mintd-signer: " + output());
  }
  return words_->told[nth];
}

Result<void> SignerProcess::wait_for_readiness_or_end() {
  const auto told = [&] { return !words_->told.empty(); };
  std::unique_lock lock(words_->mutex);
  while (!words_->changed.wait_for(lock, std::chrono::milliseconds(2), told)) {
    if (status_ < 0 && waitpid(pid_, &status_, WNOHANG) == pid_ && !told())
      return fail(Code::hsm_unavailable, "mintd-signer ended without a word");
  }
  return words_->told.front();
}

int SignerProcess::wait_for_exit() {
  if (status_ < 0 && waitpid(pid_, &status_, 0) != pid_) throw std::runtime_error("waitpid");
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

std::string SignerProcess::output() const { return read_all(directory_.path() / "log"); }

std::string SignerProcess::proc(const std::string& name) const {
  return read_all("/proc/" + std::to_string(pid_) + "/" + name);
}

}  // namespace mintmark::test
