"""The host's event loop: peers, outputs and the news that a child has ended, over one selector."""

import os
import selectors
import signal
from collections.abc import Callable

from tradewind.runner.logs import RawOutput
from tradewind.runner.wire import Peer

_BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


class Loop:
    """Calls back when something can be read; writes what a peer could not take, when it can."""

    def __init__(self, on_children: Callable[[], None]) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, self._wake_writer = os.pipe()
        for fd in (self._wake, self._wake_writer):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)

        def woken(_events: int) -> None:
            os.read(self._wake, 4096)
            on_children()

        self._selector.register(self._wake, selectors.EVENT_READ, woken)

    def turn(self, timeout: float | None) -> None:
        """Wait for at most so many seconds (None: until something happens), then call back.

        A callback may be called once more after its owner was unwatched in the same turn.
        """
        for key, events in self._selector.select(timeout):
            key.data(events)

    # --- peers ---------------------------------------------------------------------------------

    def watch(self, peer: Peer, on_readable: Callable[[], None]) -> None:
        def ready(events: int) -> None:
            if events & selectors.EVENT_WRITE:
                peer.flush()
                self._select_for(peer)
            on_readable()

        self._selector.register(peer.sock, selectors.EVENT_READ, ready)
        self._select_for(peer)

    def send(self, peer: Peer, message: object) -> None:
        if not peer.closed:
            peer.send(message)
            self._select_for(peer)

    def sent(self, peer: Peer) -> None:
        """Somebody else has sent to a watched peer."""
        self._select_for(peer)

    def unwatch(self, peer: Peer) -> None:
        """Close the connection, too."""
        peer.close()
        if peer.sock.fileno() >= 0:
            self._selector.unregister(peer.sock)
            peer.sock.close()

    def _select_for(self, peer: Peer) -> None:
        if peer.sock.fileno() < 0:
            return
        key = self._selector.get_key(peer.sock)
        wanted = _BOTH if peer.wants_write else selectors.EVENT_READ
        if key.events != wanted:
            self._selector.modify(peer.sock, wanted, key.data)

    # --- outputs --------------------------------------------------------------------------------

    def watch_output(self, output: RawOutput) -> None:
        fd = output.fd

        def ready(_events: int) -> None:
            if output.closed:
                return  # its owner ended in this turn; the descriptor may be another's by now
            output.read()
            if output.closed:
                self._selector.unregister(fd)

        self._selector.register(fd, selectors.EVENT_READ, ready)

    def unwatch_output(self, output: RawOutput) -> None:
        """Log what is left, and close it."""
        if not output.closed:
            self._selector.unregister(output.fd)
            output.drain()
