"""One program with everything that the GenAI conventions have a span for: real clients against servers on loopback.

``python -m tests.frameworks.everything FOLDER SPANS`` runs it, and appends its spans to the file SPANS; the MCP server
that it starts does the same.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import openai
import uvicorn
from langchain.agents import create_agent
from langchain.agents.middleware import TodoListMiddleware
from langchain_core.tools import ToolException, create_retriever_tool, tool
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import OpenAI, OpenAIEmbeddings
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph.store.memory import InMemoryStore

import handrail
from handrail.testing import Request, ScriptedModel, ToolCall, Turn, chat_openai
from tests.frameworks.langgraph_server import LangGraphServer
from tests.frameworks.mcp_server import server as mcp_server
from tests.frameworks.span_lines import export_to

CONFIG = """
version = 1
mode = "enforce"

[users]
"ana" = ["staff"]

[[rule]]
id = "staff-work"
allow = "staff"
call = ["add", "write_todos", "handbook", "failing"]
read = "*"
write = "*"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
read = "*"
write = "*"
"""
SENTINEL = "SENTINEL-question"
PLAN = ToolCall("write_todos", {"todos": [{"content": "SENTINEL-add", "status": "in_progress"}]})
DONE = ToolCall("write_todos", {"todos": [{"content": "SENTINEL-add", "status": "completed"}]})
WORK = (
    ToolCall("handbook", {"query": "SENTINEL-query"}),
    ToolCall("add", {"a": 2, "b": 3}),
    ToolCall("failing", {"reason": "SENTINEL-reason"}),
    ToolCall("wire_money", {"amount": 900}),
)
TURNS = (Turn(tool_calls=(PLAN,)), Turn(tool_calls=WORK), Turn(tool_calls=(DONE,)), Turn("SENTINEL-answer"))


def _script(request: Request) -> Turn:
    """The agent's turns where tools are offered, a sentence for everybody else."""
    return TURNS[request.answered] if request.tools else Turn("SENTINEL-sentence")


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def wire_money(amount: int) -> str:
    """Wire money."""
    return "sent"


@tool
def failing(reason: str) -> str:
    """Fail."""
    raise ToolException(f"SENTINEL-exception {reason}")


def graph(model: ScriptedModel, url: str) -> Any:
    """A workflow of an agent in this process and one on a server."""
    where: Any = {"base_url": model.base_url, "api_key": "k"}
    store = InMemoryVectorStore(
        OpenAIEmbeddings(model="text-embedding-3-small", check_embedding_ctx_length=False, **where)
    )
    store.add_texts(["SENTINEL-document one", "SENTINEL-document two"])
    retriever = store.as_retriever(search_kwargs={"k": 1}, name="handbook")
    failing.handle_tool_error = True
    tools = [add, wire_money, failing, create_retriever_tool(retriever, "handbook", "Look something up.")]
    clerk = create_agent(chat_openai(model), tools, name="clerk", middleware=[TodoListMiddleware()])
    made: Any = StateGraph(MessagesState)
    made.add_node("clerk", clerk)
    made.add_node("far", RemoteGraph("helper", url=url, name="far", api_key="k"))
    made.add_edge(START, "clerk")
    made.add_edge("clerk", "far")
    return made.compile(name="pipeline")


def ask_models(model: ScriptedModel) -> None:
    """Each kind of model, by LangChain and by OpenAI's own client, whole and streamed; what is kept at the provider."""
    where: Any = {"base_url": model.base_url, "api_key": "k"}
    OpenAI(model="gpt-3.5-turbo-instruct", **where).invoke(SENTINEL)
    gemini = ChatGoogleGenerativeAI(
        model="gemini-2.5-flash", base_url=model.base_url.removesuffix("/v1"), api_key="k"
    )  # fmt: skip
    gemini.invoke([("system", "SENTINEL-system"), ("user", SENTINEL)])
    with openai.DefaultHttpxClient(trust_env=False) as http:
        client = openai.OpenAI(http_client=http, max_retries=0, **where)
        for _ in client.chat.completions.create(
            model="gpt-5", messages=[{"role": "user", "content": SENTINEL}], stream=True, temperature=0.5
        ):
            pass
        made = client.responses.create(model="gpt-5", input=SENTINEL, instructions="SENTINEL-instructions")
        client.responses.retrieve(made.id)
        client.embeddings.create(model="text-embedding-3-small", input=[SENTINEL, "b"])
        with warnings.catch_warnings(action="ignore"):  # the provider's own deprecation
            client.beta.assistants.create(model="gpt-5", name="helper", instructions="SENTINEL-instructions")


async def remember() -> None:
    """Each operation of a memory, alone and in the asynchronous form."""
    store, place = InMemoryStore(), ("notes", "ana")
    store.put(place, "k", {"text": "SENTINEL-memory"})
    await store.aget(place, "k")
    store.search(place, query="SENTINEL-query")
    store.delete(place, "k")


async def talk(session: Any) -> None:
    """What an MCP client asks, a call that fails and a resource that is not there included."""
    await session.list_tools()
    await session.call_tool("add", {"a": 2, "b": 3})
    await session.call_tool("add", {"a": "SENTINEL-argument"})
    await session.read_resource("note://one")
    try:
        await session.read_resource("note://two")
    except Exception as error:
        assert "note://two" in str(error)
    await session.get_prompt("ask", {"topic": "SENTINEL-topic"})


@asynccontextmanager
async def stdio(folder: Path, spans: Path) -> AsyncIterator[Any]:
    """A session with a server in a governed process of its own, which appends its spans to the same file."""
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    (folder / "server").mkdir()
    (folder / "server" / "handrail.toml").write_text('version = 1\nmode = "observe"\n')
    said = {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
    governed = {"GOVERNED_BY": str(folder / "server" / "handrail.toml"), "SPANS": str(spans), "WIRE_FILE": "unused"}
    program = ["-m", "tests.frameworks.mcp_server"]
    parameters = StdioServerParameters(command=sys.executable, args=program, env={**said, **governed})
    async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


@contextmanager
def listening() -> Iterator[str]:
    """The server in this process, over HTTP on loopback; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(mcp_server().streamable_http_app(), port=port, log_level="error", lifespan="on")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        threading.Event().wait(0.02)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def http(url: str) -> AsyncIterator[Any]:
    """A session over HTTP."""
    from mcp import ClientSession

    transport = import_module("mcp.client.streamable_http")
    connect = getattr(transport, "streamable_http_client", None) or transport.streamablehttp_client
    async with connect(url) as (read, write, *_), ClientSession(read, write) as session:
        await session.initialize()
        yield session


async def main(folder: Path, spans: Path) -> None:
    """Everything, governed by a handrail.toml in ``folder``."""
    (folder / "handrail.toml").write_text(CONFIG)
    provider = export_to(spans)
    handrail.instrument(config=folder / "handrail.toml")
    with ScriptedModel(_script) as model, LangGraphServer() as far, handrail.acting_for(user="ana"):
        graph(model, far.url).invoke({"messages": [("user", SENTINEL)]}, {"configurable": {"thread_id": "t1"}})
        with handrail.run("desk"):
            ask_models(model)
            await remember()
        async with stdio(folder, spans) as session, handrail.run("desk"):
            await talk(session)
        with listening() as url:
            async with http(url) as session, handrail.run("desk"):
                await talk(session)
    provider.shutdown()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
