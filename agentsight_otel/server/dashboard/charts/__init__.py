"""Charts drawn on the server as accessible SVG: no script, no inline style, sized by percentages."""

from agentsight_otel.server.dashboard.charts.axes import bars, lines
from agentsight_otel.server.dashboard.charts.heat import heat_map
from agentsight_otel.server.dashboard.charts.model import Chart, Series, Slot
from agentsight_otel.server.dashboard.charts.small import Part, interval, meter, spark, split

__all__ = [
    "Chart",
    "Part",
    "Series",
    "Slot",
    "bars",
    "heat_map",
    "interval",
    "lines",
    "meter",
    "spark",
    "split",
]
