"""What the course says, from YAML files: data/exercises, cards, questions, notes, clinic."""

from pathlib import Path

import yaml

from lessons_lib import files


class Said(dict):
    """A mapping that knows where it stands: `where` is its file and line."""

    where = ""


class Strict(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Refuses what YAML lets pass in silence: a key twice, and a key that is no text."""

    def construct_mapping(self, node, deep=False):
        """The mapping, with the place where it begins."""
        found = Said()
        found.where = self.place(node)
        for key, value in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise ValueError(f"{self.place(key)}: {key.value!r} is no text; quote it")
            if key.value in found:
                raise ValueError(f"{self.place(key)}: {key.value!r} is there twice")
            found[key.value] = made = self.construct_object(value, deep=True)
            if isinstance(made, Said):
                made.where = self.place(key)  # where its name stands
        return found

    def place(self, node) -> str:
        """File and line of a node."""
        return f"{self.file}, line {node.start_mark.line + 1}"


Strict.add_constructor("tag:yaml.org,2002:map", Strict.construct_mapping)


def load(kind: str, notebook: str, shape: type = list) -> list | Said:
    """What data/kind holds for one notebook ("01"): a list, or with `shape=dict` a mapping.

    Raises ValueError, with the notebooks that have some, if this one has none; FileProblem for a
    file of another shape, or with a key twice.
    """
    path = files.DATA / kind / f"{notebook}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise ValueError(f"notebook: {notebook!r} has no {kind}; there are {kind} for {known}")
    return parsed(path, shape)


def parsed(path: Path, shape: type) -> list | Said:
    """A YAML file's content; FileProblem, with the line, for what it should not hold."""
    named = "a list" if shape is list else "a mapping"
    short = f"data/{path.parent.name}/{path.name}"
    with files.reading(path, f"{named}, YAML", f"Repair it with `git restore {short}`"):
        loader = Strict(path.read_text(encoding="utf-8"))
        loader.file = short
        found = loader.get_single_data()
        if not isinstance(found, shape):
            raise ValueError(f"a {type(found).__name__}")
        return found
