// Faults below a whole mintd, each really made: what the log, the figures, /readyz and clients have
// of it, that it is over by itself when its cause is, and that nothing that was answered is lost.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>

#include "faults_below.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace mintmark::test {
namespace {

constexpr std::int64_t hour = 3600;

// ---- the clock ----

TEST_F(FaultsBelow, AClockThatJumpsAheadIsNotBelievedAndNothingIsMintedByIt) {
  const Json keys = stack.control({"keys", "list"})["keys"];
  pages_->set_clocks(hour);
  await_refusals("clock_jumped");
  await_not_ready("clock: ");
  await_logged("clock_jumped");
  EXPECT_NE(logged("clock_jumped").value("do", "").find("mintctl clock accept"), std::string::npos);
  await("the figure", [&] { return figure("mintmark_clock_jumped_seconds") > hour - 60; });
  // Another front was not there when it jumped.
  const int front = stack.front_pid();
  ASSERT_EQ(kill(front, SIGKILL), 0);
  await("another front", [&] { return stack.front_pid() > 0 && stack.front_pid() != front; });
  await_refusals("clock_jumped");
  const Json later = stack.control({"keys", "list"})["keys"];
  ASSERT_EQ(later.size(), keys.size()) << "no rotation runs by it";
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(later[i]["state"], keys[i]["state"]);

  pages_->set_clocks(0);
  take_token();
  await_logged("clock_jumped_over");
  await_figure("mintmark_clock_jumped_seconds", 0);
  EXPECT_EQ(stack.control({"status"})["clock_behind_seconds"], 0) << "the mark was not raised";
}

TEST_F(FaultsBelow, AClockThatJumpsAheadIsRightWhereAnOperatorSaysSo) {
  pages_->set_clocks(hour / 2);
  await_refusals("clock_jumped");
  EXPECT_EQ(mintctl({"clock", "accept"}).status, 0);
  await("no doubt", [&] { return figure("mintmark_clock_jumped_seconds") == 0; });
  EXPECT_EQ(status_of(readyz()), 200);
  pages_->set_clocks(0);
  await_logged("clock_behind");
  EXPECT_EQ(mintctl({"clock", "accept"}).status, 0) << "the other way";
  await_logged("clock_behind_over");
}

TEST_F(FaultsBelow, AClockThatIsSetBackMintsNothingUntilItIsRight) {
  pages_->set_clocks(-hour);
  await_refusals("clock_behind");
  await_not_ready("clock: ");
  await_logged("clock_behind");
  await("the figure", [&] { return figure("mintmark_clock_behind_seconds") > hour - 60; });
  pages_->set_clocks(0);
  take_token();
  EXPECT_EQ(figure("mintmark_clock_jumped_seconds"), 0) << "its return is no jump ahead";
  await_logged("clock_behind_over");
}

// ---- databases ----

class DatabaseFaults : public FaultsBelow {
 protected:
  void expect_told(const std::string& name, const std::string& hindrance) const {
    await_not_ready("store: " + name + ": " + hindrance);
    await("the line of " + name, [&] { return !logged("store_trouble", name).empty(); });
    const Json line = logged("store_trouble", name);
    EXPECT_EQ(line.value("hindrance", ""), hindrance) << line;
    EXPECT_NE(line.value("file", "").find("/state/front/"), std::string::npos) << line;
    EXPECT_FALSE(line.value("do", "").empty()) << line;
    await_figure("mintmark_store_trouble{file=\"" + name + "\"}", 1);
    EXPECT_GE(figure("mintmark_store_failures_total{file=\"" + name + "\",hindrance=\"" +
                     hindrance + "\"}"),
              1);
  }
  void expect_over(const std::string& name) const {
    await_tokens();
    stack.wait_until_ready();
    await_logged("store_trouble_over");
    await_figure("mintmark_store_trouble{file=\"" + name + "\"}", 0);
  }
  [[nodiscard]] std::string state(const std::string& name) const { return file("state/" + name); }
};

// Longer than a write waits for another (5 s).
TEST_F(DatabaseFaults, ADatabaseThatAnotherProcessHoldsIsBusyAndNobodyWaitsForItTwice) {
  std::vector<store::Database> held;
  for (const char* name :
       {"front/issued.db", "front/events.db", "front/devices.db", "keeper/keys.db"}) {
    auto database = store::Database::open(state(name), 0600);
    ASSERT_TRUE(database) << name;
    held.push_back(std::move(*database));
    ASSERT_TRUE(held.back().execute("BEGIN EXCLUSIVE")) << name;
  }
  const Json live = stack.control({"tokens", "list", "--device", client_id_})["tokens"];
  auto revoked = std::async(std::launch::async, [&] {
    return mintctl({"tokens", "revoke", "--jti", live[0]["jti"].get<std::string>()});
  });
  auto invited = std::async(std::launch::async, [&] { return mintctl({"devices", "invite"}); });
  auto rotated = std::async(std::launch::async, [&] { return mintctl({"keys", "rotate"}); });
  expect_come_back_later(ask(), "store_busy");
  const auto began = std::chrono::steady_clock::now();
  expect_come_back_later(ask(), "store_busy");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
  expect_told("issued.db", "busy");
  const Outcome revocation = revoked.get();
  EXPECT_NE(revocation.status, 0);
  // It waits its turn behind what the log waits for: mintctl may be told first, or give up first.
  EXPECT_TRUE(revocation.output.find("revocation_failed") != std::string::npos ||
              revocation.output.find("deadline_passed") != std::string::npos)
      << revocation.output;
  const Outcome invite = invited.get();
  EXPECT_NE(invite.status, 0) << invite.output;
  EXPECT_NE(rotated.get().output.find("store_busy"), std::string::npos);
  await("the keeper's warning",
        [&] { return readyz().find("store: keys.db: busy") != std::string::npos; });

  held.clear();
  expect_over("issued.db");
  await_figure("mintmark_store_trouble{file=\"keys.db\"}", 0);
  EXPECT_EQ(mintctl({"tokens", "revoke", "--jti", live[0]["jti"].get<std::string>()}).status, 0);
  EXPECT_EQ(mintctl({"devices", "invite"}).status, 0);
}

// ---- descriptors ----

TEST_F(FaultsBelow, AFrontWithoutDescriptorsServesWhoIsThereAndTheOthersWhenItHasSome) {
  const int front = stack.front_pid();
  http::Client kept = client();
  std::future<std::string> waiting;
  ASSERT_TRUE(get(kept, "/healthz"));
  {
    const FewDescriptors few(front, "mintmark-front");
    await_logged("descriptors_scarce");
    EXPECT_NE(logged("descriptors_scarce").value("do", "").find("LimitNOFILE"), std::string::npos);
    const auto said = get(kept, "/readyz");
    ASSERT_TRUE(said);
    EXPECT_EQ(said->status, 503);
    EXPECT_NE(said->body.find("descriptors: "), std::string::npos) << said->body;
    waiting = std::async(std::launch::async, [&] { return ask(); });
    await_logged("http_accept_failed");
  }
  EXPECT_EQ(status_of(waiting.get()), 200) << "who came meanwhile waited, and is served";
  take_token();
  await_logged("descriptors_scarce_over");
  EXPECT_GE(figure("mintmark_http_accepts_failed_total"), 1);
  EXPECT_EQ(figure("mintmark_descriptors_scarce"), 0);
  EXPECT_EQ(stack.front_pid(), front);
}

TEST_F(FaultsBelow, AKeeperWithoutDescriptorsStartsItsSignerWhenItHasSome) {
  const int keeper = stack.keeper_pid();
  const int signer = stack.signer_pid();
  {
    const FewDescriptors few(keeper);
    ASSERT_EQ(kill(signer, SIGKILL), 0);
    await_logged("child_start_failed");
    expect_come_back_later(ask(), "hsm_unavailable");
    await("the figure", [&] {
      return figure(R"(mintmark_starts_failed_total{process="signer",store="main"})") >= 1;
    });
    EXPECT_EQ(figure(R"(mintmark_signer_up{store="main"})"), 0);
    EXPECT_TRUE(logged("child_start_failed_over").empty());
  }
  await_tokens();
  EXPECT_NE(stack.signer_pid(), signer);
  EXPECT_EQ(logged("child_start_failed_over").value("child", ""), "signer main");
  await_figure(R"(mintmark_signer_up{store="main"})", 1);
}

// ---- memory ----

TEST_F(FaultsBelow, AFrontThatGetsNoMemoryForOneRequestRefusesThatOne) {
  const int front = stack.front_pid();
  std::ofstream(file("large")) << std::string(1U << 20U, 'x');
  (*pages_)["mintd-front"].refuse_from = 200'000;
  const auto refused = stack.curl(
      {"--include", "--max-time", "5", "--header", "Content-Type: application/json",
       "--data-binary", "@" + file("large"), stack["MINT_ISSUER"] + "/attest/tpm2/finish"});
  EXPECT_NE(status_of(refused.output), 200) << refused.output;
  await_logged("out_of_memory");
  take_token();
  EXPECT_EQ(stack.front_pid(), front) << "others are served by the same one";
  await("the figure", [&] {
    return figure(R"(mintmark_out_of_memory_total{outcome="refused",process="front"})") >= 1;
  });
}

TEST_F(FaultsBelow, AFrontThatGetsNoMemoryAtAllEndsAndIsStartedAgain) {
  const int front = stack.front_pid();
  (*pages_)["mintd-front"].refuse_from = 1;
  await("its end", [&] { return !lives(front); });
  EXPECT_NE(status_of(ask()), 200);
  (*pages_)["mintd-front"].refuse_from = 0;
  await_tokens();
  EXPECT_EQ(logged("out_of_memory").value("program", ""), "mintd-front");
  await("the figure", [&] {
    return figure(R"(mintmark_out_of_memory_total{outcome="ended",process="front"})") >= 1;
  });
}

TEST_F(FaultsBelow, ASignerThatGetsNoMemoryEndsAndIsStartedAgain) {
  const int signer = stack.signer_pid();
  (*pages_)["mintd-signer"].refuse_from = 1;
  EXPECT_EQ(status_of(ask()), 503);
  await("its end", [&] { return !lives(signer); });
  (*pages_)["mintd-signer"].refuse_from = 0;
  await_tokens();
  EXPECT_EQ(logged("out_of_memory").value("program", ""), "mintd-signer");
  await("the figure", [&] {
    return figure(
               R"(mintmark_out_of_memory_total{outcome="ended",process="signer",store="main"})") >=
           1;
  });
}

// ---- the certificate ----

TEST_F(FaultsBelow, ACertificateIsToldOfBeforeItEndsAndWhenItHasAndAReloadTakesTheNextOne) {
  const PutBack put_back(stack, {"tls/server.pem"});
  const auto serve_one = [&](const std::string& made, const std::string& days) {
    const auto issued = execute(
        {"bash", "-c",
         "cd \"$1/tls\" && openssl req -new -key server.key -subj /CN=localhost -out /tmp/$$.csr "
         "&& "
         "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' >/tmp/$$.ext && "
         "faketime \"$2\" openssl x509 -req -in /tmp/$$.csr -CA ca.pem -CAkey ca.key "
         "-days \"$3\" -extfile /tmp/$$.ext -out /tmp/$$.pem && cat /tmp/$$.pem >server.pem; "
         "status=$?; rm -f /tmp/$$.*; exit $status",
         "bash", stack.directory(), made, days});
    ASSERT_EQ(issued.status, 0) << issued.output;
    const auto reloaded = mintctl({"reload"});
    ASSERT_EQ(reloaded.status, 0) << reloaded.output;
  };
  serve_one("1 day ago", "4");
  await_logged("tls_certificate_ends");
  EXPECT_NE(readyz().find("tls certificate: ends in 2 days"), std::string::npos) << readyz();
  EXPECT_EQ(status_of(readyz()), 200) << "so far it is a warning";
  serve_one("3 days ago", "1");
  await_logged("tls_certificate_ended");
  EXPECT_NE(logged("tls_certificate_ended").value("do", "").find("mintctl reload"),
            std::string::npos);
  EXPECT_EQ(stack.curl({stack["MINT_ISSUER"] + "/readyz"}).status, 60) << "clients refuse it";
  const auto said =
      stack.curl({"--insecure", "--include", stack["MINT_ISSUER"] + "/readyz"}).output;
  EXPECT_EQ(status_of(said), 503);
  EXPECT_NE(said.find("tls certificate: it has ended"), std::string::npos) << said;
  EXPECT_LT(figure("mintmark_tls_certificate_end_seconds"),
            static_cast<double>(to_unix(SystemClock().now())));
  serve_one("1 hour ago", "365");
  take_token();
  await_logged("tls_certificate_ended_over");
}

// ---- the lease ----

TEST_F(FaultsBelow, ALeaseThatIsGoneStopsAllWorkAndIsTakenAnew) {
  const int front = stack.front_pid();
  ASSERT_TRUE(fs::remove(file("state/keeper/lease")));
  await_logged("lease_lost");
  EXPECT_NE(logged("lease_lost").value("detail", "").find("/state/keeper/lease"),
            std::string::npos);
  await("the front's end", [&] { return !lives(front); });
  await("mintd to begin anew", [&] { return status_of(ask()) == 200; });
  EXPECT_TRUE(fs::exists(file("state/keeper/lease")));
  EXPECT_GE(figure("mintmark_lease_losses_total"), 1);
}

TEST_F(FaultsBelow, WhileAnotherHoldsTheLeaseNothingIsServed) {
  const std::string path = file("state/keeper/lease");
  const int front = stack.front_pid();
  const int signer = stack.signer_pid();
  {
    ASSERT_TRUE(fs::remove(path));
    const auto others = store::Lease::take(path);
    ASSERT_TRUE(others);
    await_logged("lease_waited_for");
    EXPECT_NE(logged("lease_waited_for").value("detail", "").find(std::to_string(getpid())),
              std::string::npos);
    EXPECT_FALSE(lives(front));
    EXPECT_FALSE(lives(signer));
    EXPECT_EQ(stack.curl({stack["MINT_ISSUER"] + "/readyz"}).status, 7) << "nobody listens";
  }
  await("mintd to begin anew", [&] { return status_of(ask()) == 200; });
}

// ---- the disk ----

/// The front's databases on a small disk, in a mount namespace of the test's own, which ends with
/// it.
class OwnDisk : public DatabaseFaults {
 protected:
  static void SetUpTestSuite() {
    DatabaseFaults::SetUpTestSuite();
    Stack& stack = Stack::instance();
    const std::string front = stack.directory() + "/state/front";
    stack.down();
    struct stat before {};
    ASSERT_EQ(stat(front.c_str(), &before), 0);
    ASSERT_EQ(unshare(CLONE_NEWNS), 0) << "run as root";
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    fs::rename(front, front + ".before");
    fs::create_directory(front);
    ASSERT_EQ(mount("tmpfs", front.c_str(), "tmpfs", 0, "size=8m,mode=0700"), 0);
    ASSERT_EQ(execute({"cp", "-a", front + ".before/.", front}).status, 0);
    ASSERT_EQ(chown(front.c_str(), before.st_uid, before.st_gid), 0);
    stack.up();
  }
  static void TearDownTestSuite() {
    Stack::instance().down();
    EXPECT_EQ(umount((Stack::instance().directory() + "/state/front").c_str()), 0);
  }
  void fill() const {
    std::ofstream filling(state("front/filling"), std::ios::binary);
    const std::string octets(4096, 'x');
    while (filling.write(octets.data(), 4096).flush()) {
    }
  }
};

/// That disk read-only, until this ends. A mount reaches what is opened under it; of what is open
/// the kernel would refuse to make it read-only, and there the shim refuses to write.
class ReadOnly {
 public:
  ReadOnly(std::string directory, FaultPage& page) : directory_(std::move(directory)), page_(page) {
    EXPECT_EQ(mount(directory_.c_str(), directory_.c_str(), nullptr, MS_BIND, nullptr), 0);
    EXPECT_EQ(
        mount(nullptr, directory_.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
    page_.read_only = true;
  }
  ~ReadOnly() {
    page_.read_only = false;
    EXPECT_EQ(umount2(directory_.c_str(), MNT_DETACH), 0);
  }
  ReadOnly(const ReadOnly&) = delete;
  ReadOnly& operator=(const ReadOnly&) = delete;

 private:
  const std::string directory_;
  FaultPage& page_;
};

TEST_F(OwnDisk, AReadOnlyDiskMintsNothingAndIsTriedUntilItIsOver) {
  {
    const ReadOnly disk(state("front"), (*pages_)["mintd-front"]);
    await_refusals("store_read_only");
    expect_told("issued.db", "read_only");
    EXPECT_EQ(mintctl({"devices", "invite"}).status, 3);
  }
  expect_over("issued.db");
  EXPECT_EQ(mintctl({"devices", "invite"}).status, 0);
}

TEST_F(OwnDisk, AFullDiskMintsNothingAndLosesNothing) {
  const double room = figure("mintmark_state_disk_free_octets");
  fill();
  await_refusals("store_full");
  expect_told("issued.db", "full");
  EXPECT_LT(figure("mintmark_state_disk_free_octets"), room);
  expect_all_answered_are_known();
  EXPECT_EQ(mintctl({"devices", "invite"}).status, 3);
  // One that is started on a full disk.
  const int front = stack.front_pid();
  ASSERT_EQ(kill(front, SIGKILL), 0);
  await("another front", [&] { return stack.front_pid() > 0 && stack.front_pid() != front; });
  fs::remove(state("front/filling"));
  await_tokens();
  stack.wait_until_ready();
  EXPECT_EQ(mintctl({"devices", "invite"}).status, 0);
}

}  // namespace
}  // namespace mintmark::test
