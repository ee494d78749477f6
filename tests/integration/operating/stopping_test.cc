// No connection is refused while the front is started again, and what is under way is answered when
// mintd ends.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "base/file.h"
#include "http/dial.h"
#include "operating.h"

namespace mintmark::test {
namespace {

class Stopping : public Operating {
 protected:
  [[nodiscard]] std::uint16_t port() const {
    const std::string& issuer = stack["MINT_ISSUER"];
    return static_cast<std::uint16_t>(std::stoul(issuer.substr(issuer.rfind(':') + 1)));
  }
  [[nodiscard]] bool connects() const {
    return http::dial_tcp("127.0.0.1", port(), Deadline::in(std::chrono::seconds(5))).has_value();
  }
};

TEST_F(Stopping, AFrontThatIsStartedAgainRefusesNoConnection) {
  std::atomic<bool> done{false};
  std::atomic<int> connected{0};
  std::atomic<int> refused{0};
  std::jthread client([&] {
    while (!done) ++(connects() ? connected : refused);
  });
  for (int round = 0; round < 3; ++round) {
    const int front = stack.front_pid();
    ASSERT_EQ(kill(front, SIGKILL), 0);
    await("another front", [&] {
      const Json status = stack.control({"status"})["front"];
      return status["state"] == "ready" && status["pid"] != front;
    });
  }
  done = true;
  client.join();
  EXPECT_EQ(refused, 0);
  EXPECT_GT(connected, 100);
  stack.wait_until_ready();
}

TEST_F(Stopping, ARequestUnderWayIsAnsweredWhenMintdEnds) {
  // The head is there, the body comes after the signal; TLS by curl, whose upload waits for us.
  const std::string fifo = file("body");
  ASSERT_EQ(execute({"mkfifo", fifo}).status, 0);
  std::string answer;
  std::jthread client([&] {
    answer = stack
                 .curl({"--include", "--max-time", "20", "--request", "POST", "--upload-file", fifo,
                        "--header", "Expect:", "--header",
                        "Content-Type: application/x-www-form-urlencoded",
                        stack["MINT_ISSUER"] + "/token"})
                 .output;
  });
  {
    std::FILE* body = std::fopen(fifo.c_str(), "we");  // Opens when curl reads it.
    ASSERT_NE(body, nullptr);
    std::fputs("grant_type=", body);
    std::fflush(body);
    await("the request to be under way", [&] { return figure("mintmark_http_connections") >= 1; });
    const int keeper = stack.keeper_pid();
    const std::size_t before = log().size();
    ASSERT_EQ(kill(keeper, SIGTERM), 0);
    await("the front to be stopping",
          [&] { return log().substr(before).find("\"front_stopping\"") != std::string::npos; });
    std::fputs("password", body);
    std::fclose(body);
    client.join();
    await("mintd to end", [&] { return kill(keeper, 0) != 0; });
  }
  EXPECT_NE(answer.find("grant_type_unsupported"), std::string::npos) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos) << "and says that it ends";
  unlink(fifo.c_str());
  stack.up();
  stack.wait_until_ready();
}

}  // namespace
}  // namespace mintmark::test
