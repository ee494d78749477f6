// Any octets as the issuer's event stream: the same events however it comes in parts; entries,
// frontiers and snapshots that are taken or refused with a code.
#include <vector>

#include "http/event_reader.h"
#include "jose/base64url.h"
#include "target.h"
#include "verify/followed_log.h"
#include "verify/signed_frontier.h"

namespace mintmark::fuzz {
namespace {

constexpr std::size_t longest = 1024;

std::vector<http::ServerEvent> events_in(std::string_view text, std::size_t part) {
  http::EventReader reader(longest);
  std::vector<http::ServerEvent> events;
  while (!text.empty()) {
    const auto more = reader.take(text.substr(0, part), [&](const http::ServerEvent& event) {
      require(event.data.size() <= longest);
      events.push_back(event);
      return true;
    });
    if (!more) {
      require(more.error().code == Code::http_answer_too_large);
      break;
    }
    text.remove_prefix(std::min(part, text.size()));
  }
  return events;
}

bool same(const std::vector<http::ServerEvent>& left, const std::vector<http::ServerEvent>& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const auto& one, const auto& other) {
                      return one.type == other.type && one.data == other.data;
                    });
}

verify::Frontier committing_to(std::string_view text) {
  verify::Frontier frontier;
  frontier.log = "l";
  frontier.head = verify::empty_head("l");
  frontier.snapshot = jose::base64url(sha256(text));
  return frontier;
}

void take_entry(verify::FollowedLog& log, std::string_view text) {
  const auto before = log.position();
  const auto taken = log.take_entry(text);
  require(log.position()->seq == before->seq + (taken ? 1 : 0));
  if (taken) return;
  require(taken.error().code == Code::event_malformed ||
          taken.error().code == Code::event_out_of_order);
}

void take_frontier(verify::FollowedLog& log, std::string_view text) {
  (void)verify::parse_frontier(text);
  const auto claims = parse_json(text);
  if (!claims) return;
  const auto frontier = verify::read_frontier(*claims);
  if (!frontier) return require(frontier.error().code == Code::frontier_malformed);
  const auto now = verify::FollowedLog::clock::now();
  (void)log.take_frontier(*frontier, now, SystemClock().now());
}

void take_snapshot(std::string_view text) {
  verify::FollowedLog log;
  (void)log.load(text, committing_to(text));
  const auto json = parse_json(text);
  if (!json) return;
  const auto set = verify::RevokedSet::from_json(*json);
  if (!set) return require(set.error().code == Code::event_snapshot_malformed);
  const auto again = verify::RevokedSet::from_json(set->to_json());
  require(again && again->to_json() == set->to_json());
}

void run_event_stream(BytesView octets) {
  const std::string_view text(as_text(octets));
  const auto events = events_in(text, std::max<std::size_t>(octets.size(), 1));
  require(same(events, events_in(text, 1)));
  require(same(events, events_in(text, 7)));
  constexpr std::string_view empty =
      R"({"log":"l","seq":0,"revoked":{"tokens":{},"devices":{},"keys":{}}})";
  verify::FollowedLog log;
  require(log.load(empty, committing_to(empty)).has_value());
  log.connecting(verify::FollowedLog::clock::now());
  for (const http::ServerEvent& event : events) {
    if (event.type == "frontier") take_frontier(log, event.data);
    if (event.type == "snapshot") take_snapshot(event.data);
    if (event.type == "revocation") take_entry(log, event.data);
  }
}

const Registered event_stream_target{{"event_stream", &run_event_stream}};

}  // namespace
}  // namespace mintmark::fuzz
