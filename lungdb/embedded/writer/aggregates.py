"""Aggregates and window functions, as SQLite text."""

from __future__ import annotations

from lungdb.embedded.functions.aggregates import AGGREGATES, string_agg
from lungdb.embedded.syntax.tree import Call, Over
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.values.types import BIGINT, FLOAT, INT
from lungdb.embedded.writer.conditions import ConditionWriter
from lungdb.embedded.writer.scope import Sql
from lungdb.embedded.writer.tree_search import AGGREGATE_NAMES
from lungdb.errors import SqlError

_RANKINGS = {"ROW_NUMBER": BIGINT, "RANK": BIGINT, "DENSE_RANK": BIGINT, "PERCENT_RANK": FLOAT, "CUME_DIST": FLOAT}


class AggregateWriter(ConditionWriter):
    """Writes aggregates and window functions."""

    def aggregate(self, call: Call) -> Sql:
        """Write an aggregate or a window function."""
        if call.name not in AGGREGATE_NAMES:
            return self._window(call)
        if call.over is None:
            return self._grouped_aggregate(call)
        if call.distinct:
            raise SqlError(10759, "Use of DISTINCT is not allowed with the OVER clause. Count in a derived table.")
        return self._aggregate(call, self._over(call.over))

    def _grouped_aggregate(self, call: Call) -> Sql:
        grouped = self.scope.grouped
        if grouped is None:
            return self._aggregate(call, "")
        if grouped.inside:
            raise SqlError(130, "Cannot perform an aggregate function on an expression containing an aggregate or a "
                           "subquery. Compute the inner one in a derived table.")  # fmt: skip
        grouped.inside = True
        try:
            return self._aggregate(call, "")
        finally:
            grouped.inside = False

    def _aggregate(self, call: Call, over: str) -> Sql:
        name = call.name
        if call.star:
            if name not in ("COUNT", "COUNT_BIG"):
                raise SqlError(102, f"Incorrect syntax near '*': {name} takes an expression.")
            return Sql(f"count(*){over}", INT if name == "COUNT" else BIGINT)
        arguments = [self.scalar(each) for each in call.arguments]
        if name == "STRING_AGG":
            return self._string_agg(call, arguments, over)
        if call.within:
            raise SqlError(10757, f"The function '{name}' may not have a WITHIN GROUP clause. Leave it out.")
        settled = AGGREGATES[name].call([each.type for each in arguments])
        argument = self.convert(arguments[0], settled.parameters[0])
        text = f"{'DISTINCT ' if call.distinct else ''}{self.collated(argument)}"
        return Sql(self._over_or_refuse(name, settled.template, over).format(text, over=over), settled.result,
                   may_overflow=argument.may_overflow and name in ("MIN", "MAX"))  # fmt: skip

    def _over_or_refuse(self, name: str, template: str, over: str) -> str:
        if over and "{over}" not in template:
            raise refused(f"{name} of this type with OVER", "Group in a derived table, or CAST to float or int.")
        return template

    def _string_agg(self, call: Call, arguments: list[Sql], over: str) -> Sql:
        if len(arguments) != 2 or call.distinct:
            raise SqlError(174, "The STRING_AGG function requires 2 argument(s). Give the text and the separator.")
        parts = [*arguments, *(self.scalar(item.value) for item in call.within)]
        directions = "".join("D" if item.descending else "A" for item in call.within)
        settled = string_agg([each.type for each in parts], directions)
        texts = [
            self.convert(each, kind, explicit=True).text for each, kind in zip(parts, settled.parameters, strict=True)
        ]
        return Sql(self._over_or_refuse("STRING_AGG", settled.template, over).format(*texts), settled.result)

    def _over(self, over: Over) -> str:
        parts: list[str] = []
        if over.partition:
            parts.append(f"PARTITION BY {', '.join(self.collated(self.scalar(each)) for each in over.partition)}")
        if over.order:
            items = [
                f"{self.collated(self.scalar(each.value))}{' DESC' if each.descending else ''}" for each in over.order
            ]
            parts.append(f"ORDER BY {', '.join(items)}")
        if over.frame:
            parts.append(over.frame)
        return f" OVER ({' '.join(parts)})"

    def _window(self, call: Call) -> Sql:
        if call.over is None:
            raise SqlError(10753, f"The function '{call.name}' must have an OVER clause.")
        needs_order = call.name not in ("FIRST_VALUE", "LAST_VALUE") or bool(call.over.frame)
        if needs_order and not call.over.order:
            raise SqlError(4112, f"The function '{call.name}' must have an OVER clause with ORDER BY.")
        name, over = call.name.lower(), self._over(call.over)
        arguments = [self.scalar(each) for each in call.arguments]
        if call.name in _RANKINGS:
            return Sql(f"{name}(){over}", _RANKINGS[call.name])
        if not arguments:
            raise SqlError(174, f"The {call.name} function requires 1 argument(s). Give one.")
        first, *others = arguments
        if call.name == "NTILE":
            return Sql(f"ntile({self.convert(first, BIGINT).text}){over}", BIGINT)
        if call.name in ("FIRST_VALUE", "LAST_VALUE"):
            return Sql(f"{name}({first.text}){over}", first.type)
        texts = [first.text]
        if others:
            texts.append(self.convert(others[0], INT).text)
        if len(others) > 1:
            texts.append(self.convert(others[1], first.type).text)
        return Sql(f"{name}({', '.join(texts)}){over}", first.type)
