"""What this machine offers: how many CPU cores this process may use, and whether bf16 is faster on its processor."""

import math
import os
from contextlib import suppress
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
CGROUPS = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """CPU cores that this process may use: those it is bound to, and no more than its containers' CPU limits."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    own = Path("/proc/self/cgroup")
    return within_limits(bound, cpu_limits(CGROUPS, own.read_text(encoding="utf-8") if own.exists() else ""))


def within_limits(bound: int, limits: list[float]) -> int:
    """The whole number of cores that `bound` cores are under `limits`, each in cores; at least one."""
    return max(1, min([bound, *(math.floor(limit) for limit in limits)]))


def cpu_limits(root: Path, memberships: str) -> list[float]:
    """CPU limits of the cgroups of this process, in cores; empty where none is set.

    `root`: where cgroups are mounted. `memberships`: the text of /proc/self/cgroup, a line `id:controllers:path` per
    hierarchy. Version 2 has one hierarchy and `cpu.max` ("quota period", quota "max" for none), version 1 a
    `cpu` controller with `cpu.cfs_quota_us` (-1 for none) and `cpu.cfs_period_us`. A limit on a parent counts too. In
    a container its own group is mounted at `root` itself.
    """
    limits = list[float]()
    for line in memberships.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            mounts = {root, root / "unified"}
        elif "cpu" in controllers.split(","):
            mounts = {root / "cpu", root / controllers}
        else:
            continue
        group = Path(path.lstrip("/"))
        for mount in mounts:
            for folder in [group, *group.parents]:
                with suppress(OSError, ValueError):  # no such file, or no numeric limit
                    limits.append(_limit(mount / folder))
    return limits


def _limit(group: Path) -> float:
    """CPU limit of this cgroup, in cores. Raises ValueError or OSError if it has none."""
    if (group / "cpu.max").exists():
        quota, period = (group / "cpu.max").read_text(encoding="utf-8").split()
    else:
        quota, period = (
            (group / f"cpu.cfs_{name}_us").read_text(encoding="utf-8").strip() for name in ("quota", "period")
        )
    if int(quota) <= 0:
        raise ValueError("no limit")
    return int(quota) / int(period)


def cpu_runs_bf16_faster(cpuinfo: str) -> tuple[bool, str]:
    """Whether bf16 is faster than fp32 on the processor of this /proc/cpuinfo text, and why, for people.

    Known hardware decides, not a timing: two clones on one machine must train alike. AMD's AVX512_BF16 (Zen 4 and
    later) is 1.5 to 2 times faster than fp32. So is Intel's AMX; Intel's AVX512_BF16 without AMX is slower
    (docs/performance.md). Without either, bf16 products are emulated, hundreds of times slower.
    """
    described = dict[str, str]()
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        described.setdefault(key.strip(), value.strip())  # of the first core: all are alike
    vendor, flags = described.get("vendor_id", ""), described.get("flags", "").split()
    if vendor == "GenuineIntel" and "amx_bf16" in flags:
        return True, "Intel AMX multiplies in bf16"
    if vendor == "AuthenticAMD" and "avx512_bf16" in flags:
        return True, "AMD AVX512_BF16 multiplies in bf16"
    if "avx512_bf16" in flags:
        return False, "AVX512_BF16 without AMX is slower than fp32"
    return False, "a CPU not known to be faster in bf16"
