"""LOCAL AGENTSIGHT: ingest, REST, store, analytics, dashboard."""

from starlette.convertors import IntegerConvertor, register_url_convertor

_MAX_ID = 2**63 - 1


class IdConvertor(IntegerConvertor):
    """The integer key of a row in a path, as in ``{pk:id}``."""

    def convert(self, value: str) -> int:
        """Return the number; for one that is more than a key can be, the largest, which no row has."""
        return min(int(value[:20]), _MAX_ID)  # Python converts no more than 4,300 digits


register_url_convertor("id", IdConvertor())
