"""``handrail.validate(...)`` as a Runnable: the last step of a chain, or the first."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from handrail.frameworks.validation import Then, Validation
from handrail.validators.running import Named


class RunnableValidation(Validation, Runnable[Any, Any]):
    """A check in a chain. A stream is held back until it is whole, then checked, then given out in one piece."""

    def __init__(self, named: Named, then: Then) -> None:
        """As :func:`handrail.validate` makes it."""
        Validation.__init__(self, named, then)

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """How it is called in traces."""
        return super().get_name(suffix, name=name or "validate")

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """The input, or a copy of it without what was found. Raises ValidationFailed."""
        return self._call_with_config(self, input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Likewise; checks are bounded, so that the event loop does not wait."""
        return await self._acall_with_config(self._acheck, input, config, **kwargs)

    async def _acheck(self, input: Any) -> Any:
        return self(input)
