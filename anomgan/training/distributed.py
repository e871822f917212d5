"""Train the members of one ensemble in several processes.

Members share nothing but the code, so processes exchange nothing while they train: no gradient is
averaged, and no batch is split, which would change losses that depend on a whole batch.  Weights
and histories are exchanged once, at the end, and every process goes on with the ensemble that a
single one would have trained from the same seed.

Processes form a group as usual in torch: started by ``torchrun``, or in a process group that the
caller has initialised.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.distributed as dist

from anomgan.errors import DataWarning, InputError
from anomgan.gans import GAN
from anomgan.gans.batch import MemberSlice
from anomgan.training.health import Health
from anomgan.training.history import Progress, TrainingHistory

TIMEOUT = datetime.timedelta(days=7)
"""How long the fastest process waits for the slowest.  A process that has died is noticed at once,
since its connections are closed."""

FAILURES_KEY = "anomgan.failed"


def get_rank_and_size() -> tuple[int, int]:
    """The index of this process, and the number of processes of the fit."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def slice_members(members: int) -> MemberSlice:
    """The members that this process trains."""
    return MemberSlice.of(members, *get_rank_and_size())


# --- communication --------------------------------------------------------------------------------


def broadcast_seed(seed: int, mark: str) -> int:
    """Return the first process's seed, after a check that all were given the same data.

    Args:
        seed: This process's seed.
        mark: Digest of its records and settings; see :func:`.checkpoint.fingerprint`.

    Raises:
        InputError: If records or settings differ.
    """
    if get_rank_and_size()[1] == 1:
        return seed
    gathered = _all_gather((mark, seed))
    if len({each_mark for each_mark, _ in gathered}) > 1:
        raise InputError(
            "the processes of this fit were given different rows or settings; give all the same"
        )
    return int(gathered[0][1])


def is_true_everywhere(condition: bool) -> bool:
    """Whether a condition holds in all processes."""
    return condition if get_rank_and_size()[1] == 1 else all(_all_gather(condition))


def warn_idle(members: int) -> None:
    """Warn if there are more processes than members.

    Warns:
        DataWarning: If there are.
    """
    count = get_rank_and_size()[1]
    if count > members:
        warnings.warn(
            f"{count} processes share {members} members, so {count - members} have nothing to do; "
            f"start fewer, or train more members: --set members={count}",
            DataWarning,
            stacklevel=4,
        )


def gather_members(
    gan: GAN, own: GAN | None, history: TrainingHistory, members: MemberSlice
) -> TrainingHistory:
    """Collect the members that all processes have trained.

    Args:
        gan: All members; changed in place.
        own: The members of this process, None if it has none.
        history: Their history.
        members: Which they are.

    Returns:
        The history of all members.

    Raises:
        InputError: If another process has failed.
    """
    size = get_rank_and_size()[1]
    if members.is_all and size == 1:
        return history
    slices = [MemberSlice.of(members.total, rank, size) for rank in range(size)]
    state = {} if own is None else own.state_dict()
    with torch.no_grad(), _peer_failure_as_input_error():
        for key, tensor in gan.state_dict().items():
            if key.startswith("views."):
                continue
            for rank, each in enumerate(slices):
                if each.indices:
                    piece = state[key] if each == members else each.take(tensor)
                    piece = piece.cpu().contiguous()
                    dist.broadcast(piece, rank)
                    each.take(tensor).copy_(piece)
    counts = [len(each.indices) for each in slices]
    histories = [each for each, count in zip(_all_gather(history), counts, strict=True) if count]
    shares = [count / members.total for count in counts if count]
    curves = zip(*(each.curve for each in histories), strict=True)
    health = zip(*(each.health for each in histories), strict=True)
    return TrainingHistory(
        [_average_progress(points, shares) for points in curves],
        [_concat_health(parts) for parts in health],
    )


def _average_progress(points: Sequence[Progress], shares: list[float]) -> Progress:
    """Losses of all members, from the means of each process."""
    first = points[0]
    losses = {
        name: sum(w * point.losses[name] for w, point in zip(shares, points, strict=True))
        for name in first.losses
    }
    return Progress(first.step, first.steps, losses)


def _concat_health(parts: Sequence[Health]) -> Health:
    """One measurement of all members, from one of each process."""
    values = (
        {
            key: [value for part in parts for value in getattr(part, name)[key]]
            for key in getattr(parts[0], name)
        }
        for name in ("measures", "baseline", "slopes")
    )
    return Health(parts[0].step, *values)


def _all_gather(value: Any) -> list[Any]:
    """Each process's value, by rank."""
    values: list[Any] = [None] * get_rank_and_size()[1]
    with _peer_failure_as_input_error():
        dist.all_gather_object(values, value)
    return values


@contextlib.contextmanager
def _peer_failure_as_input_error() -> Iterator[None]:
    """Raise an error in words if another process has gone.

    Raises:
        InputError: If so.
    """
    try:
        yield
    except RuntimeError as error:
        raise InputError("another process of this fit has failed, or was killed") from error


# --- torchrun -------------------------------------------------------------------------------------


def is_torchrun() -> bool:
    """Whether ``torchrun`` has started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "MASTER_ADDR" in os.environ


class ProcessGroup:
    """The processes that ``torchrun`` has started for one fit.

    Attributes:
        is_first: Whether this process prints and writes for all.
    """

    def __init__(self) -> None:
        """Initialise torch's process group; waits for all processes."""
        from torch.distributed.rendezvous import rendezvous

        if torch.cuda.is_available():
            local = int(os.environ.get("LOCAL_RANK", "0"))
            torch.cuda.set_device(local % torch.cuda.device_count())
        self._store, rank, size = next(iter(rendezvous("env://")))
        # Only weights are exchanged, once, from the CPU: gloo will do on GPUs, too.
        dist.init_process_group(
            "gloo", store=self._store, rank=rank, world_size=size, timeout=TIMEOUT
        )
        self.is_first = rank == 0

    def leave(self) -> None:
        """Destroy the process group, when all is done."""
        dist.destroy_process_group()

    def report_failure(self) -> bool:
        """Record a failure; returns whether it is the first one among all processes."""
        with contextlib.suppress(RuntimeError):
            return bool(self._store.add(FAILURES_KEY, 1) == 1)
        return True

    def has_failed(self) -> bool:
        """Whether some process has recorded a failure."""
        with contextlib.suppress(RuntimeError):
            return bool(self._store.check([FAILURES_KEY]))
        return False
