"""System metrics (CPU, memory, GPU) while a run trains, under the names that MLflow itself uses."""

import time
from typing import Any

SECONDS = 20.0  # between two samples


def system_sampler(run_id: str) -> "SystemSampler | None":
    """A sampler for the run; None if this machine cannot be measured, and the run goes on without."""
    try:
        return SystemSampler(run_id)
    except Exception:
        return None


class SystemSampler:
    """CPU, memory, disk, network and GPU, as mlflow.system_metrics measures them.

    MLflow's own monitor writes from its own thread, which is joined without a time limit. Here the tracker's one thread
    measures and writes, so a server that is down delays nothing.
    """

    def __init__(self, run_id: str) -> None:
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        self._monitor: Any = SystemMetricsMonitor(run_id)  # never started
        self._last = time.monotonic()

    @property
    def wait(self) -> float:
        """Seconds until the next sample is due."""
        return max(0.0, self._last + SECONDS - time.monotonic())

    def sample(self) -> dict[str, float]:
        """One value of each metric, by name."""
        self._last = time.monotonic()
        self._monitor.collect_metrics()
        found = self._monitor.aggregate_metrics()
        for monitor in self._monitor.monitors:
            monitor.clear_metrics()
        return {f"system/{name}": value for name, value in found.items()}
