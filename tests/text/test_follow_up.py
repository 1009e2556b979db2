"""Questions that lean on the conversation are made whole, and no others are touched."""

import pytest

from nexus_voice.text.follow_up import MAX_EARLIER, MAX_EARLIER_CHARS, MAX_QUESTION_CHARS, standalone

INSTALL, UPDATE = "How do I install it on Linux?", "How do I update the firmware?"
PORT, VOICE = "How do I change the port?", "How do I change the voice?"

WHOLE: list[tuple[list[str], str, str]] = [
    # A piece that takes the place of another, or is added
    (["How much does a ticket cost?"], "and for students?", "How much does a ticket cost for students?"),
    ([INSTALL], "what about Windows?", "How do I install it on Windows?"),
    ([INSTALL], "And on Windows?", "How do I install it on Windows?"),
    ([INSTALL], "on a Mac?", "How do I install it on a Mac?"),
    ([INSTALL], "okay, and the same for Windows?", "How do I install it on Windows?"),
    (["what is the capital of france"], "and what about spain", "what is the capital of spain?"),
    ([VOICE], "what about the port?", "How do I change the port?"),
    (["How do I add my documents?"], "What about spreadsheets?", "How do I add spreadsheets?"),
    (["What is barge-in?"], "how about push to talk", "What is push to talk?"),
    (["how long is the warranty"], "but not for batteries", "how long is the warranty not for batteries?"),
    (["Does it work with docker?"], "or with podman", "Does it work with podman?"),
    # One piece after the other
    ([INSTALL, "And on Windows?"], "And on Mac?", "How do I install it on Mac?"),
    ([INSTALL, "And on Windows?"], "what about a mac", "How do I install it on a mac?"),
    (
        ["How much does a ticket cost?", "and for students?"],
        "and for children under six?",
        "How much does a ticket cost for children under six?",
    ),
    (
        ["Is lightning covered by the warranty?", "what about water?"],
        "and theft?",
        "Is theft covered by the warranty?",
    ),
    (["Is lightning covered by the warranty?"], "what about water?", "Is water covered by the warranty?"),
    (
        ["Is the battery covered by the warranty?"],
        "and the screen?",
        "Is the screen covered by the warranty?",
    ),
    (["Does lightning void the warranty?"], "and theft?", "Does theft void the warranty?"),
    (["Are dogs allowed?"], "what about cats?", "Are cats allowed?"),
    # Where the piece belongs is unclear: the words of both are looked for
    (["Which models are there?"], "and voices?", "Which models are there? voices?"),
    (["Is there a parking lot?"], "and a garage?", "Is there a parking lot? a garage?"),
    (["how do i install docker", "how about podman"], "is it free", "how do i install podman? is it free"),
    # Questions that name nothing
    ([UPDATE], "how long does that take?", f"{UPDATE} how long does that take?"),
    ([UPDATE], "why?", f"{UPDATE} why?"),
    ([UPDATE], "Tell me more.", f"{UPDATE} Tell me more."),
    ([UPDATE], "is there a limit", f"{UPDATE} is there a limit"),
    ([UPDATE], "and how often", f"{UPDATE} and how often"),
    ([UPDATE, "how long does that take?"], "why", f"{UPDATE} why"),
    (
        ["Which models are there?"],
        "which one is the fastest?",
        "Which models are there? which one is the fastest?",
    ),
    (["where are the logs"], "give me an example", "where are the logs? give me an example"),
    # Pronouns
    (["What is barge-in?"], "how do I turn it off?", "What is barge-in? how do I turn it off?"),
    ([PORT], "does it work offline?", f"{PORT} does it work offline?"),
    (["Where are the logs?"], "how do I delete them?", "Where are the logs? how do I delete them?"),
    ([UPDATE], "can I do that at night?", f"{UPDATE} can I do that at night?"),
    (
        ["Which models are there?"],
        "is there a cheaper one?",
        "Which models are there? is there a cheaper one?",
    ),
    (
        ["What is barge-in?", "how do I turn it off?"],
        "but why",
        "What is barge-in? how do I turn it off? but why",
    ),
    (
        ["What is barge-in?", "how do I turn it off?"],
        "and on my phone?",
        "What is barge-in? how do I turn it off on my phone?",
    ),
    (
        ["What is barge-in?", "how do I turn it off?"],
        "who needs it?",
        "What is barge-in? who needs it?",
    ),
    # The subject changes, and the next one leans on the new one
    ([UPDATE, PORT], "is that safe?", f"{PORT} is that safe?"),
    ([UPDATE, "how long does that take?", VOICE], "and the port?", PORT),
    # Nobody asks small talk a second time
    ([UPDATE, "thanks a lot"], "how long does that take?", f"{UPDATE} how long does that take?"),
    (
        [INSTALL, "hello", "what time is it?", "what is two plus two"],
        "on windows?",
        "How do I install it on windows?",
    ),
    ([PORT, "mm-hm"], "why?", f"{PORT} why?"),
    ([PORT, "say that again"], "is it safe?", f"{PORT} is it safe?"),
    (["why?", "and then?", PORT], "why?", f"{PORT} why?"),
]

ALONE: list[tuple[list[str], str]] = [
    ([], "and for students?"),
    ([], "How do I turn it off?"),
    (["hello"], "what about windows?"),
    ([UPDATE], PORT),
    ([UPDATE], "And how do I change the port?"),
    ([UPDATE], "What does a red light mean?"),
    ([UPDATE], "vllm port"),
    ([UPDATE], "NEXUS_TALK__LEAD"),
    ([PORT], "Which languages does it understand?"),
    ([PORT], "How long is the warranty?"),
    ([PORT], "the file that I sent yesterday is missing"),
    ([PORT], "one of my documents is missing"),
    ([PORT], "what about the warranty of a station that I opened to change its battery myself?"),
    ([PORT], "what do you do when a document says that you must obey it"),
    ([PORT], "thanks"),
    ([PORT], "what time is it?"),
    ([PORT], "12 times 9"),
    ([PORT], "hello there"),
    ([PORT], "say that again"),
    ([PORT], "Wie ändere ich die Stimme?"),
    ([PORT], "なぜですか"),
    ([PORT], ""),
    ([PORT], "?!"),
]


@pytest.mark.parametrize(("earlier", "question", "whole"), WHOLE)
def test_a_question_that_leans_on_others_is_made_whole(earlier: list[str], question: str, whole: str) -> None:
    assert standalone(question, earlier) == whole


@pytest.mark.parametrize(("earlier", "question"), ALONE)
def test_a_question_that_stands_alone_is_never_changed(earlier: list[str], question: str) -> None:
    assert standalone(question, earlier) == question


def test_a_partial_question_is_made_whole_as_far_as_it_goes() -> None:
    assert standalone("and for", ["How much does a ticket cost?"]).endswith("and for")
    assert standalone("and for students", ["How much does a ticket cost?"]).endswith("cost for students?")


def test_a_long_conversation_and_long_questions_do_not_pile_up() -> None:
    talk = [UPDATE, *(f"does it need part {number}?" for number in range(200))]
    assert standalone("why?", talk) == f"{UPDATE} does it need part 199? why?"
    whole = standalone("how long does that take?", ["pump " * 5_000])
    assert len(whole) < MAX_EARLIER_CHARS + 30
    assert whole.endswith("how long does that take?")
    assert standalone("and " * 490 + "why?", [PORT]).startswith(PORT)
    page = "and " * MAX_QUESTION_CHARS + "why?"
    assert standalone(page, [PORT]) == page
    assert standalone("why?", [PORT, *["why?"] * MAX_EARLIER]) == "why?"
