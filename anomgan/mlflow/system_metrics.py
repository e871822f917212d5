"""What a fit takes of the machine: memory, and the load meanwhile."""

from __future__ import annotations

import threading
import time
from typing import Any, Self

from anomgan.utils.memory import forget_peak, peak_mb

MOST_SAMPLES = 100
"""When there are as many, every second one is dropped and the next ones come half as often."""


class Usage:
    """Samples the machine from a thread of its own while ``with`` lasts.

    Samples bear the names that MLflow gives to system metrics.  Without psutil there are none.
    """

    def __init__(self, every: float = 1.0) -> None:
        """Sample at first after so many seconds."""
        self.every = every
        self.samples: dict[str, list[float]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="anomgan-usage", daemon=True)
        self._finished = 0.0

    def __enter__(self) -> Self:
        """Begin."""
        forget_peak()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._over.set()
        self._thread.join()

    def facts(self) -> dict[str, Any]:
        """What is known by now, as plain data."""
        facts: dict[str, Any] = {
            "finished": int(1000 * time.time()),
            "peak_memory_mb": round(peak_mb(), 1),
        }
        import torch

        if torch.cuda.is_initialized():
            facts["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated() / 2**20, 1)
        if self.samples:
            samples = {name: list(values) for name, values in self.samples.items()}
            facts["system"] = {"every_s": self.every, "samples": samples}
        return facts

    def _watch(self) -> None:
        try:
            import psutil
        except ImportError:
            return
        psutil.cpu_percent()  # the first one has nothing to compare with
        while not self._over.wait(self.every):
            memory = psutil.virtual_memory()
            taken = {
                "cpu_utilization_percentage": psutil.cpu_percent(),
                "system_memory_usage_megabytes": round(memory.used / 1e6, 1),
                "system_memory_usage_percentage": memory.percent,
            }
            for name, value in taken.items():
                self.samples.setdefault(name, []).append(value)
            if max(map(len, self.samples.values())) >= MOST_SAMPLES:
                self.samples = {name: values[1::2] for name, values in self.samples.items()}
                self.every *= 2
