"""Handrail as an OpenTelemetry instrumentation: loaded by ``opentelemetry-instrument``, or used by hand."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from handrail.errors import HandrailError
from handrail.frameworks import api, bootstrap


class HandrailInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """``handrail.instrument()`` behind the interface that OpenTelemetry's launchers know."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: which frameworks there are is found out when they are imported."""
        return ()

    def instrument(self, **kwargs: Any) -> None:
        """Govern this process; keywords ``config`` and ``mode`` as in ``handrail.instrument``.

        Raises what that raises. Under ``opentelemetry-instrument``, which would log the exception and run the
        program ungoverned, the process ends with exit code 2 instead.
        """
        unattended = bool(kwargs.get("skip_dep_check"))  # only the launcher says so
        try:
            super().instrument(**kwargs)
        except HandrailError as error:
            if not unattended:
                raise
            bootstrap.refuse(error)

    def _instrument(self, **kwargs: Any) -> None:
        api.instrument(config=kwargs.get("config"), mode=kwargs.get("mode"))

    def _uninstrument(self, **kwargs: Any) -> None:
        api.uninstrument()
