"""Values as JSON in which types can be told apart, and the results of all cases."""

import enum


def show(value):
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "_asdict"):
        return {type(value).__name__: {name: show(member) for name, member in value._asdict().items()}}
    if isinstance(value, tuple):
        return {"tuple": [show(item) for item in value]}
    if isinstance(value, list):
        return [show(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return {"set": sorted(map(repr, value))}
    if isinstance(value, dict):
        return {"dict": {str(name): show(member) for name, member in value.items()}}
    if isinstance(value, enum.Enum):
        return {"enum": f"{type(value).__name__}.{value.name}"}
    return {"object": type(value).__name__}


class Results:
    """Results by the name of their case."""

    def __init__(self):
        self.shown = {}

    def add(self, case, value):
        assert case not in self.shown, case
        self.shown[case] = show(value)

    def of(self, case, function, *arguments, **named):
        """What a call returns, or what it raises."""
        try:
            value = function(*arguments, **named)
        except Exception as error:
            value = {"raised": type(error).__name__}
        self.add(case, value)
        return value

    async def of_async(self, case, function, *arguments, **named):
        try:
            value = await function(*arguments, **named)
        except Exception as error:
            value = {"raised": type(error).__name__}
        self.add(case, value)
        return value
