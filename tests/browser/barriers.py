"""What keeps somebody from a page who does not see, or not all colours, or uses no mouse."""

from axe_playwright_python.sync_playwright import Axe


def barriers(page, *known: str, within: str | None = None) -> list[str]:
    """The serious and critical findings of axe on a page, but for the rules that are known.

    within: look only inside what this selector finds.
    """
    quiet = {"resultTypes": ["violations"], "preload": False}  # a page on file:// fetches no style
    rules = Axe().run(page, context=within, options=quiet).response["violations"]
    return [
        f"{rule['id']}, {len(rule['nodes'])} times: {rule['nodes'][0]['html'][:120]}"
        for rule in rules
        if rule["id"] not in known and rule["impact"] in ("serious", "critical")
    ]
