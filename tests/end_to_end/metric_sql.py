"""What a metric of models/semantic says, as SQL: as much of MetricFlow as is needed to compare it with plain SQL."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SemanticManifest:
    """dbt's `semantic_manifest.json`."""

    path: Path

    @cached_property
    def document(self) -> dict[str, Any]:
        return json.loads(self.path.read_text(encoding="utf-8"))

    @cached_property
    def models(self) -> dict[str, dict[str, Any]]:
        return {model["name"]: model for model in self.document["semantic_models"]}

    @cached_property
    def metrics(self) -> dict[str, dict[str, Any]]:
        return {metric["name"]: metric for metric in self.document["metrics"]}

    @cached_property
    def measures(self) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """Measure → its semantic model and itself."""
        return {measure["name"]: (model, measure) for model in self.models.values() for measure in model["measures"]}

    def model_of(self, metric: str) -> dict[str, Any]:
        """The semantic model that a metric is measured on."""
        parameters = self.metrics[metric]["type_params"]
        if self.metrics[metric]["type"] == "ratio":
            return self.model_of(parameters["numerator"]["name"])
        return self.measures[parameters["measure"]["name"]][0]

    def expression(self, metric: str) -> str:
        """SQL over the rows of the metric's mart."""
        parameters = self.metrics[metric]["type_params"]
        if self.metrics[metric]["type"] == "ratio":
            part, whole = (self.expression(parameters[side]["name"]) for side in ("numerator", "denominator"))
            assert self.model_of(metric) == self.model_of(parameters["denominator"]["name"])
            return f"cast({part} as double) / nullif({whole}, 0)"
        measure = self.measures[parameters["measure"]["name"]][1]
        assert (measure["agg"], self.metrics[metric]["filter"], parameters["measure"]["filter"]) == ("sum", None, None)
        return f"sum({measure['expr'] or measure['name']})"

    def report_time(self, metric: str) -> str:
        """SQL of the time that a metric's days are of."""
        model = self.model_of(metric)
        name = model["defaults"]["agg_time_dimension"]
        [found] = [dimension for dimension in model["dimensions"] if dimension["name"] == name]
        return found["expr"]

    def entity(self, metric: str, name: str) -> str:
        """The column of an entity in the metric's mart."""
        [found] = [entity for entity in self.model_of(metric)["entities"] if entity["name"] == name]
        return found["expr"]

    def mart(self, metric: str) -> str:
        return self.model_of(metric)["node_relation"]["alias"]
