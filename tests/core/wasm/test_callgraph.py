"""The call graph has every call that can happen, and finds shortest ways and circles in it."""

from __future__ import annotations

from random import Random

import pytest

from sshi.wasm.callgraph import CallGraph, call_graph


def graph(*successors: tuple[int, ...], roots: tuple[int, ...] = (0,)) -> CallGraph:
    return CallGraph(successors, roots, len(successors))


def test_direct_calls_are_edges_in_the_order_of_first_use(parse):
    module = parse("(module (func $a (call $c) (call $b) (call $c)) (func $b) (func $c (call $a)))")
    assert call_graph(module).successors[:3] == ((2, 1), (), (0,))


def test_an_indirect_call_reaches_what_the_module_takes_references_of_by_type(parse):
    """From element segments of every kind, globals and bodies; two equal types are one; a function of another type is not reached."""
    module = parse(
        """(module (type $t (func (param i32))) (type $u (func (param i32))) (table 2 funcref) (global funcref (ref.func $g))
             (elem (i32.const 0) $a $other) (elem declare func $d) (elem funcref (ref.func $e))
             (func $main (export "main") (call_indirect (type $t) (i32.const 0) (i32.const 0)) (drop (ref.func $d)))
             (func $a (type $t)) (func $d (type $u)) (func $e (type $t)) (func $g (type $u)) (func $other) (func $never (type $t)))"""
    )
    reached = call_graph(module).reached((0,))
    assert {function for function in reached if function < 7} == {0, 1, 2, 3, 4}


def test_the_host_starts_exports_the_start_function_and_what_an_exported_table_holds(parse):
    text = '(table %s 1 funcref) (elem (i32.const 0) $held) (func $start) (start $start) (func (export "f")) (func $held) (func)'
    assert call_graph(parse(f"(module {text % ''})")).roots == (1, 0)
    assert call_graph(parse("(module " + text % '(export "t")' + ")")).roots == (1, 0, 2)


def path(graph: CallGraph, roots: tuple[int, ...], function: int) -> tuple[tuple[int, bool], ...]:
    return graph.path(graph.reached(roots), function)


def test_a_path_is_a_shortest_one_and_leaves_out_type_nodes():
    through_a_type = CallGraph(((1, 4), (), (), (), (3,)), (0,), 4)
    assert path(through_a_type, (0,), 3) == ((0, False), (3, True))
    assert path(through_a_type, (0,), 2) == ()
    long = graph((1, 3), (2,), (3,), (), roots=(0,))
    assert path(long, (0,), 3) == ((0, False), (3, False))
    assert path(long, (1,), 0) == ()


def test_a_path_of_direct_calls_goes_before_a_shorter_one_through_the_table():
    """Types only say what an indirect call could reach."""
    both = CallGraph(((1, 5), (2,), (4,), (), (), (4, 3)), (0,), 5)
    assert path(both, (0,), 4) == ((0, False), (1, False), (2, False), (4, False))
    assert path(both, (0,), 3) == ((0, False), (3, True))
    assert both.taken == (4, 3)


def test_circles_are_components_and_callees_come_first():
    found = graph((1,), (2,), (1, 3), (3,), (0,))
    assert [sorted(component) for component in found.components()] == [[3], [1, 2], [0]]


@pytest.mark.parametrize("seed", range(40))
def test_components_are_the_sets_that_reach_each_other(seed):
    random = Random(seed)
    size = random.randint(1, 12)
    edges = tuple(tuple(random.sample(range(size), random.randint(0, min(3, size)))) for _ in range(size))
    found = graph(*edges, roots=(0, size - 1))
    reach = [set(found.reached((node,))) for node in range(size)]
    live = reach[0] | reach[size - 1]
    components = found.components()
    assert sorted(node for component in components for node in component) == sorted(live)
    place = {node: at for at, component in enumerate(components) for node in component}
    for a in live:
        for b in live:
            assert (place[a] == place[b]) == (a in reach[b] and b in reach[a])
            if b in reach[a]:
                assert place[b] <= place[a]
