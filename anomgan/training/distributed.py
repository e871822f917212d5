"""One fit by several processes, each of which trains some of the ensemble's members.

Members share nothing but the code, so nothing has to pass between processes while they train: no
gradient is averaged, and no batch is cut up, which would change losses that look at a whole batch.
Weights and logs are exchanged once, at the end, and every process goes on with the same ensemble
that a single one would have trained from the same seed.

Processes find one another as torch's do: started by ``torchrun``, or a process group that the
caller has made.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from anomgan.errors import DataWarning, InputError
from anomgan.gans import GAN
from anomgan.gans.batch import MemberSlice
from anomgan.training.health import Health
from anomgan.training.history import Progress, TrainingHistory

PATIENCE = datetime.timedelta(days=7)
"""How long the quickest process waits for the slowest.  One that is gone is noticed at once: its
connections are closed."""

FAILED = "anomgan.failed"


def processes() -> tuple[int, int]:
    """This process's number, and how many take part in a fit."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def share(members: int) -> MemberSlice:
    """The members that this process trains."""
    return MemberSlice.of(members, *processes())


# --- what passes between processes ----------------------------------------------------------------


def agreed(seed: int, mark: str) -> int:
    """The seed of the first process, once it is known that all were given the same.

    Args:
        seed: This process's.
        mark: Its records and settings in short; see :func:`.checkpoint.fingerprint`.

    Raises:
        InputError: If records or settings differ.
    """
    if processes()[1] == 1:
        return seed
    found = _exchanged([mark, seed])
    if len({marks for marks, _ in found}) > 1:
        raise InputError(
            "the processes of this fit were given different rows or settings; give all the same"
        )
    return int(found[0][1])


def everywhere(true: bool) -> bool:
    """Whether something is true of all processes."""
    return true if processes()[1] == 1 else all(_exchanged(true))


def tell(members: int) -> None:
    """Say so if there are more processes than members.

    Warns:
        DataWarning: If there are.
    """
    count = processes()[1]
    if count > members:
        warnings.warn(
            f"{count} processes share {members} members, so {count - members} have nothing to do; "
            f"start fewer, or train more members: --set members={count}",
            DataWarning,
            stacklevel=4,
        )


def gathered(
    gan: GAN, own: GAN | None, training: TrainingHistory, part: MemberSlice
) -> TrainingHistory:
    """Bring together what all processes have trained.

    Args:
        gan: All members; changed in place.
        own: Those of this process, None if it has none.
        training: How these were trained.
        part: Which they are.

    Returns:
        How all were trained.

    Raises:
        InputError: If another process has failed.
    """
    if part.whole and processes()[1] == 1:
        return training
    shares = [MemberSlice.of(part.members, rank, processes()[1]) for rank in range(processes()[1])]
    mine = {} if own is None else own.state_dict()
    with torch.no_grad(), _others_needed():
        for key, whole in gan.state_dict().items():
            if key.startswith("views."):
                continue
            for rank, theirs in enumerate(shares):
                if theirs.numbers:
                    piece = (mine[key] if theirs == part else theirs(whole)).cpu().contiguous()
                    dist.broadcast(piece, rank)
                    theirs(whole).copy_(piece)
    told = _exchanged(
        {
            "curve": [[each.step, each.steps, each.losses] for each in training.curve],
            "health": [asdict(each) for each in training.health],
        }
    )
    told = [each for each, theirs in zip(told, shares, strict=True) if theirs.numbers]
    weights = [len(theirs.numbers) / part.members for theirs in shares if theirs.numbers]
    curves = zip(*(each["curve"] for each in told), strict=True)
    healths = zip(*(each["health"] for each in told), strict=True)
    return TrainingHistory(
        [_mean(points, weights) for points in curves], [_joined(parts) for parts in healths]
    )


def _mean(points: tuple[Any, ...], weights: list[float]) -> Progress:
    """One point of the losses' curves, from one of each process."""
    step, steps, losses = points[0]
    mean = {
        name: sum(w * point[2][name] for w, point in zip(weights, points, strict=True))
        for name in losses
    }
    return Progress(step, steps, mean)


def _joined(parts: tuple[Any, ...]) -> Health:
    """One measurement of all members, from one of each process."""
    measured = [Health.from_json(part) for part in parts]
    values = (
        {
            key: [value for each in measured for value in getattr(each, name)[key]]
            for key in getattr(measured[0], name)
        }
        for name in ("measures", "baseline", "slopes")
    )
    return Health(measured[0].step, *values)


def _exchanged(value: Any) -> list[Any]:
    """What each process has to tell, as plain data."""
    data = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
    with _others_needed():
        sizes = _all(torch.tensor([len(data)]))
        most = int(max(sizes))
        texts = _all(torch.cat([data, data.new_zeros(most - len(data))]))
    return [
        json.loads(bytes(text[: int(size)].tolist()))
        for text, size in zip(texts, sizes, strict=True)
    ]


def _all(tensor: Tensor) -> list[Tensor]:
    found = [torch.empty_like(tensor) for _ in range(processes()[1])]
    dist.all_gather(found, tensor)
    return found


@contextlib.contextmanager
def _others_needed() -> Iterator[None]:
    """Say in words that the others are gone.

    Raises:
        InputError: If they are.
    """
    try:
        yield
    except RuntimeError as error:
        raise InputError("another process of this fit has failed, or was killed") from error


# --- processes that torchrun has started ----------------------------------------------------------


def launched() -> bool:
    """Whether ``torchrun`` has started this process as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "MASTER_ADDR" in os.environ


class ProcessGroup:
    """The processes of one fit.

    Attributes:
        first: Whether this one speaks and writes for all.
    """

    def __init__(self) -> None:
        """Join the others; wait for all to come."""
        from torch.distributed.rendezvous import rendezvous

        if torch.cuda.is_available():
            local = int(os.environ.get("LOCAL_RANK", "0"))
            torch.cuda.set_device(local % torch.cuda.device_count())
        self._store, rank, count = next(iter(rendezvous("env://")))
        # Nothing but weights at the end is exchanged, from the CPU: gloo will do on GPUs, too.
        dist.init_process_group(
            "gloo", store=self._store, rank=rank, world_size=count, timeout=PATIENCE
        )
        self.first = rank == 0

    def leave(self) -> None:
        """Part when all is done."""
        dist.destroy_process_group()

    def fails_first(self) -> bool:
        """Note a failure; whether it is the first one among all processes."""
        with contextlib.suppress(RuntimeError):
            return bool(self._store.add(FAILED, 1) == 1)
        return True

    def has_failed(self) -> bool:
        """Whether some process has noted a failure."""
        with contextlib.suppress(RuntimeError):
            return bool(self._store.check([FAILED]))
        return False
