"""The order in which derived variables can be computed, and what each reads.

`Variable.derive` is a `careloop.dictionary.condition`, with Kleene's three-valued logic: unknown OR
true is true, unknown OR false is unknown. `OR NULL` at the end says "these make it true, nothing
makes it false".
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from careloop.dictionary.condition import names_in
from careloop.dictionary.variable import Variable
from careloop.error import ConfigError


def derivation_order(dictionary: Mapping[str, Variable]) -> dict[str, tuple[str, ...]]:
    """List derived variables so that each follows those it reads, with the names each reads.

    The same dictionary always gives the same order.

    Raises
    ------
    ConfigError
        A derivation reads a variable that does not exist, or derivations go in a circle.
    """
    reads = {
        key: names_in(variable.derive) for key, variable in dictionary.items() if variable.derive
    }
    for key, used in reads.items():
        for name in used:
            if name not in dictionary:
                raise ConfigError(
                    f"derive reads {name!r}, which no file declares",
                    where=f"[{key}]",
                    remedy="declare it, or mend the name",
                )
    graph = {key: [name for name in used if name in reads] for key, used in reads.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ConfigError(
            f"derivations go in a circle: {' → '.join(reversed(error.args[1]))}",
            where=f"[{error.args[1][0]}]",
            remedy="let one of them be recorded instead of derived",
        ) from None
    return {key: reads[key] for key in order}
