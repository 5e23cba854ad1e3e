"""How long after it was written a step is in the explorer: sampled in the open page, held against the journal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from handrail.audit import reader

if TYPE_CHECKING:
    from playwright.sync_api import Page

STEPS = ("step.start", "model.call", "tool.call")
_SAMPLE = """
() => {
  window.seen = [];
  setInterval(() => {
    const metrics = [...document.querySelectorAll('[data-testid=stMetric]')];
    const steps = metrics.map(one => one.innerText.split('\\n')).find(lines => lines[0] === 'Steps');
    const count = steps ? Number(steps[steps.length - 1].replaceAll(',', '')) : 0;
    const last = window.seen.length ? window.seen[window.seen.length - 1][1] : 0;
    if (count > last) window.seen.push([Date.now(), count]);
  }, 20);
}
"""
Seen = tuple[float, int]
"""Moment (s since epoch) at which the page first showed so many steps."""


def watch(page: Page) -> None:
    """Note from now on, in the page, when it shows more steps than before. It must show a run, and stay."""
    page.evaluate(_SAMPLE)


def seen(page: Page) -> list[Seen]:
    """What ``watch`` has noted. A reload of the page would have lost it."""
    return [(moment / 1000, count) for moment, count in page.evaluate("() => window.seen")]


def written(data: Path, run: str) -> list[float]:
    """When each step of a run, its root left out, was written: s since epoch, in the order of writing."""
    found: list[float] = []
    for part in reader.parts(data):
        bodies: list[dict[str, Any]] = [json.loads(record.body) for record in reader.records(part)]
        found += [body["t"] / 1e9 for body in bodies if body["k"] in STEPS and body["run"] == run]
    return sorted(found)


def delays(shown: Sequence[Seen], steps: Sequence[float]) -> list[float]:
    """Seconds from writing a step to seeing it, for every step that appeared after the first look."""
    found: list[float] = []
    before = shown[0][1] if shown else 0
    for moment, count in shown[1:]:
        found += [moment - step for step in steps[before:count]]
        before = count
    return found


def told(found: Sequence[float]) -> str:
    """The figures as a sentence."""
    most = quantiles(found, n=20)[-1] if len(found) > 1 else found[0]
    return (
        f"{len(found)} steps appeared, after {median(found):.2f} s in the middle, "
        f"{most:.2f} s for 95 of 100, {max(found):.2f} s at most."
    )
