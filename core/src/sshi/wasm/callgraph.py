"""Who may call whom: direct calls, and indirect ones as far as the table can hold.

An indirect call goes through a node of its *type*, so the graph stays as small as the module: a function points at the
type, the type at every function of that type whose reference the module takes.  Nodes are function indices first, then
one node a type.  A table that the host fills is not seen; the interface has none.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from sshi.wasm.flow import CALL, CALL_INDIRECT, RETURN_CALL, RETURN_CALL_INDIRECT, number
from sshi.wasm.instructions import immediates, index, tokens
from sshi.wasm.module import FUNC, TABLE, FuncType, Module
from sshi.wasm.opcodes import BY_MNEMONIC

REF_FUNC = BY_MNEMONIC["ref.func"].key


@dataclass(frozen=True, slots=True)
class CallGraph:
    """`successors[node]` in the order of first use; the first `functions` nodes are the functions; `roots` are what the host can start."""

    successors: tuple[tuple[int, ...], ...]
    roots: tuple[int, ...]
    functions: int

    def reached(self, roots: Iterable[int]) -> dict[int, int | None]:
        """Every node the roots reach, with the node before it on the best path; None for a root.

        Best is the path of fewest indirect calls, of those the shortest: an indirect call is only one that the types allow.
        """
        before: dict[int, int | None] = {}
        queue: list[tuple[int, int, int, int | None]] = [(0, 0, root, None) for root in dict.fromkeys(roots)]
        heapify(queue)
        while queue:
            indirect, steps, node, came = heappop(queue)
            if node in before:
                continue
            before[node] = came
            for following in self.successors[node]:
                if following not in before:
                    heappush(queue, (indirect + (following >= self.functions), steps + 1, following, node))
        return before

    def path(self, before: Mapping[int, int | None], function: int) -> tuple[tuple[int, bool], ...]:
        """The functions of that path, from a root to the function itself, each with whether it is called indirectly; empty for none."""
        found: list[tuple[int, bool]] = []
        at = function if function in before else None
        while at is not None:
            came = before[at]
            if at < self.functions:
                found.append((at, came is not None and came >= self.functions))
            at = came
        return tuple(reversed(found))

    @property
    def taken(self) -> tuple[int, ...]:
        """The functions whose reference the module takes."""
        return tuple(dict.fromkeys(function for held in self.successors[self.functions :] for function in held))

    def components(self) -> list[list[int]]:
        """Strongly connected components of what the roots reach, callees before callers (Tarjan's algorithm, without recursion)."""
        unseen = array("q", (-1,)) * len(self.successors)  # numbers only: in a megabyte there can be a hundred thousand functions
        number_of, low, place = unseen, unseen[:], unseen[:]
        count = 0
        stack: list[int] = []
        found: list[list[int]] = []

        def open_node(node: int) -> None:
            nonlocal count
            number_of[node] = low[node] = count
            count += 1
            place[node] = len(stack)
            stack.append(node)

        for root in self.roots:
            if number_of[root] >= 0:
                continue
            open_node(root)
            work = [(root, iter(self.successors[root]))]
            while work:
                node, rest = work[-1]
                following = next(rest, None)
                if following is None:
                    work.pop()
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[node])
                    if low[node] == number_of[node]:
                        found.append(stack[place[node] :])
                        del stack[place[node] :]
                        for done in found[-1]:
                            place[done] = -1
                elif number_of[following] < 0:
                    open_node(following)
                    work.append((following, iter(self.successors[following])))
                elif place[following] >= 0:
                    low[node] = min(low[node], number_of[following])
        return found


def call_graph(module: Module) -> CallGraph:
    """The module's call graph; the host starts exported functions, the start function, and what an exported table holds."""
    types = [*(number(entry.desc) for entry in module.imported(FUNC) if isinstance(entry.desc, int)), *module.funcs]
    seen: dict[FuncType, int] = {}
    first = [seen.setdefault(of, at) for at, of in enumerate(module.types)]
    taken = dict.fromkeys(_references(module))
    successors: list[tuple[int, ...]] = [()] * (len(types) - len(module.funcs))
    for code in module.codes:
        called: dict[int, None] = {}
        for token in dict.fromkeys(tokens(code.body, code.at)):
            op = token[0]
            if op in (CALL, RETURN_CALL):
                called[index(token)] = None
            elif op in (CALL_INDIRECT, RETURN_CALL_INDIRECT):
                called[len(types) + first[number(immediates(token)[0])]] = None
            elif op == REF_FUNC:
                taken[index(token)] = None
        successors.append(tuple(called))
    by_type: list[list[int]] = [[] for _ in module.types]
    for function in taken:
        by_type[first[types[function]]].append(function)
    roots = dict.fromkeys(export.index for export in module.exports if export.kind == FUNC)
    if module.start is not None:
        roots[module.start] = None
    if any(export.kind == TABLE for export in module.exports):
        roots.update(taken)
    return CallGraph((*successors, *map(tuple, by_type)), tuple(roots), len(types))


def _references(module: Module) -> list[int]:
    """Functions whose reference an element segment or a global takes."""
    found: list[int] = []
    for segment in module.elements:
        for item in segment.items:
            if isinstance(item, int):
                found.append(item)
            elif item[0] == REF_FUNC:
                found.append(index(tokens(item)[0]))
    return found + [index(tokens(entry.init)[0]) for entry in module.globals if entry.init[0] == REF_FUNC]
