"""Teaches schemathesis the one kind of body that it does not know; see scripts/check-api."""

import schemathesis


@schemathesis.serializer("application/toml")
def write_toml(ctx, value):
    """Policies are sent as they are, and they are anything but TOML most of the time."""
    return {"data": value if isinstance(value, bytes) else str(value).encode()}


@schemathesis.deserializer("application/toml")
def read_toml(ctx, response):
    """Policies come back as they were written: as text."""
    return response.content.decode()
