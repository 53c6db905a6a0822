"""Cursors against a model of a shard: whatever is written, shown and deleted in whatever order.

The model is Elasticsearch's, as far as it matters: writers take numbers and finish in any order, a
refresh shows what is finished, and counts if that shows anything new.
"""

from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st

from sigma2hive.clients.elasticsearch import ShardFacts
from sigma2hive.runner.reading.numbers import Numbers, Part, Shown, plan_behind, plan_news
from sigma2hive.runner.reading.visible import Visibility, steps, without_gap

STEP_SECONDS = 7


@dataclass
class Shard:
    """A primary: `writing` have a number and are not finished."""

    next_number: int = 0
    writing: set[int] = field(default_factory=set)
    live: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    shown: set[int] = field(default_factory=set)
    under_way: set[int] | None = None
    refreshes: int = 0

    @property
    def checkpoint(self) -> int:
        return min(self.writing, default=self.next_number) - 1

    def begin_write(self) -> None:
        self.writing.add(self.next_number)
        self.next_number += 1

    def finish(self, which: int) -> None:
        if self.writing:
            number = sorted(self.writing)[which % len(self.writing)]
            self.writing.remove(number)
            self.live.add(number)

    def delete(self, which: int) -> None:
        """A deletion has a number of its own, and no document."""
        if self.live:
            number = sorted(self.live)[which % len(self.live)]
            self.live.remove(number)
            self.gone |= {number, self.next_number}
            self.next_number += 1

    def begin_refresh(self) -> None:
        if self.under_way is None:
            self.under_way = set(self.live)

    def end_refresh(self) -> None:
        if self.under_way is not None:
            if self.under_way != self.shown:
                self.refreshes += 1
            self.shown, self.under_way = self.under_way, None

    def facts(self) -> ShardFacts:
        return ShardFacts("node", self.checkpoint, self.refreshes)


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["write", "write", "finish", "finish", "delete", "begin", "end", "read", "restart"]
        ),
        st.integers(0, 50),
    ),
    max_size=80,
)


#: A document is written while a refresh is under way that will not show it.
DURING_A_REFRESH = ["write", "finish", "begin", "write", "finish", "read", "end", "read"]


@example([(action, 0) for action in DURING_A_REFRESH], 2)
@given(ACTIONS, st.integers(1, 5))
def test_no_document_is_lost_or_read_twice(actions: list[tuple[str, int]], width: int) -> None:
    shard, seen = Shard(), Visibility(-1)
    stands = Numbers(-1, 0, "index", 0)
    read: list[int] = []
    ever_shown: set[int] = set()

    def take(part: Part) -> None:
        nonlocal stands
        assert part.up_to - part.after <= width
        read.extend(n for n in shard.shown if part.after < n <= part.up_to)
        stands = part.then

    def cycle(now_s: int) -> None:
        facts = shard.facts()
        seen.see(facts, now_s)
        reached = max(stands.seq_no, min(seen.proven, facts.checkpoint))
        if reached < facts.checkpoint:
            parts = steps(reached, facts.checkpoint)
            counts = [sum(after < n <= up_to for n in shard.shown) for after, up_to in parts]
            reached = without_gap(parts, counts)
        for part in plan_news(stands, Shown(reached, now_s), now_s, width):
            take(part)
        for part in list(plan_behind(stands, width))[:1]:
            take(part)

    for turn, (action, which) in enumerate(actions):
        match action:
            case "write":
                shard.begin_write()
            case "finish":
                shard.finish(which)
            case "delete":
                shard.delete(which)
            case "begin":
                shard.begin_refresh()
            case "end":
                shard.end_refresh()
            case "restart":
                seen = Visibility(-1)
            case _:
                cycle(turn * STEP_SECONDS)
        ever_shown |= shard.shown
    # At last all writers finish, and refreshes show it; further writes make them count.
    for turn in range(len(shard.writing) + 3):
        shard.finish(0)
        shard.begin_write()
        shard.finish(0)
        for _ in range(2):
            shard.begin_refresh()
            shard.end_refresh()
        cycle((len(actions) + turn) * STEP_SECONDS)
    last = shard.checkpoint
    while stands.behind:
        cycle(10**6)
    assert len(read) == len(set(read))
    assert {n for n in shard.live if n <= stands.seq_no} <= set(read)
    # A shard that is written to is not waited for longer than two refreshes.
    assert stands.seq_no >= last - 2
    assert set(read) <= shard.live | shard.gone


@given(st.integers(0, 500), st.integers(1, 50), st.integers(1, 20))
def test_parts_are_one_after_the_other_and_bounded(count: int, width: int, each: int) -> None:
    stands = Numbers(-1, 1_000, "index", 0)
    covered: list[int] = []
    parts = plan_news(stands, Shown(count - 1, 2_000), 2_000, width)
    then = parts[-1].then if parts else stands
    for part in (*parts, *plan_behind(then, each)):
        covered += range(part.after + 1, part.up_to + 1)
        assert 1_000 <= part.start_s <= part.end_s <= 2_000
        then = part.then
    assert sorted(covered) == list(range(count))
    assert not then.behind
