"""The robot's side: observation out, command back, never later than it was told."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import SupportsFloat, SupportsIndex, TypeVar

from numpy.typing import ArrayLike

from vgf_robot.controller import Budget
from vgf_robot.errors import ProtocolError
from vgf_robot.security import ClientKeys
from vgf_robot.wire.answer import Answer, answer_of
from vgf_robot.wire.channel import Channel
from vgf_robot.wire.conversation import Conversation
from vgf_robot.wire.faults import NoServerError, ServerBusyError
from vgf_robot.wire.greeting import Greeting
from vgf_robot.wire.messages import Act, EngagementReply, Expectations, Pong, Welcome
from vgf_robot.wire.question import (
    Question,
    engagement_question,
    observation_question,
    ping_question,
    plain_seed,
    positive,
    seconds,
)

Answered = TypeVar("Answered", EngagementReply, Pong)


class Client:
    """Talks to `vgf-robot serve`; loads numpy, msgspec, pyzmq and pyyaml, no backend. For one thread.

    Usage:
        ```python
        with Client("tcp://127.0.0.1:5555") as client:
            client.begin_episode(seed=0)
            command = client.act(observation, timeout_s=0.05)
        ```

    A server that is restarted is found again, greeted again and asked again within the time that is left; the episode
    then goes on without its past, and the answer's `episode_tick` is 1.

    Args:
        endpoint: `tcp://HOST:PORT` or `ipc://PATH`.
        timeout_s: How long a call waits at most, unless the call says otherwise.
        name: What the client calls itself.
        expect: What it was built for; a server with another robot, period or bundle is refused.
        rate_hz: How often it will ask, if less than once per control period: a server has room for more such clients.
        any_bundle: Go on where another bundle for the same robot (names, order, units, kind and period of its vectors)
            takes the place of the one before; `welcome` then says which.
        keys: `ClientKeys.load(FOLDER)`, for a server that asks for keys; None for one that has none.
        clock: Monotonic nanoseconds.

    Raises:
        ProtocolError: The rate is no positive number.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        timeout_s: float = 1.0,
        name: str = "client",
        expect: Expectations | None = None,
        rate_hz: SupportsFloat | None = None,
        any_bundle: bool = False,
        keys: ClientKeys | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._endpoint = endpoint
        self._timeout_s = seconds("timeout_s", timeout_s)
        self._clock = clock
        greeting = Greeting(
            name=name,
            expect=expect or Expectations(),
            rate_hz=None if rate_hz is None else positive("rate_hz", rate_hz),
            any_bundle=any_bundle,
        )
        self._channel = Channel(endpoint, clock, keys)
        self._conversation = Conversation(endpoint, self._channel, greeting=greeting, clock=clock)
        self._episode = 0
        self._seed: int | None = None

    @property
    def welcome(self) -> Welcome:
        """What the server said of its bundle.

        Raises:
            ProtocolError: Before the first handshake.
        """
        if self._conversation.welcome is None:
            raise ProtocolError("The handshake has not been done; call connect() first.")
        return self._conversation.welcome

    @property
    def late_replies(self) -> int:
        """Replies that came when nobody waited for them any more, and were dropped."""
        return self._conversation.late

    def connect(self, *, timeout_s: float | None = None) -> Welcome:
        """Shake hands, and return what the server says of its bundle; done on the first call that needs it, too.

        Raises:
            NoServerError: Nobody is there.
            KeyRefusedError: Somebody is, and does not let this client in.
            ServerBusyError: The server is there and does not answer.
            RefusedError: The server's bundle is not what this client expects.
        """
        self._conversation.forget_server()
        began_ns = self._clock()
        until_ns = self._until(began_ns, timeout_s)
        # Waiting for the connection itself saves the client's look every 20 ms.
        self._channel.wait_connected(until_ns)
        self._conversation.listen(until_ns)
        if not self._conversation.open:
            raise self._nobody(began_ns)
        return self.welcome

    def begin_episode(self, seed: SupportsIndex) -> None:
        """Begin an episode with the next observation: the server forgets the particles and the action before.

        Args:
            seed: Seed of the episode's generator at the server, 0 to 2**63 - 1.

        Raises:
            ProtocolError: The seed is no such number.
        """
        self._seed = plain_seed(seed)
        self._episode += 1

    def act(
        self,
        observation: ArrayLike,
        *,
        deadline_s: float | None = None,
        budget: Budget | None = None,
        observation_age_s: float = 0.0,
        pose: ArrayLike | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Return the command for an observation.

        Args:
            observation: Shape (O,), in the robot's units, finite.
            deadline_s: Wanted this long after arrival at the server; None for the server's share of the period, 3600
                for no deadline at all.
            budget: May lower the bundle's setting.
            observation_age_s: How old the observation is by now.
            pose: Shape (A,), where the robot is in the action's units; for engagement, and for absolute actions only.
            timeout_s: How long to wait at most; None for the client's own.

        Raises:
            NoServerError: Nobody is there.
            ServerBusyError: The server is there and did not answer in time.
            ServerFaultError: The server answered that it could not.
            BundleChangedError: The server has another bundle now.
            RefusedError: The observation, the budget or the expectations will not do.
            ProtocolError: As for `send`.
            BudgetError: As for `send`.
        """
        began_ns = self._clock()
        until_ns = self._until(began_ns, timeout_s)
        self.send(observation, deadline_s=deadline_s, budget=budget, observation_age_s=observation_age_s, pose=pose)
        return self._wait(began_ns, until_ns)

    def wait(self, timeout_s: float | None = None) -> Answer:
        """Return the answer to what was sent last.

        Args:
            timeout_s: How long to wait at most; None for the client's own.

        Raises:
            ServerError: As for `act`.
            RefusedError: As for `act`.
            ProtocolError: Nothing was sent, or it was answered already.
        """
        if not self._conversation.asking:
            raise ProtocolError("There is no question to wait for; call send(observation) first.")
        began_ns = self._clock()
        return self._wait(began_ns, self._until(began_ns, timeout_s))

    def send(
        self,
        observation: ArrayLike,
        *,
        deadline_s: float | None = None,
        budget: Budget | None = None,
        observation_age_s: float = 0.0,
        pose: ArrayLike | None = None,
    ) -> None:
        """Hand over an observation without waiting, in place of the one before; `poll` brings the answer.

        Args:
            observation: As for `act`.
            deadline_s: As for `act`.
            budget: As for `act`.
            observation_age_s: As for `act`.
            pose: As for `act`.

        Raises:
            ProtocolError: No episode has begun, or a value that no server would take.
            BudgetError: The budget is none.
        """
        if self._seed is None:
            raise ProtocolError("No episode has begun; call begin_episode(seed) before the first observation.")
        self._conversation.ask(
            observation_question(
                observation,
                episode=self._episode,
                seed=self._seed,
                deadline_s=deadline_s,
                budget=budget,
                age_s=observation_age_s,
                asked_ns=self._clock(),
                pose=pose,
            )
        )

    def poll(self, timeout_s: float = 0.0) -> Answer | None:
        """Return the answer to what was sent last, or None where it has not come.

        Args:
            timeout_s: How long to wait at most; 0 returns at once.

        Raises:
            ServerError: As for `act`, save that silence raises nothing.
            RefusedError: As for `act`.
        """
        return self._listen(self._until(self._clock(), timeout_s))

    def ping(self, *, timeout_s: float | None = None) -> Pong:
        """Ask whether the server is there, without a session; a question still open is dropped.

        Raises:
            NoServerError: Nobody is there.
            ServerBusyError: The server is there and did not answer in time.
        """
        return self._reply_to(ping_question(), Pong, timeout_s)

    def engage(self, *, timeout_s: float | None = None) -> EngagementReply:
        """Have the server check the next action and, if it is good, let it through; a question still open is dropped.

        Returns:
            Where engagement stands then; `act` says so with every answer, too.

        Raises:
            RefusedError: There is a fault, or the server engages nobody.
            NoServerError: Nobody is there.
            ServerBusyError: The server is there and did not answer in time.
            BundleChangedError: The server has another bundle now.
        """
        return self._reply_to(engagement_question("engage"), EngagementReply, timeout_s)

    def disengage(self, *, timeout_s: float | None = None) -> EngagementReply:
        """Have the server withhold actions; a fault stays. Raises what `engage` raises."""
        return self._reply_to(engagement_question("disengage"), EngagementReply, timeout_s)

    def clear(self, *, timeout_s: float | None = None) -> EngagementReply:
        """Have the server forget a fault, and withhold actions until it is told to engage. Raises as `engage`."""
        return self._reply_to(engagement_question("clear"), EngagementReply, timeout_s)

    def close(self) -> None:
        """Take leave of the server and let go of the socket; a second time does nothing."""
        if not self._channel.closed:
            self._conversation.leave()
        self.abandon()

    def abandon(self) -> None:
        """Let go of the socket without a word, as a robot that loses its power; the session stays behind."""
        self._channel.close()

    def __enter__(self) -> Client:
        try:
            self.connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self, began_ns: int, until_ns: int) -> Answer:
        found = self._listen(until_ns)
        if found is None:
            self._conversation.drop()
            raise self._nobody(began_ns)
        return found

    def _listen(self, until_ns: int) -> Answer | None:
        found = self._conversation.listen(until_ns)
        received_ns = self._clock()
        if found is None:
            return None
        act, question = found
        if not isinstance(act, Act):
            return None
        return answer_of(act, self.welcome, sent_ns=question.sent_ns, received_ns=received_ns)

    def _reply_to(self, question: Question, kind: type[Answered], timeout_s: float | None) -> Answered:
        """Ask something that is no observation."""
        began_ns = self._clock()
        until_ns = self._until(began_ns, timeout_s)
        self._conversation.ask(question)
        found = self._conversation.listen(until_ns)
        if found is None or not isinstance(found[0], kind):
            self._conversation.drop()
            raise self._nobody(began_ns)
        return found[0]

    def _until(self, began_ns: int, timeout_s: float | None) -> int:
        return began_ns + round((self._timeout_s if timeout_s is None else seconds("timeout_s", timeout_s)) * 1e9)

    def _nobody(self, began_ns: int) -> NoServerError | ServerBusyError:
        waited_s = (self._clock() - began_ns) / 1e9
        if self._channel.connected:
            return ServerBusyError(self._endpoint, waited_s, late=self.late_replies)
        return self._channel.refusal(waited_s) or NoServerError(
            self._endpoint, waited_s, lost=self._conversation.welcome is not None
        )
