"""What is decided of a machine, from what its kernel says of it."""

from pathlib import Path

import pytest

from ganflow.inference.hardware import cpu_limits, cpu_runs_bf16_faster, usable_cores, within_limits

XEON_2020 = "fpu sse avx2 avx512f avx512_bf16"  # Cooper Lake
XEON_2023 = f"{XEON_2020} amx_bf16 amx_tile amx_int8"  # Sapphire Rapids


@pytest.mark.parametrize(
    ("vendor", "flags", "faster"),
    [
        ("AuthenticAMD", "fpu sse avx2 avx512f avx512_bf16", True),  # Zen 4
        ("AuthenticAMD", "fpu sse avx2", False),  # Zen 3
        ("GenuineIntel", XEON_2023, True),
        ("GenuineIntel", XEON_2020, False),
        ("GenuineIntel", "fpu sse avx2 avx512f", False),
        ("GenuineIntel", "fpu sse avx2 amx_tile amx_int8", False),
        ("CentaurHauls", XEON_2020, False),
        ("AuthenticAMD", "fpu no_avx512_bf16_here", False),
    ],
)
def test_bf16_is_taken_on_processors_known_to_be_faster_in_it(vendor: str, flags: str, faster: bool) -> None:
    core = f"processor\t: 0\nvendor_id\t: {vendor}\nmodel name\t: Test\nflags\t\t: {flags}\n\n"
    assert cpu_runs_bf16_faster(2 * core)[0] is faster


@pytest.mark.parametrize("cpuinfo", ["", "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd bf16 i8mm\n"])
def test_of_an_unknown_processor_fp32_is_taken(cpuinfo: str) -> None:
    assert cpu_runs_bf16_faster(cpuinfo) == (False, "a CPU not known to be faster in bf16")


@pytest.mark.parametrize(
    ("bound", "limits", "cores"),
    [(8, [], 8), (8, [2.0], 2), (8, [2.5, 4.0], 2), (8, [0.5], 1), (2, [16.0], 2), (1, [], 1)],
)
def test_the_tightest_limit_counts(bound: int, limits: list[float], cores: int) -> None:
    assert within_limits(bound, limits) == cores


@pytest.mark.parametrize(
    ("memberships", "files", "limits"),
    [
        ("0::/\n", {"cpu.max": "200000 100000"}, [2.0]),  # a container's own group
        ("0::/\n", {"cpu.max": "max 100000"}, []),
        ("0::/a/b\n", {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}, [1.5]),  # the parent's limit
        ("0::/a\n", {"a/b/cpu.max": "150000 100000"}, []),  # somebody else's
        ("3:cpu,cpuacct:/\n0::/\n", {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, [0.5]),
        ("3:cpu:/a\n", {"cpu/a/cpu.cfs_quota_us": "300000", "cpu/a/cpu.cfs_period_us": "100000"}, [3.0]),
        ("3:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, []),
        ("3:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, []),
        ("", {}, []),  # no cgroups
    ],
)
def test_a_cpu_limit_is_read_of_both_versions_of_cgroups(
    tmp_path: Path, memberships: str, files: dict[str, str], limits: list[float]
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert cpu_limits(tmp_path, memberships) == limits


def test_this_machine_has_a_core() -> None:
    assert usable_cores() >= 1
