// A front that has been taken over: started by mintd in mintd-front's place, with its user and its
// descriptors, shut in as it shuts itself in. It ends and comes back after each frame that costs it
// its channel; where it stands is kept in the front's own directory.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "attempts.h"
#include "base/file.h"
#include "base/json.h"
#include "host.h"
#include "keeper_channel.h"
#include "programs/shut_in.h"
#include "signer_channel.h"
#include "signing.h"

namespace mintmark::test::compromised {
namespace {

struct Handed {
  std::string stack;                 ///< The directory that the configuration stands in.
  std::vector<int> descriptors;      ///< All of them.
  std::map<std::string, int> named;  ///< By option.
};

Handed handed_over(int argc, char** argv) {
  Handed all;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--config-name") all.stack = std::filesystem::path(argv[i + 1]).parent_path();
    if (!option.ends_with("-fd")) continue;
    all.descriptors.push_back(std::stoi(argv[i + 1]));
    all.named[option] = all.descriptors.back();
  }
  return all;
}

// The stack's configuration has comments and an "issuer".
std::string issuer_in(int config) {
  const std::string text = read_fd(config).value_or("");
  const std::string marks = "\"issuer\": \"";
  const std::size_t start = text.find(marks) + marks.size();
  return text.substr(start, text.find('"', start) - start);
}

/// How far earlier lives of this program came.
class Stage {
 public:
  explicit Stage(std::string file) : file_(std::move(file)) { std::ifstream(file_) >> number_; }
  [[nodiscard]] std::size_t number() const { return number_; }
  void next() { std::ofstream(file_) << ++number_; }

 private:
  std::string file_;
  std::size_t number_ = 0;
};

void serve_no_longer(KeeperChannel& keeper) {
  tell("end", "all was tried", true, "waiting to be stopped");
  keeper.wait_for_stop();
}

void run(const Handed& handed, boost::asio::io_context& io) {
  const std::string issuer = issuer_in(handed.named.at("--config-fd"));
  Stage stage(handed.stack + "/state/front/compromised");
  if (stage.number() == 0) look_for_other_descriptors(handed.descriptors);
  KeeperChannel keeper(io, UniqueFd(handed.named.at("--control-fd")));
  keeper.send({{"type", "ready"}});
  UniqueFd channel = keeper.next_signer();
  const std::size_t frames = count_of_malformed();
  if (stage.number() > 0 && stage.number() <= frames + 1) {
    // Whatever was sent before: another front is served.
    UniqueFd copy(dup(channel.get()));
    const auto client = SignerClient::make(io, std::move(copy));
    tell_granted("frames", "a token, afterwards", sign_a_good_token(AskedSigner(client), issuer));
  }
  if (stage.number() == 0) {
    const AskedSigner signer(SignerClient::make(io, std::move(channel)));
    try_the_host(handed.stack, handed.descriptors);
    try_what_keepers_may(signer);
    try_to_have_signed(signer, issuer);
    try_the_keeper(keeper);
    stage.next();
    _exit(0);
  }
  if (stage.number() <= frames) {
    stage.next();
    try_malformed(stage.number() - 2, std::move(channel));
    _exit(0);
  }
  if (stage.number() == frames + 1) {
    stage.next();
    flood(std::move(channel), hsm::random_key_id());
    _exit(0);
  }
  const AskedSigner signer(SignerClient::make(io, std::move(channel)));
  tell_granted("frames", "a token, after the flood", sign_a_good_token(signer, issuer));
  serve_no_longer(keeper);
  _exit(0);
}

}  // namespace
}  // namespace mintmark::test::compromised

int main(int argc, char** argv) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) signal(number, SIG_IGN);
  if (!mintmark::programs::shut_in()) return 2;
  boost::asio::io_context io(1);
  const auto work = boost::asio::make_work_guard(io);
  const std::jthread loop([&io] { io.run(); });
  mintmark::test::compromised::run(mintmark::test::compromised::handed_over(argc, argv), io);
}
