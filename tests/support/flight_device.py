"""A device that is its flight alone, on a clock of the test's."""

from edge.publish.flight import Choice, Flight, Refusal
from edge.publish.rows import Stream
from edge.publish.settings import ForwarderSettings
from protos.ids import Lane

ALARM = Stream(Lane.ALARM, 2, 22)
STATE = Stream(Lane.STATE, 2, 22)
OLD_STATE = Stream(Lane.STATE, 1, 11)
STATS = Stream(Lane.STATS, 2, 22)
SETTINGS = ForwarderSettings(max_batch_events=10)


class Device:
    """A flight and its clock, with the forwarder's part played by the test."""

    def __init__(self, settings: ForwarderSettings = SETTINGS, share: float = 0.0) -> None:
        self.flight = Flight(settings, share=lambda: share)
        self.settings = settings
        self.now_s = 1000.0
        self.sent: list[tuple[int, Choice]] = []
        self.refusals: list[Refusal] = []
        self.flight.connected(self.now_s)

    def pass_s(self, seconds: float) -> None:
        """Let time pass, waking where the flight wants to be woken, and nowhere else."""
        end_s = self.now_s + seconds
        while True:
            self.refusals += self.flight.tick(self.now_s)
            wake_s = self.flight.wake_s(self.now_s)
            if wake_s is None or wake_s > end_s:
                break
            assert wake_s > self.now_s
            self.now_s = wake_s
        self.now_s = end_s
        self.refusals += self.flight.tick(self.now_s)

    def send(self) -> list[tuple[int, Choice]]:
        """All that may be sent now: token and events."""
        out = []
        while (choice := self.flight.choose(self.now_s)) is not None:
            last = min(choice.last, choice.first + self.settings.max_batch_events - 1)
            token, _ = self.flight.sending(choice.stream, choice.first, last, self.now_s)
            out.append((token, Choice(choice.stream, choice.first, last)))
        self.sent += out
        return out

    def ack(self, token: int, code: int = 0) -> None:
        self.refusals += self.flight.answered(token, code, self.now_s)[1]

    def close(self, *, blame: bool = True) -> None:
        self.refusals += self.flight.disconnected(self.now_s, blame=blame)
        self.flight.connected(self.now_s)

    def store(self, choice: Choice) -> None:
        self.flight.stored(choice.stream, choice.first, choice.last, self.now_s)
