"""How small the images of a network may be; loads nothing heavy."""


def too_small(image_shape: tuple[int, int, int], *, least: int, because: str) -> str | None:
    """Return what is wrong with images of which a side is below `least` pixels, or None.

    Args:
        image_shape: (height, width, channels).
        least: what the network divides each side by.
        because: the reason; the message begins with it.
    """
    if min(image_shape[:2]) >= least:
        return None
    return f"{because}, expected images of at least {least} x {least}, got {image_shape[0]} x {image_shape[1]}"
