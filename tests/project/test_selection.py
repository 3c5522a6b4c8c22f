"""The walk along a lock's edges, on locks made by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from depsfirst.project.model import (
    MAIN,
    Demand,
    Dependency,
    Environment,
    Lock,
    LockedFile,
    LockedPackage,
    Recipe,
    Source,
    conflict_item,
)
from depsfirst.project.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable

    from depsfirst.errors import DepsfirstError

HERE = Environment((3, 12, 1))


def package(name: str, version: str = "1", *edges: Dependency, **more: Any) -> LockedPackage:
    return LockedPackage(name, version, dependencies=edges, where=f"made.lock: {name}", **more)


def edge(name: str, *candidates: int, **more: Any) -> Dependency:
    return Dependency(name, candidates, **more)


def lock(*packages: LockedPackage, **more: Any) -> Lock:
    more.setdefault("roots", {MAIN: (edge(packages[0].name, 0),)})
    return Lock("made", "made.lock", "shop", packages, **more)


def test_edges_are_followed_and_cycles_end(chosen: Callable[..., list[str]]) -> None:
    made = lock(package("a", "1", edge("b", 1)), package("b", "2", edge("a", 0)), package("c"))
    assert chosen(made) == ["a==1", "b==2"]


def test_a_marker_switches_an_edge(chosen: Callable[..., list[str]]) -> None:
    made = lock(
        package(
            "a", "1", edge("b", 1, marker="python_version < '3.10'"), edge("b", 2, marker="python_version >= '3.10'")
        ),
        package("b", "1"),
        package("b", "2"),
    )
    assert chosen(made, (3, 9, 0)) == ["a==1", "b==1"]
    assert chosen(made, (3, 12, 0)) == ["a==1", "b==2"]


def test_an_extra_of_a_dependency_brings_its_edges_and_the_base(chosen: Callable[..., list[str]]) -> None:
    a = package("a", "1", edge("b", 1), extras={"x": (edge("c", 2, marker="extra == 'x'"),), "y": (edge("b", 1),)})
    made = lock(
        a,
        package("b"),
        package("c"),
        roots={MAIN: (edge("a", 0),), "dev": (edge("a", 0, extras=frozenset({"x", "none"})),)},
    )
    assert chosen(made) == ["a==1", "b==1"]
    assert chosen(made, groups=("dev",)) == ["a==1", "b==1", "c==1"]


def test_extras_of_the_project_can_be_asked_together_in_markers(chosen: Callable[..., list[str]]) -> None:
    edges = (
        edge("a", 0),
        edge("b", 1, marker="extra == 'x' or extra == 'y'"),
        edge("c", 2, marker="extra == 'x' and extra != 'y'"),
    )
    made = lock(package("a"), package("b"), package("c"), roots={MAIN: edges}, extras={"x": (), "y": ()})
    assert chosen(made) == ["a==1"]
    assert chosen(made, extras=("X",)) == ["a==1", "b==1", "c==1"]
    assert chosen(made, extras=("x", "y")) == ["a==1", "b==1"]


def test_what_exists_is_listed_for_what_does_not(refused: Callable[..., DepsfirstError]) -> None:
    made = lock(package("a"), roots={MAIN: (edge("a", 0),), "dev": ()}, extras={"x": ()})
    group = refused(select, made, HERE, groups=frozenset({"docs"}))
    extra = refused(select, made, HERE, extras=frozenset({"Y_y"}))
    none = refused(select, lock(package("a")), HERE, extras=frozenset({"y"}))
    assert (str(group), group.hint) == ('made.lock: there is no group "docs"', "the groups there are: dev, main")
    assert (str(extra), extra.hint) == ('made.lock: there is no extra "y-y"', "the extras there are: x")
    assert none.hint == "the lock has no extras"


def test_a_lock_for_another_python_is_turned_down(refused: Callable[..., DepsfirstError]) -> None:
    error = refused(select, lock(package("a"), requires_python=">=3.13"), HERE)
    assert str(error) == 'made.lock: the lock is made for Python ">=3.13", not for 3.12.1'


def test_a_lock_for_other_environments_is_turned_down(
    refused: Callable[..., DepsfirstError], chosen: Callable[..., list[str]]
) -> None:
    error = refused(select, lock(package("a"), environments=("sys_platform == 'win32'",)), HERE)
    assert str(error) == "made.lock: the lock is not made for Python 3.12.1 on linux/amd64"
    assert error.hint == "it is made for: sys_platform == 'win32'"
    made = lock(package("a"), environments=("sys_platform == 'win32'", "sys_platform == 'linux'"))
    assert chosen(made) == ["a==1"]


def test_first_party_is_apart_and_what_is_not_installed_is_in_neither() -> None:
    made = lock(
        package("shop", "1", edge("lib", 1), edge("virt", 2), edge("wheel", 3), source=Source("project")),
        package("lib", "1", source=Source("directory", "lib")),
        package("virt", "1", edge("idna", 4), source=Source("virtual", "virt")),
        package("wheel", "1", source=Source("file", "wheel-1-py3-none-any.whl")),
        package("idna", "1"),
    )
    recipe = select(made, HERE)
    assert [each.name for each in recipe.third_party] == ["idna", "wheel"]
    assert [each.name for each in recipe.first_party] == ["lib"]


def test_of_several_candidates_the_best_that_suits_all_edges_is_taken(chosen: Callable[..., list[str]]) -> None:
    b3, b2, b1 = (package("b", version) for version in ("3", "2", "1"))
    made = lock(package("a", "1", edge("b", 1, 2, 3), edge("c", 4)), b3, b2, b1, package("c", "1", edge("b", 2, 3)))
    assert chosen(made) == ["a==1", "b==2", "c==1"]


def test_what_a_version_that_was_dropped_asked_for_is_dropped_too(chosen: Callable[..., list[str]]) -> None:
    made = lock(
        package("a", "1", edge("b", 1, 2), edge("c", 3)),
        package("b", "2", edge("new", 4)),
        package("b", "1", edge("old", 5)),
        package("c", "1", edge("b", 2)),
        package("new"),
        package("old"),
    )
    assert chosen(made) == ["a==1", "b==1", "c==1", "old==1"]


def test_a_candidate_for_another_python_is_passed_over(chosen: Callable[..., list[str]]) -> None:
    made = lock(
        package("a", "1", edge("b", 1, 2)),
        package("b", "2", requires_python=">=3.11"),
        package("b", "1", requires_python=">=3.8"),
    )
    assert chosen(made, (3, 9, 0)) == ["a==1", "b==1"]
    assert chosen(made, (3, 12, 0)) == ["a==1", "b==2"]
    assert chosen(made, (3, 7, 0)) == ["a==1", "b==2"]  # neither suits: the marker said so, the lock is believed


def test_edges_that_contradict_each_other_are_an_error(refused: Callable[..., DepsfirstError]) -> None:
    made = lock(package("a", "1", edge("b", 1), edge("b", 2)), package("b", "1"), package("b", "2"))
    error = refused(select, made, HERE)
    assert str(error) == ('made.lock: b: no one version of "b" suits everything that is chosen: the lock has 1, 2')


def test_edges_that_never_settle_are_an_error(refused: Callable[..., DepsfirstError]) -> None:
    made = lock(
        package("a", "1", edge("b", 1, 2)),
        package("b", "2", edge("c", 3)),
        package("b"),
        package("c", "1", edge("b", 2)),
    )
    assert refused(select, made, HERE).message == "the edges of the lock contradict each other"


def test_an_edge_that_holds_and_leads_nowhere_is_an_error(
    refused: Callable[..., DepsfirstError], chosen: Callable[..., list[str]]
) -> None:
    made = lock(package("a", "1", edge("b", marker="python_version < '3.10'")))
    assert chosen(made) == ["a==1"]
    error = refused(select, made, Environment((3, 9, 0)))
    assert str(error) == 'made.lock: the lock has no "b" that suits everything that is chosen'


def test_conflict_items_are_active_once_an_edge_brings_them(
    refused: Callable[..., DepsfirstError], chosen: Callable[..., list[str]]
) -> None:
    cpu, gpu = conflict_item("extra", "lib", "cpu"), conflict_item("extra", "lib", "gpu")
    assert cpu == "extra-3-lib-cpu"
    lib = package(
        "lib", "1", edge("torch", 1, marker=f"extra == '{cpu}'"), edge("torch", 2, marker=f"extra != '{cpu}'")
    )
    made = lock(
        lib._replace(extras={"cpu": (), "gpu": ()}),
        package("torch", "1+cpu"),
        package("torch", "1"),
        roots={
            MAIN: (edge("lib", 0),),
            "small": (edge("lib", 0, extras=frozenset({"cpu"})),),
            "large": (edge("lib", 0, extras=frozenset({"gpu"})),),
        },
        conflicts=(frozenset({cpu, gpu}), frozenset({conflict_item("group", "shop", "dev")})),
    )
    assert chosen(made) == ["lib==1", "torch==1"]
    assert chosen(made, groups=("main", "small")) == ["lib==1", "torch==1+cpu"]
    error = refused(select, made, HERE, groups=frozenset({"small", "large"}))
    assert str(error) == 'made.lock: the extra "cpu" of "lib" and the extra "gpu" of "lib" exclude each other'


def test_chosen_groups_extras_and_the_project_are_conflict_items(refused: Callable[..., DepsfirstError]) -> None:
    items = frozenset(
        {conflict_item("project", "shop"), conflict_item("group", "shop", "dev"), conflict_item("extra", "shop", "x")}
    )
    made = lock(package("a"), roots={MAIN: (), "dev": ()}, extras={"x": ()}, conflicts=(items,))
    select(made, HERE)
    select(made, HERE, groups=frozenset({"dev"}))
    error = refused(select, made, HERE, groups=frozenset({"main", "dev"}), extras=frozenset({"x"}))
    assert error.message == (
        'the extra "x" of "shop" and the group "dev" of "shop" and the project "shop" exclude each other'
    )


def test_a_demand_must_be_met_where_its_marker_holds(refused: Callable[..., DepsfirstError]) -> None:
    demands = (
        Demand("a>=1", "pyproject.toml: project.dependencies[0]", (0,)),
        Demand("b; python_version < '3.10'", "pyproject.toml: project.dependencies[1]", (), "python_version < '3.10'"),
    )
    made = lock(package("a"), demands=demands)
    select(made, HERE)
    error = refused(select, made, Environment((3, 9, 1), "linux/arm64"))
    assert str(error) == (
        'pyproject.toml: project.dependencies[1]: "made.lock" has nothing that meets'
        " \"b; python_version < '3.10'\" for Python 3.9.1 on linux/arm64"
    )


@dataclass
class Parts:
    """What a package of the recipe below is made of, changed one by one."""

    version: str = "1"
    source: Source = field(default_factory=lambda: Source("index"))
    files: tuple[LockedFile, ...] = (LockedFile("a-1.tar.gz", "0" * 64, "https://files.example/a-1.tar.gz", 3),)
    hashes: frozenset[str] = frozenset()
    where: str = "made.lock: a"
    dependencies: tuple[Dependency, ...] = ()

    def recipe(self) -> Recipe:
        return Recipe((LockedPackage("a", **self.__dict__),))


@pytest.mark.parametrize(
    "same",
    [
        {"where": "elsewhere.lock: a"},
        {"source": Source("index", "https://mirror.example/simple")},
        {"files": (LockedFile("a-1.tar.gz", "0" * 64),)},
        {"files": (), "hashes": frozenset({"0" * 64})},
        {"dependencies": (edge("b", 1),)},
    ],
)
def test_the_same_packages_have_one_digest(same: dict[str, Any]) -> None:
    assert Parts(**same).recipe().digest == Parts().recipe().digest


@pytest.mark.parametrize(
    "other",
    [
        {"version": "2"},
        {"files": (LockedFile("a-1.tar.gz", "1" * 64),)},
        {"source": Source("url", "https://files.example/a-1.tar.gz")},
        {"source": Source("git", "git+https://git.example/a@" + "0" * 40), "files": ()},
        {"files": ()},
    ],
)
def test_other_packages_have_another_digest(other: dict[str, Any]) -> None:
    assert Parts(**other).recipe().digest != Parts().recipe().digest


def test_without_a_hash_the_index_tells_packages_apart() -> None:
    one, other = (
        Parts(files=(), source=Source("index", url)).recipe() for url in ("https://a.example", "https://b.example")
    )
    assert one.digest != other.digest


def test_first_party_is_no_part_of_the_digest() -> None:
    recipe = Parts().recipe()
    assert recipe._replace(first_party=(package("lib"),)).digest == recipe.digest
    assert recipe.canonical() == b'[{"hashes":["' + b"0" * 64 + b'"],"name":"a","version":"1"}]'
