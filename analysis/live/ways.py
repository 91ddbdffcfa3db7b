"""Ways to tell a finding: a command gets it on its standard input, a web address as a request, a broker as a message."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from analysis.live.alerting import Undelivered, Way
from dissectors.text import printable

__all__ = ["Command", "Mqtt", "Webhook", "shown_url", "url_of", "ways_of"]

COMMAND_SECONDS, REQUEST_SECONDS, BROKER_SECONDS = 30.0, 10.0, 10.0
SECRET = "HANSCOPE_"
"""Variables that a command does not get: they name key files and hold passwords."""
PASSWORD = "HANSCOPE_MQTT_PASSWORD"
TOPIC = "hanscope/findings"
SOME = 200
"""Characters of what somebody else said that are told, at most."""


def url_of(text: str, schemes: tuple[str, ...]) -> SplitResult:
    """An address in its parts.

    Raises:
        ValueError: it is none, or of another kind. The text holds no password.
    """
    try:
        url = urlsplit(text)
        well = url.scheme in schemes and bool(url.hostname) and url.port != 0
    except ValueError:
        well = False
    if not well:
        raise ValueError(
            f"not an address: one that begins with {' or '.join(f'{one}://' for one in schemes)}"
        )
    return url


def shown_url(url: SplitResult) -> str:
    """An address as it may be told: without user, password and query.

    >>> shown_url(urlsplit("https://me:secret@example.org:8443/a?token=b"))
    'https://example.org:8443/a'
    """
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return printable(f"{url.scheme}://{host}{f':{url.port}' if url.port else ''}{url.path}")


def ways_of(command: str | None, webhook: str | None, mqtt: str | None) -> list[Way]:
    """The ways that somebody asks for. Raises ValueError: an address is none."""
    made: list[Way] = [] if command is None else [Command(command)]
    made += [] if webhook is None else [Webhook(webhook)]
    return made + ([] if mqtt is None else [Mqtt(mqtt)])


class Command:
    """Runs a command line of the shell for each finding, with the finding as JSON on its standard input.

    Nothing of the finding stands in the command line, so that no text of a capture can be taken for a command.
    """

    def __init__(self, line: str, seconds: float = COMMAND_SECONDS) -> None:
        self.line, self.seconds = line, seconds
        self.name = "command"

    def send(self, octets: bytes) -> None:
        """Run it to its end."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(SECRET)}
        with tempfile.TemporaryFile() as said:
            try:
                running = subprocess.Popen(
                    self.line, shell=True, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
                    env=environment, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise Undelivered(f"it cannot be started: {error.strerror or error}") from None
            self._ended(running, octets)
            if running.returncode:
                said.seek(0)
                words = printable(said.read(SOME).decode("utf-8", "replace").strip())
                raise Undelivered(f"it ended with {running.returncode}" + (f": {words}" if words else ""))

    def _ended(self, running: subprocess.Popen[bytes], octets: bytes) -> None:
        with running:
            try:
                running.communicate(octets, timeout=self.seconds)
            except subprocess.TimeoutExpired:
                raise Undelivered(f"it took longer than {self.seconds:g} s") from None
            finally:
                if running.poll() is None:
                    with suppress(ProcessLookupError, PermissionError):
                        os.killpg(running.pid, signal.SIGKILL)

    def close(self) -> None:
        """Nothing is held."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is sent goes where it was sent to."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Webhook:
    """Sends each finding as a POST with JSON."""

    def __init__(self, text: str, seconds: float = REQUEST_SECONDS) -> None:
        url = url_of(text, ("http", "https"))
        self.name, self.seconds = shown_url(url), seconds
        self._url = url._replace(netloc=url.netloc.rpartition("@")[2], fragment="").geturl()
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._headers = {"Content-Type": "application/json", "User-Agent": "hanscope"}
        if url.username is not None:
            self._headers["Authorization"] = _basic(url)

    def send(self, octets: bytes) -> None:
        """Send it; any 2xx will do."""
        request = urllib.request.Request(self._url, octets, self._headers, method="POST")
        try:
            with self._opener.open(request, timeout=self.seconds) as answer:
                answer.read(SOME)
        except urllib.error.HTTPError as error:
            error.close()
            raise Undelivered(f"it answered {error.code}", again=error.code >= 500) from None
        except urllib.error.URLError as error:
            reason = error.reason
            said = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
            raise Undelivered(printable(said)[:SOME], again=True) from None
        except (OSError, ValueError) as error:
            raise Undelivered(printable(str(error))[:SOME], again=True) from None

    def close(self) -> None:
        """Nothing is held."""


def _basic(url: SplitResult) -> str:
    from base64 import b64encode

    said = f"{unquote(url.username or '')}:{unquote(url.password or '')}"
    return "Basic " + b64encode(said.encode()).decode()


class Mqtt:
    """Publishes each finding to a topic of a broker, so that it is there at least once (QoS 1).

    Args:
        text: ``mqtt://USER:PASSWORD@HOST:PORT/TOPIC``, or ``mqtts:`` for TLS; the password may stand in
            ``HANSCOPE_MQTT_PASSWORD`` instead, where nobody sees it in a list of processes.

    Raises:
        ValueError: it is no such address, or no package that speaks MQTT is installed.
    """

    def __init__(self, text: str, seconds: float = BROKER_SECONDS) -> None:
        url = url_of(text, ("mqtt", "mqtts"))
        if find_spec("paho") is None:
            raise ValueError("MQTT needs a package that is not installed: pip install 'hanscope[mqtt]'")
        self.name, self.seconds = shown_url(url), seconds
        self.topic = unquote(url.path.lstrip("/")) or TOPIC
        if any(mark in self.topic for mark in "+#\0"):
            raise ValueError("a topic that is published to has no + and no #")
        self._url, self._client = url, None

    def send(self, octets: bytes) -> None:
        """Publish it, and wait until the broker has it."""
        try:
            sent = self._connected().publish(self.topic, octets, qos=1)
            sent.wait_for_publish(self.seconds)
            done = sent.is_published()
        except (OSError, ValueError, RuntimeError) as error:
            self.close()
            said = getattr(error, "strerror", None) or str(error)
            raise Undelivered(printable(said)[:SOME], again=True) from None
        if not done:
            self.close()
            raise Undelivered(f"the broker did not take it within {self.seconds:g} s", again=True)

    def _connected(self) -> Any:
        if self._client is not None:
            return self._client
        from paho.mqtt import client as paho

        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if self._url.username is not None:
            password = os.environ.get(PASSWORD) if self._url.password is None else unquote(self._url.password)
            client.username_pw_set(unquote(self._url.username), password)
        if self._url.scheme == "mqtts":
            client.tls_set()
        client.connect_timeout = self.seconds
        refused: list[str] = []

        def answered(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
            if reason.is_failure:
                refused.append(str(reason))

        client.on_connect = answered
        client.connect(self._url.hostname, self._url.port or (8883 if self._url.scheme == "mqtts" else 1883))
        client.loop_start()
        self._client = client
        self._wait_for_answer(client, refused)
        return client

    def _wait_for_answer(self, client: Any, refused: list[str]) -> None:
        """Raises OSError: the broker refused, or said nothing."""
        until = time.monotonic() + self.seconds
        while not client.is_connected() and not refused and time.monotonic() < until:
            time.sleep(0.02)
        if refused:
            raise OSError(f"the broker refused: {refused[0]}")
        if not client.is_connected():
            raise OSError("the broker does not answer")

    def close(self) -> None:
        """Leave the broker."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, ValueError, RuntimeError):
                client.disconnect()
                client.loop_stop()
