"""Memory and system load during a fit, kept with the detector until the fit is logged.

MLflow's own system metrics go to a run that is open meanwhile; here the run is created after the
fit, so that no server can hold it up, or much later by ``anomgan log``.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Self

from anomgan.utils.memory import forget_peak, peak_mb

MAX_SAMPLES = 100
"""At this number every second sample is dropped and the interval doubled."""


class ResourceMonitor:
    """Context manager that samples the system load from a thread.

    Samples have the names of MLflow's system metrics.  Without psutil there are none.
    """

    def __init__(self, every: float = 1.0) -> None:
        """Prepare to sample, at first every so many seconds."""
        self.every = every
        self.samples: dict[str, list[float]] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="anomgan-usage", daemon=True)

    def __enter__(self) -> Self:
        """Start sampling."""
        forget_peak()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop sampling."""
        self._stopped.set()
        self._thread.join()

    def to_facts(self) -> dict[str, Any]:
        """Time, peak memory and samples until now, as entries of ``training_facts_``."""
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

    def _sample(self) -> None:
        try:
            import psutil
        except ImportError:
            return
        psutil.cpu_percent()  # the load since this call is what the next one returns
        while not self._stopped.wait(self.every):
            memory = psutil.virtual_memory()
            sample = {
                "cpu_utilization_percentage": psutil.cpu_percent(),
                "system_memory_usage_megabytes": round(memory.used / 1e6, 1),
                "system_memory_usage_percentage": memory.percent,
            }
            for name, value in sample.items():
                self.samples.setdefault(name, []).append(value)
            if max(map(len, self.samples.values())) >= MAX_SAMPLES:
                self.samples = {name: values[1::2] for name, values in self.samples.items()}
                self.every *= 2
