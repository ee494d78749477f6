#include "store/news_rows.h"

#include "base/json.h"

namespace mintmark::store {

DeviceStanding standing_of(const DeviceRecord& device) {
  DeviceStanding standing{device.state, device.evidence_ended_why, "", device.attested_at};
  const auto facts = parse_json(device.facts);
  if (!facts || !facts->is_object()) return standing;
  const auto protection = facts->find("key_protection");
  if (protection != facts->end() && protection->is_string())
    standing.key_protection = protection->get<std::string>();
  return standing;
}

Result<void> put_news(Database& database, const DeviceRecord& before, const DeviceRecord& now) {
  const DeviceStanding was = standing_of(before);
  const DeviceStanding is = standing_of(now);
  // Attesting again as before is no news.
  if (was.state == is.state && was.evidence_ended_why == is.evidence_ended_why &&
      was.key_protection == is.key_protection)
    return {};
  auto statement = database.prepare(
      "INSERT INTO news (device, format, state_before, ended_before, protection_before, "
      "attested_before, state, ended, protection, attested) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return pass_on(statement);
  statement->bind(now.id).bind(now.format);
  for (const DeviceStanding* standing : {&was, &is})
    statement->bind(standing->state)
        .bind(standing->evidence_ended_why)
        .bind(standing->key_protection)
        .bind(to_unix(standing->attested_at));
  return statement->run();
}

Result<std::vector<DeviceChange>> read_news(Database& database, std::size_t most) {
  auto statement = database.prepare(
      "SELECT number, device, format, state_before, ended_before, protection_before, "
      "attested_before, state, ended, protection, attested FROM news ORDER BY number LIMIT ?");
  if (!statement) return pass_on(statement);
  statement->bind(static_cast<std::int64_t>(most));
  const auto standing_at = [&statement](int column) {
    return DeviceStanding{statement->text(column), statement->text(column + 1),
                          statement->text(column + 2), from_unix(statement->integer(column + 3))};
  };
  std::vector<DeviceChange> news;
  auto row = statement->step();
  for (; row && *row; row = statement->step())
    news.push_back({statement->integer(0), statement->text(1), statement->text(2), standing_at(3),
                    standing_at(7)});
  if (!row) return pass_on(row);
  return news;
}

Result<void> forget_news(Database& database, std::int64_t up_to) {
  auto statement = database.prepare("DELETE FROM news WHERE number <= ?");
  if (!statement) return pass_on(statement);
  return statement->bind(up_to).run();
}

}  // namespace mintmark::store
