// GET /events and its snapshot over a real event log: who is told what, in which order, and who is
// sent to the snapshot.
#include "api/events.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "jose/jws.h"
#include "support/manual_clock.h"
#include "support/scratch.h"
#include "support/soft_key.h"
#include "verify/frontier.h"

namespace mintmark::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Written = http::BodyWriter::Written;

constexpr seconds longest{10};

/// A connection's writer that keeps what it gets, and is full or gone when the test says so.
class Listener final : public http::BodyWriter {
 public:
  Written write(std::shared_ptr<const std::string> part) override {
    const std::lock_guard lock(mutex_);
    if (gone_ || ended_) return Written::gone;
    if (part->size() > room_) return Written::full;
    room_ -= part->size();
    text_ += *part;
    parts_.push_back(std::move(part));
    came_.notify_all();
    return Written::taken;
  }
  void end() override {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    came_.notify_all();
  }
  void set_room(std::size_t octets) {
    const std::lock_guard lock(mutex_);
    room_ = octets;
  }
  void go() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
  }
  /// Waits until the condition holds of all that came.
  bool hears(const std::function<bool(const std::string&)>& condition) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, longest, [&] { return condition(text_); });
  }
  bool hears(const std::string& part) {
    return hears([&](const std::string& all) { return all.find(part) != std::string::npos; });
  }
  bool is_ended() {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, longest, [&] { return ended_; });
  }
  std::vector<std::shared_ptr<const std::string>> parts() {
    const std::lock_guard lock(mutex_);
    return parts_;
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::size_t room_ = 1U << 30U;
  std::string text_;
  std::vector<std::shared_ptr<const std::string>> parts_;
  bool gone_ = false;
  bool ended_ = false;
};

class EventsTest : public testing::Test {
 protected:
  ~EventsTest() override { hub_->close(); }

  [[nodiscard]] revoke::FrontierParts parts() {
    return {.events = *log_,
            .clock = clock_,
            .sign =
                [this](const auto& input, Deadline, const auto& done) {
                  if (broken_) return done(fail(Code::hsm_unavailable, "gone"));
                  const std::string text = input("ES256", key_.jkt());
                  done(jose::compact(text, key_.sign(as_bytes(text))));
                },
            .revoked_keys = [] { return std::set<std::string>(); },
            .issuer = "https://issuer.example"};
  }
  void append(int count) {
    std::vector<Json> entries;
    for (int i = 0; i < count; ++i)
      entries.push_back({{"type", "token"},
                         {"jti", "j"},
                         {"sub", "d"},
                         {"until", to_unix(clock_.now() + seconds{300})}});
    std::promise<void> done;
    log_->append(std::move(entries), [&](const Result<std::uint64_t>& seq) {
      EXPECT_TRUE(seq);
      done.set_value();
    });
    done.get_future().get();
  }
  [[nodiscard]] std::string id(std::uint64_t seq) const {
    return log_->position().log + ":" + std::to_string(seq);
  }
  /// How the entry of that number is sent.
  [[nodiscard]] std::string event(std::uint64_t seq) const {
    return "id: " + id(seq) +
           "\nevent: revocation\ndata: " + *log_->after(seq - 1, 1).value().at(0).text + "\n\n";
  }

  http::Response ask(const std::string& path, const std::string& query = "",
                     const std::string& header = "") {
    http::Request request;
    request.method = "GET";
    request.path = path;
    request.query = query;
    request.target = path + (query.empty() ? "" : "?" + query);
    if (!header.empty()) request.headers.add("Last-Event-ID", header);
    auto promise = std::make_shared<std::promise<http::Response>>();
    router_(std::move(request),
            [promise](http::Response response) { promise->set_value(std::move(response)); });
    return promise->get_future().get();
  }
  /// A stream that went through, from `last` on.
  std::shared_ptr<Listener> listen(const std::string& last, std::size_t room = 1U << 30U) {
    const http::Response response = ask("/i/events", last.empty() ? "" : "last=" + last);
    EXPECT_EQ(response.status, 200U);
    auto listener = std::make_shared<Listener>();
    listener->set_room(room);
    if (response.stream) response.stream(listener);
    return listener;
  }
  /// The last frontier in what came.
  [[nodiscard]] std::optional<verify::Frontier> last_frontier(const std::string& text) const {
    const std::string before = "event: frontier\ndata: ";
    const auto at = text.rfind(before);
    const auto end = at == std::string::npos ? at : text.find('\n', at + before.size());
    if (end == std::string::npos) return std::nullopt;
    const std::string jws = text.substr(at + before.size(), end - at - before.size());
    auto verified = jose::UnverifiedJws::parse(jws).value().verify(key_.public_key());
    EXPECT_TRUE(verified);
    return verify::read_frontier(verified->claims()).value();
  }
  bool hears_frontier_of(Listener& listener, std::uint64_t seq) {
    return listener.hears([&](const std::string& all) {
      const auto frontier = last_frontier(all);
      return frontier && frontier->seq == seq;
    });
  }
  void expect_refused(const http::Response& response, Code code) {
    ASSERT_TRUE(response.cause);
    EXPECT_EQ(response.cause->code, code);
    EXPECT_EQ(response.status, facts_of(code).http_status);
    EXPECT_FALSE(response.stream);
  }

  test::Scratch directory_;
  test::ManualClock clock_;
  const test::SoftKey key_;
  std::atomic<bool> broken_{false};
  std::optional<Error> refused_;
  std::atomic<bool> revoked_ = false;
  std::string service_ = "service";
  std::unique_ptr<revoke::EventLog> log_ =
      revoke::open_event_log(directory_ / "events.db", clock_).value();
  std::shared_ptr<EventHub> hub_ = EventHub::make(parts(), {.subscribers = 2, .most_behind = 1000});
  http::Router router_ = [this] {
    http::Router router;
    add_events(
        router, "/i",
        {.hub = hub_,
         .snapshots = std::make_shared<revoke::Snapshots>(parts()),
         .access = [this](const http::Request&, std::string_view scope) -> Result<ServiceCaller> {
           EXPECT_EQ(scope, "events");
           if (refused_) return tl::unexpected<Error>(*refused_);
           return ServiceCaller{
               service_, {}, clock_.now() + seconds{600}, [this] { return !revoked_.load(); }};
         },
         .refuse = [](const Error& error) { return refusal(error); }});
    return router;
  }();

  static http::Response refusal(const Error& error) {
    http::Response response = http::error_response(error);
    response.cause = error;
    return response;
  }
};

TEST_F(EventsTest, TellNobodyWhoIsNotLetIn) {
  refused_ = Error{Code::service_scope_missing, "not for you", 0};
  expect_refused(ask("/i/events", "last=" + id(0)), Code::service_scope_missing);
  expect_refused(ask("/i/events/snapshot"), Code::service_scope_missing);
}

TEST_F(EventsTest, AreAStreamThatNobodyKeepsOrHoldsBack) {
  const auto response = ask("/i/events", "last=" + id(0));
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(*response.headers.find("Content-Type"), "text/event-stream");
  EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
  EXPECT_EQ(*response.headers.find("X-Accel-Buffering"), "no");
  EXPECT_TRUE(response.stream);
}

TEST_F(EventsTest, TellWhatWasMissedThenAFrontierThatCommitsToIt) {
  append(3);
  const auto listener = listen(id(1));
  EXPECT_EQ(listener->text().substr(0, event(2).size() + event(3).size()), event(2) + event(3));
  EXPECT_TRUE(hears_frontier_of(*listener, 3));
  EXPECT_EQ(last_frontier(listener->text())->head, log_->position().head);
}

TEST_F(EventsTest, TellWhatComesOnceAndInOrder) {
  const auto listener = listen(id(0));
  std::string all;
  for (std::uint64_t seq = 1; seq <= 20; ++seq) {
    append(1);
    all += event(seq);
  }
  ASSERT_TRUE(hears_frontier_of(*listener, 20));
  std::string entries;
  const std::string text = listener->text();
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find("\n\n", at) + 2;
    if (text.compare(at, 4, "id: ") == 0) entries += text.substr(at, end - at);
    at = end;
  }
  EXPECT_EQ(entries, all);
}

TEST_F(EventsTest, AreEncodedOnceForAllWhoListen) {
  const auto one = listen(id(0));
  const auto other = listen(id(0));
  // The same octets, not a copy; unless a frontier came between, which tells each what it has not.
  bool shared = false;
  for (std::uint64_t last = 5; last <= 50 && !shared; last += 5) {
    append(5);
    ASSERT_TRUE(one->hears(event(last)));
    ASSERT_TRUE(other->hears(event(last)));
    std::string all;
    for (std::uint64_t seq = last - 4; seq <= last; ++seq) all += event(seq);
    const auto others = other->parts();
    for (const auto& part : one->parts())
      shared |= *part == all && std::find(others.begin(), others.end(), part) != others.end();
  }
  EXPECT_TRUE(shared);
}

TEST_F(EventsTest, EndWithTheNextFrontierWhereTheTokenIsRevoked) {
  const auto listener = listen(id(0));
  append(1);
  ASSERT_TRUE(listener->hears(event(1)));
  revoked_ = true;
  append(1);
  EXPECT_TRUE(listener->is_ended());
  EXPECT_EQ(hub_->subscribers(), 0U);
}

TEST_F(EventsTest, EndForAServiceThatIsRemovedAndForNoOther) {
  const auto other = listen(id(0));
  service_ = "removed";
  const auto listener = listen(id(0));
  hub_->remove("removed");
  EXPECT_TRUE(listener->is_ended());
  EXPECT_EQ(hub_->subscribers(), 1U);
  append(1);
  EXPECT_TRUE(other->hears(event(1)));
}

TEST_F(EventsTest, DoNotBeginForAServiceThatIsRemovedMeanwhile) {
  const http::Response begun = ask("/i/events", "last=" + id(0));
  hub_->remove(service_);
  const auto listener = std::make_shared<Listener>();
  begun.stream(listener);
  EXPECT_TRUE(listener->is_ended());
  EXPECT_EQ(listener->text(), "");
  EXPECT_EQ(hub_->subscribers(), 0U);
}

TEST_F(EventsTest, NoFrontierFromBeforeTheSubscriptionIsTold) {
  const auto first = listen(id(0));
  ASSERT_TRUE(first->hears("event: frontier"));
  append(1);
  const auto second = listen(id(1));
  EXPECT_TRUE(second->hears("event: frontier"));
  EXPECT_EQ(last_frontier(second->text())->seq, 1U);
}

TEST_F(EventsTest, TheHeaderSaysMoreThanTheQuery) {
  append(3);
  const auto response = ask("/i/events", "last=" + id(0), id(2));
  const auto listener = std::make_shared<Listener>();
  response.stream(listener);
  EXPECT_EQ(listener->text().substr(0, event(3).size()), event(3));
}

TEST_F(EventsTest, RefuseAnIdThatIsNone) {
  for (const char* last : {"", "1", "log:", ":1", "log:x", "log:-1", "log:1:2", "l%20g:1",
                           "log:99999999999999999999", "l%0Ag:1"}) {
    expect_refused(ask("/i/events", std::string("last=") + last), Code::event_id_malformed);
  }
  expect_refused(ask("/i/events", "", "nonsense"), Code::event_id_malformed);
  expect_refused(ask("/i/events", "last=a:1&last=a:1"), Code::parameter_repeated);
  expect_refused(ask("/i/events", "last=%"), Code::http_malformed);
}

TEST_F(EventsTest, SendToTheSnapshotWhoNamesNothingAnotherLogOrWhatIsNotKept) {
  append(1);
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "event_snapshot_wanted"},
      {"another-log:1", "event_log_changed"},
      {id(2), "event_snapshot_wanted"}};
  for (const auto& [last, reason] : cases) {
    const auto listener = listen(last);
    EXPECT_TRUE(listener->is_ended());
    EXPECT_EQ(listener->text(), "event: snapshot\ndata: {\"reason\":\"" + reason + "\"}\n\n");
  }
}

TEST_F(EventsTest, SendToTheSnapshotWhoMissedMoreThanItCosts) {
  append(1001);
  const auto listener = listen(id(0));
  EXPECT_TRUE(listener->is_ended());
  EXPECT_EQ(listener->text(), "event: snapshot\ndata: {\"reason\":\"event_snapshot_wanted\"}\n\n");
  EXPECT_EQ(hub_->slow(), 0U);
}

TEST_F(EventsTest, WaitForOneThatReadsSlowlyAndGoOnWhereItWas) {
  append(500);
  const auto listener = listen(id(0), 40'000);
  EXPECT_TRUE(listener->hears(event(1)));
  EXPECT_EQ(listener->text().find(event(500)), std::string::npos);
  EXPECT_FALSE(last_frontier(listener->text()));
  listener->set_room(1U << 30U);
  EXPECT_TRUE(listener->hears(event(500)));
  EXPECT_TRUE(hears_frontier_of(*listener, 500));
}

TEST_F(EventsTest, SendToTheSnapshotWhoCannotKeepUp) {
  const auto listener = listen(id(0));
  ASSERT_TRUE(listener->hears("event: frontier"));
  listener->set_room(100);
  append(1001);
  EXPECT_TRUE(listener->is_ended());
  EXPECT_TRUE(listener->hears("event: snapshot\ndata: {\"reason\":\"event_subscriber_slow\"}\n\n"));
  EXPECT_EQ(hub_->slow(), 1U);
  EXPECT_EQ(hub_->subscribers(), 0U);
}

TEST_F(EventsTest, HaveNoMorePlacesThanThereAre) {
  const auto one = listen(id(0));
  service_ = "other";
  const auto other = listen(id(0));
  service_ = "third";
  expect_refused(ask("/i/events", "last=" + id(0)), Code::event_subscribers_full);
  one->go();
  append(1);
  EXPECT_EQ(hub_->subscribers(), 1U);
  EXPECT_TRUE(listen(id(0))->hears(event(1)));
}

TEST_F(EventsTest, AServiceThatHasAllPlacesGivesItsOldestToAnother) {
  const auto oldest = listen(id(0));
  const auto other = listen(id(0));
  service_ = "another";
  const auto newcomer = listen(id(0));
  EXPECT_TRUE(oldest->is_ended());
  EXPECT_TRUE(oldest->hears("event: full\ndata: {\"reason\":\"event_subscribers_full\"}\n\n"));
  append(1);
  EXPECT_TRUE(newcomer->hears(event(1)));
  EXPECT_TRUE(other->hears(event(1)));
  EXPECT_EQ(hub_->subscribers(), 2U);
}

TEST_F(EventsTest, AServiceThatAsksForMoreThanThereIsLosesItsOwnOldest) {
  const auto oldest = listen(id(0));
  service_ = "another";
  const auto mine = listen(id(0));
  const auto again = listen(id(0));
  EXPECT_TRUE(mine->is_ended());
  append(1);
  EXPECT_TRUE(oldest->hears(event(1)));
  EXPECT_TRUE(again->hears(event(1)));
}

TEST_F(EventsTest, NobodyLosesAPlaceWhereAllHaveTheSame) {
  const auto one = listen(id(0));
  service_ = "another";
  const auto other = listen(id(0));
  service_ = "third";
  expect_refused(ask("/i/events", "last=" + id(0)), Code::event_subscribers_full);
  EXPECT_EQ(hub_->subscribers(), 2U);
}

TEST_F(EventsTest, APlaceThatIsNotListenedFromYetIsNotTaken) {
  const http::Response begun = ask("/i/events", "last=" + id(0));
  const http::Response also = ask("/i/events", "last=" + id(0));
  service_ = "another";
  expect_refused(ask("/i/events", "last=" + id(0)), Code::event_subscribers_full);
}

TEST_F(EventsTest, EndWithTheToken) {
  const auto listener = listen(id(0));
  clock_.advance(seconds{600});
  append(1);  // A frontier follows.
  EXPECT_TRUE(listener->is_ended());
  EXPECT_EQ(hub_->subscribers(), 0U);
}

TEST_F(EventsTest, EndWithTheTokenWhereNoFrontierIsSigned) {
  const auto listener = listen(id(0));
  broken_ = true;
  clock_.advance(seconds{600});
  append(1);
  EXPECT_TRUE(listener->is_ended());
}

TEST_F(EventsTest, GoOnWhereNoFrontierIsSigned) {
  broken_ = true;
  const auto listener = listen(id(0));
  append(1);
  EXPECT_TRUE(listener->hears(event(1)));
}

TEST_F(EventsTest, EndWhenTheHubCloses) {
  const auto listener = listen(id(0));
  hub_->close();
  EXPECT_TRUE(listener->is_ended());
  append(1);
  EXPECT_EQ(listener->text().find("id: "), std::string::npos);
  EXPECT_TRUE(listen(id(0))->is_ended());
}

TEST_F(EventsTest, SnapshotsAreGivenToWhoIsLetIn) {
  append(1);
  const auto response = ask("/i/events/snapshot");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(*response.headers.find("Cache-Control"), "no-store");
  const Json both = parse_json(response.body).value();
  EXPECT_EQ(parse_json(both["snapshot"].get<std::string>()).value()["seq"], 1);
}

TEST_F(EventsTest, SnapshotsThatCannotBeSignedAreRefused) {
  broken_ = true;
  expect_refused(ask("/i/events/snapshot"), Code::hsm_unavailable);
}

}  // namespace
}  // namespace mintmark::api
