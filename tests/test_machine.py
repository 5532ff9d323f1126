"""The cores and the memory that a process may use: those of the machine, less what its groups are denied."""

import os

import pytest

from stash_sense.machine import usable_cores, usable_memory

GIB = 1 << 30
V2 = "29 23 0:26 / {top} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "33 24 0:30 {root} {top}/{controllers} rw,nosuid - cgroup cgroup rw,{controllers}"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Eight cores and 32 GiB; and the control groups of a process, given by its files below `groups`."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    top = tmp_path / "my groups"

    def made(groups="", mounts="", **files):
        proc = tmp_path / "proc"
        (proc / "self").mkdir(parents=True)
        (proc / "meminfo").write_text(f"MemTotal:       {32 * GIB // 1024} kB\nMemFree: 1 kB\n")
        (proc / "self" / "cgroup").write_text(groups)
        lines = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n" + mounts
        (proc / "self" / "mountinfo").write_text(lines)
        for name, content in files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return proc

    made.top = str(top).replace(" ", "\\040")
    return made


def test_without_limits_all_of_the_machine_is_usable(machine):
    proc = machine()
    assert (usable_cores(proc), usable_memory(proc)) == (8, 32 * GIB)


def test_a_container_of_version_2_is_limited_by_its_root(machine):
    limits = {"cpu.max": "250000 100000\n", "memory.max": f"{GIB}\n"}
    proc = machine("0::/\n", V2.format(top=machine.top), **limits)
    assert (usable_cores(proc), usable_memory(proc)) == (3, GIB)


def test_unlimited_groups_of_version_2_limit_nothing(machine):
    limits = {"cpu.max": "max 100000\n", "memory.max": "max\n", "memory.high": "max\n"}
    proc = machine("0::/\n", V2.format(top=machine.top), **limits)
    assert (usable_cores(proc), usable_memory(proc)) == (8, 32 * GIB)


def test_the_least_limit_of_all_groups_above_counts(machine):
    limits = {
        "system.slice/cpu.max": "100000 100000",
        "system.slice/memory.max": "max",
        "system.slice/sense.service/cpu.max": "400000 100000",
        "system.slice/sense.service/memory.max": str(4 * GIB),
        "system.slice/sense.service/memory.high": str(2 * GIB),
    }
    proc = machine("0::/system.slice/sense.service\n", V2.format(top=machine.top), **limits)
    assert (usable_cores(proc), usable_memory(proc)) == (1, 2 * GIB)


GROUPS_V1 = "11:memory:/docker/abc\n5:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n"


@pytest.mark.parametrize(("root", "inside"), [("/docker/abc", ""), ("/", "docker/abc/")])
def test_version_1_is_read_inside_and_outside_of_the_container(machine, root, inside):
    mounts = [
        V1.format(root=root, top=machine.top, controllers=each) for each in ("cpu,cpuacct", "memory", "pids")
    ]
    limits = {
        f"cpu,cpuacct/{inside}cpu.cfs_quota_us": "150000",
        f"cpu,cpuacct/{inside}cpu.cfs_period_us": "100000",
        f"memory/{inside}memory.limit_in_bytes": str(GIB),
    }
    proc = machine(GROUPS_V1, "\n".join(mounts), **limits)
    assert (usable_cores(proc), usable_memory(proc)) == (2, GIB)


def test_no_limit_of_version_1_is_a_huge_number_or_below_zero(machine):
    mounts = [V1.format(root="/", top=machine.top, controllers=each) for each in ("cpu,cpuacct", "memory")]
    limits = {
        "cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "-1",
        "cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000",
        "memory/docker/abc/memory.limit_in_bytes": "9223372036854771712",
    }
    proc = machine(GROUPS_V1, "\n".join(mounts), **limits)
    assert (usable_cores(proc), usable_memory(proc)) == (8, 32 * GIB)


def test_a_tiny_quota_still_leaves_one_core(machine):
    proc = machine("0::/\n", V2.format(top=machine.top), **{"cpu.max": "5000 100000"})
    assert usable_cores(proc) == 1


def test_the_affinity_counts_where_it_is_less(machine, monkeypatch):
    proc = machine("0::/\n", V2.format(top=machine.top), **{"cpu.max": "600000 100000"})
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert usable_cores(proc) == 1


@pytest.mark.parametrize("groups", ["", "nonsense", "0::/../../elsewhere\n", "0::\n:::\n"])
def test_files_that_make_no_sense_limit_nothing(machine, groups):
    proc = machine(groups, f"nonsense\n1 2 3 - cgroup2\n{V2.format(top=machine.top)}", **{"cpu.max": "a b"})
    assert (usable_cores(proc), usable_memory(proc)) == (8, 32 * GIB)


def test_a_system_without_proc_has_what_it_says_itself(tmp_path):
    assert usable_cores(tmp_path) >= 1
    assert usable_memory(tmp_path) > 0
