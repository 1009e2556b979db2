"""How written forms are read aloud, by class: the classes of Kestrel's and NeMo's text normalisation."""

import pytest

from nexus_voice.text.spoken.numbers import cardinal, ordinal, roman, year
from nexus_voice.text.spoken.speakable import speakable

ROMAN = {
    "WWII and World Wars I and II": "World War two and World Wars one and two",
    "World War II ended in 1945.": "World War two ended in nineteen forty-five.",
    "After World War I, it changed.": "After World War one, it changed.",
    "Henry VIII had six wives.": "Henry the eighth had six wives.",
    "Queen Elizabeth II's reign": "Queen Elizabeth the second's reign",
    "Elizabeth I was queen.": "Elizabeth the first was queen.",
    "Pope John XXIII and Pope John Paul II": "Pope John the twenty-third and Pope John Paul the second",
    "Louis XIV of France": "Louis the fourteenth of France",
    "Louis XIV, XV and XVI": "Louis the fourteenth, the fifteenth and the sixteenth",
    "King George V died.": "King George the fifth died.",
    "King Zog I of Albania": "King Zog the first of Albania",
    "William Gates III founded it.": "William Gates the third founded it.",
    "See Chapter IV.": "See Chapter four.",
    "Chapters II and III": "Chapters two and three",
    "Part I, Part II": "Part one, Part two",
    "in phase III trials": "in phase three trials",
    "Super Bowl LVIII": "Super Bowl fifty-eight",
    "type II diabetes, type I error": "type two diabetes, type one error",
    "Volume XII, Section IX": "Volume twelve, Section nine",
    "Act V, Scene II": "Act five, Scene two",
    "Apollo XIII and Rocky IV": "Apollo thirteen and Rocky four",
    "Final Fantasy VII": "Final Fantasy seven",
    "the XIX century": "the nineteenth century",
    "Vol. IV": "Volume four",
    "an IV drip": "an I V drip",
    "I think I know.": "I think I know.",
    "For my part I agree.": "For my part I agree.",
    "Like Charles I think so.": "Like Charles I think so.",
    "With Mary I was happy.": "With Mary I was happy.",
    "I told Mark I was late.": "I told Mark I was late.",
    "David I. Brown and Peter V. Smith": "David I. Brown and Peter V. Smith",
    "Tesla Model X, Mac OS X": "Tesla Model X, Mac OS X",
    "MIX the CIVIL parts": "MIX the CIVIL parts",
    "Washington, DC and an MD": "Washington, DC and an MD",
    "Take vitamin C and vitamin D.": "Take vitamin C and vitamin D.",
    "Malcolm X spoke.": "Malcolm X spoke.",
    "Section C, Plan B, Grade D": "Section C, Plan B, Grade D",
    "My CV is on a CD.": "My CV is on a CD.",
    "Robert C. Martin": "Robert C. Martin",
}
ABBREVIATIONS = {
    "Ms. Smith met Mr. and Mrs. Jones.": "Miz Smith met Mister and Missus Jones.",
    "Mr. Brown": "Mister Brown",
    "Mr Brown and Dr Green": "Mister Brown and Doctor Green",
    "Dr. Lee lives at 12 Elm Dr. in Boston.": "Doctor Lee lives at 12 Elm Drive in Boston.",
    "Ask the Dr. about it.": "Ask the doctor about it.",
    "St. Mary's is on Main St. near us.": "Saint Mary's is on Main Street near us.",
    "We live in St. Louis.": "We live in Saint Louis.",
    "123 Oak St. Springfield": "123 Oak Street Springfield",
    "It is on 5th Ave.": "It is on fifth Avenue.",
    "Turn onto Sunset Blvd. and go on.": "Turn onto Sunset Boulevard and go on.",
    "Prof. Adams, Sgt. Pepper, Capt. Cook": "Professor Adams, Sergeant Pepper, Captain Cook",
    "Gov. Hill and Sen. Reed": "Governor Hill and Senator Reed",
    "Martin Luther King Jr. spoke.": "Martin Luther King Junior spoke.",
    "He is John Smith Sr.": "He is John Smith Senior.",
    "Acme Inc. and Widget Co. merged.": "Acme Incorporated and Widget Company merged.",
    "cats vs. dogs": "cats versus dogs",
    "apples, pears, etc.": "apples, pears, et cetera.",
    "fruit, e.g. apples": "fruit, for example apples",
    "the last, i.e., the third": "the last, that is, the third",
    "E.g. this one": "For example this one",
    "approx. 5 km": "approximately 5 kilometers",
    "the dept. of physics": "the department of physics",
    "Smith et al. found it.": "Smith and others found it.",
    "No. 5 is alive.": "Number five is alive.",
    "nos. 3-5": "numbers 3 to 5",
    "No, 5 is wrong.": "No, 5 is wrong.",
    "See vol. 2, fig. 3 and p. 7.": "See volume two, figure three and page seven.",
    "pp. 3-5": "pages 3 to 5",
    "fig. 3.2": "figure 3.2",
    "ext. 12": "extension twelve",
    "Mt. Everest and Ft. Knox": "Mount Everest and Fort Knox",
    "max. 5, at least 5 min. long": "maximum 5, at least 5 minutes long",
    "Thanks, Max.": "Thanks, Max.",
    "vitamin C. 5 people": "vitamin C. 5 people",
    "5 p.m. and 9 a.m.": "5 p.m. and 9 a.m.",
    "The U.S. is big.": "The U.S. is big.",
}
SLASHES = {
    "We are open 24/7.": "We are open twenty-four seven.",
    "tea and/or coffee": "tea and or coffee",
    "he/she said his/her name": "he or she said his or her name",
    "yes/no": "yes or no",
    "TCP/IP and I/O": "TCP IP and I O",
    "red/green/blue": "red green blue",
    "w/o sugar, w/ milk": "without sugar, with milk",
    "N/A": "not applicable",
    "speed in km/h": "speed in kilometers per hour",
    "100 km/h": "100 kilometers per hour",
    "1/2 and 3/4": "a half and three quarters",
    "the 3/4-inch pipe": "the three quarters-inch pipe",
    "5 1/2 cups": "5 and a half cups",
    "2/5, 5/8 and 1/10": "two fifths, five eighths and a tenth",
    "a score of 8/10": "a score of 8 out of 10",
    "split it 50/50 or 80/20": "split it 50 50 or 80 20",
    "120/80": "120 over 80",
    "since 9/11 happened": "since nine eleven happened",
    "/usr/bin and src/main.py": "slash usr slash bin and src slash main dot py",
}
TELEPHONE = {
    "Call 555-0123.": "Call five five five, zero one two three.",
    "(555) 010-0199": "five five five, zero one zero, zero one nine nine",
    "555-123-4567": "five five five, one two three, four five six seven",
    "555.123.4567": "five five five, one two three, four five six seven",
    "+44 20 7946 0958": "plus four four, two zero, seven nine four six, zero nine five eight",
    "+1 (555) 010-0199": "plus one, five five five, zero one zero, zero one nine nine",
    "1-800-555-0199": "one, eight hundred, five five five, zero one nine nine",
    "1-800-FLOWERS": "one, eight hundred, Flowers",
    "(020) 7946 0958": "zero two zero, seven nine four six, zero nine five eight",
    "020 7946 0958": "zero two zero, seven nine four six, zero nine five eight",
    "Dial 911.": "Dial nine one one.",
    "4111 1111 1111 1111": ("four one one one, one one one one, one one one one, one one one one"),
    "agent 007": "agent zero zero seven",
    "ISBN 9780306406157": "ISBN nine seven eight zero three zero six four zero six one five seven",
    "from 100-2000": "from 100 to 2000",
    "10000000000": "10000000000",
}
DATES = {
    "2024-01-15": "January fifteenth, twenty twenty-four",
    "It is 2024-01-15T10:30:00Z.": "It is January fifteenth, twenty twenty-four, 10 30.",
    "July 4, 1776": "July fourth, seventeen seventy-six",
    "on Jan. 5": "on January fifth",
    "the 4th of July": "the fourth of July",
    "4 July 1776": "the fourth of July, seventeen seventy-six",
    "May 3-5": "May third to fifth",
    "March 2024": "March twenty twenty-four",
    "Mon., Dec. 2": "Monday, December second",
    "12/25/2024": "December twenty-fifth, twenty twenty-four",
    "25/12/1999": "December twenty-fifth, nineteen ninety-nine",
    "due 3/14": "due March fourteenth",
    "in 1984 and since 2005": "in nineteen eighty-four and since two thousand five",
    "in 1900, (1066)": "in nineteen hundred, (ten sixty-six)",
    "in 1500 cases": "in 1500 cases",
    "from 1990 to 2000": "from nineteen ninety to two thousand",
    "the 2024/25 season, c. 1500": "the twenty twenty-four to twenty-five season, circa fifteen hundred",
    "in his 30s, mid-1990s": "in his thirties, mid-nineteen nineties",
    "The Sun, 5 planets": "The Sun, 5 planets",
    "1000-1500 users, 1500-1800 MHz": "1000 to 1500 users, 1500 to 1800 megahertz",
    "1914-1918": "nineteen fourteen to nineteen eighteen",
    "1939-45": "nineteen thirty-nine to forty-five",
    "the 1990s": "the nineteen nineties",
    "the '90s, the 60s": "the nineties, the sixties",
    "the 2010s and 1900s": "the twenty tens and nineteen hundreds",
    "1st, 2nd, 22nd and 100th": "first, second, twenty-second and one hundredth",
    "I may go, and march 3 miles": "I may go, and march 3 miles",
}
NUMBERS = {
    "10-15 people": "10 to 15 people",
    "They won 3-2.": "They won 3 to 2.",
    "$3.5 million, €2bn, £5": "3.5 million dollars, 2 billion euros, 5 pounds",
    "$19.99 and 99¢": "19 dollars and 99 cents and 99 cents",
    "$100,000": "100000 dollars",
    "5%, 2.5 %": "5 percent, 2.5 percent",
    "-5 °C, 70°F": "minus 5 degrees Celsius, 70 degrees Fahrenheit",
    "7:05, 19:30, 12:00, 5:30am": "7 oh 5, 19 30, 12 o'clock, 5 30 am",
    "6 ft. tall": "6 feet tall",
    "5'10\"": "5 foot 10",
    "9.8 m/s²": "9.8 meters per second squared",
    "a 10x speed-up": "a 10 times speed-up",
    "1920x1080": "1920 by 1080",
    "Python 3.11 and v2.0": "Python 3.11 and version 2 point 0",
    "192.168.0.1": "192 dot 168 dot 0 dot 1",
    "bob@example.com": "bob at example dot com",
    "2,500,000": "2.5 million",
    "8 GB, 3 MB/s": "8 gigabytes, 3 megabytes per second",
    "#1 of 12": "number 1 of 12",
    "COVID-19, F-16, MP3": "COVID-19, F-16, MP3",
    "3 - 1 = 2": "3 minus 1 equals 2",
}
CLASSES = [ROMAN, ABBREVIATIONS, SLASHES, TELEPHONE, DATES, NUMBERS]


@pytest.mark.parametrize(("written", "spoken"), [pair for forms in CLASSES for pair in forms.items()])
def test_spoken_form(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


OTHER_LANGUAGES = [
    ("de", "Am 15.01.2024 um 19:30 kosten 5 km 3,50 €, d. h. 1/2."),
    ("", "Der Zug ist nicht 5 km lang, und die Fahrt kostet 3,50 €."),
    ("", "Le prix est de 5 € pour les 3/4 des personnes."),
    ("", "El tren de las 19:30 cuesta 5 € por persona."),
    ("ru", "Людовик XIV родился в 1638 году, 5 км."),
    ("", "Это стоит 100 ₽ за 5 km."),
    ("ja", "2024年1月15日は 5 km です。"),
]


@pytest.mark.parametrize(("language", "text"), OTHER_LANGUAGES)
def test_other_languages_get_no_english_words(language: str, text: str) -> None:
    assert speakable(text, language) == text


def test_other_languages_lose_their_markup() -> None:
    assert speakable("**Das** kostet 5 € für [alle](https://a.de). 😀", "de") == "Das kostet 5 € für alle."


def test_a_language_that_is_english_or_unknown() -> None:
    for language in ("", "en", "en-US"):
        assert speakable("It is 5 km.", language) == "It is 5 kilometers."
    assert speakable("Die Hard and Les Mis at 5 km", "") == "Die Hard and Les Mis at 5 kilometers"


def test_numbers_in_words() -> None:
    assert [cardinal(n) for n in (0, 13, 40, 42, 100, 512, 2024, 999_999)] == [
        "zero", "thirteen", "forty", "forty-two", "one hundred", "five hundred twelve",
        "two thousand twenty-four", "nine hundred ninety-nine thousand nine hundred ninety-nine",
    ]  # fmt: skip
    assert [ordinal(n) for n in (1, 2, 3, 5, 8, 9, 12, 20, 21, 40, 100, 101)] == [
        "first", "second", "third", "fifth", "eighth", "ninth", "twelfth", "twentieth", "twenty-first",
        "fortieth", "one hundredth", "one hundred first",
    ]  # fmt: skip
    assert [year(n) for n in (1066, 1800, 1905, 2000, 2009, 2010, 2100)] == [
        "ten sixty-six", "eighteen hundred", "nineteen oh five", "two thousand", "two thousand nine",
        "twenty ten", "twenty-one hundred",
    ]  # fmt: skip
    assert [roman(text) for text in ("I", "IV", "XIX", "MCMXCIV", "IIII", "IC", "VX", "A", "")] == [
        1, 4, 19, 1994, 0, 0, 0, 0, 0,
    ]  # fmt: skip
