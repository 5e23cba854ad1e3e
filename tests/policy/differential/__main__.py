"""``python -m tests.policy.differential --pairs 1000000``: ours against stock Casbin on generated policies.

Every pair is one generated policy and one request to it, put in the same canonical form to both. Compared are verdict,
deciding rule and class of the error. Exit 0 when there is no difference, 1 when there is one, 2 on wrong usage.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import ceil

from tests.policy.differential.compare import Tally, compare

REQUESTS = 50
"""Requests to each policy."""
_CHUNK = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, compare, print; returns the exit code."""
    options = _options(arguments)
    if options.only is not None:
        tally = compare(options.seed, options.only, options.requests)
    else:
        tally = run(options.seed, options.pairs, options.requests, options.workers)
    print(text(tally))
    return 1 if tally.differences else 0


def run(seed: int, pairs: int, requests: int = REQUESTS, workers: int = 1) -> Tally:
    """Compare policies of the series ``seed`` until there are ``pairs`` pairs."""
    policies = ceil(pairs / requests)
    tasks = [(seed, first, min(first + _CHUNK, policies), requests) for first in range(0, policies, _CHUNK)]
    total, began = Tally(), time.monotonic()
    for tally in _tallies(tasks, workers):
        total.add(tally)
        _progress(total, pairs, time.monotonic() - began)
    return total


def _tallies(tasks: list[tuple[int, int, int, int]], workers: int) -> Iterator[Tally]:
    compare(0, 0, 1), compare(0, 1, 1)  # what is loaded on first use is loaded once, before forking
    if workers < 2:
        yield from map(_chunk, tasks)
        return
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        yield from pool.imap_unordered(_chunk, tasks)


def _chunk(task: tuple[int, int, int, int]) -> Tally:
    seed, first, last, requests = task
    total = Tally()
    for number in range(first, last):
        total.add(compare(seed, number, requests))
    return total


def _progress(total: Tally, pairs: int, seconds: float) -> None:
    if sys.stderr.isatty() or total.policies % 1000 < _CHUNK:
        rate = total.pairs / seconds
        print(
            f"{total.pairs:,} of {pairs:,} pairs, {len(total.differences)} differences, {rate:,.0f}/s", file=sys.stderr
        )


def text(tally: Tally) -> str:
    """The result, as printed."""
    compared = tally.pairs - tally.refused
    lines = [
        *tally.differences,
        f"pairs                 {tally.pairs:>12,}   in {tally.policies:,} policies",
        f"differences           {len(tally.differences):>12,}   in verdict, rule or class of error",
        f"refused at load       {_share(tally.refused, tally.pairs)}   goal <= 5 %; "
        f"{_percent(tally.refused_alone, tally.pairs)} stock would have answered",
        *(f"decided {mode:13} {_share(count, compared)}" for mode, count in _sorted(tally.decided)),
        *(f"stock says {verdict:10} {_share(count, compared)}" for verdict, count in _sorted(tally.answers)),
        *(f"refused, {count:,} policies: {reason}" for reason, count in tally.reasons.most_common()),
    ]
    return "\n".join(lines)


def _sorted(counted: Counter[str]) -> Iterable[tuple[str, int]]:
    return sorted(counted.items())


def _share(part: int, whole: int) -> str:
    return f"{part:>12,}   {_percent(part, whole)}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / max(whole, 1):.2f} %"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.policy.differential", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1_000_000, help="how many, in all")
    parser.add_argument("--seed", type=int, default=1, help="of the series of policies")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="requests to each policy")
    parser.add_argument("--only", type=int, help="only the policy with this number: to see a difference again")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
