"""What questions are narrowed down by."""

from typing import Annotated

from fastapi import Query

_VISIBLE = r"^[^\x00-\x1f\x7f]*$"

# No control characters: nothing is called so, and not every database can be asked for them.
Text = Annotated[str, Query(max_length=256, pattern=_VISIBLE)]
"""A name of something; empty: whatever it is called."""

Name = Annotated[str, Query(min_length=1, max_length=256, pattern=_VISIBLE)]
"""A name that must be given."""

IdCursor = Annotated[str, Query(pattern=r"^[a-z0-9-]{0,63}$", description="of the page before")]
"""An id, as the answer before it named it."""
