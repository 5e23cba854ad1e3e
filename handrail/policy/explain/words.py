"""How far a value may go, in words: what a condition says of one fact."""

from __future__ import annotations

from handrail.conditions.syntax import Call, Compare, Constant, ListOf, Node, Path, Sign, unparse, walk

_WORDS: dict[Sign, str] = {
    "<=": "at most {}",
    "<": "less than {}",
    ">=": "at least {}",
    ">": "more than {}",
    "==": "",
    "!=": "anything but {}",
    "in": "one of {}",
    "not in": "none of {}",
}
_NEGATED: dict[Sign, Sign] = {
    "<=": ">", "<": ">=", ">=": "<", ">": "<=", "==": "!=", "!=": "==", "in": "not in", "not in": "in"
}  # fmt: skip
_MIRRORED: dict[Sign, Sign] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def bound(tree: Node, steps: tuple[str, ...], value: object, holds: bool) -> str:
    """``at most 500``: what the first comparison of the fact asks for where ``value`` lies at its edge."""
    for node in walk(tree):
        said = _said(node, steps, holds)
        if said is not None and (said[1] is None or _beside(said[1], value)):
            return said[0]
    return ""


def _said(node: Node, steps: tuple[str, ...], holds: bool) -> tuple[str, object] | None:
    """The bound in words, and its number where it has one."""
    if isinstance(node, Call) and any(isinstance(one, Path) and one.steps == steps for one in node.arguments):
        return (unparse(node) if holds and node.function != "has" else ""), None
    if not isinstance(node, Compare):
        return None
    sign, left, right = node.sign, node.left, node.right
    if isinstance(right, Path) and right.steps == steps and sign in _MIRRORED:
        sign, left, right = _MIRRORED[sign], right, left
    if not isinstance(left, Path) or left.steps != steps or not isinstance(right, (Constant, ListOf, Path)):
        return None
    limit = right.value if isinstance(right, Constant) else None
    return _WORDS[sign if holds else _NEGATED[sign]].format(unparse(right)), limit


def _beside(limit: object, value: object) -> bool:
    numbers = isinstance(limit, (int, float)) and isinstance(value, (int, float))
    return not numbers or abs(float(limit) - float(value)) <= 1  # type: ignore[arg-type]
