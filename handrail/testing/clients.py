"""Real model clients, pointed at a scripted server; their packages are imported when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handrail.errors import MissingExtra

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

    from handrail.testing.model_server import ScriptedModel


def chat_openai(model: ScriptedModel, *, name: str = "scripted", **options: object) -> ChatOpenAI:
    """A real ``ChatOpenAI`` that talks to ``model`` and never to a proxy; ``options`` go to its constructor.

    Raises MissingExtra where langchain-openai is not installed.
    """
    try:
        from langchain_openai import ChatOpenAI
        from openai import DefaultAsyncHttpxClient, DefaultHttpxClient
        from pydantic import SecretStr
    except ImportError as error:
        raise MissingExtra("a ChatOpenAI client", "demo") from error
    options.setdefault("http_client", DefaultHttpxClient(trust_env=False))
    options.setdefault("http_async_client", DefaultAsyncHttpxClient(trust_env=False))
    if "http_socket_options" in ChatOpenAI.model_fields:  # else it warns of proxies, which our clients do not use
        options.setdefault("http_socket_options", ())
    return ChatOpenAI(
        model=name,
        base_url=model.base_url,
        api_key=SecretStr("scripted"),
        **options,  # type: ignore[arg-type]
    )
