// Revocation and rotation under traffic while everything else goes wrong: a real issuer, real
// gates, and a book that says what of their answers cannot be.
//
// MINTMARK_CHAOS_SEED: the order of what is done, and the choices of who calls with what; printed.
// MINTMARK_CHAOS_SECONDS: how long, at least; without it each thing is done once or a few times.
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "issuing.h"
#include "listed.h"

namespace mintmark::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Dice = std::mt19937_64;

constexpr seconds bound{3};
constexpr std::size_t most_complaints = 20;

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): before any thread
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

/// What devices and callers see, as it goes on.
class Traffic {
 public:
  Traffic(Book& book, ChaosDevices& devices, std::vector<std::unique_ptr<ChaosGate>>& gates,
          std::uint64_t seed)
      : book_(book), devices_(devices), states_(devices.count()) {
    threads_.emplace_back(
        [this, seed](const std::stop_token& stop) { mint(stop, Dice(seed + 1)); });
    threads_.emplace_back([&gates](const std::stop_token& stop) {
      for (; !stop.stop_requested(); std::this_thread::sleep_for(milliseconds(30)))
        for (const auto& gate : gates) gate->look();
    });
    for (const auto& gate : gates) {
      seed += 2;
      threads_.emplace_back(
          [this, &gate, seed](const std::stop_token& stop) { call(stop, *gate, Dice(seed)); });
    }
  }
  ~Traffic() { stop(); }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  void stop() { threads_.clear(); }
  /// What devices may ask for, as the operator's answers say.
  enum class May : std::uint8_t { ask, change, not_ask };
  void set(std::size_t device, May may) { states_[device] = may; }
  [[nodiscard]] May of(std::size_t device) const { return states_[device]; }

  void complain(const std::string& what) {
    const std::lock_guard lock(mutex_);
    complaints_.push_back(what);
  }
  [[nodiscard]] std::vector<std::string> complaints() const {
    const std::lock_guard lock(mutex_);
    return complaints_;
  }
  [[nodiscard]] std::size_t minted() const { return minted_; }

 private:
  void mint(const std::stop_token& stop, Dice dice) {
    for (; !stop.stop_requested(); std::this_thread::sleep_for(milliseconds(10))) {
      const std::size_t device = dice() % devices_.count();
      const auto path = std::next(chaos_audiences.begin(),
                                  static_cast<std::ptrdiff_t>(dice() % chaos_audiences.size()));
      const May before = states_[device];
      auto asked = devices_.ask(device, path->first);
      const May after = states_[device];
      if (asked.token && before == May::not_ask && after == May::not_ask)
        complain("a device that was revoked has a token");
      if (!asked.token && asked.status >= 400 && asked.status < 500 && before == May::ask &&
          after == May::ask)
        complain("a good device gets no token: " + asked.body);
      if (!asked.token) continue;
      ++minted_;
      book_.add(std::move(*asked.token));
    }
  }

  void call(const std::stop_token& stop, ChaosGate& gate, Dice dice) {
    for (; !stop.stop_requested(); std::this_thread::sleep_for(milliseconds(4))) {
      const GivenToken token = book_.any(dice, to_unix(SystemClock().now()));
      if (token == nullptr) continue;
      const auto call = gate.call(*token, devices_.key(token->device));
      const std::string wrong = call ? book_.complaint(*token, *call) : "";
      if (!wrong.empty()) complain(gate.name() + " " + wrong);
    }
  }

  Book& book_;
  ChaosDevices& devices_;
  std::vector<std::atomic<May>> states_;
  std::atomic<std::size_t> minted_{0};
  mutable std::mutex mutex_;
  std::vector<std::string> complaints_;
  std::vector<std::jthread> threads_;  // Last: they use all of the above.
};

class Chaos : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    Stack& stack = Stack::instance();
    const std::string file = stack.directory() + "/mintd.json";
    Json configuration = Json::parse(read_file(file).value());
    configuration["revocation"] = {{"bound_seconds", bound.count()}};
    // Verifiers keep keys for five seconds at least, and a successor waits for twice as long.
    configuration["keys"] = {{"max_age_seconds", 5}};
    std::ofstream(file, std::ios::trunc) << configuration.dump(2);
    std::ofstream(stack.directory() + "/policy.json", std::ios::trunc) << chaos_policy();
    stack.down();
  }

  void SetUp() override {
    seed_ = number_in("MINTMARK_CHAOS_SEED", 20261129);
    long_ = seconds(number_in("MINTMARK_CHAOS_SECONDS", 0));
    std::cout << "MINTMARK_CHAOS_SEED=" << seed_ << std::endl;
    RecordProperty("seed", std::to_string(seed_));
    dice_.seed(seed_);
    for (const char* name : {"north", "south", "skewed"}) {
      gates_.push_back(std::make_unique<ChaosGate>(name, stack, chaos_audiences));
      gates_.back()->start();
    }
    gates_.back()->set_clock(seconds(-20));
    traffic_ = std::make_unique<Traffic>(book, devices, gates_, seed_);
    await_connected();
    await("tokens", [&] { return traffic_->minted() >= 30; });
  }

  void TearDown() override {
    traffic_.reset();
    if (!HasFailure()) return;
    for (const auto& gate : gates_) show_end("gate " + gate->name(), gate->log());
    show_end("issuer", read_file(stack.directory() + "/mintd.log").value_or(""));
  }
  /// Of a log: what it says of single requests left out.
  static void show_end(const std::string& whose, const std::string& log) {
    std::istringstream lines(log);
    std::deque<std::string> last;
    for (std::string line; std::getline(lines, line);) {
      if (line.find(R"("event":"refused")") != std::string::npos ||
          line.find(R"("event":"request")") != std::string::npos)
        continue;
      last.push_back(std::move(line));
      if (last.size() > 300) last.pop_front();
    }
    std::cerr << "---- " << whose << "\n";
    for (const std::string& line : last) std::cerr << line << "\n";
  }

  void await_connected() const {
    await("every gate to be connected", [&] {
      return std::all_of(gates_.begin(), gates_.end(),
                         [](const auto& gate) { return gate->link().connected.has_value(); });
    });
  }

  [[nodiscard]] static const Stack& started(ChaosIssuer& issuer) {
    issuer.start();
    return Stack::instance();
  }
  [[nodiscard]] ChaosGate& some_gate() { return *gates_[dice_() % gates_.size()]; }
  [[nodiscard]] std::size_t some_device() { return dice_() % devices.count(); }
  void pause(milliseconds least, milliseconds most) {
    std::this_thread::sleep_for(least + milliseconds(dice_() % (most - least).count()));
  }

  // ---- what is done ----

  void revoke_token() {
    const GivenToken token = book.good(dice_, to_unix(SystemClock().now()));
    if (token == nullptr) return;
    Cut cut;
    cut.what = Cut::What::token;
    cut.name = token->jti;
    work.take_back(cut);
  }
  void revoke_device() {
    const std::size_t device = some_device();
    Cut cut;
    cut.what = Cut::What::device;
    cut.device = device;
    traffic_->set(device, Traffic::May::change);
    work.take_back(cut);
    traffic_->set(device, Traffic::May::not_ask);
  }
  void reinstate_devices() {
    for (std::size_t device = 0; device < devices.count(); ++device) {
      if (traffic_->of(device) == Traffic::May::ask) continue;
      traffic_->set(device, Traffic::May::change);
      work.reinstate(device);
      traffic_->set(device, Traffic::May::ask);
    }
  }
  void revoke_rule() {
    Cut cut;
    cut.what = Cut::What::rule;
    const auto audience =
        std::next(chaos_audiences.begin(), static_cast<std::ptrdiff_t>(dice_() % 2));
    cut.name = audience->second.substr(sizeof "https://" - 1);
    work.take_back(cut);
  }
  void revoke_all_before() {
    Cut cut;
    cut.what = Cut::What::issued_before;
    cut.before =
        to_unix(SystemClock().now() + issuer.ahead()) + static_cast<std::int64_t>(dice_() % 2);
    work.take_back(cut);
  }
  void revoke_key() {
    Cut cut;
    cut.what = Cut::What::key;
    cut.name = work.signing_kid();
    work.take_back(cut);
  }
  void issuer_gone() {
    for (const auto& gate : gates_) gate->lose_issuer();
  }
  void issuer_back() {
    stack.wait_until_ready();
    for (const auto& gate : gates_) gate->find_issuer();
    look_at_lists();
  }
  void look_at_lists() {
    for (const std::string& wrong : complaints_of_lists(stack, book, issuer.ahead()))
      traffic_->complain(wrong);
  }
  /// Something is asked for, and the front dies meanwhile.
  void kill_front_in(const std::function<void()>& what) {
    const int front = stack.front_pid();
    const milliseconds after(dice_() % 60);
    issuer_gone();
    std::jthread killer([&] {
      std::this_thread::sleep_for(after);
      kill(front, SIGKILL);
    });
    what();
    killer.join();
    issuer_back();
  }
  void kill_mintd() {
    issuer_gone();
    issuer.kill();
    issuer.start();
    issuer_back();
  }
  /// Devices are not judged meanwhile: they ask with one clock and are answered by another.
  void set_issuers_clock(seconds ahead) {
    std::vector<std::size_t> asking;
    for (std::size_t device = 0; device < devices.count(); ++device) {
      if (traffic_->of(device) == Traffic::May::ask) asking.push_back(device);
    }
    for (const std::size_t device : asking) traffic_->set(device, Traffic::May::change);
    // Behind what it worked at it mints nothing, for services neither, until somebody says that
    // this is right: a stream that ended just before has no successor meanwhile.
    for (const auto& gate : gates_) gate->lose_issuer();
    issuer.set_clock(ahead);
    (void)work.does({"clock", "accept"});
    for (const auto& gate : gates_) gate->find_issuer();
    // What was made by then may have been used before.
    std::this_thread::sleep_for(milliseconds(1100));
    for (const std::size_t device : asking) traffic_->set(device, Traffic::May::ask);
    look_at_lists();
  }
  void restart_gate() {
    ChaosGate& gate = some_gate();
    gate.kill();
    pause(milliseconds(50), milliseconds(500));
    gate.start();
  }
  /// The last is the one whose clock is wrong.
  void step_clock() { gates_.back()->set_clock(seconds(static_cast<int>(dice_() % 25) - 22)); }

  struct Card {
    const char* name;
    std::size_t times;
    std::function<void()> play;
  };
  [[nodiscard]] std::vector<Card> cards() {
    return {
        {"revoke a token", 12, [this] { revoke_token(); }},
        {"revoke a device", 2, [this] { revoke_device(); }},
        {"reinstate devices", 2, [this] { reinstate_devices(); }},
        {"revoke what a rule granted", 2, [this] { revoke_rule(); }},
        {"revoke all issued before", 1, [this] { revoke_all_before(); }},
        {"rotate", 1, [this] { work.rotate(); }},
        {"revoke a key", 1, [this] { revoke_key(); }},
        {"kill the front in a revocation", 1,
         [this] { kill_front_in([this] { revoke_token(); }); }},
        {"kill the front in a rotation", 1, [this] { kill_front_in([this] { work.rotate(); }); }},
        {"kill mintd", 1, [this] { kill_mintd(); }},
        {"cut a gate off", 2, [this] { some_gate().cut(); }},
        {"hold a gate's connections", 2, [this] { some_gate().hold(); }},
        {"slow a gate down", 1, [this] { some_gate().slow(milliseconds(200 + dice_() % 600)); }},
        {"mend a gate", 2, [this] { some_gate().mend(); }},
        {"mend all gates", 1,
         [this] {
           for (const auto& gate : gates_) gate->mend();
         }},
        {"wait beyond the bound", 1,
         [] { std::this_thread::sleep_for(bound + milliseconds(1500)); }},
        {"reload a gate", 1, [this] { some_gate().reload(); }},
        {"kill a gate and start it", 1, [this] { restart_gate(); }},
        {"step a gate's clock", 3, [this] { step_clock(); }},
        {"set the issuer's clock ahead", 1, [this] { set_issuers_clock(some_seconds()); }},
        {"set the issuer's clock back", 1, [this] { set_issuers_clock(-some_seconds()); }},
    };
  }
  /// As far as gates' clocks may be from it: one of them is behind by 22 s itself.
  [[nodiscard]] seconds some_seconds() { return seconds(2 + dice_() % 5); }
  void play_a_deck() {
    const std::vector<Card> kinds = cards();
    std::vector<const Card*> deck;
    for (const Card& card : kinds) deck.insert(deck.end(), card.times, &card);
    std::shuffle(deck.begin(), deck.end(), dice_);
    for (const Card* card : deck) {
      if (traffic_->complaints().size() > most_complaints) return;
      const auto began = Steady::now();
      card->play();
      const std::chrono::duration<double> took = Steady::now() - began;
      played_ +=
          std::string(card->name) + " (" + std::to_string(took.count()).substr(0, 4) + " s); ";
      pause(milliseconds(30), milliseconds(150));
    }
  }

  void all_is_well_again() {
    set_issuers_clock(seconds(0));
    for (const auto& gate : gates_) gate->mend();
    reinstate_devices();
    const auto began = Steady::now();
    await_connected();
    for (const auto& gate : gates_)
      await(gate->name() + " to be ready", [&] { return gate->is_ready(); });
    const std::chrono::duration<double> took = Steady::now() - began;
    RecordProperty("until_all_gates_were_connected", std::to_string(took.count()) + " s");
  }

  void expect_seen(const std::map<std::string, std::size_t>& counts, const std::string& what) {
    EXPECT_GT(counts.contains(what) ? counts.at(what) : 0U, 0U) << what << ": was never there";
  }

  Stack& stack = Stack::instance();
  Book book{{.bound = bound}};
  ChaosIssuer issuer{stack};
  ChaosDevices devices{started(issuer), issuer, 6};
  ChaosOperator work{stack, book, devices};
  std::uint64_t seed_ = 0;
  seconds long_{0};
  Dice dice_;
  std::vector<std::unique_ptr<ChaosGate>> gates_;
  std::unique_ptr<Traffic> traffic_;
  std::string played_;
};

TEST_F(Chaos, NoRevokedTokenPassesTheBoundAndNoGoodOneIsRefusedWithinIt) {
  const auto end = Steady::now() + long_;
  do play_a_deck();
  while (Steady::now() < end && traffic_->complaints().empty());
  all_is_well_again();
  traffic_->stop();
  for (const std::string& complaint : traffic_->complaints()) ADD_FAILURE() << complaint;
  if (HasFailure()) std::cerr << "played: " << played_ << "\n";

  const auto counts = book.counts();
  for (const auto& [what, count] : counts) std::cout << what << "  " << count << "\n";
  std::cout << "minted  " << traffic_->minted() << "\nmintctl asked again  " << work.repeated()
            << "\n";
  // What was never seen was not tested.
  for (const char* what : {"taken: good", "taken: good, not connected", "refused: token_revoked",
                           "refused: token_key_revoked", "refused: revocations_stale",
                           "listed: good", "listed: revoked"})
    expect_seen(counts, what);
}

}  // namespace
}  // namespace mintmark::test
