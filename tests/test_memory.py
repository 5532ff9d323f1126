"""The memory budget: first come, first served, never exceeded, and never a reason to wait for ever."""

import ctypes
import sys
import threading
from types import SimpleNamespace

import pytest

from stash_sense import memory
from stash_sense.memory import MemoryBudget, bound_arenas, give_back_memory, working_bytes


class Taker(threading.Thread):
    """Reserves so much in a thread of its own until it is let go; `has` is set once it has it."""

    def __init__(self, budget, size):
        super().__init__(daemon=True)
        self.budget, self.size = budget, size
        self.has, self.let_go = threading.Event(), threading.Event()
        self.start()
        wait_until(lambda: self.has.is_set() or self.budget._waiting)

    def run(self):
        with self.budget.reserve(self.size):
            self.has.set()
            self.let_go.wait(60)

    def end(self):
        self.let_go.set()
        self.join(60)


def wait_until(fact):
    ticking = threading.Event()
    while not fact():
        ticking.wait(0.001)


def test_what_does_not_fit_waits_for_what_is_given_back():
    budget = MemoryBudget(100)
    first, second = Taker(budget, 60), Taker(budget, 60)
    assert first.has.is_set()
    assert not second.has.is_set()
    first.end()
    assert second.has.wait(60)
    second.end()
    assert budget.reserved == 0


def test_what_is_larger_than_all_waits_until_it_is_alone():
    budget = MemoryBudget(100)
    small, large = Taker(budget, 1), Taker(budget, 1000)
    assert not large.has.is_set()
    small.end()
    assert large.has.wait(60)
    large.end()


def test_the_first_come_is_served_first_also_where_a_later_one_would_fit():
    budget = MemoryBudget(100)
    first, large = Taker(budget, 60), Taker(budget, 80)
    small = Taker(budget, 10)
    assert not small.has.is_set()
    first.end()
    assert large.has.wait(60)
    assert small.has.wait(60)
    large.end()
    small.end()


def test_a_share_that_shrinks_lets_others_in():
    budget = MemoryBudget(100)
    with budget.reserve(100) as share:
        other = Taker(budget, 60)
        assert not other.has.is_set()
        share.shrink(120)
        assert budget.reserved == 100
        share.shrink(40)
        assert other.has.wait(60)
        assert budget.reserved == 100
        other.end()
    assert budget.reserved == 0


def test_a_thread_that_holds_a_share_never_waits_for_another():
    budget = MemoryBudget(100)
    with budget.reserve(100), budget.reserve(100):
        assert budget.reserved == 200
    assert budget.reserved == 0


def test_a_share_is_given_back_where_the_work_fails():
    budget = MemoryBudget(100)
    with pytest.raises(ZeroDivisionError), budget.reserve(100):
        raise ZeroDivisionError
    assert budget.reserved == 0


@pytest.mark.parametrize(
    ("usable", "working"),
    [(None, 1_000_000_000), (64 << 30, 1_000_000_000), (2_000_000_000, 500_000_000), (1, 200_000_000)],
)
def test_the_budget_is_a_quarter_of_what_may_be_used_within_bounds(usable, working):
    assert working_bytes(usable) == working


@pytest.mark.parametrize("library", [SimpleNamespace(), None])
def test_a_system_without_glibc_is_left_as_it_is(monkeypatch, library):
    def opened(_):
        if library is None:
            raise OSError("no such library")
        return library

    monkeypatch.setattr(ctypes, "CDLL", opened)
    monkeypatch.setattr(sys, "platform", "linux")
    memory._glibc.cache_clear()
    try:
        bound_arenas()
        give_back_memory()
    finally:
        memory._glibc.cache_clear()


def test_threads_that_ask_for_the_budget_first_and_at_once_share_one(monkeypatch):
    budgets = []
    other = threading.Thread(target=lambda: budgets.append(memory.pictures_budget()), daemon=True)

    def usable_memory():
        if other.ident is None:
            other.start()
            other.join(0.2)  # ends only where it does not have to wait for this thread
        return 4_000_000_000

    monkeypatch.setattr(memory, "usable_memory", usable_memory)
    memory._made_budgets.cache_clear()
    try:
        budgets.append(memory.pictures_budget())
        other.join(60)
        assert len(budgets) == 2
        assert budgets[0] is budgets[1]
    finally:
        memory._made_budgets.cache_clear()


@pytest.mark.parametrize(
    ("unused_mb", "given_back"),
    [
        ([100, 300, 350], 0),
        ([100, 400], 1),
        ([500, 600, 700], 0),  # Python's own
        ([500, 100, 400], 1),
        ([100, 400, 300, 500], 2),
        ([None, None], 0),
    ],
)
def test_memory_is_given_back_once_much_more_lies_unused(monkeypatch, unused_mb, given_back):
    now, count = None, 0

    def give_back():
        nonlocal now, count
        now, count = 100, count + 1

    monkeypatch.setattr(memory, "_unused_bytes", lambda: now if now is None else now * 1_000_000)
    monkeypatch.setattr(memory, "give_back_memory", give_back)
    watch = memory._Leftovers()
    for now in unused_mb:  # noqa: B007 - read by the lambda above
        watch.give_back_if_many()
    assert count == given_back


@pytest.mark.skipif(sys.platform != "linux" or memory._unused_bytes() is None, reason="needs glibc 2.33")
def test_what_was_freed_counts_as_unused_until_it_is_given_back():
    blocks = [bytearray(b"x" * 100_000) for _ in range(1000)]
    before = memory._unused_bytes()
    last = blocks.pop()  # keeps the end of the heap in use
    blocks.clear()
    freed = memory._unused_bytes()
    give_back_memory()
    assert freed - before > 50_000_000
    assert freed - memory._unused_bytes() > 50_000_000
    assert last
