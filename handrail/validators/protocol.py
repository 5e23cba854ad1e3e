"""What a validator is: ``check(value, context) -> findings``; and how validators are put together.

Every validator of this package is a frozen dataclass below :class:`Check`, whose fields are its options. Anybody else's
needs only the method ``check``; functions, JSON Schemas and pydantic models become one by :func:`as_check`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Protocol, runtime_checkable

from handrail.validators.context import Context
from handrail.validators.findings import Findings

NOWHERE = Context()
"""The context of a value that stands alone."""


@runtime_checkable
class Validator(Protocol):
    """Whatever looks at a value and says what is wrong with it."""

    def check(self, value: object, context: Context, /) -> Findings:
        """What is wrong with ``value``; empty when nothing is. Deterministic; reads nothing but its arguments."""
        ...


class Check(ABC):
    """A validator that can be put together with others: ``a & b``, ``a | b``, ``a.at("$.path")``, ``a.each()``."""

    source: ClassVar[str] = ""
    """Where its rule comes from: a standard, a registry, or ``own``."""
    extra: ClassVar[str] = ""
    """The extra of handrail that it needs; empty for none."""

    @property
    def needs_run(self) -> bool:
        """Whether it looks at what the run has seen and done."""
        return False

    @property
    def bounded(self) -> bool:
        """Whether its own caps bound its time; otherwise it is measured, as everybody else's is."""
        return type(self).__module__.startswith("handrail.")

    @property
    def raw(self) -> bool:
        """Whether it looks at a text as it stands, even where the text is JSON: its length, its form, its language."""
        return False

    @abstractmethod
    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with ``value``; empty when nothing is. Where it is bounded, it never raises."""

    def __and__(self, other: Checkable) -> Check:
        """Both must be content; says what either finds."""
        from handrail.validators.combining import both

        return both(self, other)

    def __or__(self, other: Checkable) -> Check:
        """One of both must be content; otherwise says what each finds."""
        from handrail.validators.combining import either

        return either(self, other)

    def at(self, path: str) -> Check:
        """This check of what stands at ``path`` (``$.a.b[0]``, ``$.items[*].price``) of a value; nothing there is fine.

        Raises ConfigError for a path that cannot be read.
        """
        from handrail.validators.combining import at

        return at(path, self)

    def each(self) -> Check:
        """This check of every element of a list, and every value of an object."""
        from handrail.validators.combining import each

        return each(self)

    def when(self, condition: Condition) -> Check:
        """This check only where ``condition`` holds: a function of value and context, or a check that is content."""
        from handrail.validators.combining import when

        return when(condition, self)


Checkable = Validator | Callable[..., object] | dict[str, object] | type
"""What :func:`as_check` makes a check of: a validator, a function, a JSON Schema, a pydantic model."""
Condition = Validator | Callable[[object, Context], bool]
