"""What a browser calls itself, in two words that its owner recognises."""

from __future__ import annotations

_BROWSERS = (
    ("MicroMessenger", "微信 WeChat"),
    ("Edg", "Edge"),
    ("HuaweiBrowser", "Huawei"),
    ("MiuiBrowser", "Xiaomi"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def words_for(agent: str) -> str:
    """Browser and system; a dash for what is not known.

    Examples
    --------
    >>> words_for("Mozilla/5.0 (Linux; Android 13) AppleWebKit Chrome/120 Mobile Safari/537")
    'Chrome · Android'
    """
    found = [
        next((name for mark, name in known if mark in agent), "") for known in (_BROWSERS, _SYSTEMS)
    ]
    return " · ".join(filter(None, found)) or "—"
