"""Of the hyphens at the ends of lines those stay that belong to the word."""

import pytest
from drawn import Column, pdf

from nexus_voice.knowledge.reading.read import read

ENGLISH = "The crew of the depot is sure that the pump and the valve of the house are in order."
GERMAN = "Die Pumpe und das Ventil der Anlage sind nicht in der Halle, und das ist der Grund."
FRENCH = "La pompe et les vannes de la maison est des plus simples, et les clients de la ville."
DUTCH = "De pomp van het huis en een klep van de kelder zijn niet in orde, en de man is er niet."


@pytest.mark.parametrize(
    ("about", "first", "rest", "whole"),
    [
        (ENGLISH, "It cools the refrig-", "eration plant.", "It cools the refrigeration plant."),
        (ENGLISH, "It is a long-", "term matter.", "It is a long-term matter."),
        (ENGLISH, "A price-", "determining factor.", "A price-determining factor."),
        (ENGLISH, "A well-", "known supplier.", "A well-known supplier."),
        (ENGLISH, "It takes micro-", "services apart.", "It takes microservices apart."),
        (ENGLISH, "A state-of-the-", "art pump.", "A state-of-the-art pump."),
        (ENGLISH, "Write an e-", "mail to us.", "Write an e-mail to us."),
        (ENGLISH, "In the years 2019-", "2021 it was dry.", "In the years 2019-2021 it was dry."),
        (ENGLISH, "The pre-", "and the main filter.", "The pre- and the main filter."),
        (ENGLISH, "Call the Brindle-", "Corvane works.", "Call the Brindle-Corvane works."),
        (f"{ENGLISH} The quickvalve is red.", "A quick-", "valve leaks.", "A quickvalve leaks."),
        (f"{ENGLISH} The flood-gate is red.", "A flood-", "gate leaks.", "A flood-gate leaks."),
        (GERMAN, "Die Langzeit-", "speicherung dauert.", "Die Langzeitspeicherung dauert."),
        (GERMAN, "Alle Vor-", "und Nachteile.", "Alle Vor- und Nachteile."),
        (GERMAN, "Am Müller-", "Lüdenscheidt-Platz.", "Am Müller-Lüdenscheidt-Platz."),
        (FRENCH, "Le main-", "tien de la pompe.", "Le maintien de la pompe."),
        (FRENCH, "Un porte-", "monnaie perdu.", "Un porte-monnaie perdu."),
        (DUTCH, "Het is een water-", "pomp van staal.", "Het is een waterpomp van staal."),
    ],
)
def test_hyphens_at_the_ends_of_lines(about: str, first: str, rest: str, whole: str) -> None:
    data = pdf([Column(60, 700, [about]), Column(60, 650, [first, rest])])
    assert " ".join(read("a.pdf", data).text.split()) == f"{about} {whole}"


def test_words_are_joined_across_columns_that_are_drawn_by_row() -> None:
    left = [
        "The crew of the depot cools the",
        "milk with a plant for refrig-",
        "eration that is in good order.",
        "It is old.",
    ]
    right = [
        "Warranty claims are handled by",
        "the depot and are a mainten-",
        "ance matter of the house that",
        "takes long.",
    ]
    document = read("a.pdf", pdf([Column(60, 700, left), Column(300, 700, right)]))
    assert "refrigeration that" in document.text
    assert "maintenance matter" in document.text


def test_words_are_joined_in_headings_and_cells() -> None:
    page = [
        Column(60, 760, ["The price-determining part of refrig-", "eration in the house"], size=16),
        Column(60, 700, [ENGLISH]),
        Column(60, 660, ["Part", "Seal", "", "Mat", "Float"]),
        Column(150, 660, ["Remarks", "for the refrig-", "eration plant", "washed", "none"]),
        Column(330, 660, ["Stock", "40", "", "12", "7"]),
    ]
    document = read("a.pdf", pdf(page))
    assert document.sections[0].path == ("The price-determining part of refrigeration in the house",)
    assert "Seal – Remarks: for the refrigeration plant; Stock: 40" in document.text
