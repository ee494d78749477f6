#include "base/atomic_shared.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace mintmark {
namespace {

TEST(AtomicShared, GivesNothingUntilThereIsSomethingAndThenWhatWasStoredLast) {
  AtomicShared<const int> shared;
  EXPECT_EQ(shared.load(), nullptr);
  shared.store(std::make_shared<const int>(1));
  EXPECT_EQ(*shared.load(), 1);
  shared.store(nullptr);
  EXPECT_EQ(shared.load(), nullptr);
  EXPECT_EQ(*AtomicShared<const int>(std::make_shared<const int>(2)).load(), 2);
}

TEST(AtomicShared, WhatWasLoadedIsKeptAndWhatNobodyHasIsGone) {
  AtomicShared<const int> shared(std::make_shared<const int>(1));
  const std::weak_ptr<const int> first = shared.load();
  auto kept = shared.load();
  shared.store(std::make_shared<const int>(2));
  EXPECT_EQ(*kept, 1);
  kept.reset();
  EXPECT_TRUE(first.expired());
}

// What is replaced may look at the pointer that it was in.
TEST(AtomicShared, DestroysWhatIsReplacedOutsideItsLock) {
  AtomicShared<const int> shared;
  int seen = 0;
  shared.store(std::shared_ptr<const int>(new int(1), [&](const int* gone) {
    if (const auto next = shared.load()) seen = *next;
    delete gone;
  }));
  shared.store(std::make_shared<const int>(2));
  EXPECT_EQ(seen, 2);
}

// TSan sees the race that std::atomic<std::shared_ptr> has (tests/long).
TEST(AtomicShared, IsReadByManyWhileItIsReplaced) {
  AtomicShared<const std::vector<int>> shared(std::make_shared<const std::vector<int>>(8, 0));
  std::atomic<bool> ended = false;
  std::atomic<int> torn = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!ended) {
        const auto all = shared.load();
        for (const int one : *all) torn += one == all->front() ? 0 : 1;
      }
    });
  }
  for (int i = 1; i < 2000; ++i) shared.store(std::make_shared<const std::vector<int>>(8, i));
  ended = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(shared.load()->front(), 1999);
}

}  // namespace
}  // namespace mintmark
