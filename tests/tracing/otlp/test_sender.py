"""What a sender makes of the standard variables, and of what it must not tell."""

from __future__ import annotations

import http.server
import threading
from typing import ClassVar

import pytest

from handrail.errors import ConfigError
from handrail.tracing.otlp.sender import NotSent, Target, sender_for

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.parametrize("value", ["Bearer%20s3cret%0D%0AX-More:%201", "s3cret%0A", "s3cret%E2%82%AC", "s3cret\x1b"])
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(value: str) -> None:
    """A key with a line's end at its end, or one that is no plain text, is named and not shown."""
    with pytest.raises(ConfigError) as refused:
        Target.from_environment({ENDPOINT: "http://localhost:1", "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={value}"})
    assert "'api-key'" in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("address", ["https://ana:s3cret@host.example", "http://s3cret@host.example:4318"])
def test_an_address_with_a_password_is_refused_without_showing_it(address: str) -> None:
    """Nobody would send the password, and the address is printed."""
    with pytest.raises(ConfigError) as refused:
        sender_for(Target.from_environment({ENDPOINT: address}))
    assert "s3cret" not in str(refused.value)


class _Elsewhere(http.server.BaseHTTPRequestHandler):
    """Answers with a redirection to itself, and keeps what was asked."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        """Send the client elsewhere."""
        self.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(307)
        self.send_header("Location", f"http://{self.headers['Host']}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_no_redirection_is_followed_and_no_key_in_the_address_is_told() -> None:
    """Spans and their headers go where the user said, or nowhere."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sender = sender_for(Target(f"http://127.0.0.1:{server.server_port}/v1/traces?key=s3cret"))
        with pytest.raises(NotSent, match="it answered 307") as refused:
            sender.send(())
        sender.close()
        server.shutdown()
    assert _Elsewhere.asked == ["/v1/traces?key=s3cret"]
    assert "s3cret" not in str(refused.value)
