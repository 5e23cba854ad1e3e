"""``handrail.validate`` as a plain function: what it looks at, what it does, and what it never lets out."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import handrail
from handrail.errors import ConfigError, ValidationFailed
from handrail.validators import Finding
from handrail.validators.findings import Fix
from tests.frameworks.recorded import Recorded, write_policy

IBAN = "DE89370400440532013000"
WRITTEN = "de89 3704 0044 0532 0130 00"


def secret(value: object) -> list[Finding]:
    """Finds every ``key-N`` in a text, and says what to put there."""
    text = value if isinstance(value, str) else ""
    at = text.find("key-")
    return [Finding("secret.key", "There is a key.", span=(at, at + 5), fix=Fix("***"))] if at >= 0 else []


class Payment(BaseModel):
    """What a program passes on."""

    iban: str
    amount: int = 1


@dataclass
class Note:
    """Likewise, without pydantic."""

    iban: str


def test_a_right_value_is_the_very_same_object() -> None:
    """What passes is not copied."""
    value = {"iban": IBAN}
    assert handrail.validate("at('$.iban', iban())")(value) is value


@pytest.mark.parametrize("then", ["reject", "repair", "redact"])
def test_what_cannot_be_mended_raises(then: Any) -> None:
    """A value with a wrong check digit is an error for whoever asked, and says which check found what."""
    check = handrail.validate("iban()", then=then, id="account")
    with pytest.raises(ValidationFailed) as raised:
        check(IBAN[:-1] + "1" if then != "redact" else 5)
    assert raised.value.validator == "account"
    assert raised.value.codes
    assert all(code.startswith("iban.") for code in raised.value.codes)


def test_repair_writes_the_value_where_it_stood() -> None:
    """The canonical form is put into a text, a table, a pydantic object, a dataclass and JSON text alike."""
    at = handrail.validate("at('$.iban', iban())", then="repair")
    assert handrail.validate("iban()", then="repair")(WRITTEN) == IBAN
    assert at({"iban": WRITTEN, "n": 1}) == {"iban": IBAN, "n": 1}
    assert at(Payment(iban=WRITTEN)) == Payment(iban=IBAN)
    assert at(Note(WRITTEN)) == Note(IBAN)
    assert at('{"iban": "' + WRITTEN + '"}') == '{"iban": "' + IBAN + '"}'


def test_redact_takes_out_what_was_found_and_nothing_else() -> None:
    """Every place that is found goes, the rest stays."""
    check = handrail.validate(secret, then="redact")
    assert check("my key-1.") == "my [REDACTED:secret.key]."


def test_record_lets_everything_pass() -> None:
    """With ``then="record"`` a wrong value goes on as it is."""
    assert handrail.validate("iban()", then="record")("wrong") == "wrong"


def test_a_change_that_the_type_does_not_take_is_an_error() -> None:
    """A number that is taken out of a pydantic object would be a text: that raises, and never passes in part."""

    def small(value: Any) -> list[Finding]:
        return [Finding("big", "Too big.", path="/amount")] if value["amount"] == 9 else []

    with pytest.raises(ValidationFailed):
        handrail.validate(small, then="redact")(Payment(iban=IBAN, amount=9))


def test_a_check_that_raises_is_a_finding_and_never_passes() -> None:
    """A broken check does not let a value through, whatever is to be done about findings."""

    def broken(value: object) -> bool:
        raise KeyError(value)

    for then in ("reject", "redact", "repair"):
        with pytest.raises(ValidationFailed, match="unchecked"):
            handrail.validate(broken, then=then)("x")


def test_the_text_of_the_error_quotes_nothing() -> None:
    """Messages of findings may quote the value, so they are in an attribute and not in the text, pickled or not."""
    with pytest.raises(ValidationFailed) as raised:
        handrail.validate(lambda value: f"{value} is wrong", id="v")("hunter2")
    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301
    assert "hunter2" not in str(raised.value) + str(again)
    assert again.findings == raised.value.findings
    assert [getattr(one, "message", "") for one in raised.value.findings] == ["hunter2 is wrong"]


def test_wrong_options_are_refused() -> None:
    """An unknown action or check is said at once."""
    with pytest.raises(ConfigError, match="none of record"):
        handrail.validate("iban()", then="ask")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="ibann"):
        handrail.validate("ibann()")


def test_in_a_run_it_is_recorded_and_outside_nothing_is(tmp_path: Path) -> None:
    """What was found and done is a record of the run, without content in its fields; outside nothing is written."""
    check = handrail.validate(secret, then="redact", id="keys")
    with handrail.run("clerk", config=write_policy(tmp_path), user="ana"):
        check("my key-7")
        check("nothing")
    recorded = Recorded(tmp_path / ".handrail")
    (said,) = recorded.all("validation")
    assert (said["validator"], said["action"], said["code"]) == ("keys", "redacted", "secret.key")
    assert "key-7" not in str(said)
    assert recorded.value(said["found"])[0]["message"] == "There is a key."
    check("my key-8")
    assert len(recorded.all("validation")) == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=80)
@given(_JSON)
def test_what_comes_out_was_checked(value: Any) -> None:
    """Whatever is given, either what comes out has no error, or nothing comes out."""

    def odd(found: Any) -> list[Finding]:
        texts = found if isinstance(found, str) else ""
        return (
            [Finding("odd.letter", "A letter that has no place here.", span=(texts.index("q"), texts.index("q") + 1))]
            if "q" in texts
            else []
        )

    check = handrail.validate(odd, then="redact")
    try:
        out = check(value)
    except ValidationFailed:
        return
    assert not check.check(out)
