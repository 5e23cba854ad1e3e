"""Examples of the checks of what a run did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail.validators import Call, Context, Run
from tests.validators.cases import Cases

MANY = tuple(Call(f"t{n % 40}", {"id": n % 7}, result={"x": n % 3}, branch=str(n % 11)) for n in range(2_000))
"""As many calls as are looked at."""
WIDE = tuple(Call("t", {"id": n}, result={f"k{m}": m + n % 2 for m in range(199)}, branch=str(n)) for n in range(20))


def made(*calls: Call, complete: bool = True, tool: str = "", args: Mapping[str, Any] | None = None) -> Context:
    """Where these calls were made; with a tool, where the arguments of its next call are checked."""
    return Context("arguments" if tool else "answer", tool, args=args, run=Run((), calls, complete))


CHECKED = Call("check_identity", {"customer_id": "c1"}, result={"verified": True})
NOT_VERIFIED = Call("check_identity", {"customer_id": "c1"}, result={"verified": False})
REFUSED = Call("check_identity", {"customer_id": "c1"}, "rejected")
REFUND = {"customer_id": "c1", "amount": 5}
SAME = 'after("check_identity", same=["customer_id"], result={"$.verified": true})'


def _scores(*scores: object) -> tuple[Call, ...]:
    return tuple(
        Call("score", {"applicant": 7}, result={"score": score}, agent=f"agent:{n}", branch=str(n))
        for n, score in enumerate(scores)
    )


def _any() -> object:
    return {"answer": "x" * 50_000}


CASES: dict[str, list[Cases]] = {
    "required_steps": [
        Cases('required_steps(["check_identity"])', good=("done", 5, None), context=made(CHECKED)),
        Cases('required_steps(["check_identity"])', bad=(("done", "required_steps.missing"),), context=made(REFUSED)),
        Cases('required_steps(["a", "check_identity"], any=true)', good=("done",), context=made(CHECKED)),
        Cases('required_steps(["a", "b"], any=true)', bad=(("", "required_steps.missing"),), context=made(CHECKED)),
        Cases('required_steps(["a"])', bad=(("", "unchecked.run"),), context=made(CHECKED, complete=False)),
        Cases('required_steps(["none"])', worst=(_any,), context=made(*MANY)),
    ],
    "after": [
        Cases(SAME, good=(REFUND,), context=made(CHECKED, tool="refund", args=REFUND)),
        Cases(SAME, good=(REFUND,),
              bad=(({"customer_id": "c2"}, "after.other"), ({}, "after.type"), ("x", "after.type")),
              context=made(CHECKED)),
        Cases(SAME, bad=((REFUND, "after.missing"),), context=made()),
        Cases(SAME, bad=((REFUND, "after.failed"),), context=made(NOT_VERIFIED)),
        Cases(SAME, bad=((REFUND, "after.failed"),), context=made(REFUSED)),
        Cases(SAME, bad=((REFUND, "unchecked.run"),), context=made(complete=False)),
        Cases(SAME, good=(REFUND,), context=made(CHECKED, complete=False)),
        Cases('after("check_identity", same={"id": "customer_id"})', good=({"id": "c1"},), context=made(CHECKED)),
        Cases('after("t1", same=["id"], result={"$.y": 1})', worst=(lambda: {"id": 3},), context=made(*MANY)),
    ],
    "order": [
        Cases('order(["a", "b", "c"])', good=("x",),
              context=made(Call("a"), Call("b"), Call("z"), Call("a"), Call("c"))),
        Cases('order(["a", "b", "c"])', good=("x",), context=made(Call("c", outcome="rejected"))),
        Cases('order(["a", "b", "c"])', bad=(("x", "order.early"),), context=made(Call("a"), Call("c"), Call("b"))),
        Cases('order(["a", "b"])', bad=(({}, "order.early"),), context=made(Call("a", outcome="error"), tool="b")),
        Cases('order(["a", "b"])', good=({},), context=made(Call("b"), tool="a")),
        Cases('order(["a", "b"])', bad=(("", "unchecked.run"),), context=made(Call("b"), complete=False)),
        Cases('order(["none", "t1", "t2"])', worst=(_any,), context=made(*MANY)),
    ],
    "counts": [
        Cases('counts("a", min=1, max=2)', good=("x",), context=made(Call("a"), Call("a"), Call("a", outcome="error"))),
        Cases('counts("a", max=2)', bad=(("x", "counts.many"),), context=made(Call("a"), Call("a"), Call("a"))),
        Cases('counts("a", max=2)', bad=(({}, "counts.many"),), context=made(Call("a"), Call("a"), tool="a")),
        Cases('counts("a", min=1)', bad=(("x", "counts.few"),), context=made(Call("b"))),
        Cases('counts("*", min=1)', good=("x",), context=made(Call("b"))),
        Cases('counts("a", min=1)', bad=(("x", "unchecked.run"),), context=made(Call("b"), complete=False)),
        Cases('counts("a", max=1)', bad=(("x", "unchecked.run"),), context=made(Call("a"), complete=False)),
        Cases('counts("t1", min=2000)', worst=(_any,), context=made(*MANY)),
    ],
    "follows_from_success": [
        Cases('follows_from_success(["book"])', good=("Booked.",),
              context=made(Call("book"), Call("x", outcome="error"))),
        Cases('follows_from_success(["book"])', bad=(("Booked.", "follows_from_success.failed"),),
              context=made(Call("book"), Call("book", outcome="error"))),
        Cases('follows_from_success(["book"], last=false)', good=("Booked.",),
              context=made(Call("book"), Call("book", outcome="error"))),
        Cases("follows_from_success()", bad=(("Booked.", "follows_from_success.none"),), context=made()),
        Cases('follows_from_success(claims="\\\\b(booked|reserved)\\\\b")', good=("It failed.", {"a": 1}),
              bad=(("It is BOOKED.", "follows_from_success.none"), ({"a": ["booked"]}, "follows_from_success.none")),
              worst=(lambda: "booke " * 8_000,), context=made()),
        Cases('follows_from_success(result={"$.ok": true})', bad=(("x", "follows_from_success.failed"),),
              context=made(Call("a", result={"ok": 1}))),
        Cases("follows_from_success()", bad=(("x", "unchecked.run"),), context=made(complete=False)),
        Cases('follows_from_success(last=false, result={"$.y": 1})', worst=(_any,), context=made(*MANY)),
    ],
    "reason_codes": [
        Cases('reason_codes(["R01", "R02", "R03"])',
              good=({"reasons": ["R01", "R03"]}, {"reasons": "R02"}, "R01: income"),
              bad=(({"reasons": []}, "reason_codes.missing"), ({"reasons": ["R09"]}, "reason_codes.unknown"),
                   ({}, "reason_codes.missing"), ("no codes", "reason_codes.missing"), (5, "reason_codes.missing"),
                   ({"reasons": [7]}, "reason_codes.type")),
              worst=(lambda: "R01 " * 12_500, lambda: {"reasons": ["R01"] * 100_000})),
        Cases('reason_codes(["R01", "R02"], max=1, path="$.why[*].code")',
              good=({"why": [{"code": "R01", "text": "income"}]},),
              bad=(({"why": [{"code": "R01"}, {"code": "R02"}]}, "reason_codes.many"),)),
        Cases('reason_codes(["R01"], pattern="\\\\bR[0-9]{2}\\\\b")', good=("Declined (R01).",),
              bad=(("Declined (R01, R77).", "reason_codes.unknown"), ("Declined.", "reason_codes.missing")),
              worst=(lambda: "R0 " * 16_000,)),
        Cases('reason_codes(["R01"], decision="$.decision")',
              good=({"decision": "approved"}, {"decision": "Declined", "reasons": ["R01"]}),
              bad=(({"decision": "declined"}, "reason_codes.missing"), ({}, "reason_codes.missing"))),
    ],
    "agree": [
        Cases('agree(path="$.score")', good=("x",), context=made(*_scores(610, 610.0, None))),
        Cases('agree(path="$.score", tool="score", key=["applicant"])', bad=(("x", "agree.contradiction"),),
              context=made(*_scores(610, 720))),
        Cases('agree(path="$.score", tolerance=5)', good=("x",), context=made(*_scores(610, 612, 614))),
        Cases('agree(path="$.score", tolerance=5)', bad=(("x", "agree.contradiction"),),
              context=made(*_scores(610, 613, 616))),
        Cases('agree(path="$.score")', bad=(("x", "agree.contradiction"),), context=made(*_scores(1, True))),
        Cases("agree()", good=("x",), context=made(*_scores({"ceo": "Ana  Li"}, {"ceo": "ana li", "cfo": "Bo"}))),
        Cases("agree()", bad=(("x", "agree.contradiction"),), context=made(*_scores({"ceo": "Ana"}, {"ceo": "Bo"}))),
        Cases('agree(tools=["a", "b"], by="tool")', bad=(("x", "agree.contradiction"),),
              context=made(Call("a", result=1), Call("b", result=2))),
        Cases("agree()", bad=(("x", "unchecked.run"),), context=made(*_scores(1, 1), complete=False)),
        Cases("agree()", worst=(_any,), context=made(*WIDE)),
        Cases("agree()", bad=(("x", "unchecked.size"),), context=made(Call("a", result=list(range(4_001))))),
    ],
}  # fmt: skip
"""Name -> examples."""
