"""Every exception that Handrail raises on purpose, and nothing else.

The tree:

    HandrailError
    ├── ConfigError              handrail.toml or an environment variable is wrong
    │   └── PolicyError          a rule, role, group or Casbin file is wrong
    │       └── PolicyPending    a change waits for a second person's approval
    ├── MissingExtra             an optional dependency is not installed
    ├── NotSupported             this platform or framework version lacks what is needed
    ├── JournalError             the journal cannot be written or read
    │   ├── JournalFull          no space left: nothing more can be recorded
    │   ├── JournalCorrupt       a segment does not hold what its chain promises
    │   └── FormatTooNew         a record was written by a newer format
    ├── IndexFailure             the DuckDB index cannot be built or read
    ├── ValidationFailed         a value failed its validator, and nothing may go on with it
    │   └── AnswerRejected       the agent's final answer did (enforce mode)
    ├── NotAvailable             a thread, session or memory is somebody else's, or is not there (enforce mode)
    ├── DelegationRefused        a delegation token is not issued, or not accepted
    ├── NotReplayable            a value cannot be kept for replay, or not be given back as it was
    ├── ValueErased              a value that was kept for replay is gone: the key of its run was erased
    ├── InDoubt                  nobody knows whether a call happened, and a person has been asked
    ├── RunHeld                  another process works on this run
    └── NotResumable             this run cannot go on

A denied tool call is not in the tree: a denial is data that the model reads, never an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class HandrailError(Exception):
    """Base of the tree. Its text says what happened, where, and what to do next."""


class ConfigError(HandrailError):
    """A setting is wrong. Carries the file and line (1-based) where the setting stands."""

    def __init__(
        self,
        problem: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        """``problem`` is one sentence; ``hint`` is the next step, also one sentence."""
        self.problem, self.file, self.line, self.hint = problem, file, line, hint
        super().__init__(self._text())

    def _text(self) -> str:
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{where}{self.problem}" + (f" {self.hint}" if self.hint else "")

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the keyword arguments across a process boundary."""
        return (_config_error, (type(self), self.problem, self.file, self.line, self.hint))


def _config_error(
    kind: type[ConfigError], problem: str, file: Path | str | None, line: int | None, hint: str | None
) -> ConfigError:
    return kind(problem, file=file, line=line, hint=hint)


class PolicyError(ConfigError):
    """A rule, role, group or Casbin file is wrong."""


class PolicyPending(PolicyError):
    """A change of the policy waits for a second person's approval; ``waits_for`` has the files that would give it."""

    def __init__(
        self,
        problem: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        hint: str | None = None,
        waits_for: Sequence[Path] = (),
    ) -> None:
        """As ConfigError; ``waits_for`` are files, some of which may not exist."""
        super().__init__(problem, file=file, line=line, hint=hint)
        self.waits_for = tuple(waits_for)


class MissingExtra(HandrailError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        """``what`` needs the optional dependencies named ``extra``."""
        self.what, self.extra = what, extra
        super().__init__(f"{what} needs an extra that is not installed: pip install 'handrail[{extra}]'")

    def __reduce__(self) -> tuple[object, ...]:
        """Keep both arguments across a process boundary."""
        return (type(self), (self.what, self.extra))


class NotSupported(HandrailError):
    """This platform or framework version lacks what is needed."""


class JournalError(HandrailError):
    """The journal cannot be written or read."""


class JournalFull(JournalError):
    """No space is left where the journal lies: the record was taken back, nothing was half-written."""


class JournalCorrupt(JournalError):
    """A segment does not hold what its hash chain promises; the text names file and offset."""


class FormatTooNew(JournalError):
    """A record was written by a newer format than this release reads."""


class IndexFailure(HandrailError):
    """The DuckDB index cannot be built or read."""


class ValidationFailed(HandrailError):
    """A value failed its validator, and nothing may go on with it. The text names validator and codes, no content."""

    def __init__(self, what: str, validator: str, codes: Sequence[str], *, findings: Sequence[object] = ()) -> None:
        """``what`` begins a sentence: "The arguments of refund". ``findings`` may quote the value: they are content."""
        self.validator, self.codes, self.findings = validator, tuple(codes), tuple(findings)
        """Id of the validator, the codes of what it found, and the findings where whoever called it may have them."""
        self._what = what
        found = f" ({', '.join(codes)})" if codes else ""
        where = "in its attribute `findings`" if findings else "in the audit record of the run"
        super().__init__(f"{what} did not pass the validator {validator!r}{found}. The findings are {where}.")

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the arguments across a process boundary."""
        return (_validation_failed, (type(self), self._what, self.validator, self.codes, self.findings))


def _validation_failed(
    kind: type[ValidationFailed], what: str, validator: str, codes: Sequence[str], findings: Sequence[object]
) -> ValidationFailed:
    return kind(what, validator, codes, findings=findings)


class AnswerRejected(ValidationFailed):
    """The agent's final answer failed its validator in enforce mode."""


class NotAvailable(HandrailError):
    """A thread, session or memory namespace is somebody else's, in enforce mode. The text names nothing."""

    def __init__(self) -> None:
        """The text is the one that a model reads of a denied call; why it was refused is in the journal."""
        super().__init__("Not available: nothing can be done here under this name and with this request.")


class DelegationRefused(HandrailError):
    """A delegation token is not issued, or not accepted. Why one was not accepted stands in the journal only."""

    def __init__(self, problem: str = "This delegation token is not accepted.") -> None:
        """``problem`` is for the issuer; whoever shows a token reads the same sentence whatever is wrong with it."""
        super().__init__(problem)


class NotReplayable(HandrailError):
    """A value cannot be kept for replay, or not be given back exactly. The text names types, never content."""


class ValueErased(HandrailError):
    """A value that was kept for replay cannot be read any more: the key of its run was erased on purpose."""


class InDoubt(HandrailError):
    """A call began in an earlier life of the run, and nobody knows whether it happened: a person has been asked."""

    def __init__(self, tool: str, question: str, run: str) -> None:
        """``question`` is the id to answer; ``run`` the logical run to resume then."""
        self.tool, self.question, self.run = tool, question, run
        super().__init__(
            f"It is not known whether a call of {tool!r} happened before the run was stopped; it is not made twice. "
            f"See what is known with `handrail runs show {run}`, answer with `handrail runs answer {question}`, "
            "then resume the run."
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the arguments across a process boundary."""
        return (type(self), (self.tool, self.question, self.run))


class RunHeld(HandrailError):
    """Another process, or another thread of this one, works on the run."""

    def __init__(self, run: str, process: int | None) -> None:
        """``process`` is its id; 0 or None where the system does not say."""
        self.run, self.process = run, process
        who = f"process {process}" if process else "another process"
        super().__init__(f"The run {run} is being worked on by {who}. Wait until that ends, or end it.")

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the arguments across a process boundary."""
        return (type(self), (self.run, self.process))


class NotResumable(HandrailError):
    """This run cannot go on; the text says why and what to do."""
