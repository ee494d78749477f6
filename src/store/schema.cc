#include "store/schema.h"

#include <array>

namespace mintmark::store {
namespace {

constexpr std::array device_migrations = {
    Migration{1, R"(
      CREATE TABLE device (
        id TEXT PRIMARY KEY NOT NULL,
        format TEXT NOT NULL,
        identity TEXT NOT NULL,
        jkt TEXT NOT NULL,
        public_jwk TEXT NOT NULL,
        facts TEXT NOT NULL,
        labels TEXT NOT NULL,
        state TEXT NOT NULL,
        enrolled_at INTEGER NOT NULL,
        attested_at INTEGER NOT NULL,
        UNIQUE (format, identity)
      ) STRICT;
      CREATE TABLE used_ticket (
        hash TEXT PRIMARY KEY NOT NULL,
        expires_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX used_ticket_by_expiry ON used_ticket (expires_at);
    )"},
    Migration{2, R"(
      ALTER TABLE device ADD COLUMN root TEXT NOT NULL DEFAULT '';
      ALTER TABLE device ADD COLUMN pending_from TEXT NOT NULL DEFAULT '';
      ALTER TABLE device ADD COLUMN pending_since INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE device ADD COLUMN revoked_at INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE device ADD COLUMN revoked_why TEXT NOT NULL DEFAULT '';
      CREATE INDEX device_pending ON device (pending_since) WHERE state = 'pending';
      CREATE TABLE invite (
        code_hash TEXT PRIMARY KEY NOT NULL,
        labels TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        used INTEGER NOT NULL DEFAULT 0
      ) STRICT, WITHOUT ROWID;
    )"},
    Migration{3, R"(
      ALTER TABLE device ADD COLUMN fresh_for INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE device ADD COLUMN evidence_ended_at INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE device ADD COLUMN evidence_ended_why TEXT NOT NULL DEFAULT '';
      ALTER TABLE device ADD COLUMN boot TEXT NOT NULL DEFAULT '';
      CREATE TABLE boot (
        device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,
        kind TEXT NOT NULL CHECK (kind IN ('good', 'last')),
        at INTEGER NOT NULL,
        refused TEXT NOT NULL,
        appraisal TEXT NOT NULL,
        record BLOB NOT NULL,
        record_octets INTEGER NOT NULL,
        UNIQUE (device, kind)
      ) STRICT;
    )"},
    Migration{4, R"(
      ALTER TABLE device ADD COLUMN facts_before TEXT NOT NULL DEFAULT '';
    )"},
    Migration{5, R"(
      CREATE TABLE news (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        device TEXT NOT NULL,
        format TEXT NOT NULL,
        state_before TEXT NOT NULL,
        ended_before TEXT NOT NULL,
        protection_before TEXT NOT NULL,
        attested_before INTEGER NOT NULL,
        state TEXT NOT NULL,
        ended TEXT NOT NULL,
        protection TEXT NOT NULL,
        attested INTEGER NOT NULL
      ) STRICT;
    )"},
};

constexpr std::array key_state_migrations = {
    Migration{1, R"(
      CREATE TABLE signing_key (
        id TEXT PRIMARY KEY NOT NULL,
        store TEXT NOT NULL,
        purpose TEXT NOT NULL,
        algorithm TEXT NOT NULL,
        kid TEXT NOT NULL,
        public_jwk TEXT NOT NULL,
        state TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        changed_at INTEGER NOT NULL
      ) STRICT;
    )"},
    // What the first form called "changed_at" was the moment of the state it was in.
    Migration{2, R"(
      ALTER TABLE signing_key RENAME TO signing_key_1;
      CREATE TABLE signing_key (
        id TEXT PRIMARY KEY NOT NULL,
        store TEXT NOT NULL,
        purpose TEXT NOT NULL,
        algorithm TEXT NOT NULL,
        kid TEXT NOT NULL,
        public_jwk TEXT NOT NULL,
        state TEXT NOT NULL,
        planned_at INTEGER NOT NULL,
        published_at INTEGER NOT NULL,
        active_at INTEGER NOT NULL,
        retiring_at INTEGER NOT NULL,
        retired_at INTEGER NOT NULL,
        destroyed_at INTEGER NOT NULL,
        longest_life INTEGER NOT NULL,
        rotation_asked_at INTEGER NOT NULL,
        revoked_why TEXT NOT NULL
      ) STRICT;
      INSERT INTO signing_key
        SELECT id, store, purpose, algorithm, kid, public_jwk, state, created_at,
          CASE WHEN kid <> '' THEN created_at ELSE 0 END,
          CASE state WHEN 'active' THEN changed_at ELSE 0 END, 0, 0,
          CASE state WHEN 'destroyed' THEN changed_at ELSE 0 END, 0, 0, ''
        FROM signing_key_1;
      DROP TABLE signing_key_1;
      CREATE UNIQUE INDEX signing_key_one_active
        ON signing_key (store, purpose, algorithm) WHERE state = 'active';
      CREATE TABLE clock (
        one INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
        mark INTEGER NOT NULL
      ) STRICT;
    )"},
};

// "MMdv" and "MMks".
constexpr std::int64_t device_application = 0x4D4D6476;
constexpr std::int64_t key_state_application = 0x4D4D6B73;

tl::unexpected<Error> foreign(const Database& database, const Schema& schema) {
  return fail(Code::store_foreign,
              database.path() + ": is a database, but not Mintmark's of " + schema.name);
}

/// What the file's header and catalogue say, of one moment: another process may be migrating.
struct Seen {
  std::int64_t version = 0;
  std::int64_t application_id = 0;
  std::int64_t tables = 0;
};

Result<Seen> look_at(Database& database) {
  auto statement = database.prepare(
      "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master) "
      "FROM pragma_user_version, pragma_application_id");
  if (!statement) return pass_on(statement);
  auto row = statement->step();
  if (!row) return pass_on(row);
  if (!*row) return fail(Code::store_failed, database.path() + ": has no readable header");
  return Seen{statement->integer(0), statement->integer(1), statement->integer(2)};
}

/// The file's version, if this program may go on with it.
Result<std::int64_t> checked_version(Database& database, const Schema& schema) {
  auto seen = look_at(database);
  if (!seen) return pass_on(seen);
  const bool is_new = seen->version == 0 && seen->application_id == 0 && seen->tables == 0;
  const bool is_ours = seen->version > 0 && seen->application_id == schema.application_id;
  if (!is_new && !is_ours) return foreign(database, schema);
  if (seen->version <= schema.version()) return seen->version;
  return fail(Code::store_version,
              database.path() + ": has schema version " + std::to_string(seen->version) +
                  ", this program knows " + std::to_string(schema.version()) +
                  " at most; run the newer program, or restore the backup made before it");
}

Result<void> apply(Database& database, const Schema& schema, std::int64_t from) {
  for (const Migration& migration : schema.migrations) {
    if (migration.version <= from) continue;
    if (auto done = database.execute(migration.sql); !done) return done;
  }
  return database.execute("PRAGMA application_id = " + std::to_string(schema.application_id) +
                          "; PRAGMA user_version = " + std::to_string(schema.version()));
}

}  // namespace

const Schema& device_schema() {
  static const Schema schema{"devices", device_application, device_migrations};
  return schema;
}

const Schema& key_state_schema() {
  static const Schema schema{"signing keys", key_state_application, key_state_migrations};
  return schema;
}

Result<void> migrate(Database& database, const Schema& schema) {
  auto seen = checked_version(database, schema);
  if (!seen) return pass_on(seen);
  if (*seen == schema.version()) return {};
  auto transaction = Transaction::begin(database);
  if (!transaction) return pass_on(transaction);
  // Another process may have migrated in between.
  auto version = checked_version(database, schema);
  if (!version) return pass_on(version);
  if (auto applied = apply(database, schema, *version); !applied) return applied;
  return transaction->commit();
}

Result<Database> open_database(const std::string& path, unsigned mode, const Schema& schema) {
  auto database = Database::open(path, mode);
  if (!database) return database;
  // A file that is not ours is not even given a log.
  if (auto version = checked_version(*database, schema); !version) return pass_on(version);
  if (auto durable = database->make_durable(); !durable) return pass_on(durable);
  if (auto migrated = migrate(*database, schema); !migrated) return pass_on(migrated);
  database->health().written();  // Whatever another process was waited for.
  return database;
}

}  // namespace mintmark::store
