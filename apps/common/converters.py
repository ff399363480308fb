"""Parts of addresses beyond Django's own."""

from datetime import date


class DateConverter:
    """A day as 2013-02-08; what is no day is no address."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        """Raises ValueError, which Django answers with 404."""
        return date.fromisoformat(value)

    def to_url(self, value: date) -> str:
        return value.isoformat()
