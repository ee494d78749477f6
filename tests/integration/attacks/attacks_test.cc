// Every row of the table at every door where it exists.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "base/file.h"
#include "doors.h"

namespace mintmark::attacks {
namespace {

const Answer* answer_for(Code code) {
  for (const Answer& answer : answers()) {
    if (answer.code == code) return &answer;
  }
  return nullptr;
}

bool is_resource(Door door) { return door == Door::gate || door == Door::issuer_resource; }

std::string told(const Outcome& outcome) {
  return outcome.taken ? "taken"
                       : outcome.code + " (" + std::to_string(outcome.status) + " " +
                             outcome.error + ") " + outcome.text.substr(0, 600);
}

void expect_http(const std::string& what, Door door, Code code, const Outcome& outcome) {
  const Answer* answer = answer_for(code);
  ASSERT_NE(answer, nullptr) << facts_of(code).name << " has no row in answers()";
  EXPECT_EQ(outcome.status, is_resource(door) ? answer->at_resource : answer->at_endpoint) << what;
  EXPECT_EQ(outcome.error, *answer->error == '\0' ? facts_of(code).name : answer->error) << what;
  EXPECT_TRUE(outcome.challenged || outcome.status != 401) << what;
  EXPECT_EQ(outcome.challenge, outcome.challenged ? answer->error : "") << what;
}

void expect_right(const std::string& what, Door door, const Right& right, const Outcome& outcome) {
  EXPECT_EQ(outcome.taken ? "taken" : outcome.code, right.text())
      << what << "\n  " << told(outcome);
  EXPECT_TRUE(outcome.ended) << what << ": something came behind the answer";
  if (right.kind == Right::Kind::refused && !outcome.taken && outcome.code == right.text() &&
      door != Door::library)
    expect_http(what, door, right.code, outcome);
}

std::string named(const Chapter& chapter, const Attack& attack, Door door) {
  return std::string(chapter.title) + ": " + std::string(name_of(attack.message)) + ", " +
         attack.name + ", at " + std::string(name_of(door));
}

bool is_shown_at(const Attack& attack, Door door) {
  const auto& doors = doors_of(attack.message);
  return std::find(doors.begin(), doors.end(), door) != doors.end() &&
         attack.right_at(door).kind != Right::Kind::absent;
}

/// What goes with a proof.
std::string honest_token(const Attack& attack, const Scene& scene, Door door) {
  const bool needed = attack.message == Message::proof && door != Door::token_endpoint;
  return needed ? Honest(Message::access_token, scene).jws() : "";
}

void show(const HttpDoors& doors, const Chapter& chapter, const Attack& attack, Door door) {
  const Scene scene = doors.scene(door);
  const std::string token = honest_token(attack, scene, door);
  const std::string text = attack.make(Honest(attack.message, scene, token));
  const auto ask_once = [&] {
    return ask(doors.port(), doors.carrying(door, attack.message, text, token).octets());
  };
  const std::string what = named(chapter, attack, door);
  if (attack.again) expect_right(what + ", before", door, Right::taken(), ask_once());
  expect_right(what, door, attack.right_at(door), ask_once());
}

void show_all(const HttpDoors& doors, Door door) {
  for (const Chapter& chapter : chapters()) {
    for (const Attack& attack : chapter.attacks) {
      if (is_shown_at(attack, door)) show(doors, chapter, attack, door);
    }
  }
}

void send_all(const HttpDoors& doors, Door door) {
  for (const WireChapter& chapter : wire_chapters()) {
    for (const WireAttack& attack : chapter.attacks) {
      const auto right = attack.right.find(door);
      if (right == attack.right.end()) continue;
      const std::string what =
          std::string(chapter.title) + ": " + attack.name + ", at " + std::string(name_of(door));
      expect_right(what, door, right->second,
                   ask(doors.port(), attack.make(doors.honest(door)), attack.framing));
    }
  }
}

/// One for all tests: what they show is never shown twice.
const IssuerDoors& issuer() {
  static const auto doors = open_issuer();
  return *doors;
}
const GateDoor& gate() {
  static const auto doors = open_gate();
  return *doors;
}
const LibraryDoor& library() {
  static const auto door = open_library();
  return *door;
}

TEST(Attacks, AreMadeOfHonestRequestsThatEachDoorTakes) {
  for (const Door door :
       {Door::token_endpoint, Door::introspection, Door::revocation, Door::issuer_resource}) {
    const Outcome outcome = ask(issuer().port(), issuer().honest(door).octets());
    EXPECT_TRUE(outcome.taken) << name_of(door) << ": " << told(outcome);
  }
  const Outcome outcome = ask(gate().port(), gate().honest(Door::gate).octets());
  EXPECT_TRUE(outcome.taken) << told(outcome);
}

TEST(Attacks, HaveTheirOneAnswerAtTheTokenEndpoint) { show_all(issuer(), Door::token_endpoint); }

TEST(Attacks, HaveTheirOneAnswerAtTheIssuersOwnResource) {
  show_all(issuer(), Door::issuer_resource);
}

TEST(Attacks, HaveTheirOneAnswerAtTheGate) {
  show_all(gate(), Door::gate);
  EXPECT_EQ(gate().strange_requests(), 0) << "what a message names is fetched by nobody";
}

void check_by(LibraryDoor::Face face, const Chapter& chapter, const Attack& attack) {
  const Scene scene = library().scene(face);
  std::string token = honest_token(attack, scene, Door::library);
  std::string proof = attack.make(Honest(attack.message, scene, token));
  if (attack.message == Message::access_token) {
    token = proof;
    proof = Honest(Message::proof, scene, token).jws();
  }
  // C sees a text up to there, and so it is another one.
  if (face == LibraryDoor::Face::c && (token + proof).find('\0') != std::string::npos) return;
  const std::string what =
      named(chapter, attack, Door::library) + (face == LibraryDoor::Face::c ? " (C)" : " (C++)");
  const auto check = [&] { return library().check(face, token, proof); };
  if (attack.again) expect_right(what + ", before", Door::library, Right::taken(), check());
  expect_right(what, Door::library, attack.right_at(Door::library), check());
}

TEST(Attacks, HaveTheirOneAnswerInTheLibrary) {
  for (const Chapter& chapter : chapters()) {
    for (const Attack& attack : chapter.attacks) {
      if (!is_shown_at(attack, Door::library)) continue;
      const bool read =
          attack.message == Message::status_list || attack.message == Message::frontier;
      if (read) {
        const Honest honest(attack.message, library().scene(LibraryDoor::Face::cpp));
        expect_right(named(chapter, attack, Door::library), Door::library, attack.right,
                     library().read(attack.message, attack.make(honest)));
        continue;
      }
      check_by(LibraryDoor::Face::cpp, chapter, attack);
      check_by(LibraryDoor::Face::c, chapter, attack);
    }
  }
}

// RFC 7662 §2.2: of what is no good token nothing is said but that.
TEST(Attacks, OnATokenMakeIntrospectionCallItInactive) {
  for (const Chapter& chapter : chapters()) {
    for (const Attack& attack : chapter.attacks) {
      if (attack.message != Message::access_token) continue;
      const std::string what = named(chapter, attack, Door::introspection);
      const std::string token =
          attack.make(Honest(attack.message, issuer().scene(Door::issuer_resource)));
      // What the proof or the scope says is not asked there.
      const std::string right = attack.right.text();
      const bool good = right == "taken" || right.starts_with("proof_") ||
                        right == "token_scheme" || right == "token_certificate_missing";
      EXPECT_EQ(issuer().active(token), std::optional(good)) << what;
    }
  }
}

TEST(Attacks, OnTheRequestHaveTheirOneAnswerAtTheTokenEndpoint) {
  send_all(issuer(), Door::token_endpoint);
}
TEST(Attacks, OnTheRequestHaveTheirOneAnswerAtIntrospection) {
  send_all(issuer(), Door::introspection);
}
TEST(Attacks, OnTheRequestHaveTheirOneAnswerAtRevocation) { send_all(issuer(), Door::revocation); }
TEST(Attacks, OnTheRequestHaveTheirOneAnswerAtTheIssuersOwnResource) {
  send_all(issuer(), Door::issuer_resource);
}
TEST(Attacks, OnTheRequestHaveTheirOneAnswerAtTheGate) { send_all(gate(), Door::gate); }

TEST(Attacks, PutNothingOfTheirOwnIntoTheGatesHeaders) {
  const Scene scene = gate().scene(Door::gate);
  const Honest honest(Message::access_token, scene);
  const std::string token =
      honest.with_claim("sub", "a\r\nMintmark-Scope: admin\r\n\r\nHTTP/1.1 200 OK");
  const Outcome outcome =
      ask(gate().port(), gate().carrying(Door::gate, Message::access_token, token, "").octets());
  ASSERT_TRUE(outcome.taken) << told(outcome);
  EXPECT_NE(outcome.text.find("Mintmark-Subject: a%0D%0AMintmark-Scope:%20admin%0D%0A%0D%0AHTTP"),
            std::string::npos)
      << outcome.text;
  EXPECT_EQ(outcome.text.find("\nMintmark-Scope: admin"), std::string::npos);
}

TEST(Attacks, EachHaveANameOfTheirOwn) {
  std::set<std::string> seen;
  for (const Chapter& chapter : chapters()) {
    for (const Attack& attack : chapter.attacks)
      EXPECT_TRUE(seen.insert(named(chapter, attack, Door::library)).second)
          << named(chapter, attack, Door::library);
  }
  for (const WireChapter& chapter : wire_chapters()) {
    for (const WireAttack& attack : chapter.attacks)
      EXPECT_TRUE(seen.insert(std::string(chapter.title) + attack.name).second) << attack.name;
  }
}

TEST(Attacks, StandInTheDocumentAsTheTableHasThem) {
  const std::string file = MINTMARK_SOURCE "/docs/refusals.md";
  const auto written = read_file(file, 1U << 20U);
  if (written && *written == page()) return;
  const std::string made = ::testing::TempDir() + "refusals.md";
  std::ofstream(made) << page();
  ADD_FAILURE() << "docs/refusals.md is not what the table says; it is in " << made
                << " as it should be";
}

}  // namespace
}  // namespace mintmark::attacks
