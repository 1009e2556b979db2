"""English names of what a voice cannot read by itself: units, currencies, signs, months."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


CODE = "The code is on the screen."
TABLE = "The table is on the screen."

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "bn": "billion", "B": "billion",
    "b": "billion", "T": "trillion",
    **{scale: scale for scale in ("thousand", "million", "billion", "trillion")},
}  # fmt: skip

CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"),
    "₩": ("won", "won", "jeon", "jeon"),
}
"""Sign -> the names of one, of several, of one hundredth, and of several hundredths."""


def _regular(table: str) -> dict[str, tuple[str, str]]:
    pairs = (entry.strip().split(" ", 1) for entry in table.split(","))
    return {sign: (name, name + "s") for sign, name in pairs}


UNITS = _regular(
    "nm nanometer, µm micrometer, μm micrometer, mm millimeter, cm centimeter, m meter, km kilometer,"
    "mi mile, yd yard, mg milligram, µg microgram, μg microgram, g gram, kg kilogram, lb pound,"
    "lbs pound, oz ounce, ml milliliter, mL milliliter, cl centiliter, dl deciliter, l liter, L liter,"
    "m² square meter, km² square kilometer, cm² square centimeter, m³ cubic meter, cm³ cubic centimeter,"
    "ha hectare, ns nanosecond, µs microsecond, μs microsecond, ms millisecond, s second, sec second,"
    "min minute, h hour, hr hour, hrs hour, kB kilobyte, KB kilobyte, MB megabyte, GB gigabyte, TB terabyte,"
    "PB petabyte, KiB kibibyte, MiB mebibyte, GiB gibibyte, TiB tebibyte, W watt, kW kilowatt, MW megawatt,"
    "GW gigawatt, Wh watt hour, kWh kilowatt hour, mAh milliamp hour, mA milliamp, mV millivolt, V volt,"
    "kV kilovolt, dB decibel, px pixel, cal calorie, kcal kilocalorie, kJ kilojoule, hPa hectopascal,"
    "kPa kilopascal, tok token, req request, USD US dollar, EUR euro, GBP British pound"
) | {
    "ft": ("foot", "feet"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"),
    "s²": ("second squared", "seconds squared"),
    "mph": ("mile per hour", "miles per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "rpm": ("revolution per minute", "revolutions per minute"),
    "fps": ("frame per second", "frames per second"),
    "bpm": ("beat per minute", "beats per minute"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
    "%": ("percent", "percent"),
    "¢": ("cent", "cents"),
    "‰": ("per mille", "per mille"),
}
"""Sign after a number -> the names of one and of several. Signs that are also common words or letters, such
as "in" and "A", are left out."""

PER_WORDS = frozenset(
    ("second", "minute", "hour", "day", "week", "month", "year", "person", "user", "token", "night", "kilo")
)
"""Words, besides units, that may follow an amount and a slash: "$5/month"."""

SIGNS = {
    "<=>": "if and only if", "<->": "to and from", "!=": "is not equal to", ">=": "greater than or equal to",
    "<=": "less than or equal to", "=>": "to", "->": "to", "<-": "from", "==": "equals",
    "≤": "less than or equal to", "≥": "greater than or equal to", "≠": "is not equal to",
    "≈": "about", "=": "equals", "&": "and", "+": "plus", "±": "plus or minus", "×": "times",
    "÷": "divided by", "→": "to", "⇒": "to", "←": "from", "↔": "to and from", "−": "minus",
    "√": "square root of", "∞": "infinity", "²": "squared", "³": "cubed", "§": "section", "№": "number",
    "©": "copyright", "•": ",",
    "°C": "degrees Celsius", "°F": "degrees Fahrenheit", "°": "degrees", "%": "percent", "€": "euros",
    "£": "pounds", "¥": "yen", "π": "pi", "∑": "sum of", "∈": "in", "∂": "partial",
}  # fmt: skip
"""Signs anywhere in a text -> their names."""

FRACTIONS = {
    "½": "a half", "¼": "a quarter", "¾": "three quarters", "⅓": "a third", "⅔": "two thirds",
    "⅛": "an eighth", "1/2": "a half", "1/4": "a quarter", "3/4": "three quarters", "1/3": "a third",
    "2/3": "two thirds",
}  # fmt: skip

NAMES = {"C++": "C plus plus", "c++": "C plus plus", "C#": "C sharp", "F#": "F sharp", ".NET": "dot NET"}
